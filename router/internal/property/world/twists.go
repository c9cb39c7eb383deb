package world

import (
	"slices"
	"strings"
)

// entity returns a random entity that several subgraphs have, nil for none.
func (g *generator) entity() *Type {
	var list []*Type
	for _, t := range g.w.Types {
		if isEntity(t) && len(g.subsOf(t)) > 1 {
			list = append(list, t)
		}
	}
	if len(list) == 0 {
		return nil
	}
	return pick(g, list)
}

// requirement adds a field whose value depends on fields of other subgraphs.
func (g *generator) requirement() {
	t := g.entity()
	if t == nil {
		return
	}
	sub := pick(g, g.subsOf(t))
	var sources []*Field
	for _, f := range t.Fields {
		if g.requirable(t, f, sub) {
			sources = append(sources, f)
		}
	}
	if len(sources) == 0 {
		return
	}
	var texts []string
	for _, f := range some(g, sources, 1) {
		if len(texts) == 3 {
			break
		}
		if text := g.required(f, sub, 2); text != "" {
			if f.at(sub) == nil {
				f.At = append(f.At, &Place{Sub: sub, External: true})
			}
			texts = append(texts, text)
		}
	}
	if len(texts) == 0 {
		return
	}
	r := g.field("r", g.typeFor([]int{sub}, 30), []int{sub})
	r.Dirty, r.Fails = false, false
	r.At[0].Requires = strings.Join(texts, " ")
	t.Fields = append(t.Fields, r)
	if len(t.Implements) > 0 && g.chance(30) {
		g.promise(t, r, sub)
	}
}

// requirable reports whether a subgraph can require a field that others resolve.
func (g *generator) requirable(t *Type, f *Field, sub int) bool {
	if f.Key || f.Dirty || f.Fails || f.Hidden && g.w.Subs[sub].Fed1 || f.resolvedAt(sub) || len(f.resolvers()) == 0 {
		return false
	}
	if p := f.at(sub); p != nil && !p.External {
		return false
	}
	// a subgraph cannot require what rests on itself
	return !g.restsOn(t, f, sub, 0)
}

// restsOn reports whether a field requires, at some depth, a field that the subgraph requires others for.
func (g *generator) restsOn(t *Type, f *Field, sub, depth int) bool {
	if depth > 4 {
		return true
	}
	for _, sel := range parseSet(f.requires()) {
		if source := t.Field(sel.name); source != nil && g.restsOn(t, source, sub, depth+1) {
			return true
		}
	}
	return false
}

// required is what of a field is selected; "" when the subgraph cannot select it.
func (g *generator) required(f *Field, sub, depth int) string {
	text := f.Name + g.literals(f)
	target := g.w.Type(base(f.Type))
	if target == nil {
		if base(f.Type) == "Color" && !g.colors(f, sub) {
			return ""
		}
		return text
	}
	if g.dirty || !target.In(sub) || target.isRoot() {
		return ""
	}
	inner := g.requiredIn(target, sub, depth)
	if target.Kind != Object && !slices.Contains(target.Objects, sub) {
		for _, name := range g.w.possible(target.Name, sub) {
			if of := g.requiredIn(g.w.Type(name), sub, depth); len(of) > 0 && g.chance(60) {
				inner = append(inner, "... on "+name+" { "+strings.Join(of, " ")+" }")
			}
		}
	}
	if len(inner) == 0 {
		return ""
	}
	return text + " { " + strings.Join(inner, " ") + " }"
}

// requiredIn is what of a type's own fields is selected.
func (g *generator) requiredIn(target *Type, sub, depth int) []string {
	var inner []string
	for _, nested := range target.Fields {
		p := nested.at(sub)
		if g.w.Type(base(nested.Type)) != nil && nested.at(sub) != nil && depth > 0 && g.chance(30) && nested.requires() == "" && !nested.Dirty && !nested.Fails && !nested.at(sub).Overridden {
			if text := g.required(nested, sub, depth-1); text != "" {
				inner = append(inner, text)
			}
			continue
		}
		if g.w.Type(base(nested.Type)) != nil || nested.Dirty || nested.Fails || nested.requires() != "" || base(nested.Type) == "Color" {
			continue
		}
		away := p == nil && isEntity(target) && target.Kind == Object && len(nested.resolvers()) > 0 && g.chance(40)
		if (away || p != nil && !p.Overridden) && g.chance(60) {
			if away {
				nested.At = append(nested.At, &Place{Sub: sub, External: true})
			}
			inner = append(inner, nested.Name+g.literals(nested))
		}
	}
	return inner
}

// colors reports whether a subgraph knows all values of the enum that a field has.
func (g *generator) colors(f *Field, sub int) bool {
	for _, v := range g.w.enum("Color").Values {
		if !slices.Contains(v.Subs, sub) {
			return false
		}
	}
	return true
}

// literals are arguments for a field in a field set.
func (g *generator) literals(f *Field) string {
	var list []string
	for _, a := range f.Args {
		if !strings.HasSuffix(a.Type, "!") && g.chance(40) {
			continue
		}
		value := map[string]string{"Int": "3", "[String!]": "[]", "Filter": "{m: SLOW}", "Mode": "SLOW", "ID": "8", "[Int]": "[1]", "Blob": "{k: [1, null]}"}[strings.TrimSuffix(a.Type, "!")]
		list = append(list, a.Name+": "+value)
	}
	if len(list) == 0 {
		return ""
	}
	return "(" + strings.Join(list, ", ") + ")"
}

// promise puts a field that requires others into an interface of its type, when it is alone there.
func (g *generator) promise(t *Type, f *Field, sub int) {
	it := g.w.Type(pick(g, t.Implements))
	if len(it.Objects) > 0 {
		return
	}
	for _, o := range g.w.Types {
		if o != t && slices.Contains(o.Implements, it.Name) {
			return
		}
	}
	if it.In(sub) {
		it.Fields = append(it.Fields, &Field{Name: f.Name, Type: f.Type, Args: f.Args, At: places([]int{sub})})
	}
}

// provision lets a field of an object type bring fields that its subgraph does not resolve elsewhere.
func (g *generator) provision() {
	t := pick(g, g.w.Types)
	if t.Kind != Object || len(t.Fields) == 0 {
		return
	}
	f := pick(g, t.Fields)
	if len(f.At) == 0 {
		return
	}
	target := g.w.Type(base(f.Type))
	if f.Key || target == nil || target.isRoot() || !isEntity(target) && target.Kind == Object {
		return
	}
	p := pick(g, f.At)
	if p.External || p.Overridden || p.Provides != "" || p.Narrow != "" {
		return
	}
	if slices.Contains(target.Objects, p.Sub) {
		return
	}
	if text := g.providedIn(target, p.Sub, 1); text != "" {
		p.Provides = text
	}
}

// providedIn is what is provided of a type; of an abstract one, in fragments.
func (g *generator) providedIn(t *Type, sub, depth int) string {
	if t.Kind == Object {
		return g.provided(t, sub, depth)
	}
	var out []string
	for _, name := range g.w.possible(t.Name, sub) {
		if member := g.w.Type(name); isEntity(member) {
			if inner := g.provided(member, sub, depth); inner != "" {
				out = append(out, "... on "+name+" { "+inner+" }")
			}
		}
	}
	return strings.Join(out, " ")
}

func (g *generator) provided(t *Type, sub, depth int) string {
	var out []string
	for _, f := range t.Fields {
		at := f.at(sub)
		if f.Key || f.Via != "" || f.Dirty || f.Fails || len(f.Args) > 0 || f.requires() != "" || len(f.resolvers()) == 0 || at != nil && !at.External || g.chance(40) {
			continue
		}
		text := f.Name
		if target := g.w.Type(base(f.Type)); target != nil {
			if depth == 0 || !target.In(sub) || g.dirty || target.isRoot() || slices.Contains(target.Objects, sub) || !g.knows(f, sub) {
				continue
			}
			inner := g.providedIn(target, sub, depth-1)
			if inner == "" {
				continue
			}
			text += " { " + inner + " }"
		} else if base(f.Type) == "Color" && !g.colors(f, sub) {
			continue
		}
		if at == nil {
			f.At = append(f.At, &Place{Sub: sub, External: true})
		}
		out = append(out, text)
	}
	return strings.Join(out, " ")
}

// knows reports whether a subgraph can answer with every object that a field has: a union or an interface
// may have members that it has never heard of.
func (g *generator) knows(f *Field, sub int) bool {
	here := g.w.possible(base(f.Type), sub)
	return !slices.ContainsFunc(g.w.domain(f), func(name string) bool { return !slices.Contains(here, name) })
}

// override moves a field from one subgraph to another; the old one still has it and answers otherwise, but
// for one that moves while a label is on.
func (g *generator) override() {
	t := g.entity()
	if root := g.w.Type(pick(g, []string{"Query", "Query", "Mutation"})); root != nil && (t == nil || g.chance(30)) {
		t = root
	}
	if t == nil {
		return
	}
	f := pick(g, t.Fields)
	if f.Key || f.Via != "" || len(f.resolvers()) != 1 || f.requires() != "" || t.Gap != nil {
		return
	}
	from, label := f.at(f.resolvers()[0]), ""
	if from.Provides != "" || from.Override != "" {
		return
	}
	if g.chance(40) {
		label = pick(g, []string{"percent(20)", "beta"})
	}
	for _, s := range g.subsOf(t) {
		if f.at(s) != nil || g.w.Subs[s].Fed1 {
			continue
		}
		resolvers := []int{s}
		if label != "" {
			resolvers = append(resolvers, from.Sub)
		}
		if target := base(f.Type); g.w.Type(target) != nil && len(g.w.domain(&Field{Type: target, At: places(resolvers)})) == 0 {
			continue
		}
		from.Overridden, from.Label = true, label
		f.At = append(f.At, &Place{Sub: s, Override: g.w.Subs[from.Sub].Name, Label: label})
		return
	}
}

// twists hides fields and makes gaps.
func (g *generator) twists() {
	for _, t := range g.w.Types {
		if len(t.Objects) > 0 && g.chance(25) {
			g.objectGap(t)
		}
		if t.Kind != Object || t.isRoot() {
			continue
		}
		for _, f := range t.Fields {
			promised := slices.ContainsFunc(t.Implements, func(n string) bool { return g.w.Type(n).Field(f.Name) != nil })
			modern := !slices.ContainsFunc(f.resolvers(), func(s int) bool { return g.w.Subs[s].Fed1 })
			if len(t.Fields) > 2 && !promised && modern && len(f.At) == len(f.resolvers()) && g.chance(4) {
				f.Hidden = true
			}
		}
		if isEntity(t) && g.chance(20) && !slices.ContainsFunc(t.Implements, func(n string) bool { return len(g.w.Type(n).Objects) > 0 }) {
			g.gap(t)
		}
		for _, k := range t.Keys {
			for i := range k.At {
				if s := k.At[i].Sub; !g.w.Subs[s].Fed1 && len(k.At) > 1 && !k.ofInterface(g.w, t) && g.ownsNothing(t, s) && g.chance(40) {
					k.At[i].Unresolvable = true
				}
			}
		}
	}
}

// ofInterface reports whether a key is also one of an interface that the type implements.
func (k *Key) ofInterface(w *World, t *Type) bool {
	return slices.ContainsFunc(t.Implements, func(n string) bool { return len(w.Type(n).Keys) > 0 })
}

// ownsNothing reports whether a subgraph resolves nothing of an entity but keys.
func (g *generator) ownsNothing(t *Type, sub int) bool {
	return !slices.ContainsFunc(t.Fields, func(f *Field) bool { return f.resolvedAt(sub) && !f.Key })
}

// gap lets a subgraph miss rows of an entity that has one key everywhere, so that nothing but the
// fields which only that subgraph resolves is lost.
func (g *generator) gap(t *Type) {
	if len(t.Keys) != 1 || strings.Contains(t.Keys[0].Fields, "{") || len(t.Keys[0].At) != len(g.subsOf(t)) {
		return
	}
	g.gapAt(t, pick(g, g.subsOf(t)))
}

// objectGap does so for an @interfaceObject.
func (g *generator) objectGap(it *Type) {
	if len(it.Keys) == 1 {
		g.gapAt(it, pick(g, it.Objects))
	}
}

func (g *generator) gapAt(t *Type, sub int) {
	for _, f := range t.Fields {
		from := f.resolvers()
		if f.Key || !slices.Contains(from, sub) {
			continue
		}
		if len(from) > 1 || len(f.At) > 1 || strings.HasSuffix(f.Type, "!") && !g.dirty {
			return
		}
		if g.selected(f.Name) {
			return
		}
	}
	t.Gap = &Gap{Sub: sub, Fails: g.chance(50)}
}

// selected reports whether some field requires or provides one of that name.
func (g *generator) selected(name string) bool {
	for _, t := range g.w.Types {
		for _, f := range t.Fields {
			for _, p := range f.At {
				if strings.Contains(p.Requires, name) || strings.Contains(p.Provides, name) {
					return true
				}
			}
		}
	}
	return false
}
