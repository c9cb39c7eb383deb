package main

// The end-to-end suite: real shops, started as `storefront up` starts them, on free ports and fresh data
// folders, and clients that know nothing but their addresses. This file starts the shops: on the servers
// that STOREFRONT_TEST_MONGODB_URI, STOREFRONT_TEST_KAFKA_BROKERS and STOREFRONT_TEST_REDIS_URL name, and
// else on embedded ones.

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"storefront/internal/embedded/mongodb/mongotest"
	"storefront/internal/embedded/redis/redistest"
	"storefront/internal/flags"
	"storefront/internal/kafka"
	"storefront/internal/kafka/kafkatest"
	"storefront/internal/oidc"
	"storefront/internal/telemetry"
)

// childVariable makes the test binary behave as the storefront command, so that a test can kill it.
const childVariable = "STOREFRONT_E2E_CHILD"

// patience is longer on a real broker: it keeps the partitions of consumers that were killed until their
// sessions run out, and rebalances for each that comes back. With the race detector all takes longer.
var patience = map[bool]time.Duration{false: 30 * time.Second, true: 90 * time.Second}[kafkatest.Real() || raceDetector]

// step is how long the simulated carrier takes in a shop whose test says nothing else.
const step = 300 * time.Millisecond

func TestMain(m *testing.M) {
	if os.Getenv(childVariable) != "" {
		os.Unsetenv(childVariable)
		main()
		return
	}
	code := m.Run()
	if err := common.stop(); err != nil {
		fmt.Fprintln(os.Stderr, "stop the common shop:", err)
		code = 1
	}
	if code != 0 && common.house != nil {
		fmt.Fprintf(os.Stderr, "the common shop's last warnings:\n%s", common.house.log.warnings())
	}
	os.Exit(code)
}

// house is a running shop as its clients see it.
type house struct {
	shop             *shop
	log              *logbook
	dir, url, issuer string
	mails            string // page of the mail catcher
	leave            func() error

	mu     sync.Mutex
	tokens map[string]string
}

// logbook keeps what a shop logs.
type logbook struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logbook) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *logbook) all() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// warnings are the last lines that a person who runs the shop should look at.
func (l *logbook) warnings() string {
	var lines []string
	for line := range strings.Lines(l.all()) {
		if !strings.Contains(line, `"level":"INFO"`) && !strings.Contains(line, `"level":"DEBUG"`) {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines[max(0, len(lines)-30):], "")
}

// givenServers are the flags that put a shop on the servers that were given, each with a namespace, a prefix
// or a database in which nothing is yet; leave removes what the shop left there.
func givenServers(ctx context.Context) (flags []string, leave func() error, err error) {
	var leaving []func(context.Context) error
	leave = func() error {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		var all []error
		for _, one := range leaving {
			all = append(all, one(ctx))
		}
		return errors.Join(all...)
	}
	if mongotest.Real() {
		uri, prefix, drop := mongotest.Prefix()
		flags, leaving = append(flags, "--mongodb-uri", uri, "--mongodb-prefix", prefix), append(leaving, drop)
	}
	if kafkatest.Real() {
		c := kafkatest.Fresh()
		flags = append(flags, "--kafka-brokers", strings.Join(c.Brokers, ","), "--kafka-namespace", c.Namespace)
		leaving = append(leaving, func(ctx context.Context) error { return deleteNamespace(ctx, c) })
	}
	if redistest.Real() {
		address, release, err := redistest.Take(ctx)
		if err != nil {
			return nil, nil, errors.Join(err, leave())
		}
		flags, leaving = append(flags, "--redis-url", address), append(leaving, func(context.Context) error { return release() })
	}
	return flags, leave, nil
}

// deleteNamespace waits for consumers that were killed: they are in their groups until their sessions run out.
func deleteNamespace(ctx context.Context, c kafka.Config) error {
	for {
		err := c.Admin().DeleteNamespace(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-time.After(500 * time.Millisecond):
		case <-ctx.Done():
			return err
		}
	}
}

// onGivenServers is givenServers for a test that starts its shops itself.
func onGivenServers(t *testing.T) (flags []string) {
	t.Helper()
	flags, leave, err := givenServers(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := leave(); err != nil {
			t.Errorf("leave the given servers: %v", err)
		}
	})
	return flags
}

// open starts a shop on dir. More flags overrule the defaults. STOREFRONT_TEST_SUPERGRAPH names a
// supergraph file, such as one that another composition made of schema/, to run instead of our own.
func open(ctx context.Context, dir, level string, more ...string) (*house, error) {
	given, leave, err := givenServers(ctx)
	if err != nil {
		return nil, err
	}
	h, err := openEmbedded(ctx, dir, level, append(given, more...)...)
	if err != nil {
		return nil, errors.Join(err, leave())
	}
	h.leave = leave
	return h, nil
}

// openEmbedded is open on embedded servers, wherever the others are.
func openEmbedded(ctx context.Context, dir, level string, more ...string) (*house, error) {
	args := []string{"--data-dir", dir, "--base-port", "0", "--carrier-step", step.String(), "--demo=false"}
	if file := os.Getenv("STOREFRONT_TEST_SUPERGRAPH"); file != "" {
		args = append(args, "--supergraph", file)
	}
	args = append(args, more...)
	var cfg UpConfig
	if err := flags.Parse("up", upUsage, &cfg, args, func(string) string { return "" }, io.Discard); err != nil {
		return nil, err
	}
	h := &house{log: &logbook{}, dir: dir, leave: func() error { return nil }, tokens: map[string]string{}}
	s, err := startShop(ctx, cfg, telemetry.NewLogger(h.log, level))
	if err != nil {
		return nil, err
	}
	h.shop, h.url, h.issuer, h.mails = s, s.cfg.PublicURL, s.cfg.issuer(), s.embedded.mail.URL()
	return h, nil
}

// ownShop is for tests that need settings or a fate of their own. It is stopped when the test ends.
func ownShop(t *testing.T, more ...string) *house {
	t.Helper()
	h, err := open(t.Context(), t.TempDir(), "info", more...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := h.stop(); err != nil {
			t.Errorf("stop: %v", err)
		}
		if t.Failed() {
			t.Logf("the shop's last warnings:\n%s", h.log.warnings())
		}
	})
	return h
}

// commonHouse is the shop that tests share; each brings its own goods. A test that comes again, as with
// -count, finds a new one.
type commonHouse struct {
	mu    sync.Mutex
	house *house
	users map[string]*testing.T
}

var common commonHouse

func theShop(t *testing.T) *house {
	t.Helper()
	c := &common
	c.mu.Lock()
	defer c.mu.Unlock()
	if before := c.users[t.Name()]; c.house != nil && (before == nil || before == t) {
		c.users[t.Name()] = t
		return c.house
	}
	if err := c.stop(); err != nil {
		t.Errorf("stop the common shop: %v", err)
	}
	dir, err := os.MkdirTemp("", "storefront-e2e-")
	if err == nil {
		c.house, err = open(context.Background(), dir, "info")
	}
	if err != nil {
		t.Fatalf("start the common shop: %v", err)
	}
	c.users = map[string]*testing.T{t.Name(): t}
	return c.house
}

func (c *commonHouse) stop() error {
	if c.house == nil {
		return nil
	}
	return errors.Join(c.house.stop(), os.RemoveAll(c.house.dir))
}

// stop stops the shop for good.
func (h *house) stop() error { return errors.Join(h.shop.stop(), h.leave()) }

// signIn returns a person who is one of the demo users.
func (h *house) signIn(t *testing.T, name string) *person {
	t.Helper()
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.tokens[name] == "" {
		token, err := oidc.SignIn(t.Context(), h.issuer, webClient, name, "demo")
		if err != nil {
			t.Fatalf("sign in as %s: %v", name, err)
		}
		h.tokens[name] = token.AccessToken
	}
	return h.caller("Authorization", "Bearer "+h.tokens[name])
}

// guest is a visitor, who becomes a guest with their first cart.
func (h *house) guest() *person { return h.caller() }

// good is what a test sells: its price is in cents; the product's id is known of the first only.
type good struct {
	sku, product string
	price        int
}

// sell puts products of one variant each on sale.
func (h *house) sell(t *testing.T, units int, skus ...string) []good {
	return h.sellBy(t, 1, units, skus...)
}

// sellBy puts products of so many variants each on sale, a unit priced 10.00, 11.00, ... in each currency,
// and units of each on stock, and waits until carts know of them.
func (h *house) sellBy(t *testing.T, variants, units int, skus ...string) []good {
	t.Helper()
	staff := h.signIn(t, "sam")
	var products, stock []any
	goods, wanted := make([]good, len(skus)), make([]any, len(skus))
	for i, sku := range skus {
		goods[i] = good{sku: sku, price: 1000 + 100*i}
		wanted[i] = vars{"sku": sku, "quantity": 1}
		if i%variants == 0 {
			products = append(products, vars{"handle": strings.ToLower(sku), "title": "Article " + sku, "status": "ACTIVE", "variants": []any{}})
		}
		var prices []any
		for _, currency := range []string{"EUR", "DKK", "SEK", "PLN"} {
			prices = append(prices, vars{"amount": goods[i].price, "currency": currency})
		}
		p := products[i/variants].(vars)
		p["variants"] = append(p["variants"].([]any), vars{"sku": sku, "title": sku, "prices": prices, "grams": 400})
		if units > 0 {
			stock = append(stock, vars{"sku": sku, "delta": units})
		}
	}
	for batch := range slices.Chunk(products, 100) {
		got := staff.ask(t, `mutation($in: [ProductInput!]!) { productsUpsert(inputs: $in) { created userErrors { message } } }`, vars{"in": batch})
		if got.num("productsUpsert.created") != len(batch) {
			t.Fatalf("products: %s", got)
		}
	}
	for batch := range slices.Chunk(stock, 250) {
		got := staff.ask(t, `mutation($in: [StockAdjustInput!]!, $key: String!) { stockAdjust(adjustments: $in, reason: "delivery", idempotencyKey: $key) { items { sku } userErrors { message } } }`,
			vars{"in": batch, "key": fmt.Sprint("stock-", batch[0].(vars)["sku"])})
		if len(got.list("stockAdjust.items")) != len(batch) {
			t.Fatalf("stock: %s", got)
		}
	}
	goods[0].product = staff.ask(t, `query($h: String!) { product(handle: $h) { id } }`, vars{"h": strings.ToLower(skus[0])}).text("product.id")
	eventually(t, "orders know the prices", func() (string, bool) {
		got, err := staff.try(`mutation($lines: [CartLineInput!]) { cartCreate(input: {currency: "EUR", lines: $lines}) { cart { id } userErrors { message } } }`, vars{"lines": wanted})
		return fmt.Sprint(got, err), err == nil && got.at("cartCreate.cart") != nil
	})
	return goods
}

// eventually waits until check says yes; what it saw last is what a failure tells.
func eventually(t *testing.T, what string, check func() (saw string, ok bool)) {
	t.Helper()
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	tick := time.NewTicker(40 * time.Millisecond)
	defer tick.Stop()
	for {
		saw, ok := check()
		if ok {
			return
		}
		select {
		case <-deadline.C:
			t.Fatalf("%s: not after %s; last seen: %.2000s", what, patience, saw)
		case <-t.Context().Done():
			t.Fatalf("%s: %v", what, t.Context().Err())
		case <-tick.C:
		}
	}
}
