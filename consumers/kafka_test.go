package consumers

import (
	"context"
	"fmt"
	"net"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"storefront/events"
	embedded "storefront/internal/embedded/kafka"
	"storefront/internal/kafka"
	"storefront/internal/kafka/kafkatest"
	"storefront/internal/outbox"
)

// broker has all topics, for one test.
type broker struct {
	t      testing.TB
	server *embedded.Server
	dir    string
	port   int
	kafka  kafka.Config
	filler *kafka.Producer // of fill, made at its first call
}

// topicsOfTests are all topics, and the retry topic of the group "test".
func topicsOfTests() []kafka.Topic {
	return append(Topics(4, 0), retryTopicOf(Group{ID: "test"}, 4, 0))
}

func startBroker(t testing.TB) *broker {
	t.Helper()
	return &broker{t: t, kafka: kafkatest.Config(t, topicsOfTests()...)}
}

// startOwnBroker is for tests that stop the broker and start it again: an embedded one.
func startOwnBroker(t testing.TB) *broker {
	t.Helper()
	b := &broker{t: t, dir: t.TempDir()}
	b.start()
	b.kafka = kafka.Config{Brokers: []string{b.server.Addr()}}
	_, port, err := net.SplitHostPort(b.server.Addr())
	if err != nil {
		t.Fatal(err)
	}
	b.port, _ = strconv.Atoi(port)
	t.Cleanup(func() { b.stop() })
	return b
}

func (b *broker) start() {
	b.t.Helper()
	var topics []embedded.Topic
	for _, topic := range topicsOfTests() {
		topics = append(topics, embedded.Topic{Name: topic.Name, Partitions: int(topic.Partitions)})
	}
	s, err := embedded.Start(context.Background(), embedded.Config{Port: b.port, Dir: b.dir, Topics: topics})
	if err != nil {
		b.t.Fatal(err)
	}
	b.server = s
}

func (b *broker) stop() {
	b.t.Helper()
	if err := b.server.Close(); err != nil {
		b.t.Fatal(err)
	}
}

func (b *broker) producer() *kafka.Producer {
	b.t.Helper()
	p, err := kafka.NewProducer(b.kafka)
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() { p.Close() })
	return p
}

// read returns what a topic holds at this moment.
func (b *broker) read(topic string) []*kafka.Record {
	b.t.Helper()
	offsets, err := b.kafka.Admin().TopicOffsets(b.t.Context(), topic)
	if err != nil {
		b.t.Fatal(err)
	}
	missing := int64(0)
	for _, o := range offsets {
		missing += o.Newest - o.Oldest
	}
	r, err := b.kafka.OpenReader(b.t.Context(), topic, kafka.Start{Oldest: true})
	if err != nil {
		b.t.Fatal(err)
	}
	defer r.Close()
	var records []*kafka.Record
	for missing > 0 {
		rec, ok := <-r.Records()
		if !ok {
			b.t.Fatalf("%d records are missing: %v", missing, r.Err())
		}
		if rec.Offset < offsets[rec.Partition].Newest {
			records = append(records, rec)
			missing--
		}
	}
	return records
}

// lag is how many records of a topic the group has not committed.
func (b *broker) lag(group, topic string) int64 {
	b.t.Helper()
	lags, err := b.kafka.Admin().Lag(b.t.Context(), group, []string{topic})
	if err != nil {
		b.t.Fatal(err)
	}
	var n int64
	for _, l := range lags {
		n += l.Records
	}
	return n
}

// eventually waits until ok is true.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	deadline := time.Now().Add(60 * time.Second)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain: %s", what)
		}
		<-tick.C
	}
}

// statusChanged is the version-th change of an order.
func statusChanged(order string, version int) events.OrderStatusChanged {
	return events.OrderStatusChanged{ID: order, Status: "PLACED", Version: version}
}

func record(t testing.TB, ctx context.Context, e events.Event) outbox.Record {
	t.Helper()
	r, err := outbox.NewRecord(ctx, events.Source+"orders", time.Now(), e)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func message(t testing.TB, e events.Event) kafka.Message {
	t.Helper()
	return messageOf(record(t, t.Context(), e))
}

// journal remembers in which order a key's versions came.
type journal struct {
	mu   sync.Mutex
	seen map[string][]int
	n    int
}

func (j *journal) add(e events.OrderStatusChanged) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.seen == nil {
		j.seen = make(map[string][]int)
	}
	j.seen[e.ID] = append(j.seen[e.ID], e.Version)
	j.n++
}

func (j *journal) count() int {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.n
}

// distinct counts the events that came at least once.
func (j *journal) distinct() int {
	j.mu.Lock()
	defer j.mu.Unlock()
	n := 0
	for _, versions := range j.seen {
		n += len(firsts(versions))
	}
	return n
}

// check says where an order's versions are not 1 to n by first occurrence.
func (j *journal) check(t testing.TB, orders, n int) {
	t.Helper()
	j.mu.Lock()
	defer j.mu.Unlock()
	if len(j.seen) != orders {
		t.Errorf("events of %d orders came, want %d", len(j.seen), orders)
	}
	var want []int
	for i := range n {
		want = append(want, i+1)
	}
	for order, versions := range j.seen {
		if got := firsts(versions); !slices.Equal(got, want) {
			t.Errorf("%s: first occurrences %v", order, got)
		}
	}
}

func firsts(versions []int) []int {
	var f []int
	for _, v := range versions {
		if !slices.Contains(f, v) {
			f = append(f, v)
		}
	}
	return f
}

// journalOf reads a topic of OrderStatusChanged in a journal.
func (b *broker) journal(topic string) *journal {
	b.t.Helper()
	j := &journal{}
	for _, r := range b.read(topic) {
		e, err := events.Decode(r.Header(events.HeaderType), r.Value)
		if err != nil {
			b.t.Fatal(err)
		}
		j.add(e.(events.OrderStatusChanged))
	}
	return j
}

func order(i int) string { return fmt.Sprintf("ord_%03d", i) }
