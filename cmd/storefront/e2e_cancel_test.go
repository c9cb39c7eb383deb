package main

import (
	"fmt"
	"strings"
	"sync"
	"testing"
)

const cancel = `mutation($id: ID!) { orderCancel(id: $id, reason: "changed my mind") { order { status } userErrors { field code message } } }`

// cancelled checks what a customer finds after a cancellation: nothing is kept of their money.
func cancelled(t *testing.T, p *person, order string) value {
	t.Helper()
	p.ends(t, order, "CANCELLED")
	return p.until(t, order, "settled", func(o value) bool {
		paid, back := o.num("payment.captured.amount"), o.num("payment.refunded.amount")
		switch o.text("payment.status") {
		case "VOIDED":
			return paid == 0 && o.num("refunded.amount") == 0
		case "CAPTURED":
			return paid == o.num("total.amount") && back == paid && o.num("refunded.amount") == back
		}
		return false
	})
}

func TestCancelRightAfterPlacing(t *testing.T) {
	t.Parallel()
	h := theShop(t)
	h.sell(t, 12, "CANCEL-PLACED")
	var wg sync.WaitGroup
	orders := make([]string, 12)
	guests := make([]*person, len(orders))
	for i := range orders {
		guests[i] = h.guest()
		wg.Go(func() {
			cart, err := guests[i].fill("EUR", line("CANCEL-PLACED", 1))
			if err != nil {
				t.Error(err)
				return
			}
			got, err := guests[i].try(place, vars{"cart": cart, "token": "tok_visa", "key": "key-" + cart})
			if err != nil {
				t.Error(err)
				return
			}
			orders[i] = got.text("placeOrder.order.id")
			for range i % 3 { // a different moment for each
				guests[i].try(orderState, vars{"id": orders[i]})
			}
			got, err = guests[i].try(cancel, vars{"id": orders[i]})
			if err != nil || len(got.list("orderCancel.userErrors")) > 0 {
				t.Errorf("cancel: %s %v", got, err)
			}
		})
	}
	wg.Wait()
	if t.Failed() {
		return
	}
	for i, order := range orders {
		o := cancelled(t, guests[i], order)
		if o.text("reason") != "CUSTOMER_REQUEST: changed my mind" || o.text("shipment.status") != "CANCELLED" && o.at("shipment") != nil {
			t.Errorf("order: %s", o)
		}
	}
	h.stock(t, "CANCEL-PLACED", 12, 0)
}

func TestCancelWhileTheBankAsks(t *testing.T) {
	t.Parallel()
	h := theShop(t)
	h.sell(t, 2, "CANCEL-ASKED")
	ada := h.signIn(t, "ada")
	order := ada.order(t, "tok_3ds", line("CANCEL-ASKED", 2))
	o := ada.until(t, order, "waiting for 3-D Secure", func(o value) bool {
		return o.text("status") == "PAYMENT_ACTION_REQUIRED" && o.text("payment.actionUrl") != ""
	})
	page := o.text("payment.actionUrl")
	ada.ask(t, cancel, vars{"id": order})
	if o := cancelled(t, ada, order); o.text("payment.status") != "VOIDED" {
		t.Errorf("payment: %s", o)
	}
	h.stock(t, "CANCEL-ASKED", 2, 0)
	if said := h.decide(t, page, ""); !strings.Contains(said, "Nothing was taken") {
		t.Errorf("the bank's page afterwards: %s", said)
	}
}

func TestCancelWhilePreparing(t *testing.T) {
	t.Parallel()
	h := ownShop(t, "--carrier-step", "1h")
	h.sell(t, 6, "CANCEL-PACKED")
	ada := h.signIn(t, "ada")
	order := ada.order(t, "tok_visa", line("CANCEL-PACKED", 4))
	ada.until(t, order, "being prepared", func(o value) bool { return o.text("status") == "PREPARING" && o.yes("cancellable") })
	h.stock(t, "CANCEL-PACKED", 2, 0)
	screen := ada.listen(t, `subscription($id: ID!) { orderStatus(orderId: $id) { status reason } }`, vars{"id": order})
	if got := screen.next(t); got.text("orderStatus.status") != "PREPARING" {
		t.Errorf("the order as it is: %s", got)
	}
	if got := ada.ask(t, cancel, vars{"id": order}); got.text("orderCancel.order.status") != "CANCELLING" {
		t.Errorf("cancel: %s", got)
	}
	for _, want := range []string{"CANCELLING", "CANCELLED"} {
		if got := screen.next(t); got.text("orderStatus.status") != want {
			t.Errorf("told %s; want %s", got, want)
		}
	}
	o := cancelled(t, ada, order)
	if !follows(way(o), "PLACED RESERVED PAID PREPARING CANCELLING CANCELLED") || o.text("payment.status") != "CAPTURED" || o.text("shipment.status") != "CANCELLED" {
		t.Errorf("order: %s", o)
	}
	h.stock(t, "CANCEL-PACKED", 6, 0)
	if again := ada.ask(t, cancel, vars{"id": order}); len(again.list("orderCancel.userErrors")) != 0 || len(ada.look(t, order).list("payment.refunds")) != 1 {
		t.Errorf("a second cancellation: %s", again)
	}
}

func TestCancelTooLate(t *testing.T) {
	t.Parallel()
	h := theShop(t)
	h.sell(t, 2, "CANCEL-LATE")
	ada := h.signIn(t, "ada")
	order := ada.order(t, "tok_visa", line("CANCEL-LATE", 1))
	ada.until(t, order, "shipped", func(o value) bool { return o.text("status") == "SHIPPED" || o.text("status") == "DELIVERED" })
	got := ada.ask(t, cancel, vars{"id": order})
	if got.text("orderCancel.userErrors.0.code") != "CONFLICT" {
		t.Errorf("cancel: %s", got)
	}
	o := ada.ends(t, order, "DELIVERED")
	if !follows(way(o), theWay) || o.num("payment.refunded.amount") != 0 {
		t.Errorf("order: %s", o)
	}
}

func TestReturnsAndRefunds(t *testing.T) {
	t.Parallel()
	h := theShop(t)
	h.sell(t, 10, "BACK-ONE", "BACK-TWO")
	ada, staff := h.signIn(t, "ada"), h.signIn(t, "sam")
	order := ada.order(t, "tok_visa", line("BACK-ONE", 2), line("BACK-TWO", 3))
	o := ada.ends(t, order, "DELIVERED")
	total, payment := o.num("total.amount"), o.text("payment.id")

	const giveBack = `mutation($id: ID!, $lines: [ReturnLineInput!]!, $key: String!) {
  orderLinesReturn(id: $id, lines: $lines, reason: "too small", idempotencyKey: $key) { order { lines { returned } } userErrors { field message } }
}`
	for range 2 { // the second is the same return
		got := staff.ask(t, giveBack, vars{"id": order, "lines": []any{line("BACK-TWO", 2)}, "key": "return-1-" + order})
		if got.num("orderLinesReturn.order.lines.1.returned") != 2 {
			t.Errorf("return: %s", got)
		}
	}
	refunded := 2 * 1100
	ada.until(t, order, "refunded once", func(o value) bool {
		return o.num("refunded.amount") == refunded && o.num("payment.refunded.amount") == refunded && len(o.list("payment.refunds")) == 1
	})
	h.stock(t, "BACK-TWO", 9, 0)
	if got := staff.ask(t, giveBack, vars{"id": order, "lines": []any{line("BACK-TWO", 2)}, "key": "return-2-" + order}); len(got.list("orderLinesReturn.userErrors")) == 0 {
		t.Errorf("more came back than was sold: %s", got)
	}

	const refund = `mutation($id: ID!, $amount: MoneyInput, $key: String!) {
  paymentRefund(id: $id, amount: $amount, reason: "goodwill", idempotencyKey: $key) { payment { refunded { amount } } userErrors { code message } }
}`
	for range 2 {
		staff.ask(t, refund, vars{"id": payment, "amount": vars{"amount": 150, "currency": "EUR"}, "key": "goodwill"})
	}
	refunded += 150
	ada.until(t, order, "refunded in part", func(o value) bool {
		return o.num("refunded.amount") == refunded && o.num("payment.refunded.amount") == refunded
	})
	if got := staff.ask(t, refund, vars{"id": payment, "amount": vars{"amount": total, "currency": "EUR"}, "key": "too-much"}); len(got.list("paymentRefund.userErrors")) == 0 {
		t.Errorf("more goes back than was taken: %s", got)
	}
	staff.ask(t, refund, vars{"id": payment, "key": "the-rest"})
	o = ada.until(t, order, "refunded whole", func(o value) bool {
		return o.num("refunded.amount") == total && o.num("payment.refunded.amount") == total
	})
	if o.text("status") != "DELIVERED" {
		t.Errorf("order: %s", o)
	}
	for _, p := range []*person{ada, h.guest()} {
		code := "FORBIDDEN"
		if p != ada {
			code = "UNAUTHENTICATED"
		}
		p.refused(t, code, giveBack, vars{"id": order, "lines": []any{line("BACK-ONE", 1)}, "key": fmt.Sprint("mine-", order)})
		p.refused(t, code, refund, vars{"id": payment, "key": "mine"})
	}
}
