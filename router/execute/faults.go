package execute

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"storefront/internal/errs"
	"storefront/router/plan"
)

// maxErrors bounds the errors of one response; maxPlaces how many places one failure is told at, and
// maxVisits how many objects are looked at to find them.
const (
	maxErrors = 1000
	maxPlaces = 50
	maxVisits = 100_000
)

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

// addObjectError adds an error of an object as a whole.
func (r *run) addObjectError(message, code, subgraph string, path ast.Path) *gqlerror.Error {
	err := r.addError(message, code, subgraph, path)
	if err != nil {
		if r.objects == nil {
			r.objects = map[*gqlerror.Error]bool{}
		}
		r.objects[err] = true
	}
	return err
}

// failed tells of a fetch that brought nothing, at every place its fields are missing from.
func (r *run) failed(a answer, message, code string) {
	for _, path := range r.places(a) {
		err := r.addObjectError(message, code, a.fetch.Subgraph, r.clientPath(path))
		if later, ok := errors.AsType[retryable](a.err); ok && err != nil {
			err.Extensions["retryAfter"] = int(math.Ceil(later.RetryAfter().Seconds()))
		}
	}
}

// retryable is an error of a transport that knows when it makes sense to ask again. Clients get that in
// seconds.
type retryable interface {
	error
	RetryAfter() time.Duration
}

// places are the paths of the objects a fetch was for, followed by the field's key where the fetch is
// for one field only.
func (r *run) places(a answer) []ast.Path {
	var out []ast.Path
	for i, place := range a.fetch.places {
		only := place.only()
		for _, path := range r.objectPaths(a, i, -1) {
			if only != "" {
				path = append(path[:len(path):len(path)], ast.PathName(only))
			}
			out = append(out, path)
		}
	}
	return out[:min(len(out), maxPlaces)]
}

// only is the key of the one field that a fetch reads, "" when it reads several.
func (f *fetch) only() string {
	var only string
	for _, field := range f.Selection.Fields {
		if field.Key == "__typename" {
			continue
		}
		if only != "" && only != field.Key {
			return ""
		}
		only = field.Key
	}
	return only
}

// objectPaths finds where the objects of an answer stand at one of the fetch's places, at most maxPlaces;
// with rep >= 0 only those that were sent as that representation. For an answer without targets it finds
// all the fetch is for.
func (r *run) objectPaths(a answer, place, rep int) []ast.Path {
	if a.fetch.Kind == plan.RootFetch {
		return []ast.Path{nil}
	}
	f := &finder{run: r}
	if a.target != (targets{}) {
		f.wanted = map[uint32]bool{}
		reps, places := r.scratch.targetReps(a.target), r.scratch.targetPlaces(a.target)
		for i, obj := range r.scratch.targetObjs(a.target) {
			if int(places[i]) == place && (rep < 0 || int(reps[i]) == rep) {
				f.wanted[obj] = true
			}
		}
	}
	f.find(a.fetch.places[place].path, value{kind: object, at: r.root})
	return f.paths
}

// finder walks to objects and remembers the ways there.
type finder struct {
	*run
	wanted map[uint32]bool // nil for all
	at     ast.Path
	paths  []ast.Path
	visits int
}

func (f *finder) find(path []step, v value) {
	if f.visits++; f.visits > maxVisits || len(f.paths) == maxPlaces {
		return
	}
	switch v.kind {
	case list:
		for i := range v.n {
			f.at = append(f.at, ast.PathIndex(i))
			f.find(path, f.vals[v.at+i])
			f.at = f.at[:len(f.at)-1]
		}
	case object:
		if len(path) == 0 {
			if f.wanted == nil || f.wanted[v.at] {
				f.paths = append(f.paths, append(ast.Path(nil), f.at...))
			}
			return
		}
		if on := path[0].on; on != nil && !on.has(f.typeOf(v.at)) {
			return
		}
		f.at = append(f.at, ast.PathName(path[0].key))
		f.find(path[1:], f.vals[v.at+uint32(path[0].slot)])
		f.at = f.at[:len(f.at)-1]
	}
}

// subgraphErrors passes a subgraph's errors on, as far as Options.Errors lets them, at the paths the client
// knows; false when it has none.
func (r *run) subgraphErrors(a answer, raw []byte) (told bool) {
	if len(raw) == 0 || raw[0] != '[' {
		return false
	}
	items := items{data: raw}
	for item := items.next(); item != nil && len(r.errors) < maxErrors; item = items.next() {
		told = true
		var e struct{ Message, Path, Extensions json.RawMessage }
		if item[0] != '{' || json.Unmarshal(item, &e) != nil {
			r.failed(a, fmt.Sprintf("the subgraph %q failed", a.fetch.Subgraph), string(errs.Internal))
			continue
		}
		details := map[string]any{}
		var ext map[string]json.RawMessage
		_ = json.Unmarshal(e.Extensions, &ext)
		given, _ := unmarshal(ext["code"]).(string)
		ours := fmt.Sprintf("the subgraph %q failed", a.fetch.Subgraph)
		said, ok := unmarshal(e.Message).(string)
		if !ok {
			said = ours
		}
		message, code, passed := r.e.opts.Errors.pass(said, given, ours)
		if passed {
			for _, key := range r.e.opts.Errors.Extensions {
				if v := detail(unmarshal(ext[key])); v != nil {
					details[key] = v
				}
			}
		} else {
			details[MaskedKey] = given
		}
		steps, _ := unmarshal(e.Path).([]any)
		add := r.addError
		if a.fetch.Kind == plan.EntityFetch && len(steps) <= 2 {
			add = r.addObjectError
		}
		for _, path := range r.errorPaths(a, steps) {
			if e := add(message, code, a.fetch.Subgraph, r.clientPath(path)); e != nil {
				for key, value := range details {
					if _, own := e.Extensions[key]; !own {
						e.Extensions[key] = value
					}
				}
			}
		}
	}
	return told
}

// unmarshal decodes JSON with its numbers as they are; nil when there is none.
func unmarshal(raw []byte) (v any) {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	if d.Decode(&v) != nil {
		return nil
	}
	return v
}

// detail is the value of an extension that goes on: text, a number or a list of them; nil for anything else.
func detail(v any) any {
	switch v := v.(type) {
	case string, json.Number:
		return v
	case []any:
		parts := make([]any, 0, len(v))
		for _, item := range v {
			switch item.(type) {
			case string, json.Number:
				parts = append(parts, item)
			}
		}
		return parts
	}
	return nil
}

// errorPaths rewrites a subgraph's error path to every place its object stands at.
func (r *run) errorPaths(a answer, steps []any) []ast.Path {
	if len(steps) == 0 {
		return r.places(a)
	}
	typ, rep := "", -1
	if a.fetch.Kind == plan.EntityFetch {
		if len(steps) >= 2 && steps[0] == "_entities" {
			rep = index(steps[1])
		}
		types := r.scratch.targetTypes(a.target)
		if rep < 0 || rep >= len(types) {
			return r.places(a)
		}
		if types[rep] == foreign {
			return nil
		}
		typ, steps = r.typeName(types[rep]), steps[2:]
	}
	var out []ast.Path
	for i, place := range a.fetch.places {
		rest, ok := translate(steps, place.Selection, typ)
		if !ok { // asked for objects of other types that the subgraph cannot tell from this: see unasked
			if anyType, _ := translate(steps, place.Selection, ""); len(anyType) > len(rest) {
				rest = anyType
			}
		}
		for _, base := range r.objectPaths(a, i, rep) {
			out = append(out, append(base[:len(base):len(base)], rest...))
		}
	}
	return out[:min(len(out), maxPlaces)]
}

// index is a step of a path as a list index, -1 when it is none.
func index(v any) int {
	n, ok := v.(json.Number)
	if !ok {
		return -1
	}
	i, err := n.Int64()
	if err != nil || i < 0 || i > 1<<31-1 {
		return -1
	}
	return int(i)
}

// translate turns the aliases of a request into the keys of the tree, as far as the selection goes for an
// object of a type, "" for any; ok when that is to the end.
func translate(steps []any, sel *plan.Selection, typ string) (out ast.Path, ok bool) {
	at := []*plan.Selection{sel} // several where a field stands in fragments on several types
	for _, s := range steps {
		switch s := s.(type) {
		case json.Number:
			n := index(s)
			if n < 0 {
				return out, false
			}
			out = append(out, ast.PathIndex(n))
		case string:
			key := ""
			var next []*plan.Selection
			for _, sel := range at {
				for i := range sel.Fields {
					f := &sel.Fields[i]
					if f.Alias == s && (typ == "" || len(f.On) == 0 || contains(f.On, typ)) && (key == "" || key == f.Key) {
						key = f.Key
						if f.Sub != nil {
							next = append(next, f.Sub)
						}
					}
				}
			}
			if key == "" {
				return out, false
			}
			out, at, typ = append(out, ast.PathName(key)), next, ""
		}
	}
	return out, true
}

// clientPath cuts a path where it leaves what the client selected.
func (r *run) clientPath(path ast.Path) ast.Path {
	at := []*plan.Output{r.p.plan.Output} // several where a field is selected on several types
	for i, step := range path {
		name, ok := step.(ast.PathName)
		if !ok {
			continue
		}
		var next []*plan.Output
		found := false
		for _, out := range at {
			for j := range out.Fields {
				if f := &out.Fields[j]; f.Key == string(name) {
					found = true
					if f.Sub != nil {
						next = append(next, f.Sub)
					}
				}
			}
		}
		if !found {
			return path[:i]
		}
		at = next
	}
	return path
}
