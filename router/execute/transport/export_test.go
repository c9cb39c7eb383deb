package transport

// Waiting is how many queries to a subgraph wait for requests that may be shared.
func (t *Transport) Waiting(subgraph string) int {
	g := t.subgraphs[subgraph].share
	g.mu.Lock()
	defer g.mu.Unlock()
	n := 0
	for _, f := range g.flights {
		n += f.waiters
	}
	return n
}
