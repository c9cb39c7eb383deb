package world

import (
	"fmt"
	"hash/fnv"
	"slices"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"

	"storefront/router/internal/testgraph"
)

// variants is how many values a field has that depends on arguments or required fields.
const variants = 4

// odd is text that needs care where it is written.
const odd = " \"\\\n<é\u2028😀"

// valuing makes the values of one field for one row.
type valuing struct {
	w        *World
	t        *Type
	f        *Field
	sub      int
	domain   []string
	provides []selection
	at       string // what all hashes begin with
	row      int
}

func (w *World) hash(text string) uint64 {
	h := fnv.New64a()
	_, _ = fmt.Fprintf(h, "%d/%s", w.Seed, text)
	sum := h.Sum64()
	return (sum ^ sum>>29) * 0xbf58476d1ce4e5b9 >> 7
}

// value is a field's value in the tables of a subgraph (-1 for the one server of all).
func (w *World) value(t *Type, row int, f *Field, sub int) any {
	at := fmt.Sprintf("%s.%d.%s", t.Name, row, f.Name)
	if g := w.lost(t, row, f); g != nil {
		if g.Fails {
			return map[string]any{"$error": "no " + at}
		}
		return nil
	}
	v := valuing{w: w, t: t, f: f, at: at, row: row, sub: sub}
	if w.Type(base(f.Type)) != nil {
		v.domain = w.domain(f)
	}
	if p := w.holder(f).at(sub); p != nil {
		v.provides = parseSet(p.Provides)
		if p.Overridden && p.Label == "" {
			v.at += ".gone"
		}
	}
	typ := parseType(f.Type)
	requires := w.holder(f).requires()
	if len(f.Args) == 0 && requires == "" {
		return v.of(typ, v.at)
	}
	form := map[string]any{"$mix": v.at}
	if requires != "" {
		form["of"] = requires
	}
	if f.Type != "String" && f.Type != "String!" {
		var from []any
		for i := range variants {
			from = append(from, v.of(typ, fmt.Sprintf("%s.%d", v.at, i)))
		}
		form["from"] = from
	}
	return form
}

// required reports whether some field requires one of that name.
func (w *World) required(name string) bool {
	for _, t := range w.Types {
		for _, f := range t.Fields {
			if strings.Contains(f.requires(), name) {
				return true
			}
		}
	}
	return false
}

// lost is why a field has no value: the only subgraph that resolves it does not know the row.
func (w *World) lost(t *Type, row int, f *Field) *Gap {
	gap := t.Gap
	if via := w.Type(f.Via); via != nil {
		gap = via.Gap
	}
	from := w.holder(f).resolvers()
	if gap == nil || f.Key || !gap.hits(w, t, row) || len(from) != 1 || from[0] != gap.Sub {
		return nil
	}
	return gap
}

func (g *Gap) hits(w *World, t *Type, row int) bool {
	return w.hash(fmt.Sprintf("gap.%s.%d", t.Name, row))%3 == 0
}

// mark makes a row one that its subgraph does not know, or fails for.
func (g *Gap) mark(row testgraph.Row) {
	if g.Fails {
		row["$fails"] = "no such row"
	} else {
		row["$missing"] = true
	}
}

func (v *valuing) of(t *ast.Type, at string) any {
	h := v.w.hash(at)
	if v.f.Key {
		return v.key(t)
	}
	switch {
	case !t.NonNull && v.f.Nulls && h%6 == 0, t.NonNull && v.f.Dirty && h%9 == 0:
		return nil
	case v.f.Fails && h%7 == 1 && (!t.NonNull || v.f.Dirty):
		return map[string]any{"$error": "failed " + at}
	}
	if t.Elem != nil {
		out := []any{}
		if v.domain == nil && v.w.Type(t.Name()) != nil {
			return out
		}
		for i := range int(h / 64 % 4) {
			out = append(out, v.of(t.Elem, fmt.Sprintf("%s.%d", at, i)))
		}
		return out
	}
	if v.w.Type(t.NamedType) != nil {
		if len(v.domain) == 0 {
			return nil
		}
		name := v.domain[h/8%uint64(len(v.domain))]
		return v.ref(name, int(h/512%uint64(v.w.Type(name).Rows)))
	}
	return v.leaf(t.NamedType, at, h/8)
}

// key makes a value that no other row has.
func (v *valuing) key(t *ast.Type) any {
	if target := v.w.Type(t.NamedType); target != nil {
		return v.ref(target.Name, v.row%target.Rows)
	}
	if v.f.Own {
		return fmt.Sprintf("%s-%s-%d", v.t.Name, v.f.Name, v.row)
	}
	if t.Elem != nil {
		return []any{v.key(t.Elem), v.key(t.Elem)}
	}
	switch t.NamedType {
	case "Int":
		return float64(100 + v.row)
	case "Float":
		return float64(v.row)*1e15 + 0.5
	case "Boolean":
		return v.row%2 == 0
	case "Blob":
		return map[string]any{"at": v.f.Name, "n": []any{float64(v.row), nil, true}}
	case "Color":
		return "RED" // which all know
	case "ID":
		if v.w.hash("number."+v.t.Name+v.f.Name)%3 == 0 {
			return v.id(100 + v.row)
		}
	}
	return fmt.Sprintf("%s-%d%s", v.f.Name, v.row, odd)
}

// id is an ID that reads as a number, and is one in some subgraphs; not where it is required, and what rests
// on it is made of the text that it is.
func (v *valuing) id(n int) any {
	if v.sub >= 0 && !v.w.required(v.f.Name) && v.w.hash(fmt.Sprintf("number.%d", v.sub))%2 == 0 {
		return float64(n)
	}
	return fmt.Sprint(n)
}

func (v *valuing) leaf(name, at string, h uint64) any {
	switch name {
	case "Int":
		return float64(h % 1000)
	case "Float":
		return float64(h%100) + 0.5
	case "Boolean":
		return h%2 == 0
	case "ID", "String":
		if name == "ID" && h%4 == 1 {
			return v.id(int(h % 1000))
		}
		if h%8 == 0 {
			return at + odd
		}
		return at
	case "Blob":
		return map[string]any{"at": at, "n": []any{float64(h % 10), nil}}
	}
	var known []string
	for _, value := range v.w.enum(name).Values {
		if !slices.ContainsFunc(v.w.holder(v.f).resolvers(), func(s int) bool { return !slices.Contains(value.Subs, s) }) {
			known = append(known, value.Name)
		}
	}
	if len(known) == 0 {
		return nil
	}
	return known[h%uint64(len(known))]
}

// ref is an object in the tables, with the values of the fields that its field provides.
func (v *valuing) ref(name string, row int) any {
	if i := v.w.Type(base(v.f.Type)); v.sub >= 0 && slices.Contains(i.Objects, v.sub) {
		return map[string]any{"$ref": i.Name, "$id": fmt.Sprintf("%s.%d", name, row)}
	}
	out := map[string]any{"$ref": name, "$id": float64(row)}
	v.w.provide(out, v.w.Type(name), row, v.provides, v.sub)
	return out
}

func (w *World) provide(out map[string]any, t *Type, row int, provides []selection, sub int) {
	for _, sel := range provides {
		if sel.on != "" {
			if sel.on == t.Name || slices.Contains(t.Implements, sel.on) {
				w.provide(out, t, row, sel.sub, sub)
			}
			continue
		}
		f := t.Field(sel.name)
		if f == nil || f.Key {
			continue
		}
		v := valuing{w: w, t: t, f: f, at: fmt.Sprintf("%s.%d.%s", t.Name, row, f.Name), row: row, provides: sel.sub, sub: sub}
		if w.Type(base(f.Type)) != nil {
			v.domain = w.domain(f)
		}
		out[f.Name] = v.of(parseType(f.Type), v.at)
	}
}

// tables are the data of a subgraph, -1 for the one server of all.
func (w *World) tables(sub int) testgraph.Data {
	data := testgraph.Data{Roots: map[string]any{}, Entities: map[string][]testgraph.Row{}, Contexts: sub < 0}
	for _, t := range w.Types {
		if slices.Contains(t.Objects, sub) {
			data.Entities[t.Name] = w.interfaceRows(t, sub)
		}
		if t.Kind != Object || sub >= 0 && !t.In(sub) {
			continue
		}
		if t.isRoot() {
			for _, f := range t.Fields {
				if sub < 0 || f.at(sub) != nil {
					data.Roots[t.Name+"."+f.Name] = w.value(t, 0, f, sub)
				}
			}
			continue
		}
		rows := make([]testgraph.Row, t.Rows)
		for i := range rows {
			row := testgraph.Row{"$id": float64(i)}
			for _, f := range t.Fields {
				if p := f.at(sub); sub < 0 || p != nil && (!p.External || f.Key && t.keyed(f, sub)) {
					row[f.Name] = w.value(t, i, f, sub)
				}
			}
			if g := t.Gap; g != nil && g.Sub == sub && g.hits(w, t, i) {
				g.mark(row)
			}
			rows[i] = row
		}
		data.Entities[t.Name] = rows
	}
	return data
}

// interfaceRows are the rows of an @interfaceObject: those of all implementers, without their types.
func (w *World) interfaceRows(i *Type, sub int) []testgraph.Row {
	rows := []testgraph.Row{}
	for _, t := range w.Types {
		if t.Kind != Object || !slices.Contains(t.Implements, i.Name) {
			continue
		}
		for n := range t.Rows {
			row := testgraph.Row{"$id": fmt.Sprintf("%s.%d", t.Name, n)}
			for _, f := range i.Fields {
				if p, own := f.at(sub), t.Field(f.Name); p != nil && !p.External && own != nil {
					row[f.Name] = w.value(t, n, own, sub)
				}
			}
			if g := i.Gap; g != nil && g.Sub == sub && g.hits(w, t, n) {
				g.mark(row)
			}
			rows = append(rows, row)
		}
	}
	return rows
}
