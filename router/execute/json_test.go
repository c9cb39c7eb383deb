package execute

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"

	"storefront/router/plan"
)

// project is what encoding/json finds of a selection in a document, the first of equal names: maps for
// objects, slices for lists of objects, compact JSON for leaves.
func project(d *json.Decoder, sel *plan.Selection) any {
	var raw json.RawMessage
	if d.Decode(&raw) != nil {
		return nil
	}
	return projected(raw, sel)
}

func projected(raw json.RawMessage, sel *plan.Selection) any {
	d := json.NewDecoder(bytes.NewReader(raw))
	switch {
	case sel != nil && raw[0] == '{':
		out := map[string]any{}
		_, _ = d.Token()
		for d.More() {
			name, _ := d.Token()
			var member json.RawMessage
			_ = d.Decode(&member)
			for _, f := range sel.Fields {
				if _, have := out[f.Key]; f.Alias == name && !have {
					out[f.Key] = projected(member, f.Sub)
				}
			}
		}
		return out
	case sel != nil && raw[0] == '[':
		out := []any{}
		_, _ = d.Token()
		for d.More() {
			out = append(out, project(d, sel))
		}
		return out
	}
	var b bytes.Buffer
	_ = json.Compact(&b, raw)
	return b.String()
}

// shown is a value of the tree in the form that project has.
func (t *tree) shown(v value, s *shape) any {
	switch v.kind {
	case object:
		out := map[string]any{}
		for key, slot := range s.slots {
			if sub := t.vals[v.at+uint32(slot)]; slot > 0 && sub.kind != missing {
				out[key] = t.shown(sub, s.subs[slot])
			}
		}
		return out
	case list:
		out := []any{}
		for i := range v.n {
			out = append(out, t.shown(t.vals[v.at+i], s))
		}
		return out
	}
	return string(appendCompact(nil, t.raw(v)))
}

func nesting(data []byte) (deepest int) {
	depth, quoted := 0, false
	for i := 0; i < len(data); i++ {
		switch c := data[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case !quoted && (c == '{' || c == '['):
			depth++
			deepest = max(deepest, depth)
		case !quoted && (c == '}' || c == ']'):
			depth--
		}
	}
	return deepest
}

// FuzzReader compares the reader with encoding/json: it accepts the same documents, and finds the same
// in them.
func FuzzReader(f *testing.F) {
	for _, seed := range []string{
		`{"a":1,"b":{"a":[1, 2],"c":null},"c":[{"a":"x"},[{"a":true}],3]}`, `{"c":[],"a":{"b" : [ 1 ]} ,"a":2,"\u0061":3}`,
		`{"b":[{"a":1,"a":2,"other":[{}]},null],"x":{"y":"\ud800\n"}}`, "{\"a\":\"\xff\xe2\x82\"}", `[1.5e+3,-0,0.1]`, `{"a":01}`, `{"a":"`, `{"a":1,}`,
		`"` + strings.Repeat("long ", 20) + `\"\\"`, strings.Repeat("[", 600) + strings.Repeat("]", 600), "{\"b\":\"\x01\"}",
	} {
		f.Add([]byte(seed))
	}
	leaf := func(name string) plan.SelField { return plan.SelField{Alias: name, Key: name} }
	inner := &plan.Selection{Fields: []plan.SelField{leaf("a"), {Alias: "c", Key: "d"}}}
	sel := &plan.Selection{Fields: []plan.SelField{leaf("a"), {Alias: "b", Key: "b", Sub: inner}, {Alias: "c", Key: "c", Sub: inner}}}
	c := &compiler{Executor: &Executor{types: &types{names: []string{""}}}, selections: map[selectionKey]*selection{}}
	root := newShape()
	compiled := c.selection([]*plan.Selection{sel}, root, root)
	f.Fuzz(func(t *testing.T, data []byte) {
		tr := &tree{types: c.types, limit: 1 << 20}
		p := &reader{tree: tr}
		if err := p.open(bytes.Clone(data)); err != nil {
			t.Fatal(err)
		}
		v, err := p.value(compiled, 0)
		if err == nil {
			err = p.Close()
		}
		fixed := bytes.ToValidUTF8(data, []byte("\uFFFD"))
		if !utf8.Valid(tr.docs[0]) {
			t.Fatal("what the tree keeps is not UTF-8")
		}
		if nesting(fixed) > 400 {
			return
		}
		if valid := json.Valid(fixed); valid != (err == nil) {
			t.Fatalf("%q: valid is %v, the reader says %v", fixed, valid, err)
		}
		if err != nil {
			return
		}
		got, want := tr.shown(v, root), projected(bytes.TrimLeft(fixed, " \t\r\n"), sel)
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("%q: got %#v, want %#v", fixed, got, want)
		}
	})
}
