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

var shared = sync.OnceValues(func() ([]string, error) {
	if brokers := os.Getenv("STOREFRONT_TEST_KAFKA_BROKERS"); brokers != "" {
		return strings.Split(brokers, ","), nil
	}
	s, err := embedded.Start(context.Background(), embedded.Config{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return nil, err
	}
	return []string{s.Addr()}, nil
})

// Real reports whether tests run on brokers that were given, which they cannot stop.
func Real() bool { return os.Getenv("STOREFRONT_TEST_KAFKA_BROKERS") != "" }

// Config reaches the brokers under a namespace of the test's own, in which topics are made. They are
// deleted after the test, and its groups with them.
func Config(t testing.TB, topics ...kafka.Topic) kafka.Config {
	t.Helper()
	brokers, err := shared()
	if err != nil {
		t.Fatal(err)
	}
	c := kafka.Config{Brokers: brokers, Namespace: "test-" + strings.ToLower(id.New("kfk")[4:]) + "."}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := c.Admin().EnsureTopics(ctx, topics); err != nil {
		t.Fatal(err)
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
