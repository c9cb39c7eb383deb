package plan

import "slices"

// Subgraphs are the names of all subgraphs that a plan asks, sorted.
func (p *Plan) Subgraphs() []string {
	var names []string
	var walk func(Node)
	walk = func(n Node) {
		switch n := n.(type) {
		case *Sequence:
			for _, n := range n.Nodes {
				walk(n)
			}
		case *Parallel:
			for _, n := range n.Nodes {
				walk(n)
			}
		case *Condition:
			walk(n.Node)
		case *Fetch:
			names = append(names, n.Subgraph)
		}
	}
	walk(p.Root)
	for _, part := range p.Parts {
		walk(part.Node)
	}
	if p.Live != nil {
		walk(p.Live.Initial)
		walk(p.Live.Event)
	}
	if p.Subscribe != nil {
		walk(p.Subscribe.Primary)
		walk(p.Subscribe.Rest)
	}
	slices.Sort(names)
	return slices.Compact(names)
}
