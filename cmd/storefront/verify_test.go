package main

import (
	"strings"
	"testing"

	"storefront/subgraphs/inventory"
	inventorymongo "storefront/subgraphs/inventory/mongo"
	ordersmongo "storefront/subgraphs/orders/mongo"
	"storefront/subgraphs/payments"
	"storefront/subgraphs/payments/gateway/testgateway"
)

// agreeing is a shop with 10 cups, of which 3 were sold and 1 of those came back.
func agreeing() accounts {
	return accounts{
		orders: ordersmongo.Sums{Statuses: map[string]string{"ord_1": "DELIVERED", "ord_2": "REJECTED", "ord_3": "CANCELLED"},
			Sold: map[string]int{"cup": 2}, Money: map[string]ordersmongo.Money{"EUR": {Captured: 3000, Refunded: 1000}}},
		inventory: inventorymongo.Sums{Items: map[string]inventorymongo.Item{"cup": {Received: 10, OnHand: 8, Available: 8}},
			Reservations: map[string]inventory.ReservationStatus{"ord_1": inventory.Committed, "ord_2": inventory.Rejected, "ord_3": inventory.Released},
			Sold:         map[string]int{"cup": 2}, Held: map[string]int{}},
		payments: map[string]payments.Sums{"EUR": {Captured: 3000, Refunded: 1000, Payments: 1}},
		gateway:  map[string]testgateway.Sums{"EUR": {Authorized: 3000, Captured: 3000, Refunded: 1000, Charges: 1}},
	}
}

func TestVerifyFindsWhatDiffers(t *testing.T) {
	a := agreeing()
	a.compare()
	if n := a.differences(); n != 0 {
		t.Fatalf("%d differences in books that agree: %+v", n, a.checks)
	}
	for name, c := range map[string]struct {
		spoil func(*accounts)
		says  string
	}{
		"a cup too many": {func(a *accounts) {
			a.inventory.Items["cup"] = inventorymongo.Item{Received: 10, OnHand: 9, Available: 9}
		}, "SKU cup: 8 and 9"},
		"a hold of nobody": {func(a *accounts) {
			a.inventory.Items["cup"] = inventorymongo.Item{Received: 10, OnHand: 8, Available: 7, Held: 1}
		}, "SKU cup: 1 and 0"},
		"sold what was never here": {func(a *accounts) { a.orders.Sold["pot"] = 1 }, "SKU pot: -1 and 0"},
		"a charge without goods":   {func(a *accounts) { a.gateway["EUR"] = testgateway.Sums{Captured: 3500, Refunded: 1000} }, "-5.00"},
		"a refund that is missing": {func(a *accounts) { a.payments["EUR"] = payments.Sums{Captured: 3000} }, "10.00"},
		"money of another kind":    {func(a *accounts) { a.gateway["USD"] = testgateway.Sums{Captured: 100} }, "USD"},
		"delivered without goods":  {func(a *accounts) { a.inventory.Reservations["ord_1"] = inventory.Released }, "ord_1 is DELIVERED, its reservation RELEASED"},
	} {
		a := agreeing()
		c.spoil(&a)
		a.compare()
		var out strings.Builder
		a.print(&out, false)
		if a.differences() == 0 || !strings.Contains(out.String(), c.says) {
			t.Errorf("%s: %d differences, and no %q in\n%s", name, a.differences(), c.says, out.String())
		}
	}
}
