package supergraph

import (
	"fmt"
	"slices"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
)

// ContextArgument is an argument of a field in one subgraph that clients do not give: its value is
// read at the nearest object above that sets the context (https://specs.apollo.dev/context/v0.1).
type ContextArgument struct {
	Name   string
	Type   string   // as the subgraph spells it
	Set    []string // object types that set the context, sorted
	Fields FieldSet // leads to the value from an object that sets it

	context string // its name in the supergraph
}

// readContexts finds who sets the contexts that fields take arguments from.
func (p *reading) readContexts() {
	set := map[string][]string{}
	for _, name := range p.s.names {
		t := p.s.types[name]
		for _, d := range t.Def.Directives {
			if p.links.is(d, "context", "context") {
				set[argString(d, "name")] = append(set[argString(d, "name")], p.objectsOf(t)...)
			}
		}
	}
	for _, name := range p.s.names {
		for _, f := range p.s.types[name].order {
			for g := range f.In {
				for i := range f.In[g].Contexts {
					c := &f.In[g].Contexts[i]
					c.Set = slices.Clone(set[c.context])
					slices.Sort(c.Set)
					c.Set = slices.Compact(c.Set)
				}
			}
		}
	}
}

func (p *reading) objectsOf(t *Type) []string {
	var out []string
	for g := range t.In {
		out = append(out, t.In[g].Possible...)
	}
	return out
}

// contextArguments reads @join__field(contextArguments:).
func (p *reading) contextArguments(d *ast.Directive) []ContextArgument {
	arg := d.Arguments.ForName("contextArguments")
	if arg == nil || arg.Value == nil {
		return nil
	}
	var out []ContextArgument
	for _, item := range arg.Value.Children {
		text := func(name string) string {
			if v := item.Value.Children.ForName(name); v != nil {
				return v.Raw
			}
			return ""
		}
		selection := strings.TrimSpace(text("selection"))
		if inner, ok := strings.CutPrefix(selection, "{"); ok {
			selection = strings.TrimSuffix(inner, "}")
		}
		set, err := ParseFieldSet(selection)
		if err == nil && (text("name") == "" || text("type") == "") {
			err = fmt.Errorf("a name and a type are missing")
		}
		if err != nil {
			p.fail(d.Position, "@%s(contextArguments:): %w", d.Name, err)
			continue
		}
		out = append(out, ContextArgument{Name: text("name"), Type: text("type"), context: text("context"), Fields: set})
	}
	return out
}
