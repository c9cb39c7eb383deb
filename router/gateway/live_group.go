package gateway

import (
	"context"
	"maps"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"

	"storefront/internal/live"
	"storefront/router/execute"
	"storefront/router/supergraph"
)

const (
	groupBacklog = 10_000 // events that wait to be resolved for one group, before its feeds are cut off
	atOnce       = 50     // events that are resolved together
	versionsKept = 1_000  // entities of which a group remembers the last version
	recentKept   = 64     // messages that a group keeps for those who come back
)

// group is feeds that get the same messages. One watch feeds it; each event is resolved and written once.
//
//	topic ─▶ Event: queue ─▶ work: newer? resolve the rest, write ─▶ member: its events? ─▶ feed: bounded queue ─▶ socket
//
// A group's lock is taken under the topic's, so the watch is never called with it held.
type group struct {
	g       *Gateway
	key     groupKey // guarded by the hub
	entered int      // members, and those about to be; guarded by the hub
	filters []EventFilter

	opening sync.Once
	opened  chan struct{}
	failed  *failure   // why it could not be opened
	watch   live.Watch // nil until opened

	mu       sync.Mutex
	job      *job           // replaced when the supergraph is
	root     map[string]any // what of the entity an argument tells
	members  map[*member]struct{}
	queue    []*Event
	working  bool
	ended    bool
	versions map[string]any // by key of events: of the last that was resolved
	recent   []resolved
	reads    map[string]*stateRead // by rights: the last of those that are not done

	catchUp sync.Mutex // held while what one member missed is resolved, so that the next finds it
}

var _ live.Sink = (*group)(nil)

// resolved is an event and the message made of it.
type resolved struct {
	event   *Event
	message *message
	share   string // whose rights it was resolved with; "" where that does not matter
}

func newGroup(g *Gateway, j *job, filters []EventFilter, root map[string]any) *group {
	return &group{
		g: g, job: j, filters: filters, root: root, opened: make(chan struct{}),
		members: map[*member]struct{}{}, versions: map[string]any{}, reads: map[string]*stateRead{},
	}
}

// open begins the watch, once, and returns when it has begun.
func (gr *group) open(ctx context.Context) *failure {
	gr.opening.Do(func() {
		go func() {
			defer close(gr.opened)
			ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), gr.g.cfg.Timeout)
			defer cancel()
			topic := gr.fieldOf().Topic
			w, err := gr.g.cfg.Events.Watch(ctx, topic, gr.filters, nil, gr)
			if err != nil {
				gr.failed = gr.g.sourceFailure(err, topic)
				gr.g.hub.forget(gr)
				return
			}
			gr.watch = w
		}()
	})
	select {
	case <-gr.opened:
		return gr.failed
	case <-ctx.Done():
		return reject(499, problem(codeUnavailable, "The client left before the subscription began."))
	}
}

// close ends the watch when it has been opened. Nobody is in the group any more: who is about to open it has ended
// meanwhile.
func (gr *group) close() {
	gr.opening.Do(func() {
		gr.failed = reject(499, problem(codeUnavailable, "The subscription ended before it began."))
		close(gr.opened)
	})
	go func() {
		<-gr.opened
		if gr.watch != nil {
			gr.watch.Close()
		}
	}()
}

func (gr *group) remove(m *member) {
	gr.mu.Lock()
	defer gr.mu.Unlock()
	delete(gr.members, m)
}

func (gr *group) callers() (list []*caller) {
	gr.mu.Lock()
	defer gr.mu.Unlock()
	for m := range gr.members {
		list = append(list, m.feed.who())
	}
	return list
}

// shares are the members by their rights, all in one where events answer everything. gr.mu is held.
func (gr *group) shares() map[string][]*member {
	by := map[string][]*member{}
	for m := range gr.members {
		share := gr.shareOf(m)
		by[share] = append(by[share], m)
	}
	return by
}

func (gr *group) shareOf(m *member) string {
	if gr.job.ready.EventAnswers() {
		return ""
	}
	return m.share
}

// Event implements live.Sink.
func (gr *group) Event(e *Event) {
	gr.mu.Lock()
	full := len(gr.queue) >= groupBacklog
	begin := !full && !gr.working && !gr.ended
	if !full && !gr.ended {
		gr.queue = append(gr.queue, e)
		gr.working = true
	}
	gr.mu.Unlock()
	if begin {
		go gr.work()
	}
	if full {
		go gr.finish(gr.g.slowFailure())
	}
}

// Ended implements live.Sink.
func (gr *group) Ended(err error) {
	go func() {
		gr.g.hub.forget(gr)
		gr.finish(gr.g.sourceFailure(err, gr.fieldOf().Topic))
	}()
}

func (gr *group) fieldOf() *supergraph.Live {
	gr.mu.Lock()
	defer gr.mu.Unlock()
	return gr.job.live.field
}

// finish ends all feeds.
func (gr *group) finish(f *failure) {
	gr.mu.Lock()
	gr.ended, gr.queue = true, nil
	members := slices.Collect(maps.Keys(gr.members))
	gr.mu.Unlock()
	for _, m := range members {
		m.feed.finish(f, reasonOf(f))
	}
}

// work resolves what is queued and gives it to the members, until there is nothing.
func (gr *group) work() {
	for {
		gr.mu.Lock()
		events, shares, j, root := gr.queue, gr.shares(), gr.job, gr.root
		gr.queue = nil
		if len(events) == 0 || len(shares) == 0 {
			gr.working = false
			gr.mu.Unlock()
			return
		}
		events = gr.news(events)
		gr.mu.Unlock()
		var all errgroup.Group
		all.SetLimit(atOnce)
		for share, members := range shares {
			all.Go(func() error {
				for n := 0; n < len(events); n += atOnce {
					some := events[n:min(n+atOnce, len(events))]
					gr.deliver(share, members, some, gr.resolve(members[0].feed.who(), j, root, some))
				}
				return nil
			})
		}
		_ = all.Wait()
	}
}

// news leaves out what is not newer than what the group has seen of its entity and, where the latest is
// enough, what a later event replaces. gr.mu is held.
func (gr *group) news(events []*Event) []*Event {
	field := gr.job.live.field
	kept := events[:0]
	last := map[string]int{}
	for _, e := range events {
		if field.Version != "" {
			v := e.Data[field.Version]
			if seen, ok := gr.versions[e.Key]; ok && !newer(v, seen) {
				gr.g.observer.EventWithheld(field.Field, "version")
				continue
			}
			if len(gr.versions) >= versionsKept {
				clear(gr.versions)
			}
			gr.versions[e.Key] = v
		}
		if field.Latest {
			if i, ok := last[e.Key]; ok {
				gr.g.observer.EventWithheld(field.Field, "superseded")
				kept[i] = nil
			}
			last[e.Key] = len(kept)
		}
		kept = append(kept, e)
	}
	return slices.DeleteFunc(kept, func(e *Event) bool { return e == nil })
}

// resolve makes the messages of events. Where subgraphs are asked, they are asked for all of them at once. A
// fault is told to those who wait for the events, and ends nothing else.
func (gr *group) resolve(c *caller, j *job, root map[string]any, events []*Event) []*message {
	messages, roots := make([]*message, len(events)), make([]map[string]any, len(events))
	ctx, traceparent := context.Background(), ""
	for i, e := range events {
		span, parent := eventSpan(j.live.field, e)
		defer span.End()
		if i == 0 {
			traceparent = parent // what is asked for all belongs to the first one's trace
		}
		roots[i] = eventRoot(j.live.field, e, root)
		messages[i] = &message{cursor: gr.cursorBehind(j, e), key: e.Key}
	}
	defer func() {
		if fault := recover(); fault != nil {
			list := gr.g.fault(ctx, c, fault).errors
			for _, m := range messages {
				m.body = withCursor(encode([]byte("null"), list, nil), m.cursor)
			}
		}
	}()
	for i, response := range gr.g.resolveEvents(ctx, c, j, roots, traceparent) {
		messages[i].body = gr.g.liveBody(ctx, c, &execute.Response{Data: response.Data, Errors: response.Errors}, messages[i].cursor)
		response.Release()
	}
	return messages
}

// cursorBehind is the cursor with which a client goes on behind an event.
func (gr *group) cursorBehind(j *job, e *Event) string {
	field := j.live.field
	at := cursor{topic: field.Topic, of: cursorOf(field, gr.filters), position: e.At}
	if field.Key != viewerKey { // one key is in one partition
		at.position = live.Position{{Partition: e.Partition, Next: e.Offset + 1}}
		if v := e.Data[field.Version]; field.Version != "" && v != nil {
			at.version = text(v)
		}
	}
	return gr.g.cursors.write(at)
}

// deliver gives messages to the members whose events they are.
func (gr *group) deliver(share string, members []*member, events []*Event, messages []*message) {
	gr.mu.Lock()
	gr.keep(share, events, messages)
	gr.mu.Unlock()
	for _, m := range members {
		for i, e := range events {
			m.give(e, messages[i])
		}
	}
}

// keep remembers messages for those who come back. gr.mu is held.
func (gr *group) keep(share string, events []*Event, messages []*message) {
	for i, e := range events {
		gr.recent = append(gr.recent, resolved{e, messages[i], share})
	}
	if n := len(gr.recent) - recentKept; n > 0 {
		gr.recent = slices.Delete(gr.recent, 0, n)
	}
}
