// Package check runs operations on a random graph twice, federated and on one plain server of the whole,
// and tells where the two differ. Enter at Open, House.Run and Shrink.
package check

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"

	"storefront/router/compose"
	"storefront/router/execute"
	"storefront/router/execute/cache"
	"storefront/router/internal/property/query"
	"storefront/router/internal/property/world"
	"storefront/router/internal/testgraph"
	"storefront/router/supergraph"
)

// House is a world that is served: its subgraphs behind a router, and the one server of the whole.
type House struct {
	Supergraph *supergraph.Supergraph
	SDL        string // the supergraph's
	Defer      bool   // a third of the operations is run with fragments deferred as well
	Servers    []world.Server

	subs     map[string]*testgraph.Subgraph
	whole    *testgraph.Subgraph
	executor *execute.Executor
	guards   *guarded
	options  execute.Options
	kept     *cache.Cache // nil: nothing is kept
	log      *calls
}

// Failure is a difference, or anything else that must not be.
type Failure struct {
	Kind   string // what went wrong, in a word or two
	Detail string
}

// Dropped is why a world cannot be served: composition refuses it.
type Dropped struct{ Codes []string }

// Open composes a world. A world that does not compose is dropped; a world whose parts are no valid
// schemas is a failure.
func Open(w *world.World) (h *House, dropped *Dropped, failure *Failure) {
	defer func() {
		if r := recover(); r != nil {
			h, failure = nil, &Failure{"panic in composition", fmt.Sprint(r)}
		}
	}()
	servers, whole := w.Render()
	var input []compose.Subgraph
	for _, s := range servers {
		if strings.TrimSpace(s.SDL) == "" {
			return nil, &Dropped{[]string{"EMPTY"}}, nil
		}
		input = append(input, compose.Subgraph{Name: s.Name, URL: "http://" + s.Name, SDL: s.SDL, File: s.Name})
	}
	result, errs := compose.Compose(input)
	if len(errs) > 0 {
		d := &Dropped{}
		for _, e := range errs {
			if !slices.Contains(d.Codes, e.Code) {
				d.Codes = append(d.Codes, e.Code)
			}
		}
		return nil, d, nil
	}
	h = &House{SDL: result.SupergraphSDL, Servers: servers, subs: map[string]*testgraph.Subgraph{}, log: &calls{}}
	var err error
	if h.Supergraph, err = supergraph.Parse(result.SupergraphSDL); err != nil {
		return nil, nil, &Failure{"supergraph", err.Error()}
	}
	for _, s := range servers {
		if h.subs[s.Name], err = testgraph.New(s.SDL, s.Data); err != nil {
			return nil, nil, &Failure{"schema", s.Name + ": " + err.Error()}
		}
	}
	if h.whole, err = testgraph.New(whole.SDL, whole.Data); err != nil {
		return nil, nil, &Failure{"schema", "whole: " + err.Error() + "\n" + whole.SDL}
	}
	h.options = execute.Options{Errors: execute.AllErrors(), MaxRepresentations: int(w.Seed % 4)}
	h.executor = execute.New(h.Supergraph, &transport{h}, h.options)
	if h.guards, err = h.guard(w.Seed, h.options); err != nil {
		return nil, nil, &Failure{"guarded supergraph", err.Error()}
	}
	return h, nil, nil
}

// with is the supergraph as it is for an operation with its labels on.
func (h *House) with(q query.Query) *supergraph.Supergraph {
	return h.Supergraph.With(q.On(h.Supergraph.Labels()))
}

// transport answers in the process.
type transport struct{ h *House }

// Do answers one request and keeps a record of it.
func (t *transport) Do(_ context.Context, r *execute.SubgraphRequest) ([]byte, error) {
	vars := map[string]any{}
	if r.Variables != nil {
		if err := json.Unmarshal(r.Variables, &vars); err != nil {
			return nil, fmt.Errorf("decode variables: %w", err)
		}
	}
	t.h.log.begin(r)
	body := t.h.subs[r.Subgraph].Answer(r.Query, vars)
	t.h.log.end(r, body)
	return body, nil
}

// Subscribe begins a subscription, whose one event is there already.
func (t *transport) Subscribe(ctx context.Context, r *execute.SubgraphRequest) (execute.Stream, error) {
	body, err := t.Do(ctx, r)
	return event(body), err
}

func (t *transport) Reaches(string, string) bool { return true }

// event is a stream that gives itself, again and again.
type event []byte

func (e event) Next() ([]byte, error) { return e, nil }
func (e event) Address() string       { return "" }
func (e event) Close()                {}

// calls is the record of one execution's requests.
type calls struct {
	mu      sync.Mutex
	flying  int
	wrong   []string // requests that are against the rules
	mutated []string // keys of mutation fields, in the order of their requests
}

func (c *calls) begin(r *execute.SubgraphRequest) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.flying++; r.IsMutation && c.flying > 1 {
		c.wrong = append(c.wrong, "a mutation was sent while another request was under way: "+r.Query)
	}
}

func (c *calls) end(r *execute.SubgraphRequest, body []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.flying--
	for _, word := range []string{"parse: ", "validate: ", "variables: "} {
		if strings.HasPrefix(string(body), `{"errors":[{"message":"`+word) {
			c.wrong = append(c.wrong, r.Subgraph+" refused a request: "+string(body)+" variables "+string(r.Variables))
		}
	}
	if r.IsMutation {
		c.mutated = append(c.mutated, topKeys(body)...)
	}
}

// topKeys are the keys of a response's data, in order.
func topKeys(body []byte) []string {
	var out struct{ Data json.RawMessage }
	if json.Unmarshal(body, &out) != nil {
		return nil
	}
	d := json.NewDecoder(strings.NewReader(string(out.Data)))
	var keys []string
	depth, isKey := 0, false
	for {
		token, err := d.Token()
		if err != nil {
			return keys
		}
		if delim, ok := token.(json.Delim); ok {
			if delim == '{' || delim == '[' {
				depth++
			} else {
				depth--
			}
			isKey = depth == 1
			continue
		}
		if depth != 1 {
			continue
		}
		if isKey {
			keys = append(keys, token.(string))
		}
		isKey = !isKey
	}
}
