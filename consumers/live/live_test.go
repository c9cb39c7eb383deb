package live_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	feed "storefront/consumers/live"
	"storefront/events"
	embedded "storefront/internal/embedded/kafka"
	"storefront/internal/errs"
	"storefront/internal/kafka"
	"storefront/internal/kafka/kafkatest"
	"storefront/internal/live"
)

const topic = events.OrderTopic

type world struct {
	t        testing.TB
	server   *embedded.Server
	dir      string
	kafka    kafka.Config
	producer *kafka.Producer

	mu     sync.Mutex
	sent   map[string]int // events, by key
	repeat string         // id of all events that are sent now; none when empty
}

func newWorld(t testing.TB) *world {
	t.Helper()
	w := &world{t: t, kafka: kafkatest.Config(t, kafka.Topic{Name: topic, Partitions: 4})}
	w.produce()
	return w
}

// newWorldOfItsOwn is for tests that stop the broker: an embedded one.
func newWorldOfItsOwn(t testing.TB) *world {
	t.Helper()
	w := &world{t: t, dir: t.TempDir()}
	w.start(0)
	t.Cleanup(func() { w.server.Close() })
	w.kafka = kafka.Config{Brokers: []string{w.server.Addr()}}
	w.produce()
	return w
}

func (w *world) produce() {
	w.t.Helper()
	p, err := kafka.NewProducer(w.kafka)
	if err != nil {
		w.t.Fatal(err)
	}
	w.producer = p
	w.t.Cleanup(func() { p.Close() })
}

func (w *world) start(port int) {
	w.t.Helper()
	s, err := embedded.Start(context.Background(), embedded.Config{Port: port, Dir: w.dir, Topics: []embedded.Topic{{Name: topic, Partitions: 4}}})
	if err != nil {
		w.t.Fatal(err)
	}
	w.server = s
}

func (w *world) feed(change func(*feed.Config)) *feed.Feed {
	w.t.Helper()
	c := feed.Config{Kafka: w.kafka}
	if change != nil {
		change(&c)
	}
	f := feed.New(c)
	w.t.Cleanup(func() { f.Close() })
	return f
}

// publish writes an event of an order; version tells events apart.
func (w *world) publish(order, customer string, version int) {
	w.t.Helper()
	w.send(order, "storefront.order.status_changed", fmt.Sprintf(`{"id":%q,"customer":%q,"version":%d,"large":9007199254740993}`, order, customer, version))
}

func (w *world) send(key, eventType, value string) {
	w.t.Helper()
	err := w.producer.Publish(context.Background(), []kafka.Message{{Topic: topic, Key: key, Value: []byte(value), Headers: []kafka.Header{
		{Key: events.HeaderID, Value: w.id(key)}, {Key: events.HeaderType, Value: eventType},
		{Key: events.HeaderTime, Value: "2026-02-03T04:05:06Z"}, {Key: events.HeaderTraceparent, Value: "00-01-02-01"},
	}}})
	if err != nil {
		w.t.Fatal(err)
	}
}

// id is that of the next event of a key, the key's first being "evt_KEY".
func (w *world) id(key string) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.repeat != "" {
		return w.repeat
	}
	if w.sent == nil {
		w.sent = map[string]int{}
	}
	w.sent[key]++
	if n := w.sent[key]; n > 1 {
		return fmt.Sprintf("evt_%s_%d", key, n)
	}
	return "evt_" + key
}

// taken is a sink that a test reads.
type taken struct {
	events chan *live.Event
	ended  chan error
}

func (t *taken) Event(e *live.Event) { t.events <- e }
func (t *taken) Ended(err error)     { t.ended <- err }

func newTaken() *taken {
	return &taken{events: make(chan *live.Event, 1000), ended: make(chan error, 1)}
}

func (w *world) watch(s live.Source, after live.Position, filters ...live.Filter) (live.Watch, *taken) {
	w.t.Helper()
	to := newTaken()
	watch, err := s.Watch(w.t.Context(), topic, filters, after, to)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(watch.Close)
	return watch, to
}

func (w *world) take(from *taken) *live.Event {
	w.t.Helper()
	select {
	case e := <-from.events:
		return e
	case err := <-from.ended:
		w.t.Fatalf("watch ended: %v", err)
	case <-time.After(20 * time.Second):
		w.t.Fatal("no event came")
	}
	return nil
}

// behind is the position of a watch of one partition behind an event.
func behind(e *live.Event) live.Position {
	return live.Position{{Partition: e.Partition, Next: e.Offset + 1}}
}

func (w *world) subscribe(s live.Source, filter live.Filter) live.Stream {
	w.t.Helper()
	stream, err := s.Subscribe(w.t.Context(), topic, filter)
	if err != nil {
		w.t.Fatal(err)
	}
	return stream
}

func (w *world) next(s live.Stream) live.Event {
	w.t.Helper()
	select {
	case e, ok := <-s.Events():
		if !ok {
			w.t.Fatalf("stream ended: %v", s.Err())
		}
		return e
	case <-time.After(20 * time.Second):
		w.t.Fatal("no event came")
	}
	return live.Event{}
}

func version(e live.Event) string { return fmt.Sprint(e.Data["version"]) }

// ended waits for the stream's end and returns its error.
func (w *world) ended(s live.Stream) error {
	w.t.Helper()
	for {
		select {
		case _, ok := <-s.Events():
			if !ok {
				return s.Err()
			}
		case <-time.After(20 * time.Second):
			w.t.Fatal("stream does not end")
		}
	}
}

func TestEventsReachThoseTheyMatch(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.publish("ord_0", "usr_0", 1) // before anybody subscribed
	f := w.feed(nil)
	const orders = 500
	var byKey, byCustomer []live.Stream // 1,000 subscribers
	for i := range orders {
		byKey = append(byKey, w.subscribe(f, live.Filter{Key: "ord_" + strconv.Itoa(i)}))
		byCustomer = append(byCustomer, w.subscribe(f, live.Filter{Attribute: "customer", Value: "usr_" + strconv.Itoa(i)}))
	}
	byType := w.subscribe(f, live.Filter{Types: []string{"storefront.order.cancelled"}})
	both := w.subscribe(f, live.Filter{Key: "ord_1", Attribute: "customer", Value: "usr_2"})

	for i := range orders {
		w.publish("ord_"+strconv.Itoa(i), "usr_"+strconv.Itoa(orders-1-i), 2)
	}
	for i := range orders {
		e := w.next(byKey[i])
		if e.Key != "ord_"+strconv.Itoa(i) || version(e) != "2" || e.Data["customer"] != "usr_"+strconv.Itoa(orders-1-i) {
			t.Fatalf("subscriber of ord_%d got %+v", i, e)
		}
		if e := w.next(byCustomer[i]); e.Data["customer"] != "usr_"+strconv.Itoa(i) || version(e) != "2" {
			t.Fatalf("subscriber of usr_%d got %+v", i, e)
		}
	}
	w.send("ord_1", "storefront.order.cancelled", `not JSON`)
	w.send("ord_1", "storefront.order.cancelled", `{"id":"ord_1","customer":"usr_2","version":3}`)
	for name, s := range map[string]live.Stream{"key": byKey[1], "type": byType, "key and attribute": both, "attribute": byCustomer[2]} {
		e := w.next(s)
		if version(e) != "3" || e.Type != "storefront.order.cancelled" {
			t.Errorf("subscriber by %s got %+v", name, e)
		}
	}
	for i := range orders {
		if i != 1 && len(byKey[i].Events()) > 0 || i != 2 && len(byCustomer[i].Events()) > 0 {
			t.Errorf("subscriber %d got an event that is not its own", i)
		}
	}
	if s := f.Stats(); len(s) != 1 || s[0].Watches != 2*orders+2 || s[0].Window != orders+2 {
		t.Errorf("stats: %+v", s)
	}
}

func TestEventIsWhole(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.subscribe(w.feed(nil), live.Filter{})
	w.publish("ord_1", "usr_1", 7)
	e := w.next(s)
	if e.ID != "evt_ord_1" || e.Type != "storefront.order.status_changed" || e.Key != "ord_1" || e.Traceparent != "00-01-02-01" ||
		!e.Time.Equal(time.Date(2026, 2, 3, 4, 5, 6, 0, time.UTC)) || fmt.Sprint(e.Data["large"]) != "9007199254740993" {
		t.Errorf("%+v", e)
	}
}

// Nothing that is acknowledged after Subscribe has returned may be missed, however often it is tried.
func TestNothingIsMissedAfterSubscribe(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for i := range 10 {
		f := w.feed(nil) // a fresh reader each time
		s := w.subscribe(f, live.Filter{Key: "ord_1"})
		w.publish("ord_1", "usr_1", i)
		if got := version(w.next(s)); got != strconv.Itoa(i) {
			t.Fatalf("first event is %s, want %d", got, i)
		}
		f.Close()
	}
}

func TestSlowSubscriberIsCutOffAlone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	f := w.feed(func(c *feed.Config) { c.Queue = 20 })
	slow, quick := w.subscribe(f, live.Filter{}), w.subscribe(f, live.Filter{})
	for i := range 100 {
		w.publish("ord_1", "usr_1", i)
		if got := version(w.next(quick)); got != strconv.Itoa(i) {
			t.Fatalf("event %s, want %d", got, i)
		}
	}
	if err := w.ended(slow); !errors.Is(err, live.ErrSlow) {
		t.Errorf("slow subscriber ended with %v", err)
	}
	eventually(t, "the slow one is out", func() bool { return f.Stats()[0].Watches == 1 })
}

func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	deadline := time.After(20 * time.Second)
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-deadline:
			t.Fatalf("waited in vain: %s", what)
		case <-tick.C:
		}
	}
}

// TestResume goes on from another process, within its window and behind it, and with all partitions.
func TestResume(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	here, there := w.feed(nil), w.feed(nil)                                 // two processes
	small := w.feed(func(c *feed.Config) { c.Window = 5 })                  // one with little memory
	smaller := w.feed(func(c *feed.Config) { c.Window, c.Replay = 5, 100 }) // and one with little patience
	for _, f := range []*feed.Feed{there, small, smaller} {
		w.watch(f, nil, live.Filter{}) // it reads
	}
	key, mine := live.Filter{Key: "ord_1"}, live.Filter{Attribute: "customer", Value: "usr_1"}
	_, one := w.watch(here, nil, key)
	_, all := w.watch(here, nil, mine)
	var keyed, everywhere live.Position
	for i := range 4 {
		w.publish("ord_1", "usr_1", i)
		keyed = behind(w.take(one))
		w.take(all)
		w.publish("ord_2", "usr_1", i)
		everywhere = w.take(all).At
	}
	const last = 200
	for i := 4; i < last; i++ {
		w.publish("ord_1", "usr_1", i)
		w.publish("ord_2", "usr_1", i)
	}
	for name, f := range map[string]*feed.Feed{"here": here, "there": there, "small": small} {
		_, one := w.watch(f, keyed, key)
		watch, all := w.watch(f, everywhere, mine)
		at := everywhere
		for i := 4; i < last; i++ {
			if e := w.take(one); version(*e) != strconv.Itoa(i) {
				t.Fatalf("%s: event %s, want %d: missed or repeated", name, version(*e), i)
			}
		}
		next := map[string]int{"ord_1": 4, "ord_2": 4}
		for range 2 * (last - 4) {
			e := w.take(all)
			if version(*e) != strconv.Itoa(next[e.Key]) || at.Before(e) || !e.At.Before(e) {
				t.Fatalf("%s: event %s of %s at %v behind %v, want %d", name, version(*e), e.Key, e.At, at, next[e.Key])
			}
			next[e.Key]++
			at = e.At
			if e.Key == "ord_2" && next[e.Key] == 100 { // from the middle once more
				_, again := w.watch(f, at, mine)
				rest := map[string]int{"ord_1": next["ord_1"], "ord_2": next["ord_2"]}
				for range 2*last - next["ord_1"] - next["ord_2"] {
					e := w.take(again)
					if version(*e) != strconv.Itoa(rest[e.Key]) {
						t.Fatalf("%s: from the middle, event %s of %s, want %d", name, version(*e), e.Key, rest[e.Key])
					}
					rest[e.Key]++
				}
			}
		}
		if got := watch.Position(); got.String() != at.String() {
			t.Errorf("%s: the watch is at %v, its last event at %v", name, got, at)
		}
	}
	if s := small.Stats()[0]; s.Resumed != 3 || s.Replayed == 0 {
		t.Errorf("stats of the small one: %+v", s)
	}
	if _, err := smaller.Watch(t.Context(), topic, []live.Filter{key}, keyed, newTaken()); !errors.Is(err, live.ErrTooOld) || !errs.Is(err, errs.Conflict) {
		t.Errorf("a position from long ago: %v", err)
	}
	future := live.Position{{Partition: keyed[0].Partition, Next: 1 << 40}}
	for _, bad := range []live.Position{everywhere, future, {{Partition: 99, Next: 0}}} {
		if _, err := here.Watch(t.Context(), topic, []live.Filter{key}, bad, newTaken()); !errors.Is(err, live.ErrPositionInvalid) || !errs.Is(err, errs.BadInput) {
			t.Errorf("position %v: %v", bad, err)
		}
	}
}

// TestPositionText reads what it writes, and nothing else.
func TestPositionText(t *testing.T) {
	for _, p := range []live.Position{{{Partition: 0}}, {{Partition: 2, Next: 17}, {Partition: 5, Next: 1 << 50}}} {
		if got, err := live.ParsePosition(p.String()); err != nil || got.String() != p.String() {
			t.Errorf("%v is read as %v, %v", p, got, err)
		}
	}
	for _, bad := range []string{"", "x", "1", "1:", ":1", "1:-1", "-1:1", "2:1 1:1", "1:1 1:2", "1:1  2:1", "9999999999:1"} {
		if p, err := live.ParsePosition(bad); err == nil {
			t.Errorf("%q is read as %v", bad, p)
		}
	}
}

// TestTwicePublishedIsGivenOnce: a relay that died behind its publishing publishes again.
func TestTwicePublishedIsGivenOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	f := w.feed(nil)
	_, one := w.watch(f, nil, live.Filter{Key: "ord_1"})
	w.repeat = "evt_same"
	w.publish("ord_1", "usr_1", 1)
	w.publish("ord_1", "usr_1", 1)
	w.repeat = ""
	w.publish("ord_1", "usr_1", 2)
	first := w.take(one)
	if e := w.take(one); version(*e) != "2" {
		t.Errorf("got %s, want 2", version(*e))
	}
	_, again := w.watch(f, live.Position{{Partition: first.Partition, Next: first.Offset}}, live.Filter{Key: "ord_1"})
	for _, want := range []string{"1", "2"} {
		if e := w.take(again); version(*e) != want {
			t.Errorf("from the window: got %s, want %s", version(*e), want)
		}
	}
	if s := f.Stats()[0]; s.Repeated != 1 {
		t.Errorf("stats: %+v", s)
	}
}

// TestOnlyWhatIsWanted: partitions are read while somebody needs them, and a while longer.
func TestOnlyWhatIsWanted(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	f := w.feed(func(c *feed.Config) { c.Linger = time.Millisecond })
	reads := func() int { return f.Stats()[0].Partitions }
	one, _ := w.watch(f, nil, live.Filter{Key: "ord_1"})
	same, _ := w.watch(f, nil, live.Filter{Key: "ord_1"})
	if n := reads(); n != 1 {
		t.Errorf("%d partitions are read for one key", n)
	}
	all, _ := w.watch(f, nil, live.Filter{})
	if n := reads(); n != 4 {
		t.Errorf("%d partitions are read for all keys", n)
	}
	all.Close()
	eventually(t, "one is read again", func() bool { return reads() == 1 })
	one.Close()
	same.Close()
	same.Close()
	eventually(t, "none is read", func() bool { return reads() == 0 })
	_, back := w.watch(f, nil, live.Filter{Key: "ord_1"})
	w.publish("ord_1", "usr_1", 9)
	if e := w.take(back); version(*e) != "9" {
		t.Errorf("got %s after all had left, want 9", version(*e))
	}
}

func TestFeedOutlivesBroker(t *testing.T) {
	t.Parallel()
	w := newWorldOfItsOwn(t)
	s := w.subscribe(w.feed(nil), live.Filter{Key: "ord_1"})
	w.publish("ord_1", "usr_1", 1)
	w.next(s)
	_, port, _ := net.SplitHostPort(w.server.Addr())
	n, _ := strconv.Atoi(port)
	w.server.Close()
	w.start(n)
	w.publish("ord_1", "usr_1", 2)
	if got := version(w.next(s)); got != "2" {
		t.Errorf("event %s after the outage, want 2", got)
	}
}

func TestSubscribeWithoutBroker(t *testing.T) {
	t.Parallel()
	w := newWorldOfItsOwn(t)
	w.server.Close()
	if _, err := w.feed(nil).Subscribe(t.Context(), topic, live.Filter{}); !errs.Is(err, errs.Unavailable) {
		t.Errorf("subscribe without a broker: %v", err)
	}
}

// Not parallel: it counts goroutines.
func TestCloseLeavesNothing(t *testing.T) {
	w := newWorld(t)
	w.publish("ord_1", "usr_1", 0)
	before := runtime.NumGoroutine()
	f := feed.New(feed.Config{Kafka: w.kafka})
	ctx, cancel := context.WithCancel(t.Context())
	var ended []live.Stream
	for range 50 {
		s, err := f.Subscribe(ctx, topic, live.Filter{Key: "ord_1"})
		if err != nil {
			t.Fatal(err)
		}
		ended = append(ended, s)
	}
	left := w.subscribe(f, live.Filter{})
	for i := range 30 { // queues fill
		w.publish("ord_1", "usr_1", i)
	}
	w.next(left)
	cancel()
	for _, s := range ended {
		if err := w.ended(s); err != nil {
			t.Errorf("stream whose context ended: %v", err)
		}
		s.Close()
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if err := w.ended(left); !errors.Is(err, live.ErrClosed) {
		t.Errorf("stream of a closed feed: %v", err)
	}
	if _, err := f.Subscribe(t.Context(), topic, live.Filter{}); !errors.Is(err, live.ErrClosed) {
		t.Errorf("subscribe to a closed feed: %v", err)
	}
	deadline := time.Now().Add(20 * time.Second)
	for runtime.NumGoroutine() > before {
		if time.Now().After(deadline) {
			stacks := make([]byte, 1<<20)
			t.Fatalf("%d goroutines, %d before:\n%s", runtime.NumGoroutine(), before, stacks[:runtime.Stack(stacks, true)])
		}
		runtime.Gosched()
	}
}

// BenchmarkProduceToSubscriber measures from before Publish to the subscriber's channel, one event at a
// time, with 1,000 subscribers of other keys beside it.
func BenchmarkProduceToSubscriber(b *testing.B) {
	w := newWorld(b)
	f := w.feed(nil)
	for i := range 1000 {
		w.subscribe(f, live.Filter{Key: "other_" + strconv.Itoa(i)})
	}
	s := w.subscribe(f, live.Filter{Key: "ord_1"})
	var took []time.Duration
	for i := range b.N {
		began := time.Now()
		w.publish("ord_1", "usr_1", i)
		w.next(s)
		took = append(took, time.Since(began))
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds()), "p50-µs")
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds()), "p99-µs")
}

// BenchmarkFanOut gives each event to 1,000 subscribers, and counts deliveries.
func BenchmarkFanOut(b *testing.B) {
	w := newWorld(b)
	f := w.feed(func(c *feed.Config) { c.Queue = 1 << 20 })
	var readers sync.WaitGroup
	for range 1000 {
		s := w.subscribe(f, live.Filter{Attribute: "customer", Value: "usr_1"})
		readers.Go(func() {
			for range b.N {
				<-s.Events()
			}
		})
	}
	b.ResetTimer()
	for i := range b.N {
		w.publish("ord_"+strconv.Itoa(i%100), "usr_1", i)
	}
	readers.Wait()
	b.ReportMetric(float64(b.N)*1000/b.Elapsed().Seconds(), "deliveries/s")
}
