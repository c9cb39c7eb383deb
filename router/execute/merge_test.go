package execute_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/formatter"
	"github.com/vektah/gqlparser/v2/parser"
	"golang.org/x/tools/txtar"

	"storefront/router/execute"
	"storefront/router/internal/testgraph"
)

// client merges payloads as clients do, and holds them to the format.
type client struct {
	data      any
	pending   map[string][]any // paths, by id
	completed map[string]bool
	errors    int
	failed    bool // a fragment did not come
	over      bool
}

type payloadJSON struct {
	Data    any
	Errors  []any
	Pending []struct {
		ID   string
		Path []any
	}
	Incremental []struct {
		ID      string
		SubPath []any
		Data    map[string]any
		Errors  []any
	}
	Completed []struct {
		ID     string
		Errors []any
	}
	HasNext *bool
}

func decode(data []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	return d.Decode(into)
}

func (c *client) take(raw []byte) error {
	var p payloadJSON
	if err := decode(raw, &p); err != nil {
		return err
	}
	if c.over {
		return fmt.Errorf("a payload follows the last one")
	}
	if p.HasNext == nil {
		return fmt.Errorf("no hasNext")
	}
	if c.pending == nil {
		c.pending, c.completed, c.data = map[string][]any{}, map[string]bool{}, p.Data
		if len(p.Incremental)+len(p.Completed) > 0 {
			return fmt.Errorf("the first payload has more than what is pending")
		}
	}
	c.errors += len(p.Errors)
	for _, n := range p.Pending {
		if _, ok := c.pending[n.ID]; ok {
			return fmt.Errorf("%s is pending twice", n.ID)
		}
		c.pending[n.ID] = n.Path
		if _, err := c.object(n.Path); err != nil && len(p.Incremental) == 0 {
			return fmt.Errorf("%s is pending at %v: %w", n.ID, n.Path, err)
		}
	}
	for _, n := range p.Incremental {
		path, ok := c.pending[n.ID]
		if !ok || c.completed[n.ID] {
			return fmt.Errorf("data for %s, which is not pending", n.ID)
		}
		o, err := c.object(append(path[:len(path):len(path)], n.SubPath...))
		if err != nil {
			return err
		}
		for key, v := range n.Data {
			if _, ok := o[key]; ok {
				return fmt.Errorf("%s comes twice at %v %v", key, path, n.SubPath)
			}
			o[key] = v
		}
		c.errors += len(n.Errors)
	}
	for _, n := range p.Completed {
		if _, ok := c.pending[n.ID]; !ok || c.completed[n.ID] {
			return fmt.Errorf("%s is completed and was not pending", n.ID)
		}
		c.completed[n.ID] = true
		c.errors += len(n.Errors)
		c.failed = c.failed || len(n.Errors) > 0
	}
	c.over = !*p.HasNext
	if open := len(c.pending) - len(c.completed); (open == 0) != c.over {
		return fmt.Errorf("%d fragments are open, and hasNext is %v", open, *p.HasNext)
	}
	return nil
}

// object finds the object at a path.
func (c *client) object(path []any) (map[string]any, error) {
	at := c.data
	for _, step := range path {
		switch step := step.(type) {
		case string:
			o, _ := at.(map[string]any)
			at = o[step]
		case json.Number:
			list, _ := at.([]any)
			i, err := step.Int64()
			if err != nil || int(i) >= len(list) {
				return nil, fmt.Errorf("there is no %v at %v", step, path)
			}
			at = list[i]
		}
	}
	if o, ok := at.(map[string]any); ok {
		return o, nil
	}
	return nil, fmt.Errorf("no object is at %v", path)
}

// deferer puts @defer on fragments of an operation, and on new ones.
type deferer struct {
	*rand.Rand
	left int
}

func (d *deferer) set(set ast.SelectionSet, root bool) ast.SelectionSet {
	for _, sel := range set {
		switch sel := sel.(type) {
		case *ast.Field:
			sel.SelectionSet = d.set(sel.SelectionSet, false)
		case *ast.InlineFragment:
			sel.SelectionSet = d.set(sel.SelectionSet, root)
			sel.Directives = d.directives(sel.Directives, root)
		case *ast.FragmentSpread:
			sel.Directives = d.directives(sel.Directives, root)
		}
	}
	if len(set) == 0 || root || d.left == 0 || d.IntN(3) > 0 {
		return set
	}
	lo := d.IntN(len(set))
	hi := lo + 1 + d.IntN(len(set)-lo)
	wrapped := &ast.InlineFragment{SelectionSet: append(ast.SelectionSet(nil), set[lo:hi]...), Directives: d.directives(nil, false)}
	out := append(append(append(ast.SelectionSet(nil), set[:lo]...), wrapped), set[hi:]...)
	if d.IntN(3) == 0 { // the same beside it, or a part of it
		out = append(out, &ast.InlineFragment{SelectionSet: set[lo : lo+1+d.IntN(hi-lo)], Directives: d.directives(nil, false)})
	}
	return out
}

func (d *deferer) directives(dirs ast.DirectiveList, root bool) ast.DirectiveList {
	if have := dirs.ForName("defer"); have != nil { // it stays, without its label, which may get company
		have.Arguments = slices.DeleteFunc(have.Arguments, func(a *ast.Argument) bool { return a.Name == "label" })
		return dirs
	}
	if root || d.left == 0 || d.IntN(3) == 0 {
		return dirs
	}
	d.left--
	return append(dirs, &ast.Directive{Name: "defer"})
}

func (d *deferer) operation(query string) (string, error) {
	doc, err := parser.ParseQuery(&ast.Source{Input: query})
	if err != nil {
		return "", err
	}
	for _, op := range doc.Operations {
		op.SelectionSet = d.set(op.SelectionSet, op.Operation == ast.Mutation)
	}
	for _, f := range doc.Fragments {
		f.SelectionSet = d.set(f.SelectionSet, f.TypeCondition == "Mutation")
	}
	var b strings.Builder
	for line := range strings.Lines(query) {
		if strings.HasPrefix(line, "# variables:") || strings.HasPrefix(line, "# labels:") {
			b.WriteString(line)
		}
	}
	formatter.NewFormatter(&b).FormatQueryDocument(doc)
	return b.String(), nil
}

// TestDeferredIsTheSame: whatever is deferred, and in whatever order subgraphs answer, a client that
// merges the payloads has in the end what it gets at once without @defer; where a fragment fails, it has
// nothing else.
func TestDeferredIsTheSame(t *testing.T) {
	var files []string // where every object has its row, and is told the same wherever it stands
	for _, name := range []string{"abstract", "interface_objects", "keys", "override_labels", "requires"} {
		files = append(files, filepath.Join("testdata", name+".txtar"))
	}
	more, err := filepath.Glob("testdata/defer/*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	total := make(chan int, len(files)+len(more))
	t.Run("files", func(t *testing.T) {
		for _, file := range append(files, more...) {
			t.Run(filepath.Base(file), func(t *testing.T) {
				t.Parallel()
				total <- deferredFile(t, file)
			})
		}
	})
	close(total)
	deferred := 0
	for n := range total {
		deferred += n
	}
	if deferred < 200 && !t.Failed() {
		t.Errorf("only %d operations had something deferred", deferred)
	}
}

func deferredFile(t *testing.T, file string) (deferred int) {
	archive, err := txtar.ParseFile(file)
	if err != nil {
		t.Fatal(err)
	}
	h := openHouse(t, archive)
	var queries []string
	for _, f := range archive.Files {
		if filepath.Ext(f.Name) == ".graphql" && !strings.HasPrefix(string(f.Data), "mutation") { // which answer with objects that are nowhere else
			queries = append(queries, string(f.Data))
		}
	}
	queries = append(queries, testgraph.Everything(h.sg.API(), h.sg.API().Query, ast.Query, 3)...)
	for _, query := range queries {
		whole := h.run(t, query)
		if whole.Data == nil || bytes.Contains(whole.Data, []byte("map[")) { // all that an entity was given
			continue
		}
		var want any
		if err := decode(bytes.ToLower(whole.Data), &want); err != nil {
			t.Fatal(err)
		}
		seed := fnv.New64a()
		seed.Write([]byte(query))
		random := rand.New(rand.NewPCG(seed.Sum64(), 1))
		for range 4 {
			d := &deferer{random, 5}
			text, err := d.operation(query)
			if err != nil {
				t.Fatalf("%s: %v", query, err)
			}
			c, payloads := h.merged(t, text, random)
			switch {
			case !c.over && !t.Failed():
				t.Errorf("%s\nthere is no last payload:\n%s", text, payloads)
			case !c.failed && !reflect.DeepEqual(c.data, want), c.failed && !within(c.data, want):
				t.Errorf("%s\ngives %s\nwant %s", text, payloads, whole.Data)
			case (c.errors > 0) != (len(whole.Errors) > 0):
				t.Errorf("%s\ngives %d errors, want %d\n%s", text, c.errors, len(whole.Errors), payloads)
			}
			if len(c.pending) > 0 {
				deferred++
			}
			if t.Failed() {
				return deferred
			}
		}
	}
	return deferred
}

// within reports whether all of a is in b, except for what b lost to a null.
func within(a, b any) bool {
	switch a := a.(type) {
	case map[string]any:
		o, ok := b.(map[string]any)
		for key, v := range a {
			if ok && !within(v, o[key]) {
				return false
			}
		}
		return ok || b == nil
	case []any:
		list, ok := b.([]any)
		for i, v := range a {
			if ok && (i >= len(list) || !within(v, list[i])) {
				return false
			}
		}
		return ok || b == nil
	}
	return reflect.DeepEqual(a, b)
}

// merged runs a deferring operation with answers in a random order.
func (h *house) merged(t *testing.T, query string, random *rand.Rand) (c *client, payloads []byte) {
	t.Helper()
	c = &client{}
	synctest.Test(t, func(t *testing.T) {
		g := &gate{subgraphs: h.subgraphs}
		e := execute.New(h.sg, g, execute.Options{SubgraphMessages: true})
		p, vars := h.deferring(t, e, query)
		go func() {
			for p := range e.Stream(t.Context(), p, vars, nil) {
				payloads = append(append(payloads, p.JSON()...), '\n')
				// Some subgraphs answer in small letters with what they provide of others.
				if err := c.take(bytes.ToLower(p.JSON())); err != nil {
					t.Errorf("%s\n%v:\n%s", query, err, payloads)
				}
			}
		}()
		g.letGo(random.IntN)
	})
	return c, payloads
}
