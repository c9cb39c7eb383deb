package gateway

import (
	"context"
	"net/http"
	"slices"
	"sync"
	"time"

	"storefront/internal/live"
)

// member is a feed in its group: where it began, and what it may see.
type member struct {
	group *group
	feed  *feed
	round int      // of the feed's joining
	share string   // what subgraphs answer its caller depends on; guarded by the group's lock
	owner []string // whose events it may see; all when nil and all is true
	all   bool

	mu      sync.Mutex
	began   bool          // the first message is queued, or there is none
	held    []resolved    // what came before that
	start   live.Position // what lies before it is in the state, or was told before the client came back
	version any           // of the state; nil when unknown
	there   bool          // the client has seen something of the entity, so it may be told that it sees no more
}

// newMember lets a feed into a group; false when the group has ended, and gives nobody anything any more, or has moved
// on to another supergraph than the feed's.
func newMember(gr *group, f *feed, j *job, share string) (m *member, ok bool) {
	m = &member{group: gr, feed: f, round: f.joins(gr.fieldOf().Latest), share: share, owner: f.who().id.owners(), all: f.who().id.mayAll()}
	gr.mu.Lock()
	defer gr.mu.Unlock()
	if gr.ended || gr.job.edition != j.edition {
		return m, false
	}
	gr.members[m] = struct{}{}
	return m, true
}

// begin gives a member its first messages: the state as it is, or what it missed behind a cursor, or nothing;
// then what came meanwhile. No event is between them, and none is in both.
func (gr *group) begin(ctx context.Context, m *member, how liveOptions, from *cursor) *failure {
	field := gr.fieldOf()
	if from != nil {
		why := gr.missed(ctx, m, from)
		if why == nil || why.code() != codeCursorTooOld || !how.fresh {
			gr.g.observer.SubscriberResumed(field.Field, resumeOutcome(why))
			return why
		}
		gr.g.observer.SubscriberResumed(field.Field, "fresh")
	}
	if how.noState || field.Key == viewerKey {
		m.started(gr.watch.Position(), nil, false, nil)
		return nil
	}
	read := gr.state(ctx, m)
	if read.failure != nil {
		return read.failure
	}
	at := cursor{topic: field.Topic, of: cursorOf(field, gr.filters), position: read.start}
	if read.version != nil {
		at.version = text(read.version)
	}
	first := &message{cursor: gr.g.cursors.write(at)}
	first.body = withCursor(read.body, first.cursor)
	m.started(read.start, read.version, read.there, first)
	return nil
}

func resumeOutcome(f *failure) string {
	switch {
	case f == nil:
		return "resumed"
	case f.code() == codeCursorTooOld:
		return "too old"
	}
	return "refused"
}

// started queues a member's first message and what came before it was there.
func (m *member) started(start live.Position, version any, there bool, first *message) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.start, m.version, m.there = start, version, there
	if first != nil {
		m.feed.push(first, m.round)
	}
	for _, r := range m.held {
		m.offer(r.event, r.message)
	}
	m.held, m.began = nil, true
}

// give hands over a message once the member has begun.
func (m *member) give(e *Event, msg *message) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.began {
		if len(m.held) >= groupBacklog {
			m.feed.finish(m.group.g.slowFailure(), "slow")
			return
		}
		m.held = append(m.held, resolved{event: e, message: msg})
		return
	}
	m.offer(e, msg)
}

// offer decides, from the event and the schema alone, whether the member may see an event and has not seen
// its state. m.mu is held.
func (m *member) offer(e *Event, msg *message) {
	field := m.group.fieldOf()
	if m.start.Before(e) {
		return
	}
	if field.Owner != "" && !m.all {
		owner, _ := e.Data[field.Owner].(string)
		if owner == "" || !slices.Contains(m.owner, owner) {
			m.group.g.observer.EventWithheld(field.Field, "owner")
			if owner != "" && m.there && field.Key != viewerKey {
				m.feed.finish(reject(http.StatusForbidden, problem(codeForbidden, "This is not yours to see any more.")), "refused")
			}
			return
		}
		m.there = true
	}
	if field.Version != "" && field.Key != viewerKey && !newer(e.Data[field.Version], m.version) {
		m.group.g.observer.EventWithheld(field.Field, "version")
		return
	}
	if v := e.Data[field.Version]; v != nil {
		m.version = v
	}
	m.feed.push(msg, m.round)
	m.group.g.observer.EventDelivered(field.Field, time.Since(e.Time))
}

// cursorNow is the cursor of this moment, when the member has been given everything before it; "" else.
func (m *member) cursorNow() string {
	gr := m.group
	position := gr.watch.Position() // what is before it is in the group's queue, or was given
	gr.mu.Lock()
	busy, field := gr.working, gr.job.live.field
	gr.mu.Unlock()
	m.mu.Lock()
	defer m.mu.Unlock()
	if busy || !m.began {
		return ""
	}
	at := cursor{topic: field.Topic, of: cursorOf(field, gr.filters), position: latest(position, m.start)}
	if field.Key != viewerKey && m.version != nil {
		at.version = text(m.version)
	}
	return gr.g.cursors.write(at)
}

// stateRead is a state that is read for all who want it before it begins.
type stateRead struct {
	state
	start live.Position // of the watch, before the state was read
	after chan struct{} // closed when the one before it is done; nil for none
	begun bool          // guarded by the group's lock
	done  chan struct{}
}

// state reads the state as it is for a member and those with the same rights who come before it begins; one
// that is under way may have been read before an event that a newcomer does not get.
func (gr *group) state(ctx context.Context, m *member) *stateRead {
	gr.mu.Lock()
	share := m.share
	read := gr.reads[share]
	waiting := read != nil && !read.begun
	if !waiting {
		next := &stateRead{done: make(chan struct{})}
		if read != nil {
			next.after = read.done
		}
		gr.reads[share], read = next, next
	}
	gr.mu.Unlock()
	if !waiting {
		go gr.read(context.WithoutCancel(ctx), m, share, read)
	}
	select {
	case <-read.done:
		return read
	case <-ctx.Done():
		return &stateRead{state: state{failure: reject(499, problem(codeUnavailable, "The client left before the subscription began."))}}
	}
}

func (gr *group) read(ctx context.Context, m *member, share string, read *stateRead) {
	if read.after != nil {
		<-read.after
	}
	defer func() {
		gr.mu.Lock()
		if gr.reads[share] == read {
			delete(gr.reads, share)
		}
		gr.mu.Unlock()
		close(read.done)
	}()
	gr.mu.Lock()
	read.begun = true
	j, root := gr.job, gr.root
	gr.mu.Unlock()
	defer func() {
		if fault := recover(); fault != nil {
			read.failure = gr.g.fault(ctx, m.feed.who(), fault)
		}
	}()
	read.start = gr.watch.Position()
	read.state = gr.g.readState(ctx, m.feed.who(), j, root)
}

// missedMost is how many events one who comes back is given. Behind more the state as it is serves better.
const missedMost = 1_000

// collected is a sink that keeps events up to a position.
type collected struct {
	until  live.Position
	mu     sync.Mutex
	events []*Event
	err    error
}

func (c *collected) Event(e *Event) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.until.Before(e) && len(c.events) <= missedMost {
		c.events = append(c.events, e)
	}
}

func (c *collected) Ended(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.err = err
}

// missed gives a member the events between its cursor and where the group was when it came in.
func (gr *group) missed(ctx context.Context, m *member, from *cursor) *failure {
	until := gr.watch.Position() // from here on the member is given what the group is
	sink := &collected{until: until}
	gr.mu.Lock()
	j, root, share := gr.job, gr.root, gr.shareOf(m)
	gr.mu.Unlock()
	topic := j.live.field.Topic
	w, err := gr.g.cfg.Events.Watch(ctx, topic, gr.filters, from.position, sink)
	if err != nil {
		return gr.g.sourceFailure(err, topic)
	}
	w.Close()
	sink.mu.Lock()
	events, err := sink.events, sink.err
	sink.mu.Unlock()
	if err == nil && len(events) > missedMost {
		err = live.ErrTooOld
	}
	if err != nil {
		return gr.g.sourceFailure(err, topic)
	}
	m.feed.expect(len(events))
	gr.catchUp.Lock()
	defer gr.catchUp.Unlock()
	messages := gr.resolveMissed(m, share, j, root, events)
	m.mu.Lock()
	m.start, m.there = from.position, from.version != "" // else it may have seen that there is nothing, or nothing of its own
	if from.version != "" {
		m.version = from.version
	}
	last, there := m.version, m.there
	for i, e := range events {
		if v := e.Data[j.live.field.Version]; j.live.field.Version != "" && j.live.field.Key != viewerKey {
			if !newer(v, last) { // published twice
				continue
			}
			last = v
		}
		m.offer(e, messages[i])
	}
	there = there || m.there
	m.mu.Unlock()
	m.started(latest(until, from.position), last, there, nil)
	return nil
}

// latest is the further of two positions, in each partition.
func latest(a, b live.Position) live.Position {
	out := slices.Clone(a)
	for i, o := range out {
		if next, ok := b.Of(o.Partition); ok {
			out[i].Next = max(o.Next, next)
		}
	}
	return out
}

// resolveMissed makes the messages of events that were missed, or finds them made for another who came back.
func (gr *group) resolveMissed(m *member, share string, j *job, root map[string]any, events []*Event) []*message {
	messages := make([]*message, len(events))
	gr.mu.Lock()
	recent := slices.Clone(gr.recent)
	gr.mu.Unlock()
	var missing []*Event
	var at []int
	for i, e := range events {
		found := slices.IndexFunc(recent, func(r resolved) bool {
			return r.event.Partition == e.Partition && r.event.Offset == e.Offset && r.share == share
		})
		if found >= 0 {
			messages[i] = recent[found].message
			continue
		}
		missing, at = append(missing, e), append(at, i)
	}
	for n := 0; n < len(missing); n += atOnce {
		some := missing[n:min(n+atOnce, len(missing))]
		for k, made := range gr.resolve(m.feed.who(), j, root, some) {
			messages[at[n+k]] = made
		}
	}
	gr.mu.Lock()
	defer gr.mu.Unlock()
	if n := len(missing) - recentKept; n > 0 {
		missing, at = missing[n:], at[n:]
	}
	for k, e := range missing {
		gr.keep(share, []*Event{e}, messages[at[k]:at[k]+1])
	}
	return messages
}
