package live_test

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"runtime"
	"slices"
	"strconv"
	"strings"
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
		{Key: events.HeaderID, Value: "evt_" + key}, {Key: events.HeaderType, Value: eventType},
		{Key: events.HeaderTime, Value: "2026-02-03T04:05:06Z"}, {Key: events.HeaderTraceparent, Value: "00-01-02-01"},
	}}})
	if err != nil {
		w.t.Fatal(err)
	}
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
	if s := f.Stats(); len(s) != 1 || s[0].Subscribers != 2*orders+2 || s[0].Window != orders+2 {
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
		!e.Time.Equal(time.Date(2026, 2, 3, 4, 5, 6, 0, time.UTC)) || e.Cursor == "" || fmt.Sprint(e.Data["large"]) != "9007199254740993" {
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
	if s := f.Stats()[0]; s.Slow != 1 || s.Subscribers != 1 {
		t.Errorf("stats: %+v", s)
	}
}

func TestResume(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	here, there := w.feed(nil), w.feed(nil)                    // two processes
	small := w.feed(func(c *feed.Config) { c.Window = 5 })     // one with little memory
	one := w.subscribe(here, live.Filter{Key: "ord_1"})        // on one, then on another
	w.subscribe(there, live.Filter{Key: "nobody's"}).Close()   // it reads, so it has a window
	defer w.subscribe(small, live.Filter{Key: "none"}).Close() //
	var cursor string
	for i := range 4 {
		w.publish("ord_1", "usr_1", i)
		w.publish("ord_2", "usr_1", i)
		cursor = w.next(one).Cursor
	}
	one.Close()
	for i := 4; i < 400; i++ { // more than a queue holds
		w.publish("ord_1", "usr_1", i)
		w.publish("ord_2", "usr_1", i)
	}
	back, err := there.Resume(t.Context(), topic, live.Filter{Key: "ord_1"}, cursor)
	if err != nil {
		t.Fatal(err)
	}
	w.publish("ord_1", "usr_1", 400)
	for i := 4; i <= 400; i++ {
		if got := version(w.next(back)); got != strconv.Itoa(i) {
			t.Fatalf("event %s, want %d: missed or repeated", got, i)
		}
	}
	probe := w.subscribe(small, live.Filter{Key: "ord_1"})
	w.publish("ord_1", "usr_1", 401)
	w.next(probe) // the small one has read everything
	if _, err := small.Resume(t.Context(), topic, live.Filter{}, cursor); !errors.Is(err, live.ErrCursorTooOld) {
		t.Errorf("a cursor from before the window: %v", err)
	}
	for _, bad := range []string{"", "x", strings.ToUpper(cursor), base64.RawURLEncoding.EncodeToString([]byte("v1 payment-events 0:1 1:1 2:1 3:1"))} {
		if _, err := here.Resume(t.Context(), topic, live.Filter{}, bad); !errors.Is(err, live.ErrCursorInvalid) || !errs.Is(err, errs.BadInput) {
			t.Errorf("cursor %q: %v", bad, err)
		}
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
