package execute

import (
	"context"
	"hash/maphash"
	"net/http"
	"slices"

	"storefront/router/plan"
)

// foreign is the type, in a run's targets, of a representation that other runs have sent.
const foreign = -1

// ExecuteEvents is ExecuteLive for several events of one subscription. They wait for each other: what a fetch
// wants of entities goes out as one request for all of them, and every event gets its own part of the answer.
func (e *Executor) ExecuteEvents(ctx context.Context, p *Prepared, roots []map[string]any, vars map[string]any, hdr func(string) http.Header) []*Response {
	out := make([]*Response, len(roots))
	if p.event == nil || len(roots) == 1 || len(p.event.fetches) == 0 {
		for i, root := range roots {
			out[i] = e.ExecuteLive(ctx, p, false, root, vars, hdr)
		}
		return out
	}
	var runs []*run
	var at []int
	for i, root := range roots {
		r := e.begin(ctx, p, vars, hdr)
		if err := r.hold(root, p.heldEvent); err != nil {
			out[i] = refusal("the event cannot be read: " + err.Error())
			continue
		}
		runs, at = append(runs, r), append(at, i)
	}
	if len(runs) > 0 {
		(&chorus{runs: runs}).fetchAll(ctx, p.event)
	}
	for i, r := range runs {
		out[at[i]] = r.finish(ctx)
	}
	return out
}

// chorus is runs of one program that go from fetch to fetch together. The first one keeps the schedule.
type chorus struct{ runs []*run }

// shared is one request, and what each run wants of its answer.
type shared struct {
	outgoing
	parts []part
}

type part struct {
	run    *run
	target targets
}

// fetchAll is run.fetchAll for all of them.
func (c *chorus) fetchAll(ctx context.Context, prog *program) {
	lead := c.runs[0]
	s := &lead.scratch
	s.schedule(prog)
	type arrival struct {
		answer
		parts []part
	}
	answers := make(chan arrival)
	flying, next := 0, 0
	for {
		for ; next < len(s.ready); next++ {
			f := prog.fetches[s.ready[next]]
			requests := c.requests(f)
			if s.parts[f.index] = int32(len(requests)); len(requests) == 0 {
				lead.done(f)
			}
			for _, q := range requests {
				flying++
				go func() { answers <- arrival{lead.send(ctx, q.outgoing), q.parts} }()
			}
		}
		if flying == 0 {
			return
		}
		a := <-answers
		flying--
		for _, to := range a.parts {
			own := a.answer
			own.target = to.target
			to.run.read(own)
		}
		if s.parts[a.fetch.index]--; s.parts[a.fetch.index] == 0 {
			lead.done(a.fetch)
		}
	}
}

// requests are what a fetch sends for all runs: one for entities, where a subgraph takes so many, and else
// each run's own.
func (c *chorus) requests(f *fetch) []shared {
	if f.Kind == plan.EntityFetch && len(f.contexts) == 0 && c.runs[0].holds[f.cond] {
		if q, ok := c.join(f); ok {
			return q
		}
	}
	var out []shared
	for _, r := range c.runs {
		r.scratch.list = r.scratch.list[:0]
		r.requests(f)
		for _, q := range r.scratch.list {
			out = append(out, shared{q, []part{{r, q.target}}})
		}
	}
	return out
}

// join makes one request of the representations of all runs, equal ones once; false when they are too many
// for one.
func (c *chorus) join(f *fetch) ([]shared, bool) {
	lead := c.runs[0]
	s := &lead.scratch
	own := make([]targets, len(c.runs))
	numbers := make([][]int32, len(c.runs)) // of each run's representations in the request
	for i, r := range c.runs {
		if r.bytes > r.e.opts.MaxAnswerBytes {
			return nil, false
		}
		var err error
		if own[i], err = r.represent(f, nil); err != nil {
			return nil, false
		}
		if r == lead {
			for n := range own[i].types.hi - own[i].types.lo {
				numbers[i] = append(numbers[i], int32(n))
			}
			continue
		}
		s.grow(len(r.scratch.spans))
		for _, rep := range r.scratch.spans {
			lo := len(s.buf)
			s.buf = append(s.buf, r.scratch.buf[rep.lo:rep.hi]...)
			n, _ := s.intern(lo, maphash.Bytes(r.e.seed, s.buf[lo:]))
			numbers[i] = append(numbers[i], n)
		}
	}
	total := len(s.spans)
	if size := lead.e.opts.MaxRepresentations; size > 0 && total > size || len(s.buf) > lead.e.opts.MaxAnswerBytes {
		return nil, false
	}
	if total == 0 {
		return nil, true
	}
	q := shared{outgoing: outgoing{fetch: f, req: lead.request(f, s.spans, nil)}}
	for i, r := range c.runs {
		if len(numbers[i]) > 0 {
			q.parts = append(q.parts, part{r, r.scratch.among(own[i], numbers[i], total)})
		}
	}
	return []shared{q}, true
}

// among renumbers a run's representations as they are among all of a request.
func (s *scratch) among(t targets, numbers []int32, total int) targets {
	lo := len(s.types)
	s.types = append(s.types, slices.Repeat([]int32{foreign}, total)...)
	s.used = append(s.used, make([]uint64, total)...)
	for n, at := range numbers {
		s.types[lo+int(at)], s.used[lo+int(at)] = s.types[t.types.lo+n], s.used[t.types.lo+n]
	}
	for i := t.objs.lo; i < t.objs.hi; i++ {
		s.reps[i] = numbers[s.reps[i]]
	}
	return targets{objs: t.objs, types: span{lo, lo + total}}
}
