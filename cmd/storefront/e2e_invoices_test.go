package main

import (
	"bytes"
	"context"
	"io"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"
)

// The invoices of a file become orders of a cluster, whose services are killed meanwhile, one every so
// often; then the books are compared. It takes what it is told of, as long as it takes:
//
//	STOREFRONT_TEST_INVOICES=online-retail.csv.gz STOREFRONT_TEST_INVOICES_LIMIT=20000 \
//	STOREFRONT_TEST_INVOICES_KILL=5s go test ./cmd/storefront -run Invoices -v -timeout 90m
func TestInvoicesOnACluster(t *testing.T) {
	file := os.Getenv("STOREFRONT_TEST_INVOICES")
	if file == "" {
		t.Skip("STOREFRONT_TEST_INVOICES names no file of invoices")
	}
	limit := os.Getenv("STOREFRONT_TEST_INVOICES_LIMIT")
	if limit == "" {
		limit = "200"
	}
	every, err := time.ParseDuration(os.Getenv("STOREFRONT_TEST_INVOICES_KILL"))
	if text := os.Getenv("STOREFRONT_TEST_INVOICES_KILL"); err != nil && text != "" {
		t.Fatal(err)
	}
	c := startCluster(t, "--carrier-step", "500ms")
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	over := make(chan struct{})
	go func() {
		defer close(over)
		c.disturb(ctx, t, every)
	}()
	began := time.Now()
	var out bytes.Buffer
	args := []string{"replay-orders", "--file", file, "--speed", "max", "--limit", limit, "--stock-share", "0.9", "--data-dir", c.dir, "--secret", strings.Repeat("secret", 6)}
	if err := run(ctx, stdio{&out, io.Discard, func(string) string { return "" }}, args); err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	stop()
	<-over
	t.Logf("%s invoices in %s\n%s", limit, time.Since(began).Round(time.Second), out.String())
	books, err := storefront(t.Context(), "verify", "--data-dir", c.dir, "--wait", "60s")
	t.Logf("verify:\n%s", books)
	if err != nil {
		t.Error(err)
	}
}

// disturb kills a service every so often, one after the other, and tells how far groups are behind.
func (c *cluster) disturb(ctx context.Context, t *testing.T, every time.Duration) {
	victims := []string{"orders", "inventory", "payments", "shipping", "notifications", "products", "reviews"}
	if every == 0 {
		every = time.Hour
	}
	kill, look := time.NewTicker(every), time.NewTicker(30*time.Second)
	defer kill.Stop()
	defer look.Stop()
	for n := 0; ; {
		select {
		case <-kill.C:
			c.kill(victims[n%len(victims)])
			c.run(victims[n%len(victims)])
			n++
		case <-look.C:
			lag, err := storefront(ctx, "events", "lag", "--data-dir", c.dir)
			lines := strings.Split(strings.TrimSpace(lag), "\n")
			t.Log(lines[len(lines)-1], err, strconv.Itoa(n)+" kills so far")
		case <-ctx.Done():
			return
		}
	}
}
