package execute

import (
	"slices"
	"strconv"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"storefront/internal/errs"
)

// later keeps account of what is deferred. The response is cut into regions: fields of one part of the
// plan that hang together. A region hangs on an object of another part, and is found when that one is
// cut, so that what a null has swallowed is never told of. A fragment is a @defer at one object; it
// consists of the regions of its parts beneath that object, and is delivered as a whole once all its
// parts are fetched. Regions that several fragments share go out with the first.
type later struct {
	*run
	left      []int // by part: fetches that are not done
	fragments []*fragment
	at        map[fragmentKey]*fragment
	missed    map[fragmentKey][]*fragment // by one that was not there yet: those it may be around
	regions   int
	ids       int
	sent      int     // bytes of data
	open      int     // fragments told of and not completed
	told      []bool  // by error: a client knows it
	origin    []int32 // by error: the part that its request was for
}

type fragmentKey struct {
	usage int
	path  string
}

type fragmentState uint8

const (
	fragmentWaits   fragmentState = iota // nobody knows of it
	fragmentPending                      // the client was told of it
	fragmentOver                         // it is complete, or there was nothing left to deliver
	fragmentFailed
)

// fragment is a @defer at one object.
type fragment struct {
	usage   int
	path    []pathStep // of its object
	id      string
	state   fragmentState
	around  *fragment // delivered before it; nil for the first payload
	regions []*region
	errors  gqlerror.List // why it failed before anyone knew of it
}

// region is where fields of a part hang on an object.
type region struct {
	part      int32
	out       *output
	obj       uint32
	path      []pathStep // of the object
	fragments []*fragment
	delivered bool
}

// find finds the regions on an object that is being written.
func (w *cutting) find(out *output, obj uint32, typ int32) {
	if w.hung { // the region's own object, where the others are known
		w.hung = false
		return
	}
	var path []pathStep
	for _, part := range out.parts {
		if part == w.part || len(w.found) > w.most || !slices.ContainsFunc(out.fields, func(f outputField) bool {
			return f.part == part && (f.on == nil || f.on.has(typ)) && w.holds[f.cond]
		}) {
			continue
		}
		if path == nil {
			path = append(make([]pathStep, 0, len(w.path)), w.path...)
		}
		w.found = append(w.found, &region{part: part, out: out, obj: obj, path: path})
	}
}

func newLater(r *run) *later {
	return &later{run: r, left: slices.Clone(r.p.main.parts), at: map[fragmentKey]*fragment{}, missed: map[fragmentKey][]*fragment{}}
}

// admit makes fragments of the regions that were found.
func (l *later) admit(found []*region) {
	l.regions += len(found)
	fresh := len(l.fragments)
	for _, g := range found {
		for _, u := range l.p.plan.Parts[g.part-1].Usages {
			if !l.p.plan.Usages[u].Cond.Holds(l.vars) {
				continue
			}
			f := l.fragment(u, upTo(g.path, l.p.plan.Usages[u].Depth))
			f.regions = append(f.regions, g)
			g.fragments = append(g.fragments, f)
			if f.state == fragmentOver && f.id == "" {
				f.state = fragmentWaits
			}
		}
	}
	for _, f := range l.fragments[fresh:] {
		for _, key := range l.place(f) {
			l.missed[key] = append(l.missed[key], f)
		}
		key := fragmentKey{f.usage, pathKey(f.path)}
		for _, within := range l.missed[key] {
			if within.id == "" {
				l.place(within)
			}
		}
		delete(l.missed, key)
	}
}

// place finds the fragment around one: of the nearest @defer around it that has something at its object. missed
// are the ones nearer that it would be, were they there: what a @defer has may be found later than what stands
// within it.
func (l *later) place(f *fragment) (missed []fragmentKey) {
	for u := l.p.plan.Usages[f.usage].Parent; u >= 0; u = l.p.plan.Usages[u].Parent {
		key := fragmentKey{u, pathKey(upTo(f.path, l.p.plan.Usages[u].Depth))}
		if f.around = l.at[key]; f.around != nil {
			break
		}
		missed = append(missed, key)
	}
	return missed
}

func (l *later) fragment(usage int, path []pathStep) *fragment {
	key := fragmentKey{usage, pathKey(path)}
	f := l.at[key]
	if f == nil {
		f = &fragment{usage: usage, path: path}
		l.at[key] = f
		l.fragments = append(l.fragments, f)
	}
	return f
}

// upTo is the part of a path that leads to the objects a number of keys deep.
func upTo(path []pathStep, keys int) []pathStep {
	for i, step := range path {
		if step.field == nil {
			continue
		}
		if keys--; keys < 0 {
			return path[:i:i]
		}
	}
	return path
}

func pathKey(path []pathStep) string {
	var b []byte
	for _, step := range path {
		if step.field != nil {
			b = append(append(b, step.field.Key...), '.')
		} else {
			b = append(strconv.AppendUint(b, uint64(step.index), 10), '.')
		}
	}
	return string(b)
}

// next is the payload of what can be told now; nil when that is nothing.
func (l *later) next() *Payload {
	p := &Payload{}
	ready := l.ready()
	for changed := true; changed; {
		changed = l.announce(p)
		for i := 0; i < len(l.fragments); i++ {
			if f := l.fragments[i]; f.state == fragmentPending && ready[f.usage] {
				l.complete(f, p)
				changed = true
			}
		}
	}
	p.HasNext = l.open > 0
	if len(p.Pending)+len(p.Incremental)+len(p.Completed) == 0 {
		return nil
	}
	return p
}

// ready tells of each @defer whether all its parts are fetched, and those of the ones around it: what a part
// reads may be read with what is delivered before it, and one around may have nothing to deliver.
func (l *later) ready() []bool {
	usages := l.p.plan.Usages
	fetched := make([]bool, len(usages))
	for i := range fetched {
		fetched[i] = true
	}
	for i, part := range l.p.plan.Parts {
		for _, u := range part.Usages {
			fetched[u] = fetched[u] && l.left[i+1] == 0
		}
	}
	ready := slices.Clone(fetched)
	for i := range ready {
		for u := usages[i].Parent; u >= 0; u = usages[u].Parent {
			ready[i] = ready[i] && fetched[u]
		}
	}
	return ready
}

// announce tells of the fragments whose turn has come: those with something left to deliver, once the
// one around them is delivered.
func (l *later) announce(p *Payload) (changed bool) {
	for _, f := range l.fragments {
		if f.id != "" || f.state == fragmentOver || f.around != nil && f.around.state != fragmentOver {
			continue
		}
		changed = true
		if f.state == fragmentWaits && !slices.ContainsFunc(f.regions, func(g *region) bool { return !g.delivered }) {
			f.state = fragmentOver
			continue
		}
		f.id = strconv.Itoa(l.ids)
		l.ids++
		p.Pending = append(p.Pending, Pending{ID: f.id, Path: pathOf(f.path), Label: l.p.plan.Usages[f.usage].Label})
		if f.state == fragmentFailed {
			p.Completed = append(p.Completed, Completed{ID: f.id, Errors: f.errors})
			continue
		}
		f.state = fragmentPending
		l.open++
	}
	return changed
}

// complete delivers a fragment: all of it, or nothing when a null stands where none may.
func (l *later) complete(f *fragment, p *Payload) {
	var entries []Incremental
	var found []*region
	queue := slices.Clone(f.regions)
	before := slices.Clone(l.told)
	for i := 0; i < len(queue); i++ {
		g := queue[i]
		if g.delivered {
			continue
		}
		entry, more, ok := l.cut(f, g)
		if !ok {
			l.told = append(before, l.told[len(before):]...)
			for _, other := range g.fragments {
				l.fail(other, entry.Errors, p)
			}
			if f.state == fragmentPending { // the region was found just now, and is nobody's yet
				l.fail(f, entry.Errors, p)
			}
			return
		}
		entries, found = append(entries, entry), append(found, more...)
		for _, n := range more {
			if slices.Contains(l.p.plan.Parts[n.part-1].Usages, f.usage) {
				queue = append(queue, n)
			}
		}
	}
	for _, g := range queue {
		g.delivered = true
	}
	l.admit(found)
	l.open--
	f.state = fragmentOver
	p.Incremental = append(p.Incremental, entries...)
	p.Completed = append(p.Completed, Completed{ID: f.id})
}

func (l *later) fail(f *fragment, list gqlerror.List, p *Payload) {
	switch f.state {
	case fragmentPending:
		l.open--
		p.Completed = append(p.Completed, Completed{ID: f.id, Errors: list})
	case fragmentWaits:
		f.errors = list
	default:
		return
	}
	f.state = fragmentFailed
}

// cut writes one region for a fragment. When a null stands where none may, ok is false and the errors
// say why.
func (l *later) cut(f *fragment, g *region) (entry Incremental, found []*region, ok bool) {
	w := &cutting{
		run: l.run, limit: l.e.opts.MaxResponseBytes - l.sent, path: slices.Clone(g.path),
		split: true, part: g.part, hung: true, most: l.e.opts.MaxDeferred - l.regions,
	}
	before := len(l.errors)
	ok = w.object(g.out, g.obj)
	entry = Incremental{ID: f.id, SubPath: pathOf(g.path)[len(f.path):], Data: w.b}
	entry.Errors = append(l.errorsOf(g, before, w.found), l.errors[before:]...)
	l.know(0)
	for i := before; i < len(l.told); i++ {
		l.told[i] = true
	}
	if len(w.found) > w.most {
		return refused(entry, "the response has more than "+strconv.Itoa(l.e.opts.MaxDeferred)+" deferred parts", errs.TooMany), nil, false
	}
	if w.over {
		message, code := w.ending()
		return refused(entry, message, code), nil, false
	}
	if !ok && len(entry.Errors) == 0 {
		entry.Errors = gqlerror.List{{
			Message: "Cannot return null for a non-nullable field of a deferred fragment.", Path: pathOf(g.path),
			Extensions: map[string]any{"code": string(errs.Internal)},
		}}
	}
	if ok {
		l.sent += len(w.b)
	}
	return entry, w.found, ok
}

func refused(entry Incremental, message string, code errs.Code) Incremental {
	err := gqlerror.Errorf("%s", message)
	err.Extensions = map[string]any{"code": string(code)}
	entry.Errors = gqlerror.List{err}
	return entry
}

func pathOf(steps []pathStep) ast.Path {
	out := make(ast.Path, len(steps))
	for i, step := range steps {
		if step.field != nil {
			out[i] = ast.PathName(step.field.Key)
		} else {
			out[i] = ast.PathIndex(step.index)
		}
	}
	return out
}
