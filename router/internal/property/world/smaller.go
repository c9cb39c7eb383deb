package world

import (
	"slices"
	"strings"
)

// Smaller is the world with its i-th part taken away or made plainer; false when there are not so many
// parts, nil when nothing would be left. What comes out need not compose.
func (w *World) Smaller(i int) (*World, bool) {
	c := &cutter{w: w.Clone(), at: i}
	c.cut()
	if c.at >= 0 {
		return nil, false
	}
	if len(c.w.Subs) == 0 || !c.w.interfacesAreWhole() {
		return nil, true
	}
	return c.w, true
}

// interfacesAreWhole reports whether interfaces that are entities have implementers, and the subgraph
// that has them as interfaces knows them all.
func (w *World) interfacesAreWhole() bool {
	for _, i := range w.Types {
		if len(i.Objects) == 0 {
			continue
		}
		members := 0
		for _, o := range w.Types {
			if !slices.Contains(o.Implements, i.Name) {
				continue
			}
			members++
			for s := range w.Subs {
				if i.In(s) && !slices.Contains(i.Objects, s) && !w.implements(o, i, s) {
					return false
				}
			}
		}
		if members == 0 {
			return false
		}
	}
	return true
}

// cutter counts possible cuts and makes one of them.
type cutter struct {
	w  *World
	at int
}

func (c *cutter) now() bool {
	c.at--
	return c.at == -1
}

func (c *cutter) cut() {
	for s := range c.w.Subs {
		if c.now() {
			c.w.removeSub(s)
			return
		}
	}
	for _, t := range c.w.Types {
		if c.now() {
			c.w.removeType(t.Name)
			return
		}
	}
	for _, t := range c.w.Types {
		for _, f := range t.Fields {
			if c.now() {
				c.w.removeField(t, f.Name)
				return
			}
		}
	}
	for _, t := range c.w.Types {
		if c.typ(t); c.at < 0 {
			return
		}
		for _, f := range t.Fields {
			if c.field(t, f); c.at < 0 {
				return
			}
		}
	}
	if rows := c.w.maxRows(); rows > 1 && c.now() {
		for _, t := range c.w.Types {
			t.Rows = min(t.Rows, rows-1)
		}
	}
	for s := range c.w.Subs {
		if c.w.Subs[s].Fed1 && c.now() {
			c.w.Subs[s].Fed1 = false
		}
		if c.w.Subs[s].More && c.now() {
			c.w.Subs[s].More = false
		}
	}
}

func (c *cutter) typ(t *Type) {
	for k, key := range t.Keys {
		for j := range key.At {
			if c.now() {
				if key.At = slices.Delete(key.At, j, j+1); len(key.At) == 0 {
					t.Keys = slices.Delete(t.Keys, k, k+1)
				}
				return
			}
			if key.At[j].Unresolvable && c.now() {
				key.At[j].Unresolvable = false
				return
			}
		}
	}
	for j := range t.Implements {
		if c.now() {
			t.Implements = slices.Delete(t.Implements, j, j+1)
			return
		}
	}
	for j, m := range t.Members {
		if c.now() {
			t.Members = slices.Delete(t.Members, j, j+1)
			return
		}
		if len(m.Subs) > 1 && c.now() {
			t.Members[j].Subs = m.Subs[1:]
			return
		}
	}
	if len(t.Contexts) > 0 && c.now() {
		t.Contexts = nil
		return
	}
	if t.Gap != nil && c.now() {
		t.Gap = nil
	}
	if len(t.Extends) > 0 && c.now() {
		t.Extends = nil
	}
}

func (c *cutter) field(t *Type, f *Field) {
	for j, p := range f.At {
		if c.now() {
			f.At = slices.Delete(f.At, j, j+1)
			return
		}
		if p.Requires != "" && c.now() {
			p.Requires = ""
			return
		}
		for _, text := range []*string{&p.Requires, &p.Provides} {
			set := parseSet(*text)
			if c.set(&set); c.at < 0 {
				*text = setText(set)
				return
			}
		}
		if p.Provides != "" && c.now() {
			p.Provides = ""
			return
		}
		if p.Tight && c.now() {
			p.Tight = false
			return
		}
		if p.Narrow != "" && c.now() {
			p.Narrow = ""
			return
		}
		if p.Override != "" && p.Label != "" && c.now() {
			for _, o := range f.At {
				o.Label = ""
			}
			return
		}
	}
	for _, flag := range []*bool{&f.Hidden, &f.Nulls, &f.Dirty, &f.Fails} {
		if *flag && c.now() {
			*flag = false
			return
		}
	}
	for j := range f.Args {
		if c.now() {
			args := slices.Delete(slices.Clone(f.Args), j, j+1)
			c.alike(t, f, func(o *Field) { o.Args = args })
			return
		}
	}
	if plain := base(f.Type); plain != f.Type && c.now() {
		c.alike(t, f, func(o *Field) { o.Type = plain })
	}
	if plain := strings.TrimSuffix(f.Type, "!"); plain != f.Type && !f.Key && c.now() {
		c.alike(t, f, func(o *Field) { o.Type = plain })
	}
}

// set takes one selection out of a field set, or out of what is in it.
func (c *cutter) set(set *[]selection) {
	for k := range *set {
		if len(*set) > 1 && c.now() {
			*set = slices.Delete(slices.Clone(*set), k, k+1)
			return
		}
		if c.set(&(*set)[k].sub); c.at < 0 {
			return
		}
	}
}

// alike changes a field wherever interfaces promise it.
func (c *cutter) alike(t *Type, f *Field, change func(*Field)) {
	for _, o := range c.w.Types {
		related := o == t || slices.Contains(o.Implements, t.Name) || slices.Contains(t.Implements, o.Name) ||
			slices.ContainsFunc(o.Implements, func(i string) bool { return slices.Contains(t.Implements, i) })
		if own := o.Field(f.Name); related && own != nil {
			change(own)
		}
	}
}

func setText(set []selection) string {
	var parts []string
	for _, s := range set {
		text := s.name + s.args
		if s.on != "" {
			text = "... on " + s.on
		}
		if len(s.sub) > 0 {
			text += " { " + setText(s.sub) + " }"
		}
		parts = append(parts, text)
	}
	return strings.Join(parts, " ")
}

func (w *World) removeSub(s int) {
	shift := func(list []int) []int {
		var out []int
		for _, x := range list {
			if x < s {
				out = append(out, x)
			} else if x > s {
				out = append(out, x-1)
			}
		}
		return out
	}
	name := w.Subs[s].Name
	w.Subs = slices.Delete(w.Subs, s, s+1)
	for _, t := range w.Types {
		for _, k := range t.Keys {
			k.At = slices.DeleteFunc(k.At, func(a KeyAt) bool { return a.Sub == s })
			for j := range k.At {
				if k.At[j].Sub > s {
					k.At[j].Sub--
				}
			}
		}
		t.Keys = slices.DeleteFunc(t.Keys, func(k *Key) bool { return len(k.At) == 0 })
		t.Extends = shift(t.Extends)
		t.Objects = shift(t.Objects)
		t.Contexts = slices.DeleteFunc(t.Contexts, func(c Context) bool { return c.Sub == s })
		for j := range t.Contexts {
			if t.Contexts[j].Sub > s {
				t.Contexts[j].Sub--
			}
		}
		for j := range t.Members {
			t.Members[j].Subs = shift(t.Members[j].Subs)
		}
		if t.Gap != nil && t.Gap.Sub == s {
			t.Gap = nil
		} else if t.Gap != nil && t.Gap.Sub > s {
			t.Gap.Sub--
		}
		for _, f := range t.Fields {
			f.At = slices.DeleteFunc(f.At, func(p *Place) bool { return p.Sub == s })
			for _, p := range f.At {
				if p.Sub > s {
					p.Sub--
				}
				if p.Override == name {
					p.Override = ""
				}
			}
		}
		t.Fields = slices.DeleteFunc(t.Fields, func(f *Field) bool { return len(f.At) == 0 && f.Via == "" })
	}
	w.Types = slices.DeleteFunc(w.Types, func(t *Type) bool { return t.Kind != Union && len(t.Fields) == 0 })
	for _, e := range w.Enums {
		for j := range e.Values {
			e.Values[j].Subs = shift(e.Values[j].Subs)
		}
	}
}

func (w *World) removeType(name string) {
	w.Types = slices.DeleteFunc(w.Types, func(t *Type) bool { return t.Name == name })
	for _, t := range w.Types {
		t.Implements = slices.DeleteFunc(t.Implements, func(n string) bool { return n == name })
		t.Members = slices.DeleteFunc(t.Members, func(m Member) bool { return m.Type == name })
		t.Fields = slices.DeleteFunc(t.Fields, func(f *Field) bool { return base(f.Type) == name || f.Via == name })
	}
	w.Types = slices.DeleteFunc(w.Types, func(t *Type) bool {
		return t.Kind != Union && len(t.Fields) == 0 || t.Kind == Union && len(t.Members) == 0
	})
}

func (w *World) removeField(t *Type, name string) {
	t.Fields = slices.DeleteFunc(t.Fields, func(f *Field) bool { return f.Name == name })
	if t.Kind == Interface {
		return
	}
	for _, i := range t.Implements {
		it := w.Type(i)
		if it == nil {
			continue
		}
		it.Fields = slices.DeleteFunc(it.Fields, func(f *Field) bool { return f.Name == name })
	}
	w.Types = slices.DeleteFunc(w.Types, func(t *Type) bool { return t.Kind != Union && len(t.Fields) == 0 })
}

func (w *World) maxRows() int {
	rows := 0
	for _, t := range w.Types {
		rows = max(rows, t.Rows)
	}
	return rows
}
