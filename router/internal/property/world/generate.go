package world

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
)

// generator makes one world.
type generator struct {
	*rand.Rand
	w      *World
	values []string // value types
	split  []*Type  // value types of which no subgraph has all
	dirty  bool     // non-null fields are null now and then; then nothing is required or keyed through objects
	fields int      // how many fields were named
	rows   int      // of every type, since a nested key tells rows apart only if its target has as many
}

func (g *generator) chance(percent int) bool { return g.IntN(100) < percent }

// pick returns one element.
func pick[T any](g *generator, list []T) T { return list[g.IntN(len(list))] }

// some returns a random subset of at least min elements, in order.
func some[T any](g *generator, list []T, min int) []T {
	n := min
	if len(list) > min {
		n += g.IntN(len(list) - min + 1)
	}
	at := g.Perm(len(list))[:n]
	slices.Sort(at)
	out := make([]T, n)
	for i, j := range at {
		out[i] = list[j]
	}
	return out
}

func (g *generator) name(prefix string) string {
	g.fields++
	return fmt.Sprintf("%s%d", prefix, g.fields)
}

func (g *generator) subs() []int {
	out := make([]int, len(g.w.Subs))
	for i := range out {
		out[i] = i
	}
	return out
}

// Generate makes the world of a seed.
//
// The passes, in order: subgraphs; entities with the keys that lead from one subgraph to another; value
// types, interfaces and unions over them; then fields, since they refer to all of these; then what
// rests on fields that are there: requirements, provided fields, overrides, gaps, contexts.
func Generate(seed uint64) *World {
	g := &generator{Rand: rand.New(rand.NewPCG(seed, 0x5707ef407)), w: &World{Seed: seed}}
	g.dirty, g.rows = g.chance(25), 2+g.IntN(4)
	g.subgraphs()
	g.enums()
	g.entities()
	if g.chance(30) {
		g.interfaceEntity("J0", "P0", "P1", "P2")
	}
	if g.chance(15) {
		g.interfaceEntity("J1", "R0", "R1")
	}
	g.valueTypes()
	g.interfaces()
	g.parents()
	g.unions()
	g.ordinary()
	g.roots()
	g.narrower()
	for range g.IntN(4) {
		g.requirement()
	}
	for range g.IntN(3) {
		g.provision()
	}
	for range g.IntN(3) {
		g.override()
	}
	g.twists()
	if g.chance(25) {
		g.context()
	}
	return g.w
}

func (g *generator) subgraphs() {
	n := 2 + g.IntN(3)
	if g.chance(10) {
		n += 2
	}
	old := g.chance(20)
	for i := range n {
		g.w.Subs = append(g.w.Subs, Sub{Name: string(rune('a' + i)), Fed1: old && g.chance(50), More: g.chance(30)})
	}
}

func (g *generator) enums() {
	e := &Enum{Name: "Color"}
	for i, name := range []string{"RED", "GREEN", "BLUE"} {
		v := EnumValue{Name: name, Subs: g.subs()}
		if i > 0 {
			v.Subs = some(g, g.subs(), 1)
		}
		e.Values = append(e.Values, v)
	}
	g.w.Enums = []*Enum{e}
}

func (g *generator) add(kind, name string) *Type {
	t := &Type{Name: name, Kind: kind}
	if kind == Object {
		t.Rows = g.rows
	}
	g.w.Types = append(g.w.Types, t)
	return t
}

func places(subs []int) []*Place {
	var out []*Place
	for _, s := range subs {
		out = append(out, &Place{Sub: s})
	}
	return out
}

// entities makes entities whose subgraphs are linked by keys: each after the first shares one with an
// earlier one.
func (g *generator) entities() {
	for i := range 1 + g.IntN(4) {
		t := g.add(Object, fmt.Sprintf("E%d", i))
		subs := some(g, g.subs(), min(2, len(g.w.Subs)))
		order := g.Perm(len(subs))
		keys := g.keys(t, i)
		have := map[int][]int{} // keys by subgraph
		for n, o := range order {
			s := subs[o]
			if n == 0 {
				have[s] = some(g, indexes(keys), 1)
			} else {
				have[s] = []int{pick(g, have[subs[order[g.IntN(n)]]])}
				if g.chance(25) {
					if more := g.IntN(len(keys)); !slices.Contains(have[s], more) {
						have[s] = append(have[s], more)
					}
				}
			}
			for _, k := range have[s] {
				g.declare(t, keys[k], s)
			}
			if n > 0 && g.w.Subs[s].Fed1 && g.chance(50) && !g.w.Subs[subs[order[0]]].Fed1 {
				t.Extends = append(t.Extends, s)
			}
		}
		t.Keys = slices.DeleteFunc(keys, func(k *Key) bool { return len(k.At) == 0 })
		t.Fields = slices.DeleteFunc(t.Fields, func(f *Field) bool { return len(f.At) == 0 })
	}
}

func indexes[T any](list []T) []int {
	out := make([]int, len(list))
	for i := range out {
		out[i] = i
	}
	return out
}

// keys makes a pool of keys and their fields.
func (g *generator) keys(t *Type, number int) []*Key {
	var out []*Key
	for range 1 + g.IntN(3) {
		name := func(prefix string) string { return fmt.Sprintf("%s%d", prefix, len(t.Fields)) }
		add := func(n, typ string) string {
			t.Fields = append(t.Fields, &Field{Name: n, Type: typ, Key: true})
			return n
		}
		switch r := g.IntN(10); {
		case r < 6 || r == 6 && g.dirty:
			out = append(out, &Key{Fields: add(name("id"), pick(g, []string{"ID!", "ID!", "String!", "Int!", "ID", "Float!", "[Int!]!", "Blob!"}))})
		case r < 8:
			a := add(name("x"), "Int!")
			out = append(out, &Key{Fields: a + " " + add(name("y"), pick(g, []string{"String!", "String!", "Boolean!", "Color!", "[String]!"}))})
		case number > 0 && !g.dirty:
			target := g.w.Types[g.IntN(number)] // an earlier entity, by its first key
			inner := target.Keys[0].Fields
			out = append(out, &Key{Fields: add(name("of"), target.Name+"!") + " { " + inner + " }"})
		default:
			out = append(out, &Key{Fields: add(name("id"), "ID!")})
		}
	}
	return out
}

// declare gives a subgraph a key with its fields, and what a nested key selects.
func (g *generator) declare(t *Type, k *Key, sub int) {
	k.At = append(k.At, KeyAt{Sub: sub})
	g.place(t, parseSet(k.Fields), sub)
}

func (g *generator) place(t *Type, set []selection, sub int) {
	for _, sel := range set {
		f := t.Field(sel.name)
		if f.at(sub) == nil {
			f.At = append(f.At, &Place{Sub: sub})
		}
		if len(sel.sub) > 0 {
			target := g.w.Type(base(f.Type))
			g.place(target, sel.sub, sub)
			if g.w.Subs[sub].Fed1 || g.chance(70) {
				continue
			}
			for _, k := range target.Keys { // the subgraph knows it as an entity too
				if k.Fields == strings.TrimSpace(k.Fields) && setIs(k.Fields, sel.sub) && !slices.ContainsFunc(k.At, func(a KeyAt) bool { return a.Sub == sub }) {
					k.At = append(k.At, KeyAt{Sub: sub})
				}
			}
		}
	}
}

func setIs(text string, set []selection) bool {
	a := parseSet(text)
	if len(a) != len(set) {
		return false
	}
	for i := range a {
		if a[i].name != set[i].name {
			return false
		}
	}
	return true
}

// leaf is a random leaf type.
func (g *generator) leaf() string {
	return pick(g, []string{"Int", "String", "String", "Float", "Boolean", "ID", "Color", "Blob"})
}

// wrapped puts a type into lists and non-nulls.
func (g *generator) wrapped(name string) string {
	bang := func() string {
		if g.chance(25) {
			return "!"
		}
		return ""
	}
	switch r := g.IntN(20); {
	case r == 0:
		return "[[" + name + bang() + "]" + bang() + "]" + bang()
	case r < 6:
		return "[" + name + bang() + "]" + bang()
	}
	return name + bang()
}

// field makes a field of a type, for the subgraphs given.
func (g *generator) field(prefix, typ string, subs []int) *Field {
	f := &Field{Name: g.name(prefix), Type: typ, At: places(subs), Nulls: g.chance(60)}
	if g.dirty && g.chance(50) {
		f.Dirty = true
	}
	if g.dirty && g.chance(30) {
		f.Fails = true
	}
	if g.chance(15) {
		a := pick(g, [][3]string{
			{"x", "Int", ""}, {"x", "Int!", ""}, {"x", "Int! ", "7"}, {"s", "[String!]", `["d"]`}, {"f", "Filter", ""}, {"f", "Filter", "{a: 1}"}, {"m", "Mode", "FAST"}, {"id", "ID", ""}, {"j", "Blob", ""},
		})
		f.Args = []Arg{{Name: a[0], Type: a[1], Default: a[2]}}
		f.Args[0].Type = strings.TrimSpace(f.Args[0].Type)
		if g.chance(20) {
			f.Args = append(f.Args, Arg{Name: "more", Type: "[Int]"})
		}
	}
	if len(subs) > 1 && !f.Nulls && !f.Dirty && !f.Fails && !strings.HasSuffix(typ, "!") && g.w.Type(base(typ)) == nil && base(typ) != "Color" && g.chance(20) {
		f.At[g.IntN(len(subs))].Tight = true
	}
	return f
}
