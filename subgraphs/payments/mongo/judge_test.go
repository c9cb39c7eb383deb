package mongo_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"storefront/events"
	"storefront/internal/embedded/mongodb/mongotest"
	"storefront/internal/outbox"
	"storefront/subgraphs/payments"
	"storefront/subgraphs/payments/gateway/testgateway"
	"storefront/subgraphs/payments/mongo"
)

var orders = flag.Int("orders", 500, "orders of TestTheLedgerIsTheJudge")

const (
	instances = 3   // of the service, in each process
	faster    = 200 // the clock runs, so that no lease and no backoff is waited for
)

// court is a shop whose gateway loses the first answer of every step and repeats and shuffles its
// webhooks, and whose processes are killed.
type court struct {
	store  mongo.Store
	dir    string
	clock  func() time.Time
	faults testgateway.Faults
	web    *httptest.Server
	now    atomic.Pointer[process]
	hooks  atomic.Int64 // that were taken

	mu   sync.Mutex
	lost map[string]bool // whether the answer of a step was, by step and key
}

// process is one life of the shop: instances of the service over one gateway, and their Settle.
type process struct {
	ctx      context.Context
	kill     context.CancelFunc
	gateway  *testgateway.Gateway
	services []*payments.Service
	pages    []http.Handler
	settling sync.WaitGroup
}

// mortal is the store as a process sees it: once that is dead, nothing is read or written any more.
type mortal struct {
	payments.Store
	life context.Context
}

func (m mortal) Update(ctx context.Context, id string, change func(*payments.Payment) ([]outbox.Event, error)) (p payments.Payment, err error) {
	if err := m.life.Err(); err != nil {
		return p, err
	}
	return m.Store.Update(ctx, id, change)
}

func (m mortal) Upsert(ctx context.Context, id string, change func(*payments.Payment, bool) ([]outbox.Event, error)) (p payments.Payment, err error) {
	if err := m.life.Err(); err != nil {
		return p, err
	}
	return m.Store.Upsert(ctx, id, change)
}

func newCourt(t *testing.T, seed uint64) *court {
	c := &court{dir: t.TempDir(), lost: map[string]bool{}}
	began := time.Now()
	c.clock = func() time.Time { return began.Add(time.Since(began) * faster) }
	var err error
	if c.store, err = mongo.New(t.Context(), mongotest.Database(t), c.clock); err != nil {
		t.Fatal(err)
	}
	c.web = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p := c.now.Load()
		if p == nil || p.ctx.Err() != nil {
			http.Error(w, "nobody is there", http.StatusBadGateway)
			return
		}
		answer := httptest.NewRecorder()
		p.pages[rand.IntN(instances)].ServeHTTP(answer, r)
		if answer.Code == http.StatusNoContent {
			c.hooks.Add(1)
		}
		w.WriteHeader(answer.Code)
	}))
	t.Cleanup(c.web.Close)
	c.faults = testgateway.Faults{Slow: time.Millisecond, FailBefore: 0.05, FailAfter: 0.1, Webhooks: true, To: c.web.URL + "/webhooks/test",
		Repeat: 10, Shuffle: 300 * time.Millisecond, Seed: seed}
	return c
}

// start begins a life, with what the ledger and the database remember of earlier ones.
func (c *court) start(t *testing.T) {
	p := &process{}
	p.ctx, p.kill = context.WithCancel(context.Background())
	var err error
	if p.gateway, err = testgateway.Open(testgateway.Config{Dir: c.dir, Now: c.clock, Secret: []byte("the same in every life"), Slow: 20 * time.Millisecond, Lost: time.Millisecond, Faults: c.faults}); err != nil {
		t.Fatal(err)
	}
	line := &unsteady{Gateway: p.gateway}
	line.set(func(step, key string, call func() error) error {
		if err := p.ctx.Err(); err != nil {
			return err
		}
		err := call()
		if step == "lookup" || step == "fetch" {
			return err
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		first := !c.lost[step+" "+key]
		if err == nil && !first {
			return nil
		}
		c.lost[step+" "+key] = !first || err == nil || p.ctx.Err() != nil || errors.Is(err, context.DeadlineExceeded)
		return errLost
	})
	for range instances {
		s := payments.New(payments.Config{Store: mortal{c.store, p.ctx}, Gateway: line, Now: c.clock, Log: slog.New(slog.DiscardHandler)})
		p.services, p.pages = append(p.services, s), append(p.pages, s.HTTP())
		p.settling.Go(func() {
			for p.ctx.Err() == nil {
				s.Settle(p.ctx) // what fails is found again
				time.Sleep(10 * time.Millisecond)
			}
		})
	}
	c.now.Store(p)
}

// kill ends a life without a word, and begins the next.
func (c *court) kill(t *testing.T) {
	p := c.now.Load()
	p.kill()
	p.gateway.Close() // gives the ledger back; webhooks that were under way are lost
	p.settling.Wait()
	c.start(t)
}

// tell brings events, many at once, as a consumer does: until they are handled by a process that is still
// there afterwards. Some are told twice. Halfway the process is killed.
func (c *court) tell(t *testing.T, random *rand.Rand, list []any) {
	for range len(list) / 4 {
		list = append(list, list[random.IntN(len(list))])
	}
	random.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
	work := make(chan any)
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			for e := range work {
				for {
					p := c.now.Load()
					if err := tell(p.ctx, p.services[rand.IntN(instances)], e); err == nil && p.ctx.Err() == nil {
						break
					}
					if t.Context().Err() != nil {
						return
					}
					time.Sleep(time.Millisecond)
				}
			}
		})
	}
	for i, e := range list {
		if i == len(list)/2 {
			c.kill(t)
		}
		work <- e
	}
	close(work)
	wg.Wait()
}

// await returns when done holds for every payment.
func (c *court) await(t *testing.T, ids []string, what string, done func(payments.Payment) bool) map[string]payments.Payment {
	t.Helper()
	for deadline := time.Now().Add(5 * time.Minute); ; time.Sleep(20 * time.Millisecond) {
		found, err := c.store.Payments(t.Context(), ids)
		if err != nil {
			t.Fatal(err)
		}
		open := ""
		for _, id := range ids {
			if p, ok := found[id]; !ok || !done(p) {
				open += fmt.Sprintf(" %s %s %+v", id, p.Status, p.Intent)
			}
		}
		if open == "" {
			return found
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s: still open are%.1000s", what, open)
		}
	}
}

func settled(p payments.Payment) bool { return p.Intent == nil && p.Status != payments.Authorizing }

// fate is what happens to an order.
type fate struct {
	name   string
	token  string
	events func(o string, amount int64) []any // after it was authorized, or was not
	later  func(o string, amount int64) []any // after those
	ends   payments.PaymentStatus
	back   func(amount int64) int64 // what is refunded
}

func fates() []fate {
	one := func(f func(string) any) func(string, int64) []any {
		return func(o string, _ int64) []any { return []any{f(o)} }
	}
	paid := one(func(o string) any { return confirmed(o) })
	off := one(func(o string) any { return cancelled(o) })
	late := one(func(o string) any { return expired(o) })
	all := func(n int64) int64 { return n }
	return []fate{
		{"paid", "tok_visa", paid, nil, payments.Captured, nil},
		{"paid, the answer is lost at the gateway too", "tok_timeout", paid, nil, payments.Captured, nil},
		{"paid, slowly", "tok_slow", paid, nil, payments.Captured, nil},
		{"paid, then cancelled", "tok_visa", paid, off, payments.Captured, all},
		{"paid, part returned", "tok_mastercard", paid, func(o string, n int64) []any { return []any{returned(o, "ret_1", n/3)} }, payments.Captured, func(n int64) int64 { return n / 3 }},
		{"paid, part returned, cancelled", "tok_visa", paid, func(o string, n int64) []any { return []any{returned(o, "ret_1", n/3), cancelled(o)} }, payments.Captured, all},
		{"paid, more returned than there is", "tok_visa", paid, func(o string, n int64) []any {
			return []any{returned(o, "ret_1", n/2+1), returned(o, "ret_2", n/2+1), returned(o, "ret_3", n)}
		}, payments.Captured, all},
		{"paid and cancelled at once", "tok_visa", func(o string, _ int64) []any { return []any{confirmed(o), cancelled(o)} }, nil, "", all},
		{"the goods ran out", "tok_visa", late, nil, payments.Voided, nil},
		{"cancelled", "tok_visa", off, nil, payments.Voided, nil},
		{"waits", "tok_visa", nil, nil, payments.Authorized, nil},
		{"declined", "tok_declined", nil, off, payments.Failed, nil},
		{"3-D Secure passed", "tok_3ds", paid, nil, payments.Captured, nil},
		{"3-D Secure refused", "tok_3ds", nil, nil, payments.Failed, nil},
		{"3-D Secure abandoned", "tok_3ds", late, nil, payments.Voided, nil},
	}
}

// TestTheLedgerIsTheJudge: every answer of the gateway after charging, voiding or refunding is lost the
// first time and some more, webhooks come ten times and shuffled, three instances settle side by side, and
// the process is killed five times. The ledger on the disk and the payments agree to the penny, and
// every order is charged once or not at all.
func TestTheLedgerIsTheJudge(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 1))
	c := newCourt(t, seed)
	c.start(t)

	currencies := []string{"EUR", "USD", "JPY"}
	list := fates()
	ids := make([]string, *orders)
	amount := make([]int64, *orders)
	var first, second, third []any
	for i := range ids {
		o := fmt.Sprintf("ord_%d", i)
		f := list[i%len(list)]
		ids[i], amount[i] = payments.PaymentID(o), 1+random.Int64N(100_000)
		e := placed(o, f.token, amount[i])
		e.Total.Currency = currencies[random.IntN(len(currencies))]
		first = append(first, e, reserved(o))
		for into, events := range map[*[]any]func(string, int64) []any{&second: f.events, &third: f.later} {
			if events != nil {
				*into = append(*into, in(e.Total.Currency, events(o, amount[i]))...)
			}
		}
	}
	c.tell(t, random, first)
	found := c.await(t, ids, "authorize", settled)
	for i, id := range ids {
		p := found[id]
		if passed := strings.HasSuffix(list[i%len(list)].name, "passed"); p.Status == payments.ActionRequired && (passed || strings.HasSuffix(list[i%len(list)].name, "refused")) {
			if err := c.now.Load().gateway.Decide(p.ChargeID, passed); err != nil {
				t.Fatal(err)
			}
		}
	}
	c.kill(t) // and the webhooks of these decisions are lost
	c.tell(t, random, second)
	c.await(t, ids, "capture and void", func(p payments.Payment) bool { return settled(p) && p.Status != payments.ActionRequired })
	c.tell(t, random, third)
	c.kill(t)
	found = c.await(t, ids, "refund", settled)

	held := map[string]int64{}
	for i, id := range ids {
		f, p := list[i%len(list)], found[id]
		if p.Status != f.ends && f.ends != "" {
			t.Errorf("%s (%s): %s, want %s", id, f.name, p.Status, f.ends)
		}
		var back int64
		if f.back != nil && p.Status == payments.Captured {
			back = f.back(amount[i])
		}
		if got := p.Refunded().Amount; got != back {
			t.Errorf("%s (%s): %d of %d refunded, want %d", id, f.name, got, amount[i], back)
		}
		if p.Status == payments.Authorized {
			held[p.Amount.Currency] += p.Amount.Amount
		}
	}
	c.judge(t, held)
	c.oncePerPayment(t, ids)
	c.repeatWebhooks(t, found)

	steps := map[string]int{}
	for key, lost := range c.lost {
		if !lost {
			t.Errorf("no answer of %s was lost", key)
		}
		step, _, _ := strings.Cut(key, " ")
		steps[step]++
		steps["all"]++
	}
	t.Logf("%d orders; first answers lost: %v; webhooks taken: %d", *orders, steps, c.hooks.Load())
	if c.hooks.Load() < int64(*orders) {
		t.Errorf("only %d webhooks were taken", c.hooks.Load())
	}
	if steps["authorize"] != *orders {
		t.Errorf("%d answers of authorizations were lost, want all %d", steps["authorize"], *orders)
	}
	p := c.now.Load()
	p.kill()
	p.settling.Wait()
	p.gateway.Close()
}

// in puts refunds into the order's currency.
func in(currency string, list []any) []any {
	for i, e := range list {
		if r, ok := e.(events.OrderLinesReturned); ok {
			r.Refund.Currency = currency
			list[i] = r
		}
	}
	return list
}

// judge compares the ledger on the disk with the payments, and reads it line by line: one authorization,
// one capture or one void of each charge, one charge of each payment, refunds within what was taken.
func (c *court) judge(t *testing.T, held map[string]int64) {
	t.Helper()
	ledger, err := testgateway.ReadLedger(c.dir)
	if err != nil {
		t.Fatal(err)
	}
	sums, err := c.store.Sums(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for currency, l := range ledger {
		p := sums[currency]
		if l.Captured != p.Captured || l.Refunded != p.Refunded || l.Charges != p.Payments {
			t.Errorf("%s: ledger %+v, payments %+v", currency, l, p)
		}
		if l.Authorized != l.Captured+l.Voided+held[currency] {
			t.Errorf("%s: %d authorized, but %d captured, %d voided and %d to be held", currency, l.Authorized, l.Captured, l.Voided, held[currency])
		}
		t.Logf("%s: ledger %+v, payments %+v", currency, l, p)
	}
	file, err := os.Open(filepath.Join(c.dir, "ledger.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	ops, keys, left := map[string]int{}, map[string]int{}, map[string]int64{}
	for lines := bufio.NewScanner(file); lines.Scan(); {
		var e struct {
			Op, Key, Charge, Payment string
			Amount                   int64
		}
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			t.Fatal(err)
		}
		switch e.Op {
		case "authorize", "challenge":
			ops[e.Payment+" charges"]++
		case "capture":
			ops[e.Charge+" ends"]++
			left[e.Charge] += e.Amount
		case "void":
			ops[e.Charge+" ends"]++
		case "refund":
			if left[e.Charge] -= e.Amount; left[e.Charge] < 0 {
				t.Errorf("more went back of charge %s than was taken", e.Charge)
			}
		}
		if e.Key != "" {
			keys[e.Key]++
		}
	}
	for what, n := range ops {
		if n > 1 {
			t.Errorf("the ledger has %s %d times", what, n)
		}
	}
	for key, n := range keys {
		if n > 1 {
			t.Errorf("the ledger has key %s %d times", key, n)
		}
	}
}

// oncePerPayment looks for events that were said twice.
func (c *court) oncePerPayment(t *testing.T, ids []string) {
	t.Helper()
	entries, err := c.store.Load(t.Context(), ids)
	if err != nil {
		t.Fatal(err)
	}
	for id, records := range entries {
		said := map[string]int{}
		for _, r := range records {
			what := strings.TrimPrefix(r.Type, "storefront.payment.")
			if what == "refunded" {
				var e events.PaymentRefunded
				if err := json.Unmarshal(r.Data, &e); err != nil {
					t.Fatal(err)
				}
				what += " " + e.RefundID
			}
			if said[what]++; said[what] > 1 {
				t.Errorf("%s: %s was said %d times", id, what, said[what])
			}
		}
		if said["processed"]+said["failed"]+said["voided"] > 1 {
			t.Errorf("%s has more than one end: %v", id, said)
		}
	}
}

// repeatWebhooks sends one more of each charge: nothing changes any more.
func (c *court) repeatWebhooks(t *testing.T, before map[string]payments.Payment) {
	t.Helper()
	p := c.now.Load()
	ids := slices.Collect(maps.Keys(before))
	var wg sync.WaitGroup
	for part := range slices.Chunk(ids, max(1, len(ids)/16)) {
		wg.Go(func() {
			for _, id := range part {
				header, body := p.gateway.Sign(id, before[id].ChargeID)
				for p.services[0].Receive(t.Context(), header, body) != nil && t.Context().Err() == nil { // until the gateway answers
				}
			}
		})
	}
	wg.Wait()
	after, err := c.store.Payments(t.Context(), ids)
	if err != nil {
		t.Fatal(err)
	}
	for id, payment := range before {
		if after[id].Version != payment.Version {
			t.Errorf("%s: a webhook that came late changed %+v to %+v", id, payment, after[id])
		}
	}
}
