package kafka

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/IBM/sarama"
)

func topics() []Topic {
	return []Topic{{Name: "order-events", Partitions: 3}, {Name: "product-events", Partitions: 1, Compacted: true}}
}

func start(t *testing.T, cfg Config) *Server {
	t.Helper()
	s, err := Start(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func clientConfig() *sarama.Config {
	c := sarama.NewConfig()
	c.Version = sarama.V3_6_0_0
	c.Producer.Idempotent = true
	c.Producer.RequiredAcks = sarama.WaitForAll
	c.Producer.Return.Successes = true
	c.Net.MaxOpenRequests = 1
	c.Consumer.Offsets.Initial = sarama.OffsetOldest
	c.Consumer.Offsets.AutoCommit.Enable = false
	c.Consumer.MaxWaitTime = 100 * time.Millisecond
	return c
}

func producer(t *testing.T, addr string) sarama.SyncProducer {
	t.Helper()
	p, err := sarama.NewSyncProducer([]string{addr}, clientConfig())
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func send(t *testing.T, p sarama.SyncProducer, topic, key, value string) (int32, int64) {
	t.Helper()
	partition, offset, err := p.SendMessage(&sarama.ProducerMessage{
		Topic: topic, Key: sarama.StringEncoder(key), Value: sarama.StringEncoder(value),
		Headers: []sarama.RecordHeader{{Key: []byte("ce_type"), Value: []byte("OrderPlaced")}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return partition, offset
}

// read returns the values of a partition from its oldest record to the end it has now.
func read(t *testing.T, addr, topic string, partition int32) []string {
	t.Helper()
	client, err := sarama.NewClient([]string{addr}, clientConfig())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	end, err := client.GetOffset(topic, partition, sarama.OffsetNewest)
	if err != nil {
		t.Fatal(err)
	}
	consumer, err := sarama.NewConsumerFromClient(client)
	if err != nil {
		t.Fatal(err)
	}
	defer consumer.Close()
	pc, err := consumer.ConsumePartition(topic, partition, sarama.OffsetOldest)
	if err != nil {
		t.Fatal(err)
	}
	defer pc.Close()
	var values []string
	for offset := int64(-1); offset < end-1; {
		select {
		case m := <-pc.Messages():
			values, offset = append(values, string(m.Value)), m.Offset
		case <-t.Context().Done():
			t.Fatal("test ended")
		case <-time.After(20 * time.Second):
			t.Fatalf("read %d records of %d", len(values), end)
		}
	}
	return values
}

// group consumes until n records came, committing after each one, and returns their values.
type group struct {
	mu     sync.Mutex
	values []string
	n      int
	done   context.CancelFunc
}

func (g *group) Setup(sarama.ConsumerGroupSession) error   { return nil }
func (g *group) Cleanup(sarama.ConsumerGroupSession) error { return nil }
func (g *group) ConsumeClaim(s sarama.ConsumerGroupSession, c sarama.ConsumerGroupClaim) error {
	for {
		select {
		case m := <-c.Messages():
			if m == nil {
				return nil
			}
			g.mu.Lock()
			if len(g.values) < g.n {
				g.values = append(g.values, string(m.Value))
				s.MarkMessage(m, "")
				s.Commit()
			}
			if len(g.values) == g.n {
				g.done()
			}
			g.mu.Unlock()
		case <-s.Context().Done():
			return nil
		}
	}
}

func consume(t *testing.T, addr, topic string, n int) []string {
	t.Helper()
	cg, err := sarama.NewConsumerGroup([]string{addr}, "orders-saga", clientConfig())
	if err != nil {
		t.Fatal(err)
	}
	defer cg.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	g := &group{n: n, done: cancel}
	for ctx.Err() == nil {
		if err := cg.Consume(ctx, []string{topic}, g); err != nil && !errors.Is(err, sarama.ErrClosedConsumerGroup) {
			t.Fatal(err)
		}
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.values) != n {
		t.Fatalf("consumed %d records of %d", len(g.values), n)
	}
	return g.values
}

func TestProduceConsumeAndRestart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	cfg := Config{Dir: dir, Topics: topics()}
	s := start(t, cfg)
	p := producer(t, s.Addr())
	for i := range 10 {
		if _, offset := send(t, p, "product-events", "prd_1", fmt.Sprint(i)); offset != int64(i) {
			t.Fatalf("record %d got offset %d", i, offset)
		}
	}
	if got := consume(t, s.Addr(), "product-events", 4); got[0] != "0" || got[3] != "3" {
		t.Fatalf("first reader got %v", got)
	}
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}

	s = start(t, cfg)
	if got := consume(t, s.Addr(), "product-events", 3); got[0] != "4" || got[2] != "6" {
		t.Fatalf("after a restart the group read %v, want 4 to 6", got)
	}
	p = producer(t, s.Addr())
	defer p.Close()
	if _, offset := send(t, p, "product-events", "prd_1", "10"); offset != 10 {
		t.Fatalf("after a restart a record got offset %d, want 10", offset)
	}
}

func TestTornTailIsCutAndDamageIsRefused(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	cfg := Config{Dir: dir, Topics: topics()}
	s := start(t, cfg)
	p := producer(t, s.Addr())
	for i := range 5 {
		send(t, p, "product-events", "prd_1", fmt.Sprint(i))
	}
	consume(t, s.Addr(), "product-events", 2)
	p.Close()
	s.Close()

	segment := filepath.Join(dir, "partitions", "product-events-0", "0.dat")
	for _, path := range []string{segment, filepath.Join(dir, "groups.log")} {
		raw, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, append(raw, raw[:len(raw)/5-3]...), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s = start(t, cfg)
	if got := read(t, s.Addr(), "product-events", 0); len(got) != 5 {
		t.Fatalf("after a torn tail there are %d records, want 5", len(got))
	}
	consume(t, s.Addr(), "product-events", 1)
	s.Close()
	s = start(t, cfg)
	if got := consume(t, s.Addr(), "product-events", 1); got[0] != "3" {
		t.Fatalf("the offset committed behind a torn tail is lost: read %v, want 3", got)
	}
	s.Close()

	raw, err := os.ReadFile(segment)
	if err != nil {
		t.Fatal(err)
	}
	raw[len(raw)/2] ^= 0xff
	if err := os.WriteFile(segment, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err = Start(t.Context(), cfg)
	if err == nil || !strings.Contains(err.Error(), segment) || !strings.Contains(err.Error(), "--fresh") {
		t.Fatalf("a damaged segment gives %v", err)
	}
}

func TestCompactionAtStartAndItsInterruption(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	cfg := Config{Dir: dir, Topics: topics(), CompactAbove: 1 << 40}
	s := start(t, cfg)
	p := producer(t, s.Addr())
	for i := range 200 {
		send(t, p, "product-events", fmt.Sprintf("prd_%d", i%7), fmt.Sprint(i))
	}
	p.Close()
	s.Close()

	// A kill between kfake's deletion and its rewrite.
	folder := filepath.Join(dir, "partitions", "product-events-0")
	if err := linkAside(dir, []string{folder}); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(folder, "0.dat")); err != nil {
		t.Fatal(err)
	}
	s = start(t, cfg)
	if got := read(t, s.Addr(), "product-events", 0); len(got) != 200 {
		t.Fatalf("after an interrupted compaction there are %d records, want 200", len(got))
	}
	s.Close()

	// A kill while what was set aside is removed.
	if err := linkAside(dir, []string{folder}); err != nil {
		t.Fatal(err)
	}
	killed := errors.New("killed")
	err := dropAside(dir, func(path string) error {
		err := os.Remove(filepath.Join(path, "product-events-0", "0.dat"))
		if errors.Is(err, os.ErrNotExist) {
			return nil // nothing is there yet
		}
		return errors.Join(killed, err)
	})
	if !errors.Is(err, killed) {
		t.Fatalf("the removal was not interrupted: %v", err)
	}
	s = start(t, cfg)
	if got := read(t, s.Addr(), "product-events", 0); len(got) != 200 {
		t.Fatalf("after an interrupted removal there are %d records, want 200", len(got))
	}
	s.Close()

	cfg.CompactAbove, cfg.Topics = 1, nil // which topics to compact is known from the folder
	s = start(t, cfg)
	got := read(t, s.Addr(), "product-events", 0)
	if len(got) != 8 || got[7] != "199" { // the newest of 7 keys, and the last batch, which is kept
		t.Fatalf("after compaction the records are %v", got)
	}
	p = producer(t, s.Addr())
	defer p.Close()
	if _, offset := send(t, p, "product-events", "prd_1", "new"); offset != 200 {
		t.Fatalf("after compaction the next offset is %d, want 200", offset)
	}
}

func TestBusyPortAndUsedFolder(t *testing.T) {
	t.Parallel()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	_, err = Start(t.Context(), Config{Port: ln.Addr().(*net.TCPAddr).Port})
	if err == nil || !strings.Contains(err.Error(), "in use") {
		t.Fatalf("a busy port gives %v", err)
	}
	dir := t.TempDir()
	start(t, Config{Dir: dir})
	_, err = Start(t.Context(), Config{Dir: dir})
	if err == nil || !strings.Contains(err.Error(), "another process") {
		t.Fatalf("a used folder gives %v", err)
	}
}

func FuzzScan(f *testing.F) {
	f.Add([]byte{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9, 1, 2, 3, 4, 2, 0, 0, 0, 0})
	f.Add(bytes.Repeat([]byte{0xff}, 40))
	f.Fuzz(func(t *testing.T, raw []byte) {
		for _, scan := range []func([]byte) (int, error){scanSegment, scanLog} {
			n, err := scan(raw)
			if n < 0 || n > len(raw) {
				t.Fatalf("scan read %d bytes of %d", n, len(raw))
			}
			if again, err2 := scan(raw[:n]); err == nil && (again != n || err2 != nil) {
				t.Fatalf("what is left after cutting reads as %d bytes, %v", again, err2)
			}
		}
	})
}

// A service in another process keeps its producer and its group while the broker restarts.
func TestClientsOutliveTheBroker(t *testing.T) {
	t.Parallel()
	for name, killed := range map[string]bool{"stopped": false, "killed": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			s := start(t, Config{Dir: dir, Topics: topics()})
			cfg := Config{Dir: dir, Topics: topics(), Port: port(t, s.Addr())}
			p := producer(t, s.Addr())
			defer p.Close()
			send(t, p, "product-events", "prd_1", "0")
			s.Close()
			if killed { // then the producers' sequences were not saved
				if err := os.Remove(filepath.Join(dir, "seq_windows.json")); err != nil {
					t.Fatal(err)
				}
			}
			s = start(t, cfg)
			for i := range 3 {
				if _, offset := send(t, p, "product-events", "prd_1", fmt.Sprint(i+1)); offset != int64(i+1) {
					t.Fatalf("the record has offset %d, want %d", offset, i+1)
				}
			}
			if got := read(t, s.Addr(), "product-events", 0); len(got) != 4 {
				t.Fatalf("there are %d records, want 4", len(got))
			}
		})
	}
}

func port(t *testing.T, addr string) int {
	t.Helper()
	_, p, err := net.SplitHostPort(addr)
	if err != nil {
		t.Fatal(err)
	}
	n, err := strconv.Atoi(p)
	if err != nil {
		t.Fatal(err)
	}
	return n
}
