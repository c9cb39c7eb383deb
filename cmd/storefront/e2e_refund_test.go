package main

import (
	"net/http/httptest"
	"strings"
	"testing"
)

// A return whose refund the gateway refuses for good: the customer and staff see that nothing went back, verify
// finds it, and once staff had it tried again, the books agree.
func TestRefundThatIsRefused(t *testing.T) {
	t.Parallel()
	h := ownShop(t)
	h.sell(t, 5, "REFUSED")
	ada, staff := h.signIn(t, "ada"), h.signIn(t, "sam")
	order := ada.order(t, "tok_refund_refused", line("REFUSED", 2))
	ada.ends(t, order, "DELIVERED")
	staff.ask(t, `mutation($id: ID!) { orderLinesReturn(id: $id, lines: [{sku: "REFUSED", quantity: 1}], idempotencyKey: "return-refused") { userErrors { message } } }`, vars{"id": order})
	o := ada.until(t, order, "refused", func(o value) bool { return o.text("payment.refunds.0.status") == "FAILED" })
	if o.num("refunded.amount") != 0 || o.num("payment.refunded.amount") != 0 {
		t.Errorf("the customer sees %s", o)
	}
	const look = `query($id: ID!) { payment(id: $id) { refunds { failureReason } } }`
	payment := o.text("payment.id")
	if got := ada.ask(t, look, vars{"id": payment}); got.at("payment.refunds.0.failureReason") != nil {
		t.Errorf("the gateway's reason is told to the customer: %s", got)
	}
	const waiting = `{ paymentsWithFailedRefunds(first: 5) { nodes { id refunds { id status failureReason } order { id } } } }`
	got := staff.ask(t, waiting, nil)
	if got.text("paymentsWithFailedRefunds.nodes.0.order.id") != order || got.text("paymentsWithFailedRefunds.nodes.0.refunds.0.failureReason") == "" {
		t.Errorf("what waits for staff: %s", got)
	}
	const verify = "verify --quiet --wait 10s --data-dir"
	if out, err := storefront(t.Context(), append(strings.Fields(verify), h.dir)...); err == nil || !strings.Contains(out, "refunded") {
		t.Errorf("verify finds nothing: %v\n%s", err, out)
	}
	metrics := httptest.NewRecorder()
	h.shop.edges.metrics.Handler().ServeHTTP(metrics, httptest.NewRequest("GET", "/metrics", nil))
	if !strings.Contains(metrics.Body.String(), "\nstorefront_refunds_failed_total 1\n") {
		t.Error("the refund is not counted")
	}

	const retry = `mutation($id: ID!, $refund: ID!) { paymentRefundRetry(id: $id, refundId: $refund) { payment { refunds { status } } userErrors { code message } } }`
	these := vars{"id": payment, "refund": got.text("paymentsWithFailedRefunds.nodes.0.refunds.0.id")}
	ada.refused(t, "FORBIDDEN", retry, these)
	ada.refused(t, "FORBIDDEN", waiting, nil)
	for range 2 {
		if got := staff.ask(t, retry, these); got.text("paymentRefundRetry.payment.refunds.0.status") != "SUCCEEDED" {
			t.Errorf("retry: %s", got)
		}
	}
	ada.until(t, order, "refunded", func(o value) bool {
		return o.num("refunded.amount") == 1000 && o.num("payment.refunded.amount") == 1000 && len(o.list("payment.refunds")) == 1
	})
	if got := staff.ask(t, waiting, nil); len(got.list("paymentsWithFailedRefunds.nodes")) != 0 {
		t.Errorf("still waiting: %s", got)
	}
	if out, err := storefront(t.Context(), append(strings.Fields(verify), h.dir)...); err != nil {
		t.Errorf("verify: %v\n%s", err, out)
	}
}
