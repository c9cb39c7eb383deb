package main

import (
	"slices"
	"testing"
)

func TestLiveOverWebSocket(t *testing.T) {
	t.Parallel()
	h := theShop(t)
	h.sell(t, 10, "LIVE-ONE")
	ada, staff := h.signIn(t, "ada"), h.signIn(t, "sam")
	cart, err := ada.fill("EUR", line("LIVE-ONE", 4))
	if err != nil {
		t.Fatal(err)
	}
	const watchStock = `subscription($sku: String!) { productAvailability(sku: $sku) { sku available inStock version
  variant { title price(currency: "EUR") { amount } product { title rating { count } } shippingEstimate(country: "DE", currency: "EUR") { price { amount } } } } }`
	c := ada.dial(t, map[string]vars{
		"stock": {"query": watchStock, "variables": vars{"sku": "LIVE-ONE"}},
		"other": {"query": `subscription { orderStatus(orderId: "ord_01ARZ3NDEKTSV4RRFFQ69G5FAV") { status } }`},
	})
	first := value{c.results["stock"].next(t).at("productAvailability")}
	if first.num("available") != 10 || !first.yes("inStock") {
		t.Errorf("stock as it is: %s", first)
	}
	if a, open := c.results["other"].answer(t); !open || len(a.errors) == 0 {
		t.Errorf("someone else's order: %s", a.data)
	}

	order := ada.ask(t, place, vars{"cart": cart, "token": "tok_visa", "key": "live-" + cart}).text("placeOrder.order.id")
	steps := ada.dial(t, map[string]vars{"order": {"variables": vars{"id": order}, "query": `subscription($id: ID!) { orderStatus(orderId: $id) {
  status version payment { status } shipment { trackingNumber } lines { variant { availability { available } } } customer { email } } }`}})
	var seen []string
	for !slices.Contains(seen, "DELIVERED") {
		o := value{steps.results["order"].next(t).at("orderStatus")}
		seen = append(seen, o.text("status"))
		if o.text("customer.email") != "ada@storefront.example" || o.num("lines.0.variant.availability.available") < 6 {
			t.Errorf("fields of other services: %s", o)
		}
		if o.text("status") == "SHIPPED" && (o.text("shipment.trackingNumber") == "" || o.text("payment.status") != "CAPTURED") {
			t.Errorf("a shipped order: %s", o)
		}
	}
	if whole := way(ada.look(t, order)); !slices.Equal(seen, whole[slices.Index(whole, seen[0]):]) {
		t.Errorf("steps: %v of %v", seen, whole)
	}

	staff.ask(t, `mutation { stockAdjust(adjustments: [{sku: "LIVE-ONE", delta: 5}], reason: "delivery", idempotencyKey: "live-more") { items { sku } userErrors { message } } }`, nil)
	version, least := first.num("version"), first.num("available")
	for now := first.num("available"); now != 11; {
		a := value{c.results["stock"].next(t).at("productAvailability")}
		if a.num("version") <= version {
			t.Errorf("version %d follows %d", a.num("version"), version)
		}
		version, now = a.num("version"), a.num("available")
		least = min(least, now)
		if a.text("variant.product.title") != "Article LIVE-ONE" || a.num("variant.price.amount") != 1000 || a.num("variant.shippingEstimate.price.amount") <= 0 {
			t.Errorf("fields of other services: %s", a)
		}
	}
	if least != 6 {
		t.Errorf("the lowest stock that was told is %d", least)
	}
}
