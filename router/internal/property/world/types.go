package world

import (
	"fmt"
	"slices"
	"strings"
)

// isEntity reports whether an object type has keys.
func isEntity(t *Type) bool { return t.Kind == Object && len(t.Keys) > 0 }

// subsOf are the subgraphs that have a type; those alone that have a key of an entity, mostly, since
// what else one resolves of it is seldom reached.
func (g *generator) subsOf(t *Type) []int {
	keyed := isEntity(t) && !g.chance(3)
	return slices.DeleteFunc(g.subs(), func(s int) bool {
		return !t.In(s) || keyed && !slices.ContainsFunc(t.Keys, func(k *Key) bool {
			return slices.ContainsFunc(k.At, func(at KeyAt) bool { return at.Sub == s })
		})
	})
}

// composites are the composite types that all the subgraphs know, and of which a value can exist.
func (g *generator) composites(subs []int) []string {
	var out []string
	for _, t := range g.w.Types {
		if t.isRoot() || slices.Contains(g.split, t) {
			continue
		}
		if len(g.w.domain(&Field{Type: t.Name, At: places(subs)})) > 0 {
			out = append(out, t.Name)
			if t.Kind != Object {
				out = append(out, t.Name) // abstract types are few
			}
		}
	}
	return out
}

// typeFor is a random field type that all the subgraphs know.
func (g *generator) typeFor(subs []int, compositePercent int) string {
	if list := g.composites(subs); len(list) > 0 && g.chance(compositePercent) {
		return g.wrapped(pick(g, list))
	}
	return g.wrapped(g.leaf())
}

// valueTypes makes types without keys that are whole wherever they are.
func (g *generator) valueTypes() {
	for i := range g.IntN(3) {
		subs := some(g, g.subs(), 1)
		t := &Type{Name: fmt.Sprintf("V%d", i), Kind: Object, Rows: g.rows}
		for range 1 + g.IntN(3) {
			t.Fields = append(t.Fields, g.field("v", g.typeFor(subs, 30), subs))
		}
		g.w.Types = append(g.w.Types, t)
		g.values = append(g.values, t.Name)
	}
	if g.chance(25) {
		g.splitType()
	}
}

// splitType makes a value type of which each of several subgraphs has a part.
func (g *generator) splitType() {
	subs := some(g, g.subs(), 2)
	t := &Type{Name: "S0", Kind: Object, Rows: g.rows}
	for _, s := range subs {
		at := []int{s}
		if g.chance(30) {
			at = some(g, subs, 1)
		}
		t.Fields = append(t.Fields, g.field("s", g.typeFor(at, 30), at))
	}
	if slices.ContainsFunc(subs, func(s int) bool { return !t.In(s) }) {
		return
	}
	g.w.Types = append(g.w.Types, t)
	g.split = append(g.split, t)
}

// splits adds fields that lead to a type of which each subgraph has a part, in all of them.
func (g *generator) splits(t *Type, all []int) {
	for _, s := range g.split {
		subs := g.subsOf(s)
		if g.chance(60) && !slices.ContainsFunc(subs, func(sub int) bool { return !slices.Contains(all, sub) }) {
			t.Fields = append(t.Fields, g.field("p", g.wrapped(s.Name), subs))
		}
	}
}

// interfaces makes interfaces whose fields and implementers differ by subgraph.
func (g *generator) interfaces() {
	var objects []*Type
	for _, t := range g.w.Types {
		if t.Kind == Object && !slices.Contains(g.split, t) {
			objects = append(objects, t)
		}
	}
	for i := range g.IntN(3) {
		name := fmt.Sprintf("I%d", i)
		members := some(g, objects, 1)
		it := &Type{Name: name, Kind: Interface}
		var in []int
		for _, t := range members {
			in = append(in, g.subsOf(t)...)
		}
		slices.Sort(in)
		in = some(g, slices.Compact(in), 1)
		for range 1 + g.IntN(3) {
			var common []int
			for n, t := range members {
				own := g.subsOf(t)
				if n == 0 {
					common = own
				} else {
					common = slices.DeleteFunc(slices.Clone(common), func(s int) bool { return !slices.Contains(own, s) })
				}
			}
			proto := g.field("i", g.typeFor(g.subs(), 25), nil)
			ifield := &Field{Name: proto.Name, Type: proto.Type, Args: proto.Args}
			together := len(common) > 0 && g.chance(60)
			at := 0
			if together {
				at = pick(g, common)
			}
			for _, t := range members {
				subs := g.subsOf(t)
				own := *proto
				switch {
				case slices.Contains(g.values, t.Name):
					own.At = places(subs)
				case together:
					own.At = places([]int{at})
				case g.chance(40):
					own.At = places(some(g, subs, 1))
				default:
					own.At = places([]int{pick(g, subs)})
				}
				if base := g.w.Type(base(own.Type)); base != nil && len(g.w.domain(&own)) == 0 {
					own.Type = g.wrapped(g.leaf())
					proto.Type, ifield.Type = own.Type, own.Type
				}
				t.Fields = append(t.Fields, &own)
			}
			for _, t := range members { // a type that was changed halfway
				own := t.Field(proto.Name)
				own.Type = proto.Type
				if name := g.narrow(own, own.resolvers()); name != "" && g.chance(40) {
					own.Type = strings.ReplaceAll(own.Type, base(own.Type), name)
				}
				if !own.Nulls && !own.Dirty && !own.Fails && !strings.HasSuffix(own.Type, "!") && base(own.Type) != "Color" && g.chance(20) {
					own.Type += "!"
				}
			}
			for _, s := range in {
				if slices.ContainsFunc(members, func(t *Type) bool { return t.Field(proto.Name).at(s) != nil }) && g.chance(75) {
					ifield.At = append(ifield.At, &Place{Sub: s})
				}
			}
			it.Fields = append(it.Fields, ifield)
		}
		it.Fields = slices.DeleteFunc(it.Fields, func(f *Field) bool { return len(f.At) == 0 })
		if len(it.Fields) == 0 {
			continue
		}
		for _, t := range members {
			t.Implements = append(t.Implements, name)
		}
		g.w.Types = append(g.w.Types, it)
	}
}

// narrow is an object type that a field of an abstract type may have, and that the subgraphs know by name; ""
// for none.
func (g *generator) narrow(f *Field, subs []int) string {
	target := g.w.Type(base(f.Type))
	if target == nil || target.Kind == Object {
		return ""
	}
	known := slices.DeleteFunc(g.w.domain(f), func(n string) bool {
		return slices.ContainsFunc(subs, func(s int) bool { return !g.w.Type(n).In(s) })
	})
	if len(known) == 0 {
		return ""
	}
	return pick(g, known)
}

// wider is an interface that a field's object type implements wherever the field is, "" for none.
func (g *generator) wider(f *Field) string {
	t := g.w.Type(base(f.Type))
	if t == nil || t.Kind != Object {
		return ""
	}
	for _, name := range t.Implements {
		if i := g.w.Type(name); !slices.ContainsFunc(f.At, func(p *Place) bool { return !g.w.implements(t, i, p.Sub) }) {
			return name
		}
	}
	return ""
}

// parents makes interfaces that other interfaces implement: each has some of the fields of one.
func (g *generator) parents() {
	for _, it := range slices.Clone(g.w.Types) {
		if it.Kind != Interface || !g.chance(40) {
			continue
		}
		parent := &Type{Name: "H" + it.Name, Kind: Interface}
		for _, f := range some(g, it.Fields, 1) {
			own := *f
			own.At = nil
			for _, p := range some(g, f.At, 1) {
				if !slices.Contains(it.Objects, p.Sub) {
					own.At = append(own.At, &Place{Sub: p.Sub})
				}
			}
			if len(own.At) == 0 {
				continue
			}
			own.Key, own.Own = false, false
			if wider := g.wider(&own); wider != "" && g.chance(50) {
				own.Type = strings.ReplaceAll(own.Type, base(own.Type), wider)
			}
			parent.Fields = append(parent.Fields, &own)
		}
		if len(parent.Fields) == 0 {
			continue
		}
		for _, t := range g.w.Types {
			if t == it || slices.Contains(t.Implements, it.Name) {
				t.Implements = append(t.Implements, parent.Name)
			}
		}
		g.w.Types = append(g.w.Types, parent)
	}
}

// narrower lets some subgraphs that share a field of an abstract type declare it with one of its object types.
func (g *generator) narrower() {
	for _, t := range g.w.Types {
		for _, f := range t.Fields {
			target := g.w.Type(base(f.Type))
			opaque := func(p *Place) bool { return target != nil && slices.Contains(target.Objects, p.Sub) }
			if t.Kind == Object && len(f.At) > 1 && f.Via == "" && !slices.ContainsFunc(f.At, opaque) && g.chance(50) {
				p := pick(g, f.At)
				p.Narrow = g.narrow(f, []int{p.Sub})
			}
		}
	}
}

// unions makes unions whose members differ by subgraph.
func (g *generator) unions() {
	var objects []*Type
	for _, t := range g.w.Types {
		if t.Kind == Object && !slices.Contains(g.split, t) {
			objects = append(objects, t)
		}
	}
	for i := range g.IntN(2) {
		u := &Type{Name: fmt.Sprintf("U%d", i), Kind: Union}
		for _, t := range some(g, objects, 1) {
			u.Members = append(u.Members, Member{t.Name, some(g, g.subsOf(t), 1)})
		}
		g.w.Types = append(g.w.Types, u)
	}
}

// ordinary gives entities fields of their own, some shared by several subgraphs.
func (g *generator) ordinary() {
	for _, t := range g.w.Types {
		if !isEntity(t) {
			continue
		}
		all := g.subsOf(t)
		for range 1 + g.IntN(5) {
			subs := []int{pick(g, all)}
			if g.chance(25) {
				subs = some(g, all, 1)
			}
			f := g.field("f", g.typeFor(subs, 45), subs)
			t.Fields = append(t.Fields, f)
		}
		g.splits(t, all)
	}
}

// roots makes the root fields; the first subgraph always has one.
func (g *generator) roots() {
	q := g.add(Object, "Query")
	for s := range g.w.Subs {
		n := g.IntN(3)
		if s == 0 {
			n++
		}
		for range n {
			subs := []int{s}
			if g.chance(15) {
				subs = some(g, g.subs(), 1)
			}
			q.Fields = append(q.Fields, g.field("q", g.typeFor(subs, 90), subs))
		}
	}
	g.splits(q, g.subs())
	if g.chance(8) {
		g.back(q)
	}
	if g.chance(25) {
		g.root("Mutation", "m", 1+g.IntN(4))
	}
	if g.chance(20) {
		g.root("Subscription", "n", 1+g.IntN(2))
	}
	q.Rows = 1
}

// root makes a root type of fields that one subgraph each resolves.
func (g *generator) root(name, prefix string, fields int) {
	t := g.add(Object, name)
	for range fields {
		subs := []int{g.IntN(len(g.w.Subs))}
		t.Fields = append(t.Fields, g.field(prefix, g.typeFor(subs, 80), subs))
	}
}

// back adds a field of an entity that leads to the query root.
func (g *generator) back(q *Type) {
	t := g.entity()
	if t == nil {
		return
	}
	if s := pick(g, g.subsOf(t)); q.In(s) {
		q.Rows = 1
		t.Fields = append(t.Fields, g.field("root", "Query", []int{s}))
	}
}
