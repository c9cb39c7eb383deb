package gateway

import (
	"cmp"
	"context"
	"maps"
	"net/http"
	"sync"
	"time"

	"github.com/coder/websocket"
	"github.com/vektah/gqlparser/v2/gqlerror"
)

// message is one result of an operation: a whole GraphQL response with the cursor behind it in its
// extensions. All who get it share it.
type message struct {
	body   []byte
	cursor string
	key    string // of the event; "" for a state
}

// feed is one subscriber, whatever carries it: a bounded queue that is filled for it and that its transport
// empties. Nobody waits for it: a client that takes nothing loses its own feed and holds up no other.
type feed struct {
	g       *Gateway
	field   string
	first   func(body []byte) []byte // makes the first result the client's own; nil once it is taken, or for nothing
	release func()                   // gives its place in the client's share back
	latest  bool                     // of several messages with one key, the last is enough

	mu     sync.Mutex
	caller *caller
	expiry *time.Timer   // ends the feed with its identity; nil for never
	leave  func()        // takes the feed out of where its messages come from
	now    func() string // the cursor of this moment, when everything before it has been given; "" else
	queue  []*message
	bytes  int
	more   int    // messages that the queue may hold besides: those that were missed are not the client's slowness
	wake   func() // says that there is something to take, or that the feed is over; it must not block
	ended  bool
	end    *failure      // why; nil: complete
	cursor string        // behind the last message that was taken
	begun  bool          // no event can be missed any more
	round  int           // of joining: what one that was given up still brings is not the feed's
	room   chan struct{} // gets a token when the queue becomes shorter, or the feed is over; nil where nobody waits for that
}

// openFeed starts a subscription. It returns when no event can be missed any more and the first message, if
// there is one, is in the queue. ctx is for that only; close ends the feed.
func (g *Gateway) openFeed(ctx context.Context, c *caller, j *job) (*feed, *failure) {
	if j.live != nil && g.cfg.Events == nil {
		return nil, reject(http.StatusServiceUnavailable, problem(codeUnavailable, "This router has no source of events, so nothing can be subscribed to here."))
	}
	release, full := g.hold(c)
	if full != nil {
		return nil, full
	}
	f := &feed{g: g, caller: c, wake: func() {}, release: release}
	f.field, _, _ = j.op.RootField()
	if c.asksCost() {
		f.first = j.tellCost
	}
	if !g.feeds.add(f) {
		release()
		return nil, drainingFailure()
	}
	g.observer.SubscribersAdd(1)
	f.is(c)
	g.rights.add(f)
	if why := g.join(ctx, f, j); why != nil {
		f.finish(why, reasonOf(why))
		f.close()
		return nil, f.endedBy(why)
	}
	f.mu.Lock()
	f.begun = true
	f.mu.Unlock()
	return f, nil
}

// join brings a feed to where its messages come from: anew when the supergraph is replaced meanwhile.
func (g *Gateway) join(ctx context.Context, f *feed, j *job) *failure {
	for {
		var why *failure
		if j.live != nil {
			why = g.hub.join(ctx, f, j)
		} else {
			why = g.springs.join(ctx, f, j)
		}
		if why != nil || g.edition.Load() == j.edition {
			return why
		}
		f.restart()
		if j, why = g.renewed(ctx, j, []*caller{f.who()}); why != nil {
			return why
		}
	}
}

// restart takes a feed out of where its messages came from, before any was taken.
func (f *feed) restart() {
	f.mu.Lock()
	leave := f.leave
	f.leave, f.now, f.queue, f.bytes, f.more = nil, nil, nil, 0, 0
	f.round++
	f.mu.Unlock()
	if leave != nil {
		leave()
	}
}

// is says who the client is, now and until that identity expires.
func (f *feed) is(c *caller) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.caller = c
	if f.expiry != nil {
		f.expiry.Stop()
	}
	if !c.id.Expiry.IsZero() && !f.ended {
		f.expiry = time.AfterFunc(time.Until(c.id.Expiry), func() {
			if until := f.who().id.Expiry; until.IsZero() || time.Now().Before(until) {
				return // renewed at the last moment
			}
			f.finish(expiredFailure(), "expired")
		})
	}
}

func (f *feed) who() *caller {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.caller
}

// endedBy is why the feed has ended; otherwise where no reason was given.
func (f *feed) endedBy(otherwise *failure) *failure {
	f.mu.Lock()
	defer f.mu.Unlock()
	return cmp.Or(f.end, otherwise)
}

// revoke ends the feed of one who is not let in any more.
func (f *feed) revoke(why *failure) { f.finish(why, "refused") }

// take gives the next message; nil when there is none at the moment. Once open is false nothing comes any
// more, and the failure says why: nil is completion.
func (f *feed) take() (m *message, open bool, end *failure) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.queue) > 0 {
		m = f.queue[0]
		f.queue[0] = nil
		f.queue = f.queue[1:]
		f.bytes -= len(m.body)
		f.tellRoom()
		if len(f.queue) == 0 {
			f.queue, f.more = nil, 0 // its memory is wanted only while the client is behind
		}
		f.cursor = m.cursor
		if f.first != nil {
			m = &message{body: f.first(m.body), cursor: m.cursor, key: m.key}
			f.first = nil
		}
		return m, true, nil
	}
	return nil, !f.ended, f.end
}

// onWake sets what is called when there is something to take; it is called at once when there is already.
func (f *feed) onWake(wake func()) {
	f.mu.Lock()
	f.wake = wake
	something := len(f.queue) > 0 || f.ended
	f.mu.Unlock()
	if something {
		wake()
	}
}

// push queues a message of a round of joining. When the queue is full the client is cut off, with the cursor to
// come back with.
func (f *feed) push(m *message, round int) {
	f.mu.Lock()
	if f.ended || round != f.round {
		f.mu.Unlock()
		return
	}
	if f.latest && m.key != "" {
		for i, waiting := range f.queue {
			if waiting.key == m.key { // the cursors stay in order
				f.bytes -= len(waiting.body)
				f.queue = append(f.queue[:i], f.queue[i+1:]...)
				f.g.observer.EventWithheld(f.field, "superseded")
				break
			}
		}
	}
	full := f.full(m)
	if !full {
		f.queue = append(f.queue, m)
		f.bytes += len(m.body)
	}
	wake := f.wake
	f.mu.Unlock()
	if full {
		f.finish(f.g.slowFailure(), "slow")
		return
	}
	wake()
}

// full says that the queue has no room for a message. f.mu is held.
func (f *feed) full(m *message) bool {
	return len(f.queue) >= f.g.cfg.Queue+f.more || f.more == 0 && len(f.queue) > 0 && f.bytes+len(m.body) > f.g.cfg.QueueBytes
}

// expect makes room for messages that the client has missed.
func (f *feed) expect(n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.more = n
}

// finish ends the feed for a reason of the observer's. What is in the queue is still taken, unless the
// client is too slow for it: then it comes back for that.
func (f *feed) finish(end *failure, reason string) {
	f.mu.Lock()
	if f.ended {
		f.mu.Unlock()
		return
	}
	f.ended, f.end = true, end
	if reason == "slow" {
		f.queue, f.bytes = nil, 0
	}
	wake, leave := f.wake, f.leave
	f.leave = nil // a restart that comes now does not leave again
	f.tellRoom()
	if f.expiry != nil {
		f.expiry.Stop()
	}
	f.mu.Unlock()
	f.g.rights.remove(f)
	if leave != nil {
		leave()
	}
	f.g.observer.SubscribersAdd(-1)
	f.g.observer.SubscriberEnded(f.field, reason)
	wake()
}

// close is the transport's last call: nothing is taken any more.
func (f *feed) close() {
	f.finish(nil, "done")
	f.g.feeds.remove(f)
	f.release()
}

// joins is the number of the round of joining that begins. latest says that the last message of a key is enough.
func (f *feed) joins(latest bool) (round int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.latest = latest
	return f.round
}

// joined tells the feed how it is taken out of where its messages come from, and how it learns its cursor.
func (f *feed) joined(leave func(), now func() string) {
	f.mu.Lock()
	ended := f.ended
	if !ended {
		f.leave, f.now = leave, now
	}
	f.mu.Unlock()
	if ended {
		leave()
	}
}

// lastCursor is behind the last message that the transport has taken; "" before the first.
func (f *feed) lastCursor() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.cursor
}

// freshCursor is one of this moment where nothing waits, so that a quiet client's does not grow old; else
// that behind the last message.
func (f *feed) freshCursor() string {
	f.mu.Lock()
	now := f.now
	f.mu.Unlock()
	cursor := ""
	if now != nil {
		cursor = now()
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if cursor != "" && len(f.queue) == 0 {
		f.cursor = cursor
	}
	return f.cursor
}

// idle says that there is nothing to take.
func (f *feed) idle() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.queue) == 0 && !f.ended
}

// told is why the feed ended, with the cursor with which its client goes on.
func (f *feed) told(end *failure) *failure {
	cursor := f.lastCursor()
	if cursor == "" || len(end.errors) == 0 {
		return end
	}
	own, first := *end, *end.errors[0]
	first.Extensions = maps.Clone(first.Extensions)
	first.Extensions["cursor"] = cursor
	own.errors = append(gqlerror.List{&first}, end.errors[1:]...)
	return &own
}

// depth is how many messages wait, and whether the feed has begun and not ended.
func (f *feed) depth() (n int, begun bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.queue), f.begun && !f.ended
}

// reasonOf is why a feed ended, for the observer.
func reasonOf(f *failure) string {
	switch f.code() {
	case codeSlow:
		return "slow"
	case codeUnavailable, codeGap:
		return "source"
	case codeDraining:
		return "draining"
	case codeChanged:
		return "replaced"
	}
	return "refused"
}

func (g *Gateway) slowFailure() *failure {
	return reject(http.StatusTooManyRequests, problem(codeSlow,
		"This client reads too slowly: %d results or %d bytes are waiting. Subscribe again, with the last cursor to go on there.", g.cfg.Queue, g.cfg.QueueBytes))
}

func expiredFailure() *failure {
	f := refuse(http.StatusUnauthorized, codeUnauthenticated, "The sign-in has expired; sign in again and reconnect.")
	f.closes = closeForbidden
	return f
}

func drainingFailure() *failure {
	f := refuse(http.StatusServiceUnavailable, codeDraining, "This router is shutting down; connect again.")
	f.closes = websocket.StatusGoingAway
	return f
}
