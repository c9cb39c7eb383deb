package kafka_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	embedded "storefront/internal/embedded/kafka"
	"storefront/internal/kafka"
	"storefront/internal/kafka/kafkatest"
)

const topic = "things"

// broker has one topic of four partitions.
func broker(t testing.TB) kafka.Config {
	t.Helper()
	return kafkatest.Config(t, kafka.Topic{Name: topic, Partitions: 4})
}

func producer(t testing.TB, c kafka.Config) *kafka.Producer {
	t.Helper()
	p, err := kafka.NewProducer(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	return p
}

// read returns n records of the topic, from its beginning.
func read(t testing.TB, c kafka.Config, n int) []*kafka.Record {
	t.Helper()
	r, err := c.OpenReader(t.Context(), topic, kafka.Start{Oldest: true})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	var records []*kafka.Record
	for len(records) < n {
		records = append(records, next(t, r))
	}
	return records
}

func next(t testing.TB, r *kafka.Reader) *kafka.Record {
	t.Helper()
	select {
	case rec, ok := <-r.Records():
		if !ok {
			t.Fatalf("reader ended: %v", r.Err())
		}
		return rec
	case <-time.After(20 * time.Second):
		t.Fatal("no record came")
	}
	return nil
}

// firsts returns each key's values in order of their first occurrence.
func firsts(records []*kafka.Record) map[string][]string {
	seen := make(map[string]bool)
	values := make(map[string][]string)
	for _, r := range records {
		if id := r.Key + "/" + string(r.Value); !seen[id] {
			seen[id] = true
			values[r.Key] = append(values[r.Key], string(r.Value))
		}
	}
	return values
}

func numbers(n int) []string {
	var s []string
	for i := range n {
		s = append(s, strconv.Itoa(i))
	}
	return s
}

func TestPublishKeepsOrderPerKey(t *testing.T) {
	t.Parallel()
	c := broker(t)
	p := producer(t, c)
	const keys, rounds = 20, 25
	var wg sync.WaitGroup
	for k := range keys {
		wg.Go(func() {
			for i := 0; i < rounds; i += 5 {
				var batch []kafka.Message
				for j := range 5 {
					batch = append(batch, kafka.Message{
						Topic: topic, Key: fmt.Sprintf("key-%d", k), Value: []byte(strconv.Itoa(i + j)),
						Headers: []kafka.Header{{Key: "ce_id", Value: "x"}},
					})
				}
				if err := p.Publish(t.Context(), batch); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	records := read(t, c, keys*rounds)
	for key, got := range firsts(records) {
		if !slices.Equal(got, numbers(rounds)) {
			t.Errorf("%s: %v", key, got)
		}
	}
	if records[0].Header("ce_id") != "x" || records[0].Time.IsZero() {
		t.Errorf("record lost its header or time: %+v", records[0])
	}
}

func TestKeysGoWhereJavaPutsThem(t *testing.T) {
	t.Parallel()
	c := broker(t)
	p := producer(t, c)
	// murmur2 values of Kafka's own UtilsTest.
	hashes := map[string]int32{"21": -973932308, "foobar": -790332482, "a-little-bit-long-string": -985981536}
	for key := range hashes {
		if err := p.Publish(t.Context(), []kafka.Message{{Topic: topic, Key: key, Value: []byte("v")}}); err != nil {
			t.Fatal(err)
		}
	}
	for _, r := range read(t, c, len(hashes)) {
		if want := (hashes[r.Key] & 0x7fffffff) % 4; r.Partition != want {
			t.Errorf("%s is in partition %d, Java puts it into %d", r.Key, r.Partition, want)
		}
	}
}

func TestPublishOutlivesBroker(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	start := func(port int) *embedded.Server {
		s, err := embedded.Start(t.Context(), embedded.Config{Port: port, Dir: dir, Topics: []embedded.Topic{{Name: topic, Partitions: 2}}})
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	s := start(0)
	_, portText, _ := net.SplitHostPort(s.Addr())
	port, _ := strconv.Atoi(portText)
	c := kafka.Config{Brokers: []string{s.Addr()}}
	p := producer(t, c)

	publish := func(ctx context.Context, key string, i int) error {
		return p.Publish(ctx, []kafka.Message{
			{Topic: topic, Key: key, Value: []byte(strconv.Itoa(i))},
			{Topic: topic, Key: key, Value: []byte(strconv.Itoa(i + 1))},
		})
	}
	if err := publish(t.Context(), "a", 0); err != nil {
		t.Fatal(err)
	}
	s.Close()

	short, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	err := publish(short, "a", 2)
	if pe, ok := errors.AsType[*kafka.PublishError](err); !ok || len(pe.Failed) != 2 || !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("publish without a broker: %v", err)
	}
	done := make(chan error, 1)
	go func() { done <- publish(t.Context(), "a", 2) }() // the publisher tries again, as the relay does
	s = start(port)
	defer func() { s.Close() }()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if err := publish(t.Context(), "a", 4); err != nil {
		t.Fatal(err)
	}
	admin := c.Admin()
	total := int64(0)
	offsets, err := admin.TopicOffsets(t.Context(), topic)
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range offsets {
		total += o.Newest
	}
	if got := firsts(read(t, c, int(total)))["a"]; !slices.Equal(got, numbers(6)) {
		t.Errorf("first occurrences out of order: %v", got)
	}
}

func TestPublishRefuses(t *testing.T) {
	t.Parallel()
	c := broker(t)
	p := producer(t, c)
	err := p.Publish(t.Context(), []kafka.Message{
		{Topic: topic, Key: "large", Value: make([]byte, kafka.MaxMessageBytes)},
		{Topic: topic, Key: "large", Value: []byte("behind it")},
		{Topic: "no-such-topic", Key: "k"},
		{Topic: topic, Key: "good", Value: []byte("v")},
	})
	pe, ok := errors.AsType[*kafka.PublishError](err)
	if !ok || len(pe.Failed) != 3 || pe.Failed[3] != nil {
		t.Fatalf("want the first three to fail: %v", err)
	}
	if r := read(t, c, 1)[0]; r.Key != "good" {
		t.Errorf("%s was written", r.Key)
	}
	p.Close()
	if p.Publish(t.Context(), []kafka.Message{{Topic: topic, Key: "k"}}) == nil {
		t.Error("publish after Close succeeded")
	}
}

func TestGroupResumesAtMark(t *testing.T) {
	t.Parallel()
	c := broker(t)
	p := producer(t, c)
	for i := range 10 {
		if err := p.Publish(t.Context(), []kafka.Message{{Topic: topic, Key: "k", Value: []byte(strconv.Itoa(i))}}); err != nil {
			t.Fatal(err)
		}
	}
	// A session reads all ten records and marks what is before the fifth.
	session := func(mark int64, n int) []string {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		values := make(chan string, 100)
		ended := make(chan error, 1)
		go func() {
			ended <- c.Consume(ctx, kafka.GroupConfig{Group: "g", Topics: []string{topic}, Handle: func(claim *kafka.Claim) {
				for {
					r, ok := claim.Next()
					if !ok {
						return
					}
					if r.Offset < mark {
						claim.Mark(r.Offset + 1)
					}
					values <- string(r.Value)
				}
			}})
		}()
		var got []string
		for range n {
			select {
			case v := <-values:
				got = append(got, v)
			case <-time.After(20 * time.Second):
				t.Fatal("no record came")
			}
		}
		cancel()
		if err := <-ended; err != nil {
			t.Fatal(err)
		}
		return got
	}
	if got := session(5, 10); !slices.Equal(got, numbers(10)) {
		t.Fatalf("first session: %v", got)
	}
	if got := session(0, 5); !slices.Equal(got, numbers(10)[5:]) {
		t.Fatalf("second session: %v", got)
	}
	lags, err := c.Admin().Lag(t.Context(), "g", []string{topic})
	if err != nil {
		t.Fatal(err)
	}
	var total int64
	for _, l := range lags {
		total += l.Records
	}
	if total != 5 {
		t.Errorf("lag is %d, want 5: %+v", total, lags)
	}
}

func TestReaderStarts(t *testing.T) {
	t.Parallel()
	c := broker(t)
	p := producer(t, c)
	publish := func(value string, at time.Time) {
		if err := p.Publish(t.Context(), []kafka.Message{{Topic: topic, Key: "k", Value: []byte(value), Time: at}}); err != nil {
			t.Fatal(err)
		}
	}
	base := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for i := range 5 {
		publish(strconv.Itoa(i), base.Add(time.Duration(i)*time.Hour))
	}
	open := func(s kafka.Start) *kafka.Reader {
		r, err := c.OpenReader(t.Context(), topic, s)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { r.Close() })
		return r
	}
	newest := open(kafka.Start{})
	if r := next(t, open(kafka.Start{Since: base.Add(90 * time.Minute)})); string(r.Value) != "2" {
		t.Errorf("since 1:30 starts with %s, want 2", r.Value)
	}
	first := next(t, open(kafka.Start{Oldest: true}))
	if r := next(t, open(kafka.Start{Offsets: map[int32]int64{first.Partition: 3}})); string(r.Value) != "3" {
		t.Errorf("offset 3 starts with %s", r.Value)
	}
	publish("new", base.Add(9*time.Hour))
	if r := next(t, newest); string(r.Value) != "new" {
		t.Errorf("newest starts with %s", r.Value)
	}
	if _, err := c.OpenReader(t.Context(), topic, kafka.Start{Offsets: map[int32]int64{0: 1000}}); !errors.Is(err, kafka.ErrOffsetGone) {
		t.Errorf("offset beyond the end: %v", err)
	}
}

// A broker that closes connections instead of answering for a while, as one that starts, is waited for, also
// where several partitions are asked for over one connection.
func TestReaderOpensWhenConnectionsBreak(t *testing.T) {
	t.Parallel()
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(8, topic))
	if err != nil {
		t.Fatal(err)
	}
	defer cluster.Close()
	var asked atomic.Int32
	cluster.ControlKey(int16(kmsg.ListOffsets), func(kmsg.Request) (kmsg.Response, error, bool) {
		cluster.KeepControl()
		if asked.Add(1) <= 30 {
			return nil, errors.New("not now"), true // closes the connection
		}
		return nil, nil, false
	})
	c := kafka.Config{Brokers: cluster.ListenAddrs()}
	r, err := c.OpenReader(t.Context(), topic, kafka.Start{Oldest: true})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if err := producer(t, c).Publish(t.Context(), []kafka.Message{{Topic: topic, Key: "k", Value: []byte("v")}}); err != nil {
		t.Fatal(err)
	}
	if got := next(t, r); string(got.Value) != "v" {
		t.Errorf("read %q", got.Value)
	}
	if n := asked.Load(); n <= 30 {
		t.Errorf("asked %d times: no connection broke to the end", n)
	}
}

func TestEnsureTopics(t *testing.T) {
	t.Parallel()
	c := broker(t)
	want := []kafka.Topic{{Name: "new", Partitions: 3, Compacted: true, Retention: -1}, {Name: topic, Partitions: 2}}
	for range 2 {
		if err := c.Admin().EnsureTopics(t.Context(), want); err != nil {
			t.Fatal(err)
		}
	}
	if err := producer(t, c).Publish(t.Context(), []kafka.Message{{Topic: "new", Key: "k"}}); err != nil {
		t.Fatal(err)
	}
	if err := c.Admin().EnsureTopics(t.Context(), []kafka.Topic{{Name: topic, Partitions: 9}}); err == nil {
		t.Error("a topic with too few partitions was accepted")
	}
}

func TestSignIn(t *testing.T) {
	t.Parallel()
	for _, mechanism := range []string{kafka.ScramSHA256, kafka.ScramSHA512, kafka.Plain} {
		t.Run(mechanism, func(t *testing.T) {
			cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(1, topic), kfake.EnableSASL(), kfake.Superuser(mechanism, "shop", "secret"))
			if err != nil {
				t.Fatal(err)
			}
			defer cluster.Close()
			c := kafka.Config{Brokers: cluster.ListenAddrs(), Mechanism: mechanism, User: "shop", Password: "secret"}
			if err := producer(t, c).Publish(t.Context(), []kafka.Message{{Topic: topic, Key: "k", Value: []byte("v")}}); err != nil {
				t.Fatal(err)
			}
			c.Password = "wrong"
			if c.Ping(t.Context()) == nil {
				t.Error("a wrong password was accepted")
			}
		})
	}
}

func TestValidate(t *testing.T) {
	t.Parallel()
	b := []string{"localhost:9092"}
	for name, c := range map[string]kafka.Config{
		"no brokers":          {},
		"broker without port": {Brokers: []string{"localhost"}},
		"unknown mechanism":   {Brokers: b, Mechanism: "GSSAPI"},
		"SCRAM without user":  {Brokers: b, Mechanism: kafka.ScramSHA512},
		"IAM without region":  {Brokers: b, Mechanism: kafka.MSKIAM, TLS: true},
		"IAM without TLS":     {Brokers: b, Mechanism: kafka.MSKIAM, Region: "eu-west-1"},
		"CA without TLS":      {Brokers: b, CAFile: "ca.pem"},
		"key without cert":    {Brokers: b, TLS: true, KeyFile: "key.pem"},
	} {
		if c.Validate() == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	if err := (kafka.Config{Brokers: b, Mechanism: kafka.MSKIAM, Region: "eu-west-1", TLS: true}).Validate(); err != nil {
		t.Error(err)
	}
}

// BenchmarkPublish has 64 publishers, each with one record of 500 bytes at a time: aggregates that
// change at once.
func BenchmarkPublish(b *testing.B) {
	c := broker(b)
	p := producer(b, c)
	value := make([]byte, 500)
	var mu sync.Mutex
	var took []time.Duration
	b.SetParallelism(32)
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		var mine []time.Duration
		for i := 0; pb.Next(); i++ {
			start := time.Now()
			if err := p.Publish(context.Background(), []kafka.Message{{Topic: topic, Key: strconv.Itoa(i), Value: value}}); err != nil {
				b.Error(err)
			}
			mine = append(mine, time.Since(start))
		}
		mu.Lock()
		took = append(took, mine...)
		mu.Unlock()
	})
	b.StopTimer()
	slices.Sort(took)
	b.ReportMetric(float64(len(took))/b.Elapsed().Seconds(), "records/s")
	b.ReportMetric(float64(took[len(took)/2].Microseconds()), "p50-µs")
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds()), "p99-µs")
}

func TestNamespace(t *testing.T) {
	t.Parallel()
	c := kafkatest.Config(t, kafka.Topic{Name: topic, Partitions: 4})
	other := c
	other.Namespace += "other."
	if err := other.Admin().EnsureTopics(t.Context(), []kafka.Topic{{Name: topic, Partitions: 4}}); err != nil {
		t.Fatal(err)
	}
	p := producer(t, c)
	if err := p.Publish(t.Context(), []kafka.Message{{Topic: topic, Key: "k", Value: []byte("v")}}); err != nil {
		t.Fatal(err)
	}
	if got := read(t, c, 1)[0]; got.Topic != topic || got.Key != "k" {
		t.Errorf("read %+v", got)
	}
	seen := make(chan string, 1)
	ctx, cancel := context.WithCancel(t.Context())
	consumed := make(chan error, 1)
	go func() {
		consumed <- c.Consume(ctx, kafka.GroupConfig{Group: "g", Topics: []string{topic}, Handle: func(claim *kafka.Claim) {
			for r, ok := claim.Next(); ok; r, ok = claim.Next() {
				claim.Mark(r.Offset + 1)
				seen <- claim.Topic() + " " + r.Topic
			}
		}})
	}()
	if got := <-seen; got != topic+" "+topic {
		t.Errorf("a group saw %q", got)
	}
	cancel()
	if err := <-consumed; err != nil {
		t.Fatal(err)
	}
	behind := func(c kafka.Config) (records int64) {
		lags, err := c.Admin().Lag(t.Context(), "g", []string{topic})
		if err != nil {
			t.Fatal(err)
		}
		for _, l := range lags {
			if l.Committed > 0 {
				records += l.Committed
			}
		}
		return records
	}
	if done, elsewhere := behind(c), behind(other); done != 1 || elsewhere != 0 {
		t.Errorf("committed %d here and %d in the other namespace, want 1 and 0", done, elsewhere)
	}
	if err := (kafka.Config{Brokers: c.Brokers}).Admin().DeleteNamespace(t.Context()); err == nil {
		t.Error("everything on the cluster was deleted")
	}
}
