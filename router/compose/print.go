package compose

import (
	"sort"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
)

// printSupergraph writes the merged schema as supergraph SDL.
// https://specs.apollo.dev/link/v1.0 and https://specs.apollo.dev/join/v0.5
func printSupergraph(c *composer) {
	p := &printer{c: c}
	p.schemaElement()
	type entry struct {
		name  string
		print func()
	}
	var directives, types []entry
	for _, def := range c.suppliedDefinitions() {
		directives = append(directives, entry{def.Name, func() { p.directive(def, specifiedArguments(def)) }})
	}
	for _, d := range c.merged.definitions() {
		directives = append(directives, entry{d.def.Name, func() { p.directive(d.def, d.args) }})
	}
	sort.SliceStable(directives, func(i, j int) bool { return foldedLess(directives[i].name, directives[j].name) })
	for _, name := range c.merged.order {
		types = append(types, entry{name, func() { p.typ(c.merged.types[name]) }})
	}
	for _, t := range c.suppliedTypes() {
		types = append(types, entry{t.name, func() { p.block(t.text) }})
	}
	types = append(types, entry{"join__Graph", p.graphs})
	sort.SliceStable(types, func(i, j int) bool { return foldedLess(types[i].name, types[j].name) })
	for _, e := range directives {
		e.print()
	}
	for _, e := range types {
		e.print()
	}
	c.sdl = strings.TrimSuffix(p.b.String(), "\n")
}

type printer struct {
	c *composer
	b strings.Builder
}

func (p *printer) block(text string) { p.b.WriteString(text + "\n\n") }

func (p *printer) schemaElement() {
	p.description(p.c.merged.element.desc, "")
	p.b.WriteString("schema")
	for _, l := range p.c.links() {
		p.b.WriteString("\n  " + l)
	}
	for _, d := range p.applied(p.c.merged.element) {
		p.b.WriteString("\n  " + d)
	}
	p.b.WriteString("\n{\n")
	for _, op := range []string{"Query", "Mutation", "Subscription"} {
		if t := p.c.merged.types[op]; t != nil && t.kind == ast.Object {
			p.b.WriteString("  " + strings.ToLower(op) + ": " + op + "\n")
		}
	}
	p.b.WriteString("}\n\n")
}

func (p *printer) directive(def *ast.DirectiveDefinition, args []*marg) {
	p.description(def.Description, "")
	p.b.WriteString("directive @" + def.Name)
	p.arguments(args, "  ")
	if def.IsRepeatable {
		p.b.WriteString(" repeatable")
	}
	var locations []string
	for _, l := range def.Locations {
		locations = append(locations, string(l))
	}
	p.block(" on " + strings.Join(locations, " | "))
}

func (p *printer) graphs() {
	p.b.WriteString("enum join__Graph {\n")
	for _, s := range p.c.subs {
		p.b.WriteString("  " + s.graph + " @join__graph(name: " + quoteString(s.name) + ", url: " + quoteString(s.url) + ")\n")
	}
	p.block("}")
}

func (p *printer) description(text, indent string) {
	if text == "" {
		return
	}
	p.b.WriteString(indent + `"""` + "\n")
	escaped := strings.ReplaceAll(text, `"""`, `\"""`)
	for _, line := range strings.Split(escaped, "\n") {
		if line == "" {
			p.b.WriteString("\n")
			continue
		}
		p.b.WriteString(indent + line + "\n")
	}
	p.b.WriteString(indent + `"""` + "\n")
}

func (p *printer) typ(t *mtype) {
	p.description(t.desc, "")
	p.b.WriteString(keyword(t.kind) + " " + t.name)
	if len(t.interfaces) > 0 {
		p.b.WriteString(" implements " + strings.Join(t.interfaces, " & "))
	}
	for _, line := range p.c.joinType(t) {
		p.b.WriteString("\n  " + line)
	}
	for _, d := range p.applied(&t.element) {
		p.b.WriteString("\n  " + d)
	}
	switch t.kind {
	case ast.Scalar:
		p.block("")
	case ast.Union:
		p.block("\n = " + strings.Join(t.members, " | "))
	case ast.Enum:
		p.b.WriteString("\n{\n")
		for i, v := range t.values {
			p.gap(i, v.desc)
			p.description(v.desc, "  ")
			p.b.WriteString("  " + v.name)
			for _, g := range v.graphs {
				p.b.WriteString(" @join__enumValue(graph: " + g + ")")
			}
			p.directives(&v.element)
			p.b.WriteString("\n")
		}
		p.block("}")
	default:
		p.b.WriteString("\n{\n")
		for i, f := range t.fields {
			p.gap(i, f.desc)
			p.field(f)
		}
		p.block("}")
	}
}

// gap sets described members apart.
func (p *printer) gap(i int, desc string) {
	if i > 0 && desc != "" {
		p.b.WriteString("\n")
	}
}

func (p *printer) field(f *mfield) {
	p.description(f.desc, "  ")
	p.b.WriteString("  " + f.name)
	p.arguments(f.args, "    ")
	p.b.WriteString(": " + f.typ.String())
	if f.deflt != nil {
		p.b.WriteString(" = " + printValue(f.deflt))
	}
	if f.bare {
		p.b.WriteString(" @join__field")
	}
	for _, j := range f.joins {
		p.b.WriteString(" " + j.text())
	}
	p.directives(&f.element)
	p.b.WriteString("\n")
}

// specifiedArguments are a definition's arguments in the form of merged ones.
func specifiedArguments(def *ast.DirectiveDefinition) []*marg {
	var out []*marg
	for _, a := range def.Arguments {
		out = append(out, &marg{element: element{desc: a.Description}, name: a.Name, typ: a.Type, deflt: a.DefaultValue})
	}
	return out
}

func (p *printer) arguments(args []*marg, indent string) {
	if len(args) == 0 {
		return
	}
	described := false
	for _, a := range args {
		described = described || a.desc != ""
	}
	p.b.WriteString("(")
	for i, a := range args {
		if described {
			p.b.WriteString("\n")
			p.description(a.desc, indent)
			p.b.WriteString(indent)
		} else if i > 0 {
			p.b.WriteString(", ")
		}
		p.b.WriteString(a.name + ": " + a.typ.String())
		if a.deflt != nil {
			p.b.WriteString(" = " + printValue(a.deflt))
		}
		p.directives(&a.element)
	}
	if described {
		p.b.WriteString("\n" + indent[2:])
	}
	p.b.WriteString(")")
}

func (p *printer) directives(e *element) {
	for _, d := range p.applied(e) {
		p.b.WriteString(" " + d)
	}
}

// applied are the directives of an element as they are written.
func (p *printer) applied(e *element) []string {
	var out []string
	for _, d := range e.dirs {
		named := *d
		named.Name = p.c.merged.nameOf(d.Name)
		out = append(out, printDirective(&named))
	}
	for _, d := range e.custom {
		out = append(out, printDirective(d))
	}
	return out
}

func keyword(k ast.DefinitionKind) string {
	switch k {
	case ast.Object:
		return "type"
	case ast.Interface:
		return "interface"
	case ast.Union:
		return "union"
	case ast.Enum:
		return "enum"
	case ast.InputObject:
		return "input"
	}
	return "scalar"
}

// joinType are the join directives of a type, graph by graph.
func (c *composer) joinType(t *mtype) []string {
	var out []string
	for _, i := range t.implements {
		out = append(out, "@join__implements(graph: "+i.graph+", interface: "+quoteString(i.name)+")")
	}
	in := map[*subgraph]*typ{}
	for _, src := range t.sources {
		in[src.sub] = src
	}
	for _, s := range c.subs {
		src := in[s]
		if src == nil {
			if t.name == "Query" { // every subgraph has one, to serve entities
				out = append(out, "@join__type(graph: "+s.graph+")")
			}
			continue
		}
		if len(src.keys) == 0 {
			out = append(out, "@join__type(graph: "+s.graph+c.abstractFlag(src)+")")
		}
		for _, k := range src.keys {
			line := "@join__type(graph: " + s.graph + ", key: " + quoteString(printSelection(k.sels))
			if k.extension {
				line += ", extension: true"
			}
			if !k.resolvable {
				line += ", resolvable: false"
			}
			out = append(out, line+c.abstractFlag(src)+")")
		}
	}
	for _, m := range t.memberOf {
		out = append(out, "@join__unionMember(graph: "+m.graph+", member: "+quoteString(m.name)+")")
	}
	return out
}

func (c *composer) abstractFlag(src *typ) string {
	if src.interfaceObject {
		return ", isInterfaceObject: true"
	}
	return ""
}

func (j joinField) text() string {
	args := []string{"graph: " + j.graph}
	add := func(name, value string) {
		if value != "" {
			args = append(args, name+": "+quoteString(value))
		}
	}
	add("requires", j.requires)
	add("provides", j.provides)
	add("type", j.typ)
	if j.external {
		args = append(args, "external: true")
	}
	add("override", j.override)
	if j.usedOverridden {
		args = append(args, "usedOverridden: true")
	}
	add("overrideLabel", j.label)
	if len(j.context) > 0 {
		var list []string
		for _, a := range j.context {
			list = append(list, "{context: "+quoteString(a.context)+", name: "+quoteString(a.name)+", type: "+quoteString(a.typ)+", selection: "+quoteString(a.selection)+"}")
		}
		args = append(args, "contextArguments: ["+strings.Join(list, ", ")+"]")
	}
	return "@join__field(" + strings.Join(args, ", ") + ")"
}
