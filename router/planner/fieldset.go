package planner

import (
	"slices"

	"storefront/router/operation"
	"storefront/router/supergraph"
)

// What a field set selects, as fields to read, and the objects that it is selected of.

// internalItems turns a key's or a requirement's selection into items at a position.
func (p *planner) internalItems(ps *pos, set supergraph.FieldSet, why item) []item {
	var out []item
	for _, f := range p.internalFields(ps.typ, set, nil, why.by.sub) {
		out = append(out, why.with(f))
	}
	return out
}

// internalFields are what a field set selects, for a subgraph that is sent it: with __typename where it has
// fragments, which that one tells by their objects' types, and others may not say them.
func (p *planner) internalFields(typ string, set supergraph.FieldSet, on []string, sub int) []*operation.Field {
	var out []*operation.Field
	t := p.sg.Type(typ)
	for _, sel := range set {
		if sel.On != "" {
			types := p.fullPossible(sel.On)
			if t.Abstract() {
				all := on
				if all == nil {
					all = p.fullPossible(typ)
				}
				if both := common(all, types); len(both) < len(all) {
					out = append(out, p.internalFields(sel.On, sel.Sub, both, sub)...)
				} else { // it leaves none out
					out = append(out, p.internalFields(sel.On, sel.Sub, on, sub)...)
				}
			} else if slices.Contains(types, typ) {
				out = append(out, p.internalFields(typ, sel.Sub, on, sub)...)
			}
			continue
		}
		f := &operation.Field{Name: sel.Name, Args: sel.Args, ArgsKey: operation.ArgsText(sel.Args), On: on}
		if sf := t.Field(sel.Name); sf != nil {
			f.Def = sf.Def
			if len(sel.Sub) > 0 {
				target := p.sg.Type(sf.Def.Type.Name())
				f.Sel = &operation.SelectionSet{Type: target.Name, Fields: p.internalFields(target.Name, sel.Sub, nil, sub)}
				typed := slices.ContainsFunc(sel.Sub, func(s supergraph.FieldSelection) bool { return s.On != "" && s.On != target.Name })
				if typed && p.tells(target, sub) && veiled(p.sg, target.Name) {
					f.Sel.Fields = append(f.Sel.Fields, &operation.Field{Name: "__typename"})
				}
			}
		}
		out = append(out, f)
	}
	return out
}

// tells reports whether objects of a type have to say what they are to a subgraph.
func (p *planner) tells(t *supergraph.Type, sub int) bool {
	return t.Abstract() && sub != heldData && !t.Opaque(sub)
}

// fullPossible lists object types of a type, inaccessible ones included.
func (p *planner) fullPossible(name string) []string {
	t := p.sg.Type(name)
	if t == nil {
		return nil
	}
	var out []string
	for g := range t.In {
		out = append(out, t.In[g].Possible...)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// common lists what both lists have, in the first one's order; never nil.
func common(a, b []string) []string {
	out := []string{}
	for _, s := range a {
		if slices.Contains(b, s) {
			out = append(out, s)
		}
	}
	return out
}
