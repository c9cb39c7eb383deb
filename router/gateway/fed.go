package gateway

import (
	"context"
	"errors"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"time"

	"storefront/internal/errs"
	"storefront/internal/poll"
	"storefront/router/execute"
)

const (
	fedPause    = 250 * time.Millisecond // before a lost stream is asked for again, doubled until one holds
	fedMaxPause = 10 * time.Second
	fedAtOnce   = 8 // messages whose rest is fetched beside each other
)

// springs are the subscriptions that subgraphs feed. Feeds with the same operation, variables and rights
// have one between them: the subgraph would send each of them the same.
type springs struct {
	g     *Gateway
	mu    sync.Mutex
	byKey map[groupKey]*spring // that take feeds in
	all   map[*spring]struct{} // those that do not any more as well
}

func newSprings(g *Gateway) *springs {
	return &springs{g: g, byKey: map[groupKey]*spring{}, all: map[*spring]struct{}{}}
}

// spring is one subscription at a subgraph, and those who get what it brings.
//
//	subgraph ─▶ read: one response after the other ─▶ resolve the rest, beside each other ─▶ deliver, in order ─▶ feeds
//
// A stream that is lost is asked for again. What the subgraph sent meanwhile is lost, since its streams have
// no positions: the next message says so with extensions.reconnected.
type spring struct {
	g      *Gateway
	key    groupKey // guarded by springs.mu
	cancel context.CancelFunc
	opened chan struct{}
	failed *failure // why it could not be opened

	mu    sync.Mutex
	job   *job          // replaced when the supergraph is
	share string        // what subgraphs answer its callers depends on; likewise
	feeds map[*feed]int // and the round of their joining
	ended bool
	again context.CancelFunc // ends the stream, so that it is asked for anew
	at    string             // the address of the stream

	patience patience // with the feeds; who delivers has it
}

// join brings a feed to its spring, and returns when the subgraph has been asked for the subscription.
func (s *springs) join(ctx context.Context, f *feed, j *job) *failure {
	if j.begin.resume != "" {
		return reject(http.StatusBadRequest, problem(codeBadInput, "This subscription is a subgraph's own, which cannot be resumed; subscribe without a cursor."))
	}
	key := groupKey{operation: j.prepared, variables: string(j.sent), rights: shareKey(f, j)}
	f.beAwaited()
	var flow context.Context
	s.mu.Lock()
	sp := s.byKey[key]
	first := sp == nil || !sp.add(f, j)
	if first {
		sp = &spring{g: s.g, key: key, job: j, share: key.rights, feeds: map[*feed]int{f: f.joins(false)}, opened: make(chan struct{})}
		flow, sp.cancel = context.WithCancel(context.Background())
		s.byKey[key], s.all[sp] = sp, struct{}{}
	}
	s.mu.Unlock()
	f.joined(func() { s.leave(sp, f) }, nil)
	if first {
		go func() {
			defer sp.cancel()
			sp.finish(sp.flow(flow))
			s.forget(sp)
		}()
	}
	select {
	case <-sp.opened:
		return sp.failed
	case <-ctx.Done():
		return reject(499, problem(codeUnavailable, "The client left before the subscription began."))
	}
}

// add lets a feed in, unless the spring has ended or has moved on to another supergraph than the feed's.
func (sp *spring) add(f *feed, j *job) bool {
	sp.mu.Lock()
	defer sp.mu.Unlock()
	if sp.ended || sp.job.edition != j.edition {
		return false
	}
	sp.feeds[f] = f.joins(false)
	return true
}

// leave takes a feed out; the stream ends behind the last.
func (s *springs) leave(sp *spring, f *feed) {
	sp.mu.Lock()
	delete(sp.feeds, f)
	last := len(sp.feeds) == 0
	sp.ended = sp.ended || last
	sp.mu.Unlock()
	if last {
		s.forget(sp)
		sp.cancel()
	}
}

func (s *springs) forget(sp *spring) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.all, sp)
	if s.byKey[sp.key] == sp {
		delete(s.byKey, sp.key)
	}
}

// renew moves every spring on to the supergraph that is served now, and ends those that it does not have.
func (s *springs) renew(ctx context.Context) {
	s.mu.Lock()
	all := slices.Collect(maps.Keys(s.all))
	s.mu.Unlock()
	for _, sp := range all {
		j, why := sp.renewed(ctx)
		share := ""
		if j != nil && why == nil {
			share, why = sp.moveOn(j)
		}
		if why != nil {
			s.forget(sp)
			sp.finish(why)
			sp.cancel()
			continue
		}
		if j == nil {
			continue
		}
		s.mu.Lock()
		if s.byKey[sp.key] == sp {
			delete(s.byKey, sp.key)
			sp.key.operation, sp.key.rights = j.prepared, share
			if s.byKey[sp.key] == nil { // else there are two for a while, which is as correct
				s.byKey[sp.key] = sp
			}
		}
		s.mu.Unlock()
	}
}

// renewed is the spring's operation on the supergraph that is served now; nil when nobody wants it any more.
func (sp *spring) renewed(ctx context.Context) (*job, *failure) {
	sp.mu.Lock()
	old := sp.job
	sp.mu.Unlock()
	callers := sp.callers()
	if len(callers) == 0 {
		return nil, nil
	}
	j, f := sp.g.renewed(ctx, old, callers)
	if f == nil && j.live != nil {
		f = changed("its events come from elsewhere")
	}
	return j, f
}

// moveOn takes on the operation as it is now, and returns what subgraphs answer its callers depends on: where that is
// not the same for all any more, each has to subscribe again. The stream stays, unless it would be another one.
func (sp *spring) moveOn(j *job) (share string, f *failure) {
	sp.mu.Lock()
	defer sp.mu.Unlock()
	first := true
	for f := range sp.feeds {
		switch own := shareKey(f, j); {
		case first:
			share, first = own, false
		case own != share:
			return "", changed("its callers are not asked for with the same headers any more")
		}
	}
	same := sp.share == share && sp.job.ready.SameFeed(j.ready) && j.edition.executor.Reaches(j.ready, sp.at)
	sp.job, sp.share = j, share
	if !same && sp.again != nil {
		sp.again()
	}
	return share, nil
}

func (sp *spring) callers() (list []*caller) {
	sp.mu.Lock()
	defer sp.mu.Unlock()
	for f := range sp.feeds {
		list = append(list, f.who())
	}
	return list
}

// now is the operation and one for whom it is asked, with what that one's answers depend on; false when nobody is left.
func (sp *spring) now() (j *job, c *caller, share string, ok bool) {
	sp.mu.Lock()
	defer sp.mu.Unlock()
	for f := range sp.feeds {
		return sp.job, f.who(), sp.share, true
	}
	return nil, nil, "", false
}

// flow brings what the subgraph sends until it ends, and says why it did: nil when the subgraph says so.
func (sp *spring) flow(ctx context.Context) *failure {
	var lost time.Time // when the stream was; zero while it is there, and before the first
	opened := sync.OnceFunc(func() { close(sp.opened) })
	for tries := 0; ; {
		j, c, share, ok := sp.now()
		if !ok {
			opened()
			return nil
		}
		held, err := sp.stream(ctx, j, c, share, !lost.IsZero(), func() {
			lost = time.Time{}
			opened()
		})
		if held {
			tries = 0
		}
		switch {
		case errors.Is(err, io.EOF), ctx.Err() != nil:
			return nil
		case err == nil: // it is to be asked for anew
			lost = time.Now()
			continue
		}
		f := sp.away(j, c, err)
		select {
		case <-sp.opened:
		default: // the transport has tried what makes sense
			sp.failed = f
			opened()
			return f
		}
		if lost.IsZero() {
			lost = time.Now()
		}
		pause := min(fedPause<<min(tries, 10), fedMaxPause)
		if errors.Is(err, execute.ErrRefused) || time.Since(lost)+pause > sp.g.cfg.Reconnect {
			return f
		}
		if !poll.Sleep(ctx, pause/2+rand.N(pause/2)) {
			return nil
		}
		tries++
	}
}

// away is why a subgraph's stream is not to be had.
func (sp *spring) away(j *job, c *caller, err error) *failure {
	sp.g.log.Warn("a subgraph's subscription was lost", "subgraph", j.ready.Feeds(), "request_id", c.requestID, "error", err)
	if coded, ok := errors.AsType[*errs.Error](err); ok && coded.Code != errs.Internal {
		return sp.g.failed(context.Background(), c, "subscribe at a subgraph", coded)
	}
	return reject(http.StatusServiceUnavailable, problem(codeUnavailable, "The subgraph %q does not give its subscription at the moment; subscribe again.", j.ready.Feeds()))
}

// stream asks for the subscription once, and brings what comes until the stream ends. It held when it brought
// something or was there for a while: one that is only taken on is no sign of health. A nil error means that
// the operation has changed, and another stream takes its place.
func (sp *spring) stream(ctx context.Context, j *job, c *caller, share string, again bool, opened func()) (held bool, err error) {
	here, cancel := context.WithCancel(ctx)
	defer cancel()
	in, err := j.edition.executor.Subscribe(here, j.ready, j.vars, sp.g.headersFor(ctx, c, j, ""))
	if err != nil {
		return false, err
	}
	defer in.Close()
	sp.mu.Lock()
	if sp.job != j && !(sp.share == share && sp.job.ready.SameFeed(j.ready) && sp.job.edition.executor.Reaches(sp.job.ready, in.Address())) {
		sp.mu.Unlock()
		return false, nil // it changed meanwhile
	}
	sp.again, sp.at = cancel, in.Address()
	sp.mu.Unlock()
	opened()
	began := time.Now()
	defer func() { held = held || time.Since(began) > fedMaxPause }()
	messages := make(chan chan *message, fedAtOnce)
	var delivering sync.WaitGroup
	delivering.Go(func() {
		for m := range messages {
			sp.deliver(ctx, <-m)
		}
	})
	defer delivering.Wait()
	defer close(messages)
	for {
		sent, err := in.Next()
		if err != nil {
			if here.Err() != nil && ctx.Err() == nil {
				return held, nil
			}
			return held, err
		}
		held = true
		m := make(chan *message, 1)
		resolve := func(reconnected bool) { m <- sp.resolve(sent, reconnected) }
		if reconnected := again; j.ready.FeedAnswers() {
			resolve(reconnected)
		} else {
			go resolve(reconnected)
		}
		again = false
		messages <- m
	}
}

// resolve makes a message of what the subgraph has sent.
func (sp *spring) resolve(sent []byte, reconnected bool) (m *message) {
	j, c, _, ok := sp.now()
	if !ok {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), sp.g.cfg.Timeout)
	defer cancel()
	m = &message{}
	defer func() {
		if fault := recover(); fault != nil {
			m.body = encode([]byte("null"), sp.g.fault(ctx, c, fault).errors, nil)
		}
	}()
	response := j.edition.executor.ExecuteFed(ctx, j.ready, sent, j.vars, sp.g.headersFor(ctx, c, j, ""))
	m.body = sp.g.liveBody(ctx, c, &execute.Response{Data: response.Data, Errors: response.Errors}, "")
	response.Release()
	if reconnected {
		m.body = append(m.body[:len(m.body)-1], `,"extensions":{"reconnected":true}}`...)
	}
	return m
}

// deliver gives a message to all feeds. Where a queue is full the subgraph has to wait a little.
func (sp *spring) deliver(ctx context.Context, m *message) {
	if m == nil {
		return
	}
	sp.mu.Lock()
	feeds := maps.Clone(sp.feeds)
	sp.mu.Unlock()
	for f, round := range feeds {
		sp.patience.await(ctx, f, m)
		f.push(m, round)
	}
}

// finish ends all feeds.
func (sp *spring) finish(why *failure) {
	sp.mu.Lock()
	sp.ended = true
	feeds := slices.Collect(maps.Keys(sp.feeds))
	sp.mu.Unlock()
	for _, f := range feeds {
		reason := "done"
		if why != nil {
			reason = reasonOf(why)
		}
		f.finish(why, reason)
	}
}
