package world

import (
	"fmt"
	"slices"
	"strings"

	"storefront/router/internal/testgraph"
)

// Server is what one server of a world serves.
type Server struct {
	Name string
	SDL  string
	Data testgraph.Data
}

// Render gives the subgraphs of a world, and the one server of all that they must equal.
func (w *World) Render() (subs []Server, whole Server) {
	for i, s := range w.Subs {
		subs = append(subs, Server{s.Name, w.sdl(i), w.tables(i)})
	}
	return subs, Server{"whole", w.wholeSDL(), w.tables(-1)}
}

const link = `extend schema @link(url: "https://specs.apollo.dev/federation/v2.9", import: ["@key", "@requires", "@provides", "@external", "@shareable", "@override", "@inaccessible", "@interfaceObject", "@context", "@fromContext"])
`

const (
	inputs = "enum Mode { FAST SLOW }\ninput Filter { a: Int = 3 b: [String!] m: Mode next: Filter }\n"
	more   = "enum Mode { FAST SLOW IDLE }\ninput Filter { a: Int = 3 b: [String!] m: Mode z: [Int] next: Filter }\n"
	blob   = "scalar Blob\n"
)

// sdl is a subgraph's schema.
func (w *World) sdl(sub int) string {
	var b strings.Builder
	for _, t := range w.Types {
		switch {
		case !t.In(sub):
		case t.Kind == Union:
			fmt.Fprintf(&b, "union %s = %s\n", t.Name, strings.Join(w.possible(t.Name, sub), " | "))
		default:
			w.writeType(&b, t, sub)
		}
	}
	for _, e := range w.Enums {
		var names []string
		for _, v := range e.Values {
			if slices.Contains(v.Subs, sub) {
				names = append(names, v.Name)
			}
		}
		if uses(b.String(), e.Name) && len(names) > 0 {
			fmt.Fprintf(&b, "enum %s { %s }\n", e.Name, strings.Join(names, " "))
		}
	}
	return w.finish(b.String(), !w.Subs[sub].Fed1, w.Subs[sub].More)
}

// takesInput reports whether a schema has a field with input that may differ by subgraph.
func takesInput(text string) bool {
	return strings.Contains(text, ": Filter") || strings.Contains(text, ": Mode")
}

func (w *World) finish(text string, linked, knowsMore bool) string {
	if takesInput(text) {
		if knowsMore {
			text += more
		} else {
			text += inputs
		}
	}
	if uses(text, "Blob") {
		text += blob
	}
	if linked {
		text = link + text
	}
	return text
}

// mentions reports whether a subgraph has a field of a type.
func (w *World) mentions(sub int, name string) bool {
	return slices.ContainsFunc(w.Types, func(t *Type) bool {
		return slices.ContainsFunc(t.Fields, func(f *Field) bool { return base(f.Type) == name && f.at(sub) != nil })
	})
}

// uses reports whether a schema has a field of a type.
func uses(text, name string) bool {
	return strings.Contains(text, ": "+name) || strings.Contains(text, "["+name)
}

func (w *World) writeType(b *strings.Builder, t *Type, sub int) {
	fed1 := w.Subs[sub].Fed1
	extends := fed1 && slices.Contains(t.Extends, sub)
	if extends {
		b.WriteString("extend ")
	}
	object := slices.Contains(t.Objects, sub)
	if object {
		b.WriteString(Object + " " + t.Name + " @interfaceObject")
	} else {
		b.WriteString(t.Kind + " " + t.Name)
	}
	w.writeImplements(b, t, func(i *Type) bool { return w.implements(t, i, sub) })
	for _, c := range t.Contexts {
		if c.Sub == sub {
			fmt.Fprintf(b, " @context(name: %q)", c.Name)
		}
	}
	for _, k := range t.Keys {
		for _, at := range k.At {
			if at.Sub == sub {
				fmt.Fprintf(b, " @key(fields: %q", k.Fields)
				if at.Unresolvable && !fed1 {
					b.WriteString(", resolvable: false")
				}
				b.WriteString(")")
			}
		}
	}
	b.WriteString(" {\n")
	for _, f := range t.Fields {
		p := f.at(sub)
		if p == nil {
			continue
		}
		typ := f.Type
		if p.Narrow != "" {
			typ = strings.ReplaceAll(typ, base(typ), p.Narrow)
		}
		if p.Tight {
			typ += "!"
		}
		b.WriteString("  " + f.Name + arguments(f, w.Subs[sub].More && t.Kind == Object && w.dropsArgument(f)) + ": " + typ)
		if p.External || extends && f.Key && t.keyed(f, sub) {
			b.WriteString(" @external")
		}
		if p.Requires != "" {
			fmt.Fprintf(b, " @requires(fields: %q)", p.Requires)
		}
		if p.Provides != "" {
			fmt.Fprintf(b, " @provides(fields: %q)", p.Provides)
		}
		if !fed1 && (t.Kind == Object || object) {
			if !p.External && !p.Overridden && p.Override == "" && (len(f.resolvers()) > 1 || len(f.At) > 1 && w.isProvided(f)) && !t.keyed(f, sub) {
				b.WriteString(" @shareable")
			}
			if p.Override != "" {
				fmt.Fprintf(b, " @override(from: %q", p.Override)
				if p.Label != "" {
					fmt.Fprintf(b, ", label: %q", p.Label)
				}
				b.WriteString(")")
			}
			if f.Hidden {
				b.WriteString(" @inaccessible")
			}
		}
		b.WriteString("\n")
	}
	b.WriteString("}\n")
}

// isProvided reports whether some field provides this one, so that its own subgraph must share it.
func (w *World) isProvided(f *Field) bool {
	for _, t := range w.Types {
		for _, o := range t.Fields {
			for _, p := range o.At {
				if strings.Contains(p.Provides, f.Name) {
					return true
				}
			}
		}
	}
	return false
}

func (w *World) writeImplements(b *strings.Builder, t *Type, does func(*Type) bool) {
	var names []string
	for _, i := range w.Types {
		if i.Kind == Interface && does(i) {
			names = append(names, i.Name)
		}
	}
	if len(names) > 0 {
		b.WriteString(" implements " + strings.Join(names, " & "))
	}
}

// dropsArgument reports whether an argument that some subgraphs have is none of the whole's: another that
// shares the field has it not.
func (w *World) dropsArgument(f *Field) bool {
	return !f.Key && len(f.resolvers()) == len(f.At) && slices.ContainsFunc(f.At, func(p *Place) bool { return !w.Subs[p.Sub].More && p.Override == "" }) &&
		!slices.ContainsFunc(f.At, func(p *Place) bool { return p.Overridden })
}

func arguments(f *Field, more bool) string {
	var list []string
	if more {
		list = append(list, "extra: Int")
	}
	if len(f.Args)+len(list) == 0 {
		return ""
	}
	for _, a := range f.Args {
		text := a.Name + ": " + a.Type
		if a.Default != "" {
			text += " = " + a.Default
		}
		if a.From != "" {
			text += fmt.Sprintf(" @fromContext(field: %q)", a.From)
		}
		list = append(list, text)
	}
	return "(" + strings.Join(list, ", ") + ")"
}

// wholeSDL is the merged schema, inaccessible fields included.
func (w *World) wholeSDL() string {
	var b strings.Builder
	some := func(yes func(sub int) bool) bool {
		for i := range w.Subs {
			if yes(i) {
				return true
			}
		}
		return false
	}
	for _, t := range w.Types {
		if !some(t.In) {
			continue
		}
		if t.Kind == Union {
			var names []string
			for _, m := range t.Members {
				if some(func(s int) bool { return slices.Contains(w.possible(t.Name, s), m.Type) }) {
					names = append(names, m.Type)
				}
			}
			fmt.Fprintf(&b, "union %s = %s\n", t.Name, strings.Join(names, " | "))
			continue
		}
		b.WriteString(t.Kind + " " + t.Name)
		w.writeImplements(&b, t, func(i *Type) bool { return some(func(s int) bool { return w.implements(t, i, s) }) })
		for _, c := range t.Contexts {
			fmt.Fprintf(&b, " @context(name: %q)", c.Name)
		}
		b.WriteString(" {\n")
		for _, f := range t.Fields {
			if len(w.holder(f).resolvers()) == 0 {
				continue
			}
			b.WriteString("  " + f.Name + arguments(f, false) + ": " + f.Type)
			if f.Hidden {
				b.WriteString(" @inaccessible")
			}
			b.WriteString("\n")
		}
		b.WriteString("}\n")
	}
	for _, e := range w.Enums {
		var names []string
		for _, v := range e.Values {
			if some(func(s int) bool { return slices.Contains(v.Subs, s) && w.mentions(s, e.Name) }) {
				names = append(names, v.Name)
			}
		}
		if len(names) > 0 {
			fmt.Fprintf(&b, "enum %s { %s }\n", e.Name, strings.Join(names, " "))
		}
	}
	knowsMore := true // what all know that take such input
	for i, s := range w.Subs {
		knowsMore = knowsMore && (s.More || !takesInput(w.sdl(i)))
	}
	return w.finish(b.String(), false, knowsMore)
}
