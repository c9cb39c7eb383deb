package main

// Load that goes on while shops die and come back, and the audit afterwards.

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"storefront/internal/client"
	"storefront/subgraphs/payments/gateway/testgateway"
)

// freeBase finds a base port with free ports behind it, below those that systems hand out themselves:
// a shop that comes back comes back at its addresses.
func freeBase(t *testing.T) int {
	t.Helper()
	for range 100 {
		base, free := 12000+20*rand.IntN(900), true
		for offset := range 20 {
			l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(base+offset)))
			if err != nil {
				free = false
				break
			}
			l.Close()
		}
		if free {
			return base
		}
	}
	t.Fatal("no free ports")
	return 0
}

// buyers place orders until they are told to stop, and keep a list of all that was promised to them.
type buyers struct {
	house *house
	skus  []string
	pause time.Duration // of each buyer, between two orders
	cards []string      // they pay with

	patience time.Duration // of the audit, for the last order; at least that of all tests
	group    sync.WaitGroup
	quit     chan struct{}

	mu     sync.Mutex
	placed map[string]*person // by order
	odd    []string           // errors that say neither that the shop is away nor that it is not ready
}

func newBuyers(h *house, skus []string) *buyers {
	return &buyers{house: h, skus: skus, cards: []string{"tok_visa", "tok_visa", "tok_visa", "tok_visa", "tok_declined", "tok_3ds"}, quit: make(chan struct{}), placed: map[string]*person{}}
}

func (b *buyers) stop() {
	close(b.quit)
	b.group.Wait()
}

func (b *buyers) count() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.placed)
}

// start sends n buyers in. Every choice comes from random.
func (b *buyers) start(ctx context.Context, n int, random *rand.Rand) {
	for range n {
		own := rand.New(rand.NewPCG(random.Uint64(), random.Uint64()))
		b.group.Go(func() {
			for ctx.Err() == nil {
				select {
				case <-b.quit:
					return
				case <-time.After(b.pause):
					b.buy(ctx, own)
				}
			}
		})
	}
}

// buy places one order, however often it has to ask, and calls some of them off.
func (b *buyers) buy(ctx context.Context, random *rand.Rand) {
	p := b.house.guest()
	sku, quantity := b.skus[random.IntN(len(b.skus))], 1+random.IntN(3)
	token := b.cards[random.IntN(len(b.cards))]
	calledOff := random.IntN(4) == 0
	var cart, order string
	b.patiently(ctx, func() (err error) {
		cart, err = p.fill("EUR", line(sku, quantity))
		return err
	})
	b.patiently(ctx, func() error {
		got, err := p.try(place, vars{"cart": cart, "token": token, "key": "key-" + cart})
		if order = got.text("placeOrder.order.id"); err == nil && order == "" {
			b.note(got.String())
		}
		return err
	})
	if order == "" {
		return
	}
	b.mu.Lock()
	b.placed[order] = p
	b.mu.Unlock()
	if calledOff {
		b.patiently(ctx, func() error { _, err := p.try(cancel, vars{"id": order}); return err })
	}
}

// patiently repeats until there is an answer. A shop that is away or not ready says so; other errors are
// noted.
func (b *buyers) patiently(ctx context.Context, do func() error) {
	for {
		err := do()
		if err == nil {
			return
		}
		if list, ok := errors.AsType[client.Errors](err); ok && list[0].Extensions["code"] != "UNAVAILABLE" && list[0].Extensions["code"] != "DRAINING" {
			b.note(fmt.Sprintf("%v %v", list[0].Extensions["code"], list))
		}
		select {
		case <-time.After(30 * time.Millisecond):
		case <-ctx.Done():
			return
		}
	}
}

func (b *buyers) note(what string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.odd = append(b.odd, what)
}

// audit waits until every order is final, and compares what was promised, what was sold, what was paid and
// what is left on the shelves.
func (b *buyers) audit(t *testing.T, units int) {
	t.Helper()
	staff := b.house.signIn(t, "sam")
	if len(b.odd) > 0 {
		t.Errorf("%d odd answers, such as %.500s", len(b.odd), b.odd[0])
	}
	var all map[string]value
	within(t, max(b.patience, patience), "every order is final", func() (string, bool) {
		all = map[string]value{}
		open, example := 0, value{}
		for after := any(nil); ; {
			got, err := staff.try(`query($after: String) { allOrders(first: 100, after: $after) { pageInfo { hasNextPage endCursor }
  nodes { id status reason total { amount } refunded { amount } lines { sku quantity } history { status }
    payment { status captured { amount } refunded { amount } } shipment { status } } } }`, vars{"after": after})
			if err != nil {
				return err.Error(), false
			}
			for _, o := range got.list("allOrders.nodes") {
				all[o.text("id")] = o
				if paid, s := o.text("payment.status"), o.text("status"); s != "DELIVERED" && s != "CANCELLED" && s != "REJECTED" ||
					paid != "CAPTURED" && paid != "VOIDED" && paid != "FAILED" ||
					paid == "CAPTURED" && s != "DELIVERED" && o.num("refunded.amount") != o.num("payment.captured.amount") {
					open, example = open+1, o
				}
			}
			if !got.yes("allOrders.pageInfo.hasNextPage") {
				return fmt.Sprintf("%d of %d are not, such as %s", open, len(all), example), open == 0
			}
			after = got.text("allOrders.pageInfo.endCursor")
		}
	})
	if len(all) != len(b.placed) {
		t.Errorf("%d orders, %d were acknowledged", len(all), len(b.placed))
	}
	for id := range b.placed {
		if all[id].any == nil {
			t.Errorf("order %s was acknowledged and is lost", id)
		}
	}
	var captured, refunded, charges int
	sold, ends := map[string]int{}, map[string]int{}
	for id, o := range all {
		paid, back := o.num("payment.captured.amount"), o.num("payment.refunded.amount")
		captured, refunded = captured+paid, refunded+back
		if paid > 0 {
			charges++
		}
		delivered := o.text("status") == "DELIVERED"
		if kept := paid - back; delivered && kept != o.num("total.amount") || !delivered && kept != 0 {
			t.Errorf("order %s: %s", id, o)
		}
		if delivered {
			for _, l := range o.list("lines") {
				sold[l.text("sku")] += l.num("quantity")
			}
		}
		reason, _, _ := strings.Cut(o.text("reason"), ":")
		ends[strings.TrimSpace(o.text("status")+" "+reason)]++
	}
	t.Logf("%d orders: %v", len(all), ends)
	sums, err := testgateway.ReadLedger(ledgerDir(b.house.dir))
	if err != nil {
		t.Fatal(err)
	}
	if l := sums["EUR"]; int(l.Captured) != captured || int(l.Refunded) != refunded || l.Charges != charges || l.Authorized != l.Captured+l.Voided {
		t.Errorf("the gateway's ledger says %+v; payments say captured %d, refunded %d, %d charges", l, captured, refunded, charges)
	}
	for _, sku := range b.skus {
		b.house.stock(t, sku, units-sold[sku], 0)
	}
	if out, err := storefront(t.Context(), "verify", "--data-dir", b.house.dir); err != nil {
		t.Errorf("verify: %v\n%s", err, out)
	}
}

// reachable waits until the shop at an address is ready.
func reachable(t *testing.T, url string) {
	t.Helper()
	eventually(t, url+" is ready", func() (string, bool) {
		res, err := http.Get(url + "/readyz")
		if err != nil {
			return err.Error(), false
		}
		res.Body.Close()
		return res.Status, res.StatusCode == http.StatusOK
	})
}

// adopt is a shop that runs in another process, known by what it wrote down.
func adopt(t *testing.T, dir string, process int) *house {
	t.Helper()
	var a addresses
	eventually(t, "the shop has written its addresses down", func() (string, bool) {
		var err error
		a, err = running(dir)
		return fmt.Sprint(a, err), err == nil && a.Process == process
	})
	reachable(t, a.Router)
	return &house{log: &logbook{}, dir: dir, url: a.Router, issuer: a.Issuer, mails: a.Mail, tokens: map[string]string{}}
}

// executable is this test binary, which is also the storefront command.
func executable(t *testing.T) string {
	t.Helper()
	path, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return path
}
