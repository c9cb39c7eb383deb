package supergraph

import (
	"errors"
	"fmt"
	"slices"
	"sort"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/parser"
	"github.com/vektah/gqlparser/v2/validator"
)

// Parse reads a supergraph. All mistakes found are joined into one error.
//
// The passes, in order: parse the text; read which specifications it links; number the subgraphs;
// read types, then fields (which need the types' subgraphs), then possible types (which need both);
// give objects what @interfaceObject types say of them;
// find who sets contexts (which needs the possible types); read what rights are asked for, what fields cost, and what may be kept of answers; derive the public schema; read @live, which names public fields.
func Parse(sdl string) (*Supergraph, error) {
	doc, err := parser.ParseSchemas(validator.Prelude, &ast.Source{Name: "supergraph", Input: sdl})
	if err != nil {
		return nil, fmt.Errorf("parse supergraph: %w", err)
	}
	p := &reading{
		doc:   doc,
		links: readLinks(doc),
		graph: map[string]int{},
		s: &Supergraph{
			types: map[string]*Type{}, roots: map[ast.Operation]string{}, live: map[string]*Live{},
		},
	}
	p.readSecurity()
	p.readSubgraphs()
	if len(p.errs) > 0 {
		return nil, p.failure()
	}
	full, err := validator.ValidateSchemaDocument(doc)
	if err != nil {
		return nil, fmt.Errorf("validate supergraph: %w", err)
	}
	p.s.full = full
	p.readRoots()
	p.readTypes()
	p.readFields()
	p.readPossible()
	p.readInterfaceObjects()
	p.readContexts()
	p.readAccess()
	p.readCaching()
	p.readCost()
	p.readAPI()
	if len(p.errs) == 0 {
		p.readLive()
	}
	if len(p.errs) > 0 {
		return nil, p.failure()
	}
	return p.s, nil
}

type reading struct {
	doc   *ast.SchemaDocument
	links *links
	graph map[string]int // join__Graph value → index
	s     *Supergraph
	errs  []error
}

func (p *reading) fail(pos *ast.Position, format string, args ...any) {
	err := fmt.Errorf(format, args...)
	if pos != nil {
		err = fmt.Errorf("supergraph:%d:%d: %w", pos.Line, pos.Column, err)
	}
	p.errs = append(p.errs, err)
}

func (p *reading) failure() error {
	return fmt.Errorf("read supergraph: %w", errors.Join(p.errs...))
}

func (p *reading) readSubgraphs() {
	type entry struct {
		value string
		sub   Subgraph
	}
	var entries []entry
	for _, def := range p.doc.Definitions {
		if def.Kind != ast.Enum {
			continue
		}
		if spec, name := p.links.resolve(def.Name); spec != "join" || name != "Graph" {
			continue
		}
		for _, v := range def.EnumValues {
			e := entry{value: v.Name, sub: Subgraph{Name: v.Name}}
			for _, d := range v.Directives {
				if p.links.is(d, "join", "graph") {
					if n := argString(d, "name"); n != "" {
						e.sub.Name = n
					}
					e.sub.URL = argString(d, "url")
				}
			}
			entries = append(entries, e)
		}
	}
	if len(entries) == 0 {
		p.fail(nil, "no join__Graph enum with subgraphs found; is this the composed supergraph and not a subgraph's schema?")
		return
	}
	sort.SliceStable(entries, func(i, j int) bool { return entries[i].sub.Name < entries[j].sub.Name })
	for i, e := range entries {
		if i > 0 && entries[i-1].sub.Name == e.sub.Name {
			p.fail(nil, "subgraph %q is listed twice", e.sub.Name)
		}
		p.graph[e.value] = i
		p.s.subgraphs = append(p.s.subgraphs, e.sub)
	}
}

func (p *reading) readRoots() {
	if p.s.full.Query == nil {
		p.fail(nil, "the supergraph has no query root type")
		return
	}
	p.s.roots[ast.Query] = p.s.full.Query.Name
	if def := p.s.full.Mutation; def != nil {
		p.s.roots[ast.Mutation] = def.Name
	}
	if def := p.s.full.Subscription; def != nil {
		p.s.roots[ast.Subscription] = def.Name
	}
}

// graphArg returns the subgraph index of a directive's graph argument; ok is false when it has none.
func (p *reading) graphArg(d *ast.Directive) (int, bool) {
	value := argString(d, "graph")
	if value == "" {
		return 0, false
	}
	i, ok := p.graph[value]
	if !ok {
		p.fail(d.Position, "@%s names the graph %s, which the join__Graph enum does not list", d.Name, value)
	}
	return i, ok
}

func (p *reading) fieldSet(d *ast.Directive, arg string) FieldSet {
	text := argString(d, arg)
	if text == "" {
		return nil
	}
	set, err := ParseFieldSet(text)
	if err != nil {
		p.fail(d.Position, "@%s(%s:): %w", d.Name, arg, err)
	}
	return set
}

func (p *reading) readTypes() {
	for _, def := range p.doc.Definitions {
		if def.BuiltIn || p.links.machinery(def.Name) {
			continue
		}
		t := &Type{Name: def.Name, Kind: def.Kind, Def: def, In: make([]TypeIn, len(p.s.subgraphs)), fields: map[string]*Field{}}
		joined := false
		for _, d := range def.Directives {
			if p.links.is(d, "join", "type") {
				joined = true
				if g, ok := p.graphArg(d); ok {
					in := &t.In[g]
					in.Present, in.WireName = true, def.Name
					in.InterfaceObject = argBool(d, "isInterfaceObject", false)
					if key := argString(d, "key"); key != "" {
						in.Keys = append(in.Keys, Key{Text: key, Fields: p.fieldSet(d, "key"), Resolvable: argBool(d, "resolvable", true)})
					}
				}
			}
			if p.links.is(d, "join", "owner") {
				joined = true
			}
		}
		if !joined { // a value type of join v0.1, known to every subgraph
			for g := range t.In {
				t.In[g] = TypeIn{Present: true, WireName: def.Name}
			}
		}
		p.s.types[def.Name] = t
		p.s.names = append(p.s.names, def.Name)
	}
	sort.Strings(p.s.names)
}

func (p *reading) readFields() {
	for _, name := range p.s.names {
		t := p.s.types[name]
		for _, fd := range t.Def.Fields {
			if len(fd.Name) > 1 && fd.Name[:2] == "__" {
				continue
			}
			f := &Field{Name: fd.Name, Def: fd, In: make([]FieldIn, len(p.s.subgraphs))}
			p.readField(t, f)
			t.fields[fd.Name] = f
			t.order = append(t.order, f)
		}
	}
}

func (p *reading) readField(t *Type, f *Field) {
	joined := false
	type move struct{ from, label string }
	moved := map[int]move{}        // subgraph → the subgraph it overrides by a label
	overrides := map[string]bool{} // subgraph names that gave the field up
	for _, d := range f.Def.Directives {
		if !p.links.is(d, "join", "field") {
			continue
		}
		joined = true
		g, ok := p.graphArg(d)
		if !ok {
			continue // comes from an @interfaceObject; no subgraph resolves it on this type
		}
		moves := argBool(d, "usedOverridden", false) && argString(d, "overrideLabel") == ""
		in := FieldIn{
			Present:  true,
			External: argBool(d, "external", false) || moves,
			Moved:    moves,
			Type:     f.Def.Type,
			Requires: p.fieldSet(d, "requires"),
			Provides: p.fieldSet(d, "provides"),
			Contexts: p.contextArguments(d),
		}
		if text := argString(d, "type"); text != "" {
			typ, err := parseType(text)
			if err != nil {
				p.fail(d.Position, "@%s(type:): %w", d.Name, err)
			} else {
				in.Type = typ
			}
		}
		if from := argString(d, "override"); from != "" {
			if label := argString(d, "overrideLabel"); label != "" {
				moved[g] = move{from, label}
			} else {
				overrides[from] = true
			}
		}
		f.In[g] = in
	}
	if !joined {
		for g, in := range t.In {
			if in.Present {
				f.In[g] = FieldIn{Present: true, Type: f.Def.Type}
			}
		}
		return
	}
	for g, sub := range p.s.subgraphs {
		if overrides[sub.Name] && f.In[g].Present {
			f.In[g].External, f.In[g].Moved = true, true
		}
		// A label that nobody has switched on leaves the field where it was.
		if from := p.graphNamed(moved[g].from); from >= 0 && f.In[from].Present {
			f.In[g].External, f.In[g].Moved = true, true
			p.s.labelled = append(p.s.labelled, labelled{typ: t.Name, field: f.Name, label: moved[g].label, from: from, to: g})
		}
	}
}

// graphNamed returns the index of a subgraph, -1 when there is none.
func (p *reading) graphNamed(name string) int {
	return slices.IndexFunc(p.s.subgraphs, func(s Subgraph) bool { return s.Name == name })
}

// readPossible finds which object types stand for an abstract type in each subgraph.
func (p *reading) readPossible() {
	for _, name := range p.s.names {
		t := p.s.types[name]
		switch t.Kind {
		case ast.Object:
			for g := range t.In {
				if t.In[g].Present {
					t.In[g].Possible = []string{name}
				}
			}
			p.eachMembership(t, "implements", "interface", t.Def.Interfaces, func(g int, iface string) {
				if it := p.s.types[iface]; it != nil && it.In[g].Present && !it.In[g].InterfaceObject {
					it.In[g].Possible = append(it.In[g].Possible, name)
				}
			})
		case ast.Union:
			p.eachMembership(t, "unionMember", "member", t.Def.Types, func(g int, member string) {
				if m := p.s.types[member]; m != nil && m.In[g].Present {
					t.In[g].Possible = append(t.In[g].Possible, member)
				}
			})
		}
	}
	for _, name := range p.s.names {
		for g := range p.s.types[name].In {
			sort.Strings(p.s.types[name].In[g].Possible)
		}
	}
}

// eachMembership calls f for each (subgraph, other type) that the join directive lists, or, where a
// supergraph has no such directive (join v0.1, v0.2), for every subgraph that knows the type.
func (p *reading) eachMembership(t *Type, directive, arg string, all []string, f func(g int, other string)) {
	listed := false
	for _, d := range t.Def.Directives {
		if p.links.is(d, "join", directive) {
			listed = true
			if g, ok := p.graphArg(d); ok && t.In[g].Present {
				f(g, argString(d, arg))
			}
		}
	}
	if listed {
		return
	}
	for g := range t.In {
		if t.In[g].Present {
			for _, other := range all {
				f(g, other)
			}
		}
	}
}

func parseType(text string) (*ast.Type, error) {
	doc, err := parser.ParseSchema(&ast.Source{Name: "type", Input: "type T { f: " + text + " }"})
	if err != nil {
		return nil, fmt.Errorf("parse type %q: %w", text, err)
	}
	if len(doc.Definitions) != 1 || len(doc.Definitions[0].Fields) != 1 {
		return nil, fmt.Errorf("parse type %q: want one type", text)
	}
	return doc.Definitions[0].Fields[0].Type, nil
}
