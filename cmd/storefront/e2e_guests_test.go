package main

import "testing"

func TestGuests(t *testing.T) {
	t.Parallel()
	h := theShop(t)
	h.sell(t, 50, "GUEST-ONE", "GUEST-TWO")
	guest, other := h.guest(), h.guest()
	cart, err := guest.fill("EUR", line("GUEST-ONE", 1))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := other.fill("EUR", line("GUEST-TWO", 1)); err != nil {
		t.Fatal(err)
	}
	if got := guest.ask(t, `{ myCart { id lines { sku } } me { id } }`, nil); got.text("myCart.id") != cart || got.at("me") != nil {
		t.Errorf("my cart: %s", got)
	}
	h.guest().refused(t, "UNAUTHENTICATED", place, vars{"cart": cart, "token": "tok_visa", "key": "stolen-" + cart})
	for _, stranger := range []*person{other, h.signIn(t, "ben")} {
		got := stranger.ask(t, `query($id: ID!) { cart(id: $id) { id email shippingAddress { line1 } } }`, vars{"id": cart})
		if !empty(got) {
			t.Errorf("a stranger sees the cart: %s", got)
		}
		got = stranger.ask(t, `mutation($id: ID!) { cartLinesAdd(cartId: $id, lines: [{sku: "GUEST-TWO", quantity: 9}]) { cart { id } userErrors { code } } }`, vars{"id": cart})
		if got.text("cartLinesAdd.userErrors.0.code") != "NOT_FOUND" {
			t.Errorf("a stranger changes the cart: %s", got)
		}
		stranger.refused(t, "NOT_FOUND", place, vars{"cart": cart, "token": "tok_visa", "key": "stolen-" + cart})
	}

	got := guest.ask(t, place, vars{"cart": cart, "token": "tok_visa", "key": "guest-" + cart})
	order := got.text("placeOrder.order.id")
	const watch = `subscription($id: ID!) { orderStatus(orderId: $id) { status email payment { status } } }`
	l := guest.listen(t, watch, vars{"id": order})
	other.refusedToListen(t, watch, vars{"id": order})
	h.guest().refusedToListen(t, watch, vars{"id": order})
	var seen []string
	for len(seen) == 0 || seen[len(seen)-1] != "DELIVERED" {
		seen = append(seen, l.next(t).text("orderStatus.status"))
	}
	if o := guest.look(t, order); o.text("status") != "DELIVERED" || o.text("payment.status") != "CAPTURED" {
		t.Errorf("guest's order: %s", o)
	}
	if got := other.ask(t, orderState, vars{"id": order}); !empty(got) {
		t.Errorf("another guest sees the order: %s", got)
	}
	if got := other.ask(t, `{ orders(first: 10) { nodes { id } } }`, nil); len(got.list("orders.nodes")) != 0 {
		t.Errorf("another guest's orders: %s", got)
	}
}

// It runs before the parallel tests: the guest's lines go into whichever cart Ben changed last.
func TestGuestCartIsMergedAtSignIn(t *testing.T) {
	h := theShop(t)
	h.sell(t, 50, "MERGE-ONE", "MERGE-TWO")
	const merge = `mutation($id: ID!) { cartMerge(guestCartId: $id) { cart { id lines { sku quantity } } userErrors { code } } }`
	guest := h.guest()
	cart, err := guest.fill("EUR", line("MERGE-ONE", 2), line("MERGE-TWO", 1))
	if err != nil {
		t.Fatal(err)
	}
	ben := h.signIn(t, "ben")
	ben.refused(t, "UNAUTHENTICATED", merge, vars{"id": cart})
	guest.refused(t, "UNAUTHENTICATED", merge, vars{"id": cart})
	if got := ben.with(guestHeader, "another guest's token").ask(t, merge, vars{"id": cart}); got.text("cartMerge.userErrors.0.code") != "NOT_FOUND" {
		t.Errorf("merging a stranger's cart: %s", got)
	}
	both := ben.with(guestHeader, guest.header.Get(guestHeader))
	quantity := func(v value, sku string) (n int) {
		for _, l := range v.list("cartMerge.cart.lines") {
			if l.text("sku") == sku {
				n += l.num("quantity")
			}
		}
		return n
	}
	for range 2 { // a repeat adds nothing
		got := both.ask(t, merge, vars{"id": cart})
		if quantity(got, "MERGE-ONE") != 2 || quantity(got, "MERGE-TWO") != 1 {
			t.Errorf("merged cart: %s", got)
		}
	}
	if got := guest.ask(t, `mutation($id: ID!) { cartLinesAdd(cartId: $id, lines: [{sku: "MERGE-ONE", quantity: 1}]) { cart { id } userErrors { code } } }`, vars{"id": cart}); len(got.list("cartLinesAdd.userErrors")) == 0 {
		t.Errorf("the merged cart takes more lines: %s", got)
	}
}
