package world

import "slices"

// interfaceEntity makes an interface with keys: a subgraph or two have it with all that implement it, others
// have it as an @interfaceObject, by some of its keys, and add fields to all implementers without knowing them.
func (g *generator) interfaceEntity(name string, objectTypes ...string) {
	var modern []int
	for i, s := range g.w.Subs {
		if !s.Fed1 {
			modern = append(modern, i)
		}
	}
	if len(modern) < 2 {
		return
	}
	order := g.Perm(len(modern))
	homes := []int{modern[order[0]]}
	objects := []int{modern[order[1]]}
	for _, o := range order[2:] {
		switch r := g.IntN(10); {
		case r < 4 && len(objects) < 3:
			objects = append(objects, modern[o])
		case r < 6 && len(homes) < 2:
			homes = append(homes, modern[o])
		}
	}
	slices.Sort(objects)
	home := homes[0]
	it := &Type{Name: name, Kind: Interface, Objects: objects}
	all := []string{"key"}
	if g.chance(40) {
		all = append(all, "alt")
	}
	types := map[string]string{}
	for _, name := range all {
		types[name] = pick(g, []string{"ID!", "ID", "String!"})
		it.Fields = append(it.Fields, &Field{Name: name, Type: types[name], Key: true, Own: true})
		it.Keys = append(it.Keys, &Key{Fields: name})
	}
	declare := func(t *Type, sub int, names []string) {
		for i, name := range all {
			if slices.Contains(names, name) {
				t.Fields[i].At = append(t.Fields[i].At, &Place{Sub: sub})
				t.Keys[i].At = append(t.Keys[i].At, KeyAt{Sub: sub})
			}
		}
	}
	for _, s := range homes {
		declare(it, s, all)
	}
	for _, s := range objects {
		declare(it, s, some(g, all, 1))
	}
	var members []*Type
	for _, name := range objectTypes[:1+g.IntN(len(objectTypes))] {
		t := g.add(Object, name)
		for _, n := range all {
			t.Fields = append(t.Fields, &Field{Name: n, Type: types[n], Key: true, Own: true})
			t.Keys = append(t.Keys, &Key{Fields: n})
		}
		for i := range g.w.Subs { // the subgraphs that know the interface as an object do not know its implementers
			switch {
			case slices.Contains(homes, i):
				declare(t, i, all)
			case !slices.Contains(objects, i) && g.chance(50):
				declare(t, i, some(g, all, 1))
			}
		}
		t.Implements = []string{it.Name}
		members = append(members, t)
	}
	for range g.IntN(3) { // what the interface promises where it is at home
		f := g.field("h", g.typeFor([]int{home}, 25), []int{home})
		it.Fields = append(it.Fields, &Field{Name: f.Name, Type: f.Type, Args: f.Args, At: places([]int{home})})
		for _, t := range members {
			own := *f
			own.At = places([]int{home})
			if other := pick(g, t.Keys[0].At).Sub; other != home && g.w.Type(base(f.Type)) == nil && g.chance(40) {
				own.At = places([]int{home, other})
			}
			t.Fields = append(t.Fields, &own)
		}
	}
	g.w.Types = append(g.w.Types, it)
	for _, s := range objects {
		for range 1 + g.IntN(2) {
			at := []int{s}
			if g.chance(20) {
				at = slices.Clone(objects)
			}
			g.objectField(it, members, g.field("o", g.typeFor(at, 40), at))
		}
		if g.chance(40) {
			g.objectRequirement(it, members, s)
		}
	}
}

// objectField adds a field of an @interfaceObject to the interface and to all that implement it.
func (g *generator) objectField(it *Type, members []*Type, f *Field) {
	it.Fields = append(it.Fields, f)
	for _, t := range members {
		own := *f
		own.At, own.Via = nil, it.Name
		t.Fields = append(t.Fields, &own)
	}
}

// objectRequirement adds a field of an @interfaceObject that requires fields of the interface.
func (g *generator) objectRequirement(it *Type, members []*Type, sub int) {
	text := ""
	for _, f := range it.Fields {
		own := members[0].Field(f.Name)
		if f.Key || f.at(sub) != nil || f.requires() != "" || own.Dirty || own.Fails || !g.chance(60) {
			continue
		}
		if of := g.required(f, sub, 1); of != "" {
			f.At = append(f.At, &Place{Sub: sub, External: true})
			text += " " + of
		}
	}
	if text == "" {
		return
	}
	r := g.field("r", g.typeFor([]int{sub}, 30), []int{sub})
	r.Dirty, r.Fails = false, false
	r.At[0].Requires = text[1:]
	g.objectField(it, members, r)
}
