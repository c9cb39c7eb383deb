package execute

import (
	"reflect"
	"slices"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
)

// dropUnasked leaves out the errors of fields that no client asked for: those that are read for objects of
// all types, because they do not say at first what they are, and that the response has only for some, and
// those that are skipped. An error stands at a field of the response (GraphQL specification 7.1.2).
func (r *run) dropUnasked() {
	r.errors = once(slices.DeleteFunc(r.errors, func(err *gqlerror.Error) bool { return r.unasked(err, nil) }))
}

// once leaves out the errors that are told already: a field has one error (GraphQL specification 6.4.4), also
// where several requests read it.
func once(list gqlerror.List) gqlerror.List {
	seen := map[string]*gqlerror.Error{}
	return slices.DeleteFunc(list, func(err *gqlerror.Error) bool {
		key := err.Path.String() + "\x00" + err.Message
		first := seen[key]
		if first == nil {
			seen[key] = err
		}
		return first != nil && reflect.DeepEqual(first, err)
	})
}

// unasked reports whether an error is of a field that its object does not have in the response, or of an
// object as a whole, and the object lacks nothing. One that lacks something may lack it because of the error:
// that is told at the object then, unless other errors say why. left says of each part how many fetches are still to come; nil for none.
func (r *run) unasked(err *gqlerror.Error, left []int) bool {
	out, v := r.p.out, value{kind: object, at: r.root}
	for i, step := range err.Path {
		switch step := step.(type) {
		case ast.PathIndex:
			if v.kind != list || uint32(step) >= v.n {
				return false
			}
			v = r.vals[v.at+uint32(step)]
		case ast.PathName:
			if v.kind != object || out == nil {
				return false
			}
			typ := out.typ
			if out.possible != nil {
				typ = r.typeOf(v.at) // 0 where nothing needs to know
			}
			f := out.field(string(step), typ)
			if f != nil && !r.holds[f.cond] {
				f = nil
			}
			if f == nil && typ == 0 && out.possible != nil && out.selects(string(step)) {
				return false
			}
			if f == nil {
				if !r.lacks(out, v.at, typ, left) || r.explained(err.Path[:i], out, v.at, typ, left) {
					return true
				}
				err.Path = err.Path[:i]
				return false
			}
			out, v = f.sub, r.vals[v.at+uint32(f.slot)]
		}
	}
	visits := 0
	return r.objects[err] && len(err.Path) > 0 && v.kind == object && out != nil && !r.lacksBeneath(out, v, left, &visits)
}

// lacksBeneath reports whether an object, or one beneath it, lacks something.
func (r *run) lacksBeneath(out *output, v value, left []int, visits *int) bool {
	if *visits++; *visits > maxVisits {
		return true
	}
	switch v.kind {
	case list:
		for i := range v.n {
			if r.lacksBeneath(out, r.vals[v.at+i], left, visits) {
				return true
			}
		}
	case object:
		typ := out.typ
		if out.possible != nil {
			typ = r.typeOf(v.at)
		}
		if r.lacks(out, v.at, typ, left) {
			return true
		}
		for i := range out.fields {
			f := &out.fields[i]
			if f.sub != nil && (f.on == nil || f.on.has(typ)) && r.holds[f.cond] && r.lacksBeneath(f.sub, r.vals[v.at+uint32(f.slot)], left, visits) {
				return true
			}
		}
	}
	return false
}

// explained reports whether errors at fields that the response has of an object say why it lacks what it
// lacks: one at a field that may not be null, which takes the object with it, or one at each.
func (r *run) explained(at ast.Path, out *output, obj uint32, typ int32, left []int) bool {
	told := map[string]bool{}
	for _, err := range r.errors {
		if n := len(at); len(err.Path) > n && slices.Equal(err.Path[:n], at) {
			if key, ok := err.Path[n].(ast.PathName); ok {
				told[string(key)] = true
			}
		}
	}
	for i := range out.fields {
		f := &out.fields[i]
		if !told[f.Key] || !r.lacking(f, obj, typ, left) {
			continue
		}
		t := f.typ
		if own, ok := f.byType[typ]; ok {
			t = own
		}
		if t.nonNull {
			return true
		}
	}
	return !slices.ContainsFunc(out.fields, func(f outputField) bool { return !told[f.Key] && r.lacking(&f, obj, typ, left) })
}

// field is the field that objects of a type have under a key; nil when they have none.
func (o *output) field(key string, typ int32) *outputField {
	for i := range o.fields {
		if f := &o.fields[i]; f.Key == key && (f.on == nil || f.on.has(typ)) {
			return f
		}
	}
	return nil
}

// selects reports whether objects of some type have a field under a key.
func (o *output) selects(key string) bool {
	return slices.ContainsFunc(o.fields, func(f outputField) bool { return f.Key == key })
}

// lacks reports whether no subgraph sent some field that the response has of an object, and none will.
func (r *run) lacks(out *output, obj uint32, typ int32, left []int) bool {
	for i := range out.fields {
		if r.lacking(&out.fields[i], obj, typ, left) {
			return true
		}
	}
	return false
}

func (r *run) lacking(f *outputField, obj uint32, typ int32, left []int) bool {
	return (left == nil || left[f.part] == 0) && !f.typename && !f.Refused && f.schema == nil &&
		(f.on == nil || f.on.has(typ)) && r.holds[f.cond] && r.vals[obj+uint32(f.slot)].kind == missing
}
