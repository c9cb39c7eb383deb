package planner

import "storefront/router/plan"

// layout shows fetches as rounds: a Sequence of Parallels. What really waits for what is in each
// fetch's After; a fetch may start before its round is complete.
func layout(fetches []written) plan.Node {
	var rounds []plan.Node
	for i := 0; i < len(fetches); {
		var round []plan.Node
		depth := fetches[i].depth
		for ; i < len(fetches) && fetches[i].depth == depth; i++ {
			var n plan.Node = fetches[i].fetch
			if c := fetches[i].fetch.Cond; c != nil {
				n = &plan.Condition{If: c, Node: n}
			}
			round = append(round, n)
		}
		if len(round) == 1 {
			rounds = append(rounds, round[0])
		} else {
			rounds = append(rounds, &plan.Parallel{Nodes: round})
		}
	}
	switch len(rounds) {
	case 0:
		return nil
	case 1:
		return rounds[0]
	}
	return &plan.Sequence{Nodes: rounds}
}
