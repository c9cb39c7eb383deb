package gateway

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"sync"
)

// hub holds the groups of feeds. Feeds are in one group when they get the same messages: they have the same
// operation and variables, and where subgraphs are asked, the same rights. (Where a new supergraph makes that
// necessary, rights are told apart within a group.)
type hub struct {
	g      *Gateway
	mu     sync.Mutex
	groups map[groupKey]*group // that take feeds in
	all    map[*group]struct{} // those that do not any more as well
}

type groupKey struct {
	operation *prepared
	variables string
	owners    string // of the events of a field that is found by viewer
	rights    string // what subgraphs may answer; "" where none is asked
}

func newHub(g *Gateway) *hub {
	return &hub{g: g, groups: map[groupKey]*group{}, all: map[*group]struct{}{}}
}

// join brings a feed into its group, which is opened for the first, and gives it its first message.
func (h *hub) join(ctx context.Context, f *feed, j *job) *failure {
	filters, root, why := j.eventSource(f.who().id)
	if why != nil {
		return why
	}
	var from *cursor
	if j.begin.resume != "" {
		c, err := h.g.cursors.read(j.begin.resume)
		if err != nil || c.topic != j.live.field.Topic || c.of != cursorOf(j.live.field, filters) {
			return h.g.sourceFailure(errCursor, j.live.field.Topic)
		}
		from = &c
	}
	share := shareKey(f, j)
	key := groupKey{operation: j.prepared, variables: string(j.sent), rights: share}
	if j.ready.EventAnswers() {
		key.rights = ""
	}
	if root == nil {
		key.owners = fmt.Sprint(f.who().id.owners())
	}
	var gr *group
	var m *member
	for in := false; !in; {
		gr = h.enter(key, func() *group { return newGroup(h.g, j, filters, root) })
		if m, in = newMember(gr, f, j, share); !in { // its members are being told, or it has moved on
			h.forget(gr)
			h.leave(m)
		}
	}
	f.joined(func() { h.leave(m) }, m.cursorNow)
	if why := gr.open(ctx); why != nil {
		return why
	}
	return gr.begin(ctx, m, j.begin, from)
}

// shareKey is what all depends on that subgraphs answer a feed's caller; unique where that is not known.
func shareKey(f *feed, j *job) string {
	if j.edition.headers == nil {
		return "all"
	}
	if sharer, ok := j.edition.headers.(Sharer); ok {
		return "s" + sharer.ShareKey(f.who().id, f.who().header)
	}
	return fmt.Sprintf("%p", f)
}

// enter finds a group or makes it, and counts a member in.
func (h *hub) enter(key groupKey, make func() *group) *group {
	h.mu.Lock()
	defer h.mu.Unlock()
	gr := h.groups[key]
	if gr == nil {
		gr = make()
		gr.key = key
		h.groups[key], h.all[gr] = gr, struct{}{}
	}
	gr.entered++
	return gr
}

// leave takes a member out of its group, which is closed behind the last.
func (h *hub) leave(m *member) {
	gr := m.group
	gr.remove(m)
	h.mu.Lock()
	gr.entered--
	last := gr.entered == 0
	if last {
		delete(h.all, gr)
	}
	if last && h.groups[gr.key] == gr {
		delete(h.groups, gr.key)
	}
	h.mu.Unlock()
	if last {
		gr.close()
	}
}

// forget makes feeds that come open a new group.
func (h *hub) forget(gr *group) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.groups[gr.key] == gr {
		delete(h.groups, gr.key)
	}
}

func (h *hub) count() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.all)
}

// renew moves every group on to the supergraph that is served now, and ends those that it does not have.
func (h *hub) renew(ctx context.Context) {
	h.mu.Lock()
	groups := slices.Collect(maps.Keys(h.all))
	h.mu.Unlock()
	for _, gr := range groups {
		key, why := gr.renew(ctx)
		if why != nil {
			h.forget(gr)
			gr.finish(why)
			continue
		}
		h.mu.Lock()
		if h.groups[gr.key] == gr {
			delete(h.groups, gr.key)
			gr.key = key
			if h.groups[key] == nil { // else there are two for a while, which is as correct
				h.groups[key] = gr
			}
		}
		h.mu.Unlock()
	}
}

// renew prepares a group's operation again for the supergraph that is served now. The watch stays, so nothing
// is missed; where the new supergraph would feed the field from others, or has it no more, that is a failure.
// It returns the group's new key.
func (gr *group) renew(ctx context.Context) (key groupKey, f *failure) {
	gr.mu.Lock()
	old := gr.job
	gr.mu.Unlock()
	key = gr.key
	callers := gr.callers()
	if len(callers) == 0 {
		return key, nil // all have left
	}
	j, f := gr.g.renewed(ctx, old, callers)
	if f != nil {
		return key, f
	}
	if j.live == nil || j.live.field.Topic != old.live.field.Topic {
		return key, changed("its events come from elsewhere")
	}
	filters, root, f := j.eventSource(callers[0].id)
	if f != nil {
		return key, f
	}
	if !reflect.DeepEqual(filters, gr.filters) {
		return key, changed("its events are found in another way")
	}
	gr.mu.Lock()
	defer gr.mu.Unlock()
	key.operation, key.rights = j.prepared, ""
	gr.job, gr.root = j, root
	for m := range gr.members {
		m.share = shareKey(m.feed, j)
		key.rights = gr.shareOf(m) // they may have become several
	}
	clear(gr.reads)
	return key, nil
}

// renewed is a subscription prepared again for the supergraph that is served now, as those who share it may run
// it, with its variables coerced again.
func (g *Gateway) renewed(ctx context.Context, old *job, callers []*caller) (*job, *failure) {
	e := g.edition.Load()
	p, f := e.prepare(old.query, old.operationName, g.labels(ctx, callers[0], e.supergraph.Labels()))
	if f == nil {
		p, f = g.permitAll(ctx, callers, p)
	}
	if f != nil {
		return nil, changed(f.errors[0].Message)
	}
	j, list := p.newJob(old.sent)
	if len(list) > 0 {
		return nil, changed(list[0].Message)
	}
	j.begin = old.begin
	return j, nil
}

func changed(why string) *failure {
	return reject(http.StatusConflict, problem(codeChanged, "The schema has changed, and this subscription cannot go on as it is: %s. Subscribe again.", why))
}
