package replay

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"storefront/internal/client"
)

// state is how far an order has come.
type state struct {
	Status string `json:"status"`
	Reason string `json:"reason"`
}

func (s state) final() bool {
	return s.Status == "DELIVERED" || s.Status == "CANCELLED" || s.Status == "REJECTED"
}

// paid reports whether lines of the order can come back.
func (s state) paid() bool {
	return s.Status == "PAID" || s.Status == "PREPARING" || s.Status == "SHIPPED" || s.Status == "DELIVERED"
}

// tracker asks for the status of orders until they are final, many in one request. It is safe for
// concurrent use.
type tracker struct {
	client  *client.Client
	mu      sync.Mutex
	states  map[string]state
	open    []string      // not final, the one asked for longest ago first
	changed chan struct{} // closed and made anew after each round
	finals  int
}

const (
	ordersPerCall  = 100
	ordersPerRound = 400
	pause          = 300 * time.Millisecond
)

func newTracker(c *client.Client) *tracker {
	return &tracker{client: c, states: map[string]state{}, changed: make(chan struct{})}
}

func (t *tracker) add(order string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if _, known := t.states[order]; !known {
		t.states[order] = state{Status: "PLACED"}
		t.open = append(t.open, order)
	}
}

// count is how many orders are known, and how many of them final.
func (t *tracker) count() (all, final int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.states), t.finals
}

// wait returns the state of an order once enough says so, or the last one when ctx ends.
func (t *tracker) wait(ctx context.Context, order string, enough func(state) bool) (state, error) {
	for {
		t.mu.Lock()
		s, changed := t.states[order], t.changed
		t.mu.Unlock()
		if enough(s) {
			return s, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return s, ctx.Err()
		}
	}
}

// run asks round by round until ctx ends.
func (t *tracker) run(ctx context.Context) error {
	for {
		if err := t.round(ctx); err != nil {
			return err
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (t *tracker) round(ctx context.Context) error {
	t.mu.Lock()
	n := min(ordersPerRound, len(t.open))
	asked := append([]string(nil), t.open[:n]...)
	t.open = append(t.open[:0:0], t.open[n:]...)
	t.mu.Unlock()
	for len(asked) > 0 {
		batch := asked[:min(ordersPerCall, len(asked))]
		asked = asked[len(batch):]
		states, err := t.ask(ctx, batch)
		if err != nil {
			return err
		}
		t.mu.Lock()
		for i, order := range batch {
			if t.states[order] = states[i]; states[i].final() {
				t.finals++
			} else {
				t.open = append(t.open, order)
			}
		}
		t.mu.Unlock()
	}
	t.mu.Lock()
	close(t.changed)
	t.changed = make(chan struct{})
	t.mu.Unlock()
	return nil
}

func (t *tracker) ask(ctx context.Context, orders []string) ([]state, error) {
	var params, fields strings.Builder
	vars := map[string]any{}
	for i, order := range orders {
		fmt.Fprintf(&params, "$o%d: ID! ", i)
		fmt.Fprintf(&fields, " o%d: order(id: $o%d) { status reason }", i, i)
		vars[fmt.Sprintf("o%d", i)] = order
	}
	var answer map[string]*state
	query := "query Orders(" + params.String() + ") {" + fields.String() + " }"
	if err := t.client.DoPatiently(ctx, patience, query, vars, nil, &answer); err != nil {
		return nil, fmt.Errorf("ask for orders: %w", err)
	}
	states := make([]state, len(orders))
	for i := range orders {
		s := answer[fmt.Sprintf("o%d", i)]
		if s == nil {
			return nil, fmt.Errorf("ask for orders: the shop does not know order %s, which the journal names; is it another shop?", orders[i])
		}
		states[i] = *s
	}
	return states, nil
}
