package main

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"storefront/subgraphs/payments/gateway/testgateway"
)

// ledger is what the gateway took and gave back in a currency; a test that looks has a currency of its own.
func (h *house) ledger(t *testing.T, currency string) testgateway.Sums {
	t.Helper()
	sums, err := testgateway.ReadLedger(ledgerDir(h.dir))
	if err != nil {
		t.Fatal(err)
	}
	return sums[currency]
}

func TestOneKeyIsOneOrder(t *testing.T) {
	t.Parallel()
	h := theShop(t)
	h.sell(t, 100, "KEY-ONE")
	ben := h.signIn(t, "ben")
	cart, err := ben.fill("DKK", line("KEY-ONE", 2))
	if err != nil {
		t.Fatal(err)
	}
	var created atomic.Int32
	var ids sync.Map
	var wg sync.WaitGroup
	for range 100 {
		wg.Go(func() {
			got, err := ben.try(place, vars{"cart": cart, "token": "tok_visa", "key": "hundred-" + cart})
			if err != nil || got.text("placeOrder.__typename") != "PlaceOrderSuccess" {
				t.Errorf("place order: %s %v", got, err)
			}
			if got.yes("placeOrder.created") {
				created.Add(1)
			}
			ids.Store(got.text("placeOrder.order.id"), true)
		})
	}
	wg.Wait()
	var order string
	n := 0
	ids.Range(func(id, _ any) bool { order = id.(string); n++; return true })
	if created.Load() != 1 || n != 1 {
		t.Fatalf("100 calls with one key: %d created, %d different orders", created.Load(), n)
	}
	o := ben.ends(t, order, "DELIVERED")
	total := o.num("total.amount")
	if got := h.ledger(t, "DKK"); got.Charges != 1 || int(got.Captured) != total || int(got.Authorized) != total {
		t.Errorf("the gateway's ledger: %+v; want one charge of %d", got, total)
	}
	h.stock(t, "KEY-ONE", 98, 0)

	other, err := ben.fill("EUR", line("KEY-ONE", 1))
	if err != nil {
		t.Fatal(err)
	}
	got := ben.ask(t, place, vars{"cart": other, "token": "tok_visa", "key": "hundred-" + cart})
	if got.text("placeOrder.__typename") != "IdempotencyConflict" || got.text("placeOrder.order.id") != order {
		t.Errorf("the key with another cart: %s", got)
	}
	got = ben.ask(t, place, vars{"cart": cart, "token": "tok_visa", "key": "another-" + cart})
	if got.text("placeOrder.__typename") != "CartNotReady" || len(got.list("placeOrder.problems")) == 0 {
		t.Errorf("the cart with another key: %s", got)
	}
	// The key is Ben's own: another person's use of it is another order.
	ada := h.signIn(t, "ada")
	hers, err := ada.fill("EUR", line("KEY-ONE", 1))
	if err != nil {
		t.Fatal(err)
	}
	if got := ada.ask(t, place, vars{"cart": hers, "token": "tok_visa", "key": "hundred-" + cart}); !got.yes("placeOrder.created") {
		t.Errorf("the same key of another person: %s", got)
	}
}

// each runs work for n clients, so many at once.
func each(n, atOnce int, work func(i int)) {
	var wg sync.WaitGroup
	turns := make(chan struct{}, atOnce)
	for i := range n {
		wg.Go(func() {
			turns <- struct{}{}
			defer func() { <-turns }()
			work(i)
		})
	}
	wg.Wait()
}

func TestTwoHundredBuyersForTenUnits(t *testing.T) {
	t.Parallel()
	h := theShop(t)
	h.sell(t, 10, "SCARCE")
	buyers, carts, orders := make([]*person, 200), make([]string, 200), make([]string, 200)
	each(len(buyers), 16, func(i int) {
		buyers[i] = h.guest()
		var err error
		if carts[i], err = buyers[i].fill("SEK", line("SCARCE", 1)); err != nil {
			t.Error(err)
		}
	})
	each(len(buyers), len(buyers), func(i int) {
		got, err := buyers[i].try(place, vars{"cart": carts[i], "token": "tok_visa", "key": "key-" + carts[i]})
		if orders[i] = got.text("placeOrder.order.id"); err != nil || orders[i] == "" {
			t.Errorf("place order: %s %v", got, err)
		}
	})
	if t.Failed() {
		return
	}
	delivered, paid := 0, 0
	for i, order := range orders {
		o := buyers[i].until(t, order, "final", func(o value) bool { return o.text("status") == "DELIVERED" || o.text("status") == "REJECTED" })
		if o.text("status") == "DELIVERED" {
			delivered++
		}
		paid += o.num("payment.captured.amount")
		if got := o.text("reason"); o.text("status") == "REJECTED" && got != "OUT_OF_STOCK: 0 of 1 SCARCE available" {
			t.Errorf("reason: %s", got)
		}
	}
	if delivered != 10 {
		t.Errorf("%d of 10 units were sold", delivered)
	}
	if got := h.ledger(t, "SEK"); got.Charges != 10 || int(got.Captured) != paid || got.Refunded != 0 {
		t.Errorf("ledger: %+v; payments say %d", got, paid)
	}
	h.stock(t, "SCARCE", 0, 0)
}

func TestOneSKUOnTwoLines(t *testing.T) {
	t.Parallel()
	h := theShop(t)
	h.sell(t, 5, "TWICE")
	ada := h.signIn(t, "ada")
	cart, err := ada.fill("EUR", line("TWICE", 2), line("TWICE", 2))
	if err != nil {
		t.Fatal(err)
	}
	// More of it later, so that the sum is beyond what is there.
	got := ada.ask(t, `mutation($cart: ID!) { cartLinesAdd(cartId: $cart, lines: [{sku: "TWICE", quantity: 1}]) { cart { subtotal { amount } lines { quantity } } userErrors { message } } }`, vars{"cart": cart})
	if got.num("cartLinesAdd.cart.subtotal.amount") != 5000 {
		t.Errorf("cart: %s", got)
	}
	if cart, err = ada.fill("EUR", line("TWICE", 3), line("TWICE", 3)); err != nil {
		t.Fatal(err)
	}
	placed := ada.ask(t, place, vars{"cart": cart, "token": "tok_visa", "key": "six-" + cart})
	o := ada.ends(t, placed.text("placeOrder.order.id"), "REJECTED")
	if o.text("reason") != "OUT_OF_STOCK: 5 of 6 TWICE available" {
		t.Errorf("six of five: %s", o)
	}
	o = ada.ends(t, ada.order(t, "tok_visa", line("TWICE", 2), line("TWICE", 3)), "DELIVERED")
	bought := 0
	for _, l := range o.list("lines") {
		bought += l.num("quantity")
	}
	if bought != 5 || o.num("payment.captured.amount") != 5000+o.num("shipping.amount") {
		t.Errorf("order: %s", o)
	}
	h.stock(t, "TWICE", 0, 0)
}

func TestDiscountIsSpreadToThePenny(t *testing.T) {
	t.Parallel()
	h := theShop(t)
	h.sell(t, 10, "OFF-ONE", "OFF-TWO", "OFF-THREE")
	ada, staff := h.signIn(t, "ada"), h.signIn(t, "sam")
	staff.ask(t, `mutation { discountCreate(input: {code: "THIRD", basisPoints: 3333, usageLimit: 1}) { discount { code } userErrors { message } } }`, nil)
	cart, err := ada.fill("PLN", line("OFF-ONE", 1), line("OFF-TWO", 1), line("OFF-THREE", 3))
	if err != nil {
		t.Fatal(err)
	}
	got := ada.ask(t, `mutation($cart: ID!) {
  cartDiscountCodeSet(cartId: $cart, code: "third") { cart { shippingRates { quote } discount { amount } } userErrors { message } }
}`, vars{"cart": cart})
	ada.ask(t, sendBy, vars{"cart": cart, "rate": got.text("cartDiscountCodeSet.cart.shippingRates.0.quote")})
	got = ada.ask(t, place, vars{"cart": cart, "token": "tok_visa", "key": "off-" + cart})
	o := ada.ends(t, got.text("placeOrder.order.id"), "DELIVERED")
	lines := 0
	for _, l := range o.list("lines") {
		lines += l.num("total.amount")
	}
	const subtotal = 1000 + 1100 + 3*1200
	off := subtotal * 3333 / 10000
	if lines < subtotal-off-1 || lines > subtotal-off+1 || o.num("total.amount") != lines+o.num("shipping.amount") || o.num("payment.captured.amount") != o.num("total.amount") {
		t.Errorf("order: %s; want a discount of about %d", o, off)
	}
	if got := h.ledger(t, "PLN"); int(got.Captured) != o.num("total.amount") {
		t.Errorf("ledger: %+v", got)
	}
	if got := ada.ask(t, `mutation($cart: ID!) { cartDiscountCodeSet(cartId: $cart, code: "THIRD") { userErrors { message } } }`, vars{"cart": mustFill(t, ada, "OFF-ONE")}); len(got.list("cartDiscountCodeSet.userErrors")) == 0 {
		t.Errorf("a code that is used up: %s", fmt.Sprint(got))
	}
}

func mustFill(t *testing.T, p *person, sku string) string {
	t.Helper()
	cart, err := p.fill("EUR", line(sku, 1))
	if err != nil {
		t.Fatal(err)
	}
	return cart
}
