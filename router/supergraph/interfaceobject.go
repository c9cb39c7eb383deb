package supergraph

import (
	"slices"

	"github.com/vektah/gqlparser/v2/ast"
)

// readInterfaceObjects gives the objects of an interface what subgraphs know of them under the
// interface's name: where a subgraph has `type I @interfaceObject`, an object that implements I is
// entered there as an I and has there the fields of that I. In that subgraph an I may be any of them.
func (p *reading) readInterfaceObjects() {
	for _, name := range p.s.names {
		it := p.s.types[name]
		if it.Kind != ast.Interface {
			continue
		}
		for g := range it.In {
			if !it.In[g].Present || !it.In[g].InterfaceObject {
				continue
			}
			for _, impl := range p.s.names {
				t := p.s.types[impl]
				if t.Kind != ast.Object || !slices.Contains(t.Def.Interfaces, name) {
					continue
				}
				it.In[g].Possible = append(it.In[g].Possible, impl)
				if t.In[g].Present {
					continue // of two such interfaces in one subgraph the first by name stands for the object
				}
				t.In[g] = TypeIn{Present: true, WireName: it.In[g].WireName, InterfaceObject: true, Keys: it.In[g].Keys, Possible: []string{impl}}
				for _, f := range t.order {
					if of := it.fields[f.Name]; of != nil {
						f.In[g] = of.In[g]
					}
				}
			}
		}
	}
}

// Opaque reports whether values of an abstract type do not say in a subgraph which object they are,
// because it is an @interfaceObject there.
func (t *Type) Opaque(sub int) bool { return t.Abstract() && t.In[sub].InterfaceObject }
