package kafka_test

import (
	"context"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"storefront/internal/kafka"
)

// Who goes away while a partition is being opened leaves it to the next one.
func TestFollowAgainAfterItsCallerLeft(t *testing.T) {
	t.Parallel()
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(1, topic))
	if err != nil {
		t.Fatal(err)
	}
	defer cluster.Close()
	c := kafka.Config{Brokers: cluster.ListenAddrs()}
	p, err := c.OpenPartitions(topic)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	if err := producer(t, c).Publish(t.Context(), []kafka.Message{{Topic: topic, Key: "k", Value: []byte("v")}}); err != nil {
		t.Fatal(err)
	}

	ctx, leave := context.WithCancel(t.Context())
	cluster.ControlKey(int16(kmsg.ListOffsets), func(kmsg.Request) (kmsg.Response, error, bool) {
		leave() // and the answer comes all the same
		return nil, nil, false
	})
	none := func(*kafka.Record) {}
	lost := func(err error) { t.Error(err) }
	if f, err := p.Follow(ctx, 0, 0, none, lost); err == nil {
		f.Close()
	}
	if ctx.Err() == nil {
		t.Fatal("the caller is still there")
	}
	read := make(chan string, 1)
	f, err := p.Follow(t.Context(), 0, 0, func(r *kafka.Record) { read <- string(r.Value) }, lost)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	select {
	case v := <-read:
		if v != "v" {
			t.Errorf("read %q", v)
		}
	case <-time.After(20 * time.Second):
		t.Fatal("nothing was read")
	}
}
