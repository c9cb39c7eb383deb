package check

import (
	"bytes"
	"encoding/json"
	"strings"

	"golang.org/x/tools/txtar"

	"storefront/router/internal/property/query"
	"storefront/router/internal/property/world"
)

// Archive is a case in the format of router/execute/testdata, with the response it should have under
// "expected.json".
func Archive(w *world.World, q query.Query) []byte {
	a := &txtar.Archive{Comment: []byte("Found by the property test.\n")}
	add := func(name string, data []byte) {
		a.Files = append(a.Files, txtar.File{Name: name, Data: append(bytes.TrimRight(data, "\n"), '\n')})
	}
	h, _, _ := Open(w)
	servers, _ := w.Render()
	for _, s := range servers {
		data, err := json.Marshal(s.Data)
		if err != nil {
			data = []byte(err.Error())
		}
		data = bytes.ReplaceAll(data, []byte(`},"`), []byte("},\n \""))
		add(s.Name+".sdl", []byte(s.SDL))
		add(s.Name+".data", data)
	}
	text := q.Text
	if len(q.Variables) > 0 {
		vars, err := json.Marshal(q.Variables)
		if err == nil {
			text += "# variables: " + string(vars) + "\n"
		}
	}
	if h != nil {
		if on := q.On(h.Supergraph.Labels()); len(on) > 0 {
			text += "# labels: " + strings.Join(on, " ") + "\n"
		}
	}
	add("found.graphql", []byte(text))
	if h != nil {
		out := h.Run(q)
		var b bytes.Buffer
		if json.Indent(&b, out.Expected, "", " ") == nil {
			add("expected", b.Bytes())
		}
		add("plan", []byte(out.Plan))
	}
	return txtar.Format(a)
}
