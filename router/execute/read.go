package execute

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"storefront/internal/errs"
	"storefront/router/plan"
)

// maxErrors bounds the errors of one response; maxPlaces how many places one failure is told at.
const (
	maxErrors = 1000
	maxPlaces = 50
)

// read takes an answer into the tree.
func (r *run) read(a answer) {
	f := a.fetch
	if a.err != nil {
		r.failed(a, describe(f.Subgraph, a.err), string(errs.Unavailable))
		return
	}
	if a.body.kind != objects {
		r.failed(a, fmt.Sprintf("the subgraph %q answered with something that is no GraphQL response", f.Subgraph), string(errs.Unavailable))
		return
	}
	told := r.subgraphErrors(a, a.body.obj.get("errors"))
	data := a.body.obj.get("data")
	if data.kind != objects {
		if !told {
			r.failed(a, fmt.Sprintf("the subgraph %q answered with neither data nor errors", f.Subgraph), string(errs.Unavailable))
		}
		return
	}
	if f.Kind != plan.EntityFetch {
		for _, o := range a.target.objs {
			readObject(o, data.obj, f.Selection, "")
		}
		return
	}
	entities := data.obj.get("_entities")
	if entities.kind != list || len(entities.list) != len(a.target.types) {
		if !told {
			r.failed(a, fmt.Sprintf("the subgraph %q did not answer with one entity for each representation", f.Subgraph), string(errs.Unavailable))
		}
		return
	}
	for i, o := range a.target.objs {
		rep := a.target.rep[i]
		if e := entities.list[rep]; e.kind == objects {
			readObject(o, e.obj, f.Selection, a.target.types[rep])
		}
	}
}

func describe(subgraph string, err error) string {
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Sprintf("the subgraph %q did not answer in time", subgraph)
	case errors.Is(err, context.Canceled):
		return fmt.Sprintf("the request to the subgraph %q was cancelled", subgraph)
	}
	return fmt.Sprintf("the subgraph %q is not available", subgraph)
}

// readObject takes the selected fields of src into dst.
func readObject(dst, src *object, sel *plan.Selection, typ string) {
	for i := range sel.Fields {
		f := &sel.Fields[i]
		if len(f.On) > 0 {
			if typ == "" {
				typ = src.typename()
			}
			if typ != "" && !contains(f.On, typ) {
				continue
			}
		}
		v := src.get(f.Alias)
		if v.kind == missing {
			continue
		}
		dst.set(f.Key, merged(dst.get(f.Key), v, f.Sub))
	}
}

// merged is a new value laid over an old one: objects field by field, lists item by item.
func merged(old, v value, sel *plan.Selection) value {
	if sel == nil {
		if old.kind != missing && v.kind == null {
			return old
		}
		return v
	}
	switch v.kind {
	case objects:
		if old.kind == objects {
			if old.obj != v.obj {
				readObject(old.obj, v.obj, sel, "")
			}
			return old
		}
		if sel.Plain {
			return v
		}
		out := &object{}
		readObject(out, v.obj, sel, "")
		return value{kind: objects, obj: out}
	case list:
		if old.kind == list && len(old.list) == len(v.list) {
			for i := range v.list {
				old.list[i] = merged(old.list[i], v.list[i], sel)
			}
			return old
		}
		if sel.Plain {
			return v
		}
		out := make([]value, len(v.list))
		for i := range v.list {
			out[i] = merged(value{}, v.list[i], sel)
		}
		return value{kind: list, list: out}
	case null:
		if old.kind != missing {
			return old
		}
	}
	return v
}

// addError adds an error and returns it; nil when there are too many already.
func (r *run) addError(message, code, subgraph string, path ast.Path) *gqlerror.Error {
	if len(r.errors) >= maxErrors {
		return nil
	}
	err := &gqlerror.Error{Message: message, Path: path, Extensions: map[string]any{}}
	if code != "" {
		err.Extensions["code"] = code
	}
	if subgraph != "" {
		err.Extensions["service"] = subgraph
	}
	r.errors = append(r.errors, err)
	return err
}

// failed tells of a fetch that brought nothing, at every place its fields are missing from.
func (r *run) failed(a answer, message, code string) {
	for _, path := range r.places(a) {
		r.addError(message, code, a.fetch.Subgraph, r.clientPath(path))
	}
}

// places are the paths of the objects a fetch was for, followed by the field's key where the fetch is
// for one field only.
func (r *run) places(a answer) []ast.Path {
	var only string
	for _, f := range a.fetch.Selection.Fields {
		if f.Key == "__typename" {
			continue
		}
		if only != "" && only != f.Key {
			only = ""
			break
		}
		only = f.Key
	}
	var out []ast.Path
	for _, path := range r.objectPaths(a, -1) {
		if only != "" {
			path = append(path[:len(path):len(path)], ast.PathName(only))
		}
		if out = append(out, path); len(out) == maxPlaces {
			break
		}
	}
	return out
}

// objectPaths finds where the objects of an answer stand; with rep >= 0 only those that were sent as
// that representation.
func (r *run) objectPaths(a answer, rep int) []ast.Path {
	var out []ast.Path
	if a.fetch.Kind == plan.RootFetch {
		return []ast.Path{nil}
	}
	number, at := -1, 0
	r.walkPaths(a.fetch.Path, value{kind: objects, obj: r.root}, nil, func(path ast.Path) {
		number++
		if a.fetch.Kind != plan.EntityFetch {
			out = append(out, append(ast.Path(nil), path...))
			return
		}
		for at < len(a.target.walk) && a.target.walk[at] < number {
			at++
		}
		if at < len(a.target.walk) && a.target.walk[at] == number && (rep < 0 || a.target.rep[at] == rep) {
			out = append(out, append(ast.Path(nil), path...))
		}
	})
	return out
}

func (r *run) walkPaths(path []plan.PathElem, v value, at ast.Path, visit func(ast.Path)) {
	switch v.kind {
	case list:
		for i, item := range v.list {
			r.walkPaths(path, item, append(at[:len(at):len(at)], ast.PathIndex(i)), visit)
		}
	case objects:
		if len(path) == 0 {
			visit(at)
			return
		}
		if len(path[0].On) > 0 && !contains(path[0].On, v.obj.typename()) {
			return
		}
		r.walkPaths(path[1:], v.obj.get(path[0].Key), append(at[:len(at):len(at)], ast.PathName(path[0].Key)), visit)
	}
}

// subgraphErrors passes a subgraph's errors on, at the paths the client knows; false when it has none.
func (r *run) subgraphErrors(a answer, list_ value) bool {
	if list_.kind != list || len(list_.list) == 0 {
		return false
	}
	for _, item := range list_.list {
		if item.kind != objects {
			r.failed(a, fmt.Sprintf("the subgraph %q failed", a.fetch.Subgraph), string(errs.Internal))
			continue
		}
		message, code, details := fmt.Sprintf("the subgraph %q failed", a.fetch.Subgraph), "", map[string]any{}
		if m := item.obj.get("message"); m.kind == text && r.e.opts.SubgraphMessages {
			message = m.str()
		}
		if ext := item.obj.get("extensions"); ext.kind == objects {
			if c := ext.obj.get("code"); c.kind == text {
				code = c.str()
			}
			for _, key := range passedOn {
				if v := detail(ext.obj.get(key)); v != nil {
					details[key] = v
				}
			}
		}
		paths := r.errorPaths(a, item.obj.get("path"))
		for i, path := range paths {
			if i == maxPlaces {
				break
			}
			if e := r.addError(message, code, a.fetch.Subgraph, r.clientPath(path)); e != nil {
				maps.Copy(e.Extensions, details)
			}
		}
	}
	return true
}

// passedOn are a subgraph's extensions that help a client to mend its request. Others stay inside: who
// knows what a subgraph puts there.
var passedOn = [...]string{"field", "argumentName", "retryAfter"}

// detail is the value of such an extension: text, a number or a list of them; nil for anything else.
func detail(v value) any {
	switch v.kind {
	case text:
		return v.str()
	case number:
		return json.Number(v.raw)
	case list:
		parts := make([]any, 0, len(v.list))
		for _, item := range v.list {
			if item.kind == text || item.kind == number {
				parts = append(parts, detail(item))
			}
		}
		return parts
	}
	return nil
}

// errorPaths rewrites a subgraph's error path to every place its object stands at.
func (r *run) errorPaths(a answer, path value) []ast.Path {
	if path.kind != list || len(path.list) == 0 {
		return r.places(a)
	}
	steps := path.list
	bases := []ast.Path{nil}
	typ := ""
	switch a.fetch.Kind {
	case plan.EntityFetch:
		rep := -1
		if len(steps) >= 2 && steps[0].kind == text && steps[0].str() == "_entities" && steps[1].kind == number {
			if _, err := fmt.Sscan(string(steps[1].raw), &rep); err != nil {
				rep = -1
			}
		}
		if rep < 0 || rep >= len(a.target.types) {
			return r.places(a)
		}
		bases, typ, steps = r.objectPaths(a, rep), a.target.types[rep], steps[2:]
	case plan.NestedFetch:
		bases = r.objectPaths(a, -1)
	}
	rest := translate(steps, a.fetch.Selection, typ)
	out := make([]ast.Path, len(bases))
	for i, base := range bases {
		out[i] = append(base[:len(base):len(base)], rest...)
	}
	return out
}

// translate turns the aliases of a request into the keys of the tree.
func translate(steps []value, sel *plan.Selection, typ string) ast.Path {
	var out ast.Path
	for _, s := range steps {
		switch s.kind {
		case number:
			n := 0
			if _, err := fmt.Sscan(string(s.raw), &n); err != nil {
				return out
			}
			out = append(out, ast.PathIndex(n))
		case text:
			if sel == nil {
				return out
			}
			name, found := s.str(), false
			for i := range sel.Fields {
				f := &sel.Fields[i]
				if f.Alias == name && (typ == "" || len(f.On) == 0 || contains(f.On, typ)) {
					out, sel, found, typ = append(out, ast.PathName(f.Key)), f.Sub, true, ""
					break
				}
			}
			if !found {
				return out
			}
		}
	}
	return out
}

// clientPath cuts a path where it leaves what the client selected.
func (r *run) clientPath(path ast.Path) ast.Path {
	out := r.plan.Output
	for i, step := range path {
		name, ok := step.(ast.PathName)
		if !ok {
			continue
		}
		if out == nil {
			return path[:i]
		}
		var next *plan.Output
		found := false
		for j := range out.Fields {
			if out.Fields[j].Key == string(name) {
				found = true
				if next == nil {
					next = out.Fields[j].Sub
				}
			}
		}
		if !found {
			return path[:i]
		}
		out = next
	}
	return path
}
