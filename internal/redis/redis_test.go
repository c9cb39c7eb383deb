package redis_test

import (
	"strings"
	"testing"

	embedded "storefront/internal/embedded/redis"
	"storefront/internal/errs"
	"storefront/internal/redis"
)

func TestConnect(t *testing.T) {
	server, err := embedded.Start(t.Context(), embedded.Config{Addr: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	client, err := redis.Connect(t.Context(), server.URL())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if err := client.Set(t.Context(), "k", "v", 0).Err(); err != nil {
		t.Error(err)
	}

	if _, err := redis.Connect(t.Context(), "http://nowhere"); !errs.Is(err, errs.BadInput) {
		t.Errorf("a wrong address: %v, want BadInput", err)
	}

	if err := server.Close(); err != nil {
		t.Fatal(err)
	}
	late, err := redis.Connect(t.Context(), server.URL())
	if !errs.Is(err, errs.Unavailable) || !strings.Contains(err.Error(), server.Addr()) {
		t.Errorf("nobody there: %v, want Unavailable with the address", err)
	}
	if late == nil {
		t.Fatal("want a client that connects later")
	}
	defer late.Close()
	if again, err := embedded.Start(t.Context(), embedded.Config{Addr: server.Addr()}); err != nil {
		t.Fatal(err)
	} else {
		defer again.Close()
	}
	if err := late.Ping(t.Context()).Err(); err != nil {
		t.Errorf("the server is there now: %v", err)
	}
}
