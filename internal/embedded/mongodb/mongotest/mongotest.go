// Package mongotest gives a test a database of its own: on the server that STOREFRONT_TEST_MONGODB_URI
// names, or on an embedded one that the test's process shares.
package mongotest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	embedded "storefront/internal/embedded/mongodb"
	"storefront/internal/id"
	"storefront/internal/mongodb"
)

const variable = "STOREFRONT_TEST_MONGODB_URI"

// Real reports whether tests run on a server that was given, which they cannot stop.
func Real() bool { return os.Getenv(variable) != "" }

var shared = sync.OnceValues(func() (string, error) {
	if Real() {
		return os.Getenv(variable), nil
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
	db := client.Database(fresh())
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if err := db.Drop(ctx); err != nil {
			t.Error("drop the test's database:", err)
		}
		client.Disconnect(ctx)
	})
	return db
}

func fresh() string { return "test_" + id.New("db")[3:] }

// Prefix is for a shop with several databases on the server that was given: the name of none begins with
// it yet. drop drops those that do by then.
func Prefix() (uri, prefix string, drop func(context.Context) error) {
	uri, prefix = os.Getenv(variable), fresh()+"_"
	return uri, prefix, func(ctx context.Context) error {
		client, err := mongodb.Connect(ctx, uri, "test", 10*time.Second)
		if err != nil {
			return err
		}
		defer client.Disconnect(ctx)
		names, err := client.ListDatabaseNames(ctx, bson.D{})
		if err != nil {
			return fmt.Errorf("list databases: %w", err)
		}
		for _, name := range names {
			if strings.HasPrefix(name, prefix) {
				err = errors.Join(err, client.Database(name).Drop(ctx))
			}
		}
		return err
	}
}
