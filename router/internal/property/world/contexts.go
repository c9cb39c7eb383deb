package world

import (
	"slices"
	"strings"
)

// source is a way from an object to a value that a context can give.
type source struct {
	text     string
	typ      string
	external *Field // that its subgraph has to declare for it
}

// setter is a type that sets a context, with the ways to the values that it could give.
type setter struct {
	t       *Type
	sources []source
}

// context makes an entity with fields that take arguments from the objects above it. It stands beneath
// nothing but objects that set the context, so that there is a value on every path to it.
func (g *generator) context() {
	sub := pick(g, g.subs())
	if g.w.Subs[sub].Fed1 {
		return
	}
	var all []setter
	for _, t := range g.w.Types {
		if list := g.contextual(t, sub, 2); len(list) > 0 {
			all = append(all, setter{t, list})
		}
	}
	if len(all) == 0 {
		return
	}
	g.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	setters, from, typ := g.agreeing(all)
	var subs []int
	for _, s := range g.subs() {
		if s == sub || g.chance(60) {
			subs = append(subs, s)
		}
	}
	t := g.add(Object, "K0")
	t.Fields = []*Field{{Name: "id", Type: "ID!", Key: true, At: places(subs)}}
	key := &Key{Fields: "id"}
	for _, s := range subs {
		key.At = append(key.At, KeyAt{Sub: s})
	}
	t.Keys = []*Key{key}
	var others []*Field
	for _, s := range subs {
		f := g.field("f", g.typeFor([]int{s}, 40), []int{s})
		t.Fields = append(t.Fields, f)
		if s != sub && !f.Dirty && !f.Fails && g.w.Type(base(f.Type)) == nil && base(f.Type) != "Color" {
			others = append(others, f)
		}
	}
	for range 1 + g.IntN(2) {
		f := g.field("c", g.typeFor([]int{sub}, 30), []int{sub})
		f.Args = append(f.Args, Arg{Name: "of", Type: typ, From: "$context " + from})
		if len(others) > 0 && g.chance(30) {
			required := pick(g, others)
			if required.at(sub) == nil {
				required.At = append(required.At, &Place{Sub: sub, External: true})
			}
			f.Dirty, f.Fails, f.At[0].Requires = false, false, required.Name+g.literals(required)
		}
		t.Fields = append(t.Fields, f)
	}
	if g.chance(40) {
		t.Fields = append(t.Fields, g.field("next", g.wrapped(t.Name), []int{pick(g, subs)}))
	}
	for _, s := range setters {
		if f := s.sources[0].external; f != nil {
			f.At = append(f.At, &Place{Sub: sub, External: true})
		}
		s.t.Contexts = append(s.t.Contexts, Context{"context", sub})
		g.lead(s.t, t)
	}
}

// contextual lists the ways from a type to leaves that its subgraph can take for a context.
func (g *generator) contextual(t *Type, sub, depth int) (out []source) {
	if t.Kind == Union || t.isRoot() || !t.In(sub) || len(t.Objects) > 0 || slices.Contains(g.split, t) {
		return nil
	}
	of := g.implementers(t)
	for _, f := range t.Fields {
		p := f.at(sub)
		if f.Via != "" || len(f.resolvers()) == 0 || p == nil && (!isEntity(t) || f.Key) || p != nil && p.Overridden || g.needs(f) ||
			slices.ContainsFunc(of, func(o *Type) bool {
				own := o.Field(f.Name)
				return o.Gap != nil || own == nil || own.Dirty || own.Fails || own.Hidden || own.Via != ""
			}) {
			continue
		}
		var external *Field
		if p == nil {
			external = f
		}
		typ := strings.ReplaceAll(f.Type, "!", "")
		switch target := g.w.Type(base(f.Type)); {
		case target == nil && base(f.Type) != "Color" && base(f.Type) != "Blob":
			out = append(out, source{f.Name, typ, external})
		case target != nil && target.Kind == Object && depth > 0 && !g.dirty && p != nil:
			for _, inner := range g.contextual(target, sub, depth-1) {
				if inner.external == nil {
					out = append(out, source{f.Name + " { " + inner.text + " }", strings.ReplaceAll(typ, target.Name, inner.typ), nil})
				}
			}
		}
	}
	return out
}

// needs reports whether a field has an argument that must be given.
func (g *generator) needs(f *Field) bool {
	return slices.ContainsFunc(f.Args, func(a Arg) bool { return strings.HasSuffix(a.Type, "!") && a.Default == "" })
}

// implementers are the object types that an object of a type may be.
func (g *generator) implementers(t *Type) (out []*Type) {
	for _, o := range g.w.Types {
		if o == t && t.Kind == Object || o.Kind == Object && slices.ContainsFunc(g.subs(), func(s int) bool { return g.w.implements(o, t, s) }) {
			out = append(out, o)
		}
	}
	return out
}

// agreeing chooses setters that have a value of one type, each with the one way to it, and says how it is
// selected of them.
func (g *generator) agreeing(all []setter) (chosen []setter, selection, typ string) {
	first := pick(g, all[0].sources)
	chosen, typ = []setter{{all[0].t, []source{first}}}, first.typ
	alike := true
	for _, s := range all[1:] {
		if len(chosen) == 3 || !g.chance(60) {
			continue
		}
		for _, src := range s.sources {
			abstract := s.t.Kind == Interface || slices.ContainsFunc(chosen, func(c setter) bool { return c.t.Kind == Interface })
			if src.typ == typ && (!abstract || alike && src.text == first.text) {
				chosen = append(chosen, setter{s.t, []source{src}})
				alike = alike && src.text == first.text
				break
			}
		}
	}
	var texts []string
	for _, c := range chosen {
		texts = append(texts, "... on "+c.t.Name+" { "+c.sources[0].text+" }")
	}
	if alike {
		texts = []string{"{ " + first.text + " }"}
	}
	return chosen, strings.Join(texts, " "), typ
}

// lead adds a field that leads to an entity beneath a context, to a type that sets it or to all that
// implement it; now and then with an object between them.
func (g *generator) lead(from, to *Type) {
	var at []int
	prototype := g.field("k", "", nil)
	prototype.Type = g.wrapped(to.Name)
	promised := from.Kind == Interface && g.chance(50)
	for _, o := range g.implementers(from) {
		subs := g.subsOf(o)
		if len(subs) == 0 {
			return
		}
		if at = []int{pick(g, subs)}; slices.Contains(g.values, o.Name) {
			at = subs
		}
		for _, s := range at {
			if to.Fields[0].at(s) == nil {
				to.Fields[0].At = append(to.Fields[0].At, &Place{Sub: s})
				to.Keys[0].At = append(to.Keys[0].At, KeyAt{Sub: s})
			}
		}
		f := *prototype
		f.At = places(at)
		if !promised {
			f.Name = g.name("k")
		}
		if !promised && len(at) == 1 && g.chance(30) {
			between := g.add(Object, "B"+f.Name)
			between.Fields = []*Field{{Name: "to", Type: f.Type, At: places(at)}}
			f.Type = g.wrapped(between.Name)
		}
		o.Fields = append(o.Fields, &f)
	}
	if promised {
		for _, s := range g.subs() {
			if !from.In(s) || slices.ContainsFunc(g.implementers(from), func(o *Type) bool { return g.w.implements(o, from, s) && o.Field(prototype.Name).at(s) == nil }) {
				continue
			}
			ifield := Field{Name: prototype.Name, Type: prototype.Type, Args: prototype.Args, At: places([]int{s})}
			from.Fields = append(from.Fields, &ifield)
			break
		}
	}
}
