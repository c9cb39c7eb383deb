package world

import "slices"

// interfaceEntity makes an interface with a key: one subgraph has it with all that implement it, others
// have it as an @interfaceObject and add fields to all implementers without knowing them.
func (g *generator) interfaceEntity() {
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
	home := modern[order[0]]
	objects := []int{modern[order[1]]}
	if len(order) > 2 && g.chance(40) {
		objects = append(objects, modern[order[2]])
	}
	slices.Sort(objects)
	it := &Type{Name: "J0", Kind: Interface, Objects: objects}
	idType := pick(g, []string{"ID!", "ID", "String!"})
	id := &Field{Name: "key", Type: idType, Key: true, Own: true, At: places(append([]int{home}, objects...))}
	it.Fields = []*Field{id}
	key := &Key{Fields: "key"}
	for _, p := range id.At {
		key.At = append(key.At, KeyAt{Sub: p.Sub})
	}
	it.Keys = []*Key{key}
	var members []*Type
	for _, name := range []string{"P0", "P1", "P2"}[:1+g.IntN(3)] {
		t := g.add(Object, name)
		subs := []int{home}
		for i := range g.w.Subs { // the subgraphs that know the interface as an object do not know its implementers
			if i != home && !slices.Contains(objects, i) && g.chance(50) {
				subs = append(subs, i)
			}
		}
		slices.Sort(subs)
		k := &Key{Fields: "key"}
		for _, s := range subs {
			k.At = append(k.At, KeyAt{Sub: s})
		}
		t.Keys = []*Key{k}
		t.Fields = []*Field{{Name: "key", Type: idType, Key: true, Own: true, At: places(subs)}}
		t.Implements = []string{it.Name}
		members = append(members, t)
	}
	for range g.IntN(3) { // what the interface promises where it is at home
		f := g.field("h", g.wrapped(g.leaf()), []int{home})
		it.Fields = append(it.Fields, &Field{Name: f.Name, Type: f.Type, Args: f.Args, At: places([]int{home})})
		for _, t := range members {
			own := *f
			own.At = places([]int{home})
			if len(t.Keys[0].At) > 1 && g.chance(20) {
				own.At = places([]int{home, t.Keys[0].At[0].Sub})
				if t.Keys[0].At[0].Sub == home {
					own.At = places([]int{home, t.Keys[0].At[1].Sub})
				}
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
		if f.Key || f.at(sub) != nil || f.requires() != "" || own.Dirty || own.Fails || g.w.Type(base(f.Type)) != nil || base(f.Type) == "Color" || !g.chance(60) {
			continue
		}
		f.At = append(f.At, &Place{Sub: sub, External: true})
		text += " " + f.Name + g.literals(f)
	}
	if text == "" {
		return
	}
	r := g.field("r", g.typeFor([]int{sub}, 30), []int{sub})
	r.Dirty, r.Fails = false, false
	r.At[0].Requires = text[1:]
	g.objectField(it, members, r)
}
