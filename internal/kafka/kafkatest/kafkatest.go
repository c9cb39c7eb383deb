// Package kafkatest gives a test topics of its own: on the brokers that STOREFRONT_TEST_KAFKA_BROKERS
// names, or on an embedded one that the test's process shares.
package kafkatest

import (
	"context"
	"log/slog"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	embedded "storefront/internal/embedded/kafka"
	"storefront/internal/id"
	"storefront/internal/kafka"
)

const variable = "STOREFRONT_TEST_KAFKA_BROKERS"

var shared = sync.OnceValues(func() ([]string, error) {
	if Real() {
		return Fresh().Brokers, nil
	}
	s, err := embedded.Start(context.Background(), embedded.Config{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return nil, err
	}
	return []string{s.Addr()}, nil
})

// Real reports whether tests run on brokers that were given, which they cannot stop.
func Real() bool { return os.Getenv(variable) != "" }

// Config reaches the brokers under a namespace of the test's own, in which topics are made. They are
// deleted after the test, and its groups with them.
func Config(t testing.TB, topics ...kafka.Topic) kafka.Config {
	t.Helper()
	brokers, err := shared()
	if err != nil {
		t.Fatal(err)
	}
	c := Fresh()
	c.Brokers = brokers
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := c.Admin().EnsureTopics(ctx, topics); err != nil {
		t.Fatal(err)
	}
	if Real() {
		answer(t, ctx, c, topics)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if err := c.Admin().DeleteNamespace(ctx); err != nil {
			t.Error("delete the test's topics:", err)
		}
	})
	return c
}

// Fresh names the brokers that were given and a namespace in which nothing is yet, for what outlives a
// test; Admin().DeleteNamespace ends it.
func Fresh() kafka.Config {
	c := kafka.Config{Namespace: "test-" + strings.ToLower(id.New("kfk")[4:]) + "."}
	if Real() {
		c.Brokers = strings.Split(os.Getenv(variable), ",")
	}
	return c
}

// answer waits until each partition is read and written where the brokers say it is: for a moment after a
// topic was made, they may say so too early.
func answer(t testing.TB, ctx context.Context, c kafka.Config, topics []kafka.Topic) {
	t.Helper()
	for _, topic := range topics {
		for {
			_, err := c.Admin().TopicOffsets(ctx, topic.Name)
			if err == nil {
				break
			}
			select {
			case <-time.After(20 * time.Millisecond):
			case <-ctx.Done():
				t.Fatal(err)
			}
		}
	}
}
