// Package mongotest gives a test a database of its own: on the server that STOREFRONT_TEST_MONGODB_URI
// names, or on an embedded one that the test's process shares.
package mongotest

import (
	"context"
	"log/slog"
	"os"
	"sync"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/mongo"

	embedded "storefront/internal/embedded/mongodb"
	"storefront/internal/id"
	"storefront/internal/mongodb"
)

var shared = sync.OnceValues(func() (string, error) {
	if uri := os.Getenv("STOREFRONT_TEST_MONGODB_URI"); uri != "" {
		return uri, nil
	}
	s, err := embedded.Start(context.Background(), embedded.Config{Addr: "127.0.0.1:0", Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return "", err
	}
	return s.URI(), nil
})

// URI is the address of the server that tests use.
func URI(t testing.TB) string {
	t.Helper()
	uri, err := shared()
	if err != nil {
		t.Fatal(err)
	}
	return uri
}

// Database is empty and is dropped after the test.
func Database(t testing.TB) *mongo.Database {
	t.Helper()
	client, err := mongodb.Connect(t.Context(), URI(t), "test", 10*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	db := client.Database("test_" + id.New("db")[3:])
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := db.Drop(ctx); err != nil {
			t.Error("drop the test's database:", err)
		}
		client.Disconnect(ctx)
	})
	return db
}
