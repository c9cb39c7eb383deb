package execute

import (
	"context"
	"iter"
	"net/http"
)

// Stream runs the plan of an operation that defers fragments, with coerced variables, and yields its
// response in parts: the first as soon as what is not deferred is there, then each time fragments are
// complete. Leaving the loop ends all requests. A response that would have more deferred parts than
// Options.MaxDeferred comes as one.
func (e *Executor) Stream(ctx context.Context, p *Prepared, vars map[string]any, hdr func(subgraph string) http.Header) iter.Seq[*Payload] {
	return func(yield func(*Payload) bool) {
		if p.main == nil {
			yield(&Payload{First: refusal("a subscription defers nothing")})
			return
		}
		ctx, cancel := context.WithCancel(ctx)
		s := &streaming{run: e.begin(ctx, p, vars, hdr)}
		s.scope = scopeOf(ctx)
		s.later = newLater(s.run)
		defer func() {
			cancel()
			for ; s.flying > 0; s.flying-- {
				<-s.scratch.answers
			}
			s.release()
		}()
		s.stream(ctx, yield)
	}
}

// streaming is an execution whose response goes out in parts.
type streaming struct {
	*run
	later  *later
	flying int
	ahead  []answer // of deferred parts, which came before the first payload was out
}

func (s *streaming) stream(ctx context.Context, yield func(*Payload) bool) {
	s.scratch.schedule(s.p.main)
	first, whole := true, false
	for next := 0; ; {
		next = s.launch(ctx, next)
		switch {
		case first && s.later.left[0] == 0 && (!whole || s.flying == 0):
			payload := s.first(ctx, whole)
			if payload == nil { // there are too many parts: all goes out at once
				whole = true
				s.readAhead()
				continue
			}
			if !yield(payload) || !payload.HasNext {
				return
			}
			first = false
			s.readAhead()
			continue
		case !first:
			if payload := s.later.next(); payload != nil && (!yield(payload) || !payload.HasNext) {
				return
			}
		}
		if next < len(s.scratch.ready) {
			continue
		}
		if s.flying == 0 {
			return
		}
		s.receiveAll(ctx, first && !whole)
		if ctx.Err() == context.Canceled {
			return
		}
	}
}

// launch sends the requests of the fetches that have become ready, and returns how many have been looked
// at.
func (s *streaming) launch(ctx context.Context, next int) int {
	for ; next < len(s.scratch.ready); next++ {
		i := s.scratch.ready[next]
		f := s.p.main.fetches[i]
		s.scratch.list = s.scratch.list[:0]
		s.requests(f)
		s.later.know(int32(f.Part))
		if s.scratch.parts[i] = int32(len(s.scratch.list)); len(s.scratch.list) == 0 {
			s.finished(f)
		}
		for _, q := range s.scratch.list {
			s.flying++
			s.fly(ctx, q)
		}
	}
	return next
}

func (s *streaming) finished(f *fetch) {
	s.later.left[f.Part]--
	s.done(f)
}

// receiveAll takes the next answer, and those that are there already. Until the first payload is out,
// answers for deferred parts wait: what it says does not depend on which came when.
func (s *streaming) receiveAll(ctx context.Context, first bool) {
	for a := <-s.scratch.answers; ; {
		s.flying--
		if first && a.fetch.Part != 0 {
			s.ahead = append(s.ahead, a)
		} else {
			s.accept(a)
		}
		select {
		case a = <-s.scratch.answers:
		default:
			return
		}
	}
}

func (s *streaming) readAhead() {
	for _, a := range s.ahead {
		s.accept(a)
	}
	s.ahead = nil
}

func (s *streaming) accept(a answer) {
	s.read(a)
	s.later.know(int32(a.fetch.Part))
	if s.scratch.parts[a.fetch.index]--; s.scratch.parts[a.fetch.index] == 0 {
		s.finished(a.fetch)
	}
}

// first is the first payload; nil when it would tell of too many parts.
func (s *streaming) first(ctx context.Context, whole bool) *Payload {
	if whole {
		return &Payload{First: s.respond(ctx)}
	}
	before := len(s.errors)
	w := s.newCutting()
	w.split, w.most = true, s.e.opts.MaxDeferred
	response := s.cut(ctx, w)
	if len(w.found) > s.e.opts.MaxDeferred {
		response.Release()
		s.errors = s.errors[:before]
		return nil
	}
	response.Errors = s.later.firstErrors(w.found)
	s.later.sent = len(response.Data)
	s.later.admit(w.found)
	p := &Payload{First: response}
	s.later.announce(p)
	p.HasNext = s.later.open > 0
	return p
}
