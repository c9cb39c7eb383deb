package execute

import (
	"context"
	"errors"
	"net/http"

	"storefront/internal/errs"
)

// Subscriber is a Transport over which subgraphs feed subscriptions.
type Subscriber interface {
	// Subscribe begins a subscription. It returns when the subgraph has been asked for it; the stream ends
	// when ctx does, or by Close.
	Subscribe(ctx context.Context, r *SubgraphRequest) (Stream, error)
	// Reaches says whether a subgraph is still to be had at the address of a stream of another transport.
	Reaches(subgraph, address string) bool
}

// ErrRefused is what a stream's errors are where a subgraph does not give it, so that asking again is of no use.
var ErrRefused = errors.New("the subgraph refuses the subscription")

// Stream is a subscription that a subgraph feeds.
type Stream interface {
	// Next waits for the next GraphQL response. io.EOF is the end that the subgraph has declared; any other
	// error is a connection that was lost, after which the stream gives nothing any more.
	Next() ([]byte, error)
	// Address is where the subgraph is: scheme and host.
	Address() string
	// Close ends the subscription at the subgraph. It may be called more than once, and ends a Next.
	Close()
}

// Fed says that a subgraph feeds the operation, a subscription: it runs by Subscribe and ExecuteFed.
func (p *Prepared) Fed() bool { return p.feed != nil }

// SameFeed says that two operations ask the same of the same subgraph, and differ at most in what is
// fetched from others.
func (p *Prepared) SameFeed(o *Prepared) bool {
	return p.feed.Subgraph == o.feed.Subgraph && p.feed.Operation == o.feed.Operation && p.feed.OperationName == o.feed.OperationName
}

// FeedAnswers says that what the subgraph sends answers all of a subscription, so that nothing is fetched.
func (p *Prepared) FeedAnswers() bool { return len(p.rest.fetches) == 0 }

// Feeds is the name of the subgraph that feeds a subscription.
func (p *Prepared) Feeds() string { return p.feed.Subgraph }

// Subscribe begins a subscription at the subgraph that feeds it.
func (e *Executor) Subscribe(ctx context.Context, p *Prepared, vars map[string]any, hdr func(string) http.Header) (Stream, error) {
	t, ok := e.transport.(Subscriber)
	if !ok {
		return nil, errs.New(errs.Unavailable, "this router reaches no subgraph's subscriptions")
	}
	r := e.begin(ctx, p, vars, hdr)
	req := r.request(p.feed, nil, nil)
	r.release()
	return t.Subscribe(ctx, req)
}

// Reaches says whether a stream comes from where this executor would subscribe too.
func (e *Executor) Reaches(p *Prepared, address string) bool {
	t, ok := e.transport.(Subscriber)
	return ok && t.Reaches(p.feed.Subgraph, address)
}

// ExecuteFed answers a subscription's clients with what its subgraph has sent, and fetches the rest from
// others.
func (e *Executor) ExecuteFed(ctx context.Context, p *Prepared, sent []byte, vars map[string]any, hdr func(string) http.Header) *Response {
	r := e.begin(ctx, p, vars, hdr)
	s := &r.scratch
	s.target(r.root, 0, 0)
	r.read(answer{fetch: p.feed, target: targets{objs: span{len(s.objs) - 1, len(s.objs)}}, body: sent})
	r.fetchAll(ctx, p.rest)
	return r.finish(ctx)
}
