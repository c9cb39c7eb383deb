package graph_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"storefront/events"
	"storefront/internal/errs"
	"storefront/internal/identity"
	"storefront/subgraphs/orders"
)

var lineA = orders.LineID("A")

func (sh *shop) order(who identity.Identity, key string, lines ...map[string]any) string {
	sh.t.Helper()
	placed := sh.place(who, sh.readyCart(who, 500, lines...), key)
	id, ok := at(placed, "order", "id").(string)
	if !ok {
		sh.t.Fatalf("not placed: %v", placed)
	}
	return id
}

func TestWhoSeesOrders(t *testing.T) {
	t.Parallel()
	sh := newShop(t)
	sh.sell(1000, "A")
	var anns []string
	for i := range 3 {
		anns = append(anns, sh.order(ann, fmt.Sprintf("key-0000000%d", i), line("A", 1)))
	}
	bens := sh.order(ben, "key-00000000", line("A", 1))

	const list = `query($after:String){orders(first:2,after:$after){nodes{id} pageInfo{hasNextPage endCursor}}}`
	one := at(sh.must(ann, list, nil), "orders")
	two := at(sh.must(ann, list, map[string]any{"after": at(one, "pageInfo", "endCursor")}), "orders")
	seen := map[any]bool{at(one, "nodes", 0, "id"): true, at(one, "nodes", 1, "id"): true, at(two, "nodes", 0, "id"): true}
	if len(seen) != 3 || !seen[anns[0]] || !seen[anns[1]] || !seen[anns[2]] || at(one, "pageInfo", "hasNextPage") != true || at(two, "pageInfo", "hasNextPage") != false {
		t.Errorf("pages: %v and %v, want %v", one, two, anns)
	}
	const last = `{orders(last:2){nodes{id} pageInfo{hasPreviousPage}}}`
	if got := at(sh.must(ann, last, nil), "orders"); at(got, "nodes", 1, "id") != at(two, "nodes", 0, "id") || at(got, "pageInfo", "hasPreviousPage") != true {
		t.Errorf("last two: %v", got)
	}

	entities := map[string]any{"r": []any{
		map[string]any{"__typename": "Order", "id": bens},
		map[string]any{"__typename": "Order", "id": "ord_NONE"},
		map[string]any{"__typename": "Order", "id": anns[0]},
	}}
	const query = `query($r:[_Any!]!){_entities(representations:$r){... on Order{id}}}`
	if got := at(sh.must(ann, query, entities), "_entities"); at(got, 0) != nil || at(got, 1) != nil || at(got, 2, "id") != anns[0] {
		t.Errorf("entities for ann: %v", got)
	}
	if got := at(sh.must(staff, query, entities), "_entities"); at(got, 0, "id") != bens {
		t.Errorf("entities for staff: %v", got)
	}
	of := map[string]any{"r": []any{map[string]any{"__typename": "User", "id": ben.User}}}
	const userOrders = `query($r:[_Any!]!){_entities(representations:$r){... on User{orders{nodes{id}}}}}`
	if got := sh.ask(ann, userOrders, of); len(got.Errors) != 1 || got.Errors[0].Extensions["code"] != "NOT_FOUND" {
		t.Errorf("ann sees ben's orders: %v", got)
	}
	if got := at(sh.must(staff, userOrders, of), "_entities", 0, "orders", "nodes", 0, "id"); got != bens {
		t.Errorf("staff sees %v, want %v", got, bens)
	}
	if got := sh.ask(ann, `{allOrders{nodes{id}}}`, nil); len(got.Errors) != 1 || got.Errors[0].Extensions["code"] != "FORBIDDEN" {
		t.Errorf("ann lists all orders: %v", got)
	}
	if err := sh.service.StockRejected(t.Context(), events.StockRejected{OrderID: bens}); err != nil {
		t.Fatal(err)
	}
	if got := at(sh.must(staff, `{allOrders(status:REJECTED){nodes{id}}}`, nil), "allOrders", "nodes"); len(got.([]any)) != 1 || at(got, 0, "id") != bens {
		t.Errorf("rejected orders: %v", got)
	}
}

func TestStaffOrdersForCustomer(t *testing.T) {
	t.Parallel()
	sh := newShop(t)
	skus := make([]string, 1000)
	lines := make([]map[string]any, len(skus))
	for i := range skus {
		skus[i] = fmt.Sprintf("SKU-%04d", i)
		lines[i] = line(skus[i], i%7+1)
	}
	sh.sell(99, skus...)
	data := sh.must(staff, `mutation($c:ID!,$l:[CartLineInput!]){cartCreate(input:{customer:$c,email:"buyer@example.com",lines:$l}){cart{id grams} userErrors{message}}}`,
		map[string]any{"c": ben.User, "l": lines})
	cartID := at(data, "cartCreate", "cart", "id").(string)
	if got := sh.ask(ann, `mutation($c:ID!){cartCreate(input:{customer:$c}){cart{id}}}`, map[string]any{"c": ben.User}); len(got.Errors) == 0 {
		t.Errorf("ann opened a cart for ben: %v", got)
	}
	if got := at(sh.must(ann, `mutation($l:[CartLineInput!]){cartCreate(input:{lines:$l}){userErrors{field}}}`, map[string]any{"l": lines}),
		"cartCreate", "userErrors", 0, "field", 0); got != "lines" {
		t.Errorf("a cart of 1,000 lines for everybody: %v", got)
	}
	rate := sh.rate(400_000, 0)
	sh.must(staff, `mutation($c:ID!,$r:String!){
		cartAddressSet(cartId:$c,address:{name:"Ben",line1:"B",city:"C",country:"DE"}){userErrors{message}}
		cartShippingMethodSet(cartId:$c,rate:$r){userErrors{message}}}`, map[string]any{"c": cartID, "r": rate})
	placed := sh.place(staff, cartID, "wholesale-1")
	if at(placed, "order", "customer", "id") != ben.User || len(at(placed, "order", "lines").([]any)) != 1000 {
		t.Fatalf("placed: %.300v", placed)
	}
	if again := sh.place(staff, cartID, "wholesale-1"); again["created"] != false {
		t.Errorf("placed again: %.300v", again)
	}
	orderID := at(placed, "order", "id").(string)
	if e := sh.emitted(orderID)[0].(events.OrderPlaced); e.Customer != ben.User || len(e.Lines) != 1000 || e.Locale != "en-GB" {
		t.Errorf("OrderPlaced for %s with %d lines", e.Customer, len(e.Lines))
	}
	if got := at(sh.must(ben, `query($id:ID!){order(id:$id){id}}`, map[string]any{"id": orderID}), "order", "id"); got != orderID {
		t.Errorf("ben sees %v", got)
	}
}

func TestCancelAndReturn(t *testing.T) {
	t.Parallel()
	sh := newShop(t)
	sh.sell(1000, "A")
	orderID := sh.order(ann, "key-00000001", line("A", 3))
	id := map[string]any{"id": orderID}
	const cancel = `mutation($id:ID!){orderCancel(id:$id,reason:"wrong size"){order{status version cancellable} userErrors{code field}}}`
	if got := at(sh.must(ben, cancel, id), "orderCancel", "userErrors", 0, "code"); got != "NOT_FOUND" {
		t.Errorf("ben cancelled ann's order: %v", got)
	}
	for range 2 {
		if got := at(sh.must(ann, cancel, id), "orderCancel", "order"); at(got, "status") != "CANCELLING" || at(got, "version") != 2.0 {
			t.Errorf("cancelled: %v", got)
		}
	}
	ctx := t.Context()
	for range 2 {
		if err := sh.service.ShipmentCancelled(ctx, events.ShipmentCancelled{OrderID: orderID}); err != nil {
			t.Fatal(err)
		}
	}
	if err := sh.service.PaymentRefunded(ctx, events.PaymentRefunded{OrderID: orderID, Refunded: events.Money{Amount: 3500, Currency: "EUR"}}); err != nil {
		t.Fatal(err)
	}
	got := at(sh.must(ann, `query($id:ID!){order(id:$id){status reason refunded{amount} history{status reason}}}`, id), "order")
	if at(got, "status") != "CANCELLED" || at(got, "reason") != "CUSTOMER_REQUEST: wrong size" || at(got, "refunded", "amount") != 3500.0 || len(at(got, "history").([]any)) != 3 {
		t.Errorf("order: %v", got)
	}
	kinds := ""
	for _, e := range sh.emitted(orderID)[2:] {
		kinds += e.EventType() + " "
	}
	if want := "storefront.order.status_changed storefront.order.cancellation_requested storefront.order.status_changed storefront.order.cancelled "; kinds != want {
		t.Errorf("emitted %s, want %s", kinds, want)
	}

	paid := sh.order(ann, "key-00000002", line("A", 3))
	const back = `mutation($id:ID!,$n:Int!,$key:String!){orderLinesReturn(id:$id,lines:[{sku:"A",quantity:$n}],idempotencyKey:$key){order{lines{returned}} userErrors{code field}}}`
	vars := map[string]any{"id": paid, "n": 2, "key": "return-1"}
	if got := at(sh.must(staff, back, vars), "orderLinesReturn", "userErrors", 0, "code"); got != "CONFLICT" {
		t.Errorf("an unpaid order was returned: %v", got)
	}
	if err := sh.service.PaymentProcessed(ctx, events.PaymentProcessed{OrderID: paid}); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if got := at(sh.must(staff, back, vars), "orderLinesReturn", "order", "lines", 0, "returned"); got != 2.0 {
			t.Errorf("returned %v, want 2", got)
		}
	}
	vars["key"] = "return-2"
	if got := at(sh.must(staff, back, vars), "orderLinesReturn", "userErrors", 0, "field"); fmt.Sprint(got) != "[lines 0 quantity]" {
		t.Errorf("more came back than was sold: %v", got)
	}
	list := sh.emitted(paid)
	if e, ok := list[len(list)-1].(events.OrderLinesReturned); !ok || e.Refund.Amount != 2000 || len(list) != 4 {
		t.Errorf("emitted %d events, the last %+v", len(list), list[len(list)-1])
	}
}

func TestWatch(t *testing.T) {
	t.Parallel()
	sh := newShop(t)
	sh.sell(1000, "A")
	sh.must(staff, `mutation{discountCreate(input:{code:"CODE",basisPoints:500}){userErrors{message}}}`, nil)
	stuck := -1
	service := sh.watcher(&stuck)
	ctx := t.Context()
	waits, moves, unsent := sh.order(ann, "key-00000001", line("A", 1)), sh.order(ann, "key-00000002", line("A", 1)), sh.order(ann, "key-00000003", line("A", 1))
	if held, err := sh.store.HoldDiscount(ctx, "CODE", "crt_abandoned", sh.now()); !held || err != nil {
		t.Fatal(held, err)
	}
	sh.wait(11 * time.Minute)
	if err := sh.service.ShipmentInTransit(ctx, events.ShipmentInTransit{OrderID: moves}); err != nil {
		t.Fatal(err)
	}
	sh.published(waits, moves)
	if err := service.Watch(ctx); err != nil || stuck != 1 {
		t.Errorf("%d orders stand still (%v), want 1: %s", stuck, err, waits)
	}
	if found, err := sh.store.Discounts(ctx, []string{"CODE"}); err != nil || found["CODE"].Used != 0 {
		t.Errorf("an abandoned use is still counted: %+v %v", found, err)
	}
	if n := len(sh.emitted(unsent)); n != 2 {
		t.Errorf("an order whose events nobody has got yet was resumed: it has %d events to publish", n)
	}
}

// TestResumed: what a customer sees of an order that stands still, when several instances watch.
func TestResumed(t *testing.T) {
	t.Parallel()
	sh := newShop(t)
	sh.sell(1000, "A")
	orderID := sh.order(ann, "key-00000001", line("A", 1))
	const look = `query($id:ID!){order(id:$id){status version cancellable history{status reason}}}`
	watch := func() {
		t.Helper()
		sh.published(orderID)
		var instances sync.WaitGroup
		for range 4 {
			instances.Go(func() {
				if err := sh.service.Watch(t.Context()); err != nil {
					t.Error(err)
				}
			})
		}
		instances.Wait()
	}
	told := func() string {
		kinds := ""
		for _, e := range sh.emitted(orderID) {
			kinds += strings.TrimPrefix(e.EventType(), "storefront.order.") + " "
		}
		return kinds
	}
	for i, wait := range []time.Duration{1, 2, 4, 8, 16} {
		sh.wait(wait*time.Minute - time.Second)
		if watch(); told() != "" {
			t.Fatalf("resumed too early, the %d. time: %s", i+1, told())
		}
		sh.wait(time.Second)
		if watch(); told() != "stalled placed " {
			t.Fatalf("the %d. time four instances told: %s", i+1, told())
		}
	}
	o := at(sh.must(ann, look, map[string]any{"id": orderID}), "order")
	if at(o, "status") != "PLACED" || at(o, "version") != 6.0 || at(o, "cancellable") != true || len(at(o, "history").([]any)) != 2 || at(o, "history", 1, "status") != "PLACED" ||
		at(o, "history", 1, "reason") != "RESUMED: nothing heard from inventory since 2026-03-01T12:00:00Z, asked 5 times" {
		t.Errorf("resumed five times: %v", o)
	}
	sh.wait(32 * time.Minute)
	if watch(); told() != "status_changed cancellation_requested " {
		t.Errorf("given up: %s", told())
	}
	if changed := sh.emitted(orderID)[0].(events.OrderStatusChanged); changed.Version != 7 || changed.Status != "CANCELLING" || !strings.HasPrefix(changed.Reason, "STALLED: ") {
		t.Errorf("told to the customer: %+v", changed)
	}
	if err := sh.service.ShipmentCancelled(t.Context(), events.ShipmentCancelled{OrderID: orderID}); err != nil {
		t.Fatal(err)
	}
	sh.wait(365 * 24 * time.Hour)
	if watch(); told() != "" {
		t.Errorf("an order that is final was resumed: %s", told())
	}
}

// TestHandlersAtOnce delivers the events of one order several times, all at the same moment: the store
// keeps each change whole, and what is announced is what the history says.
func TestHandlersAtOnce(t *testing.T) {
	t.Parallel()
	sh := newShop(t)
	sh.sell(1000, "A")
	orderID := sh.order(ann, "key-00000001", line("A", 1))
	ctx := t.Context()
	var wg sync.WaitGroup
	for range 4 {
		for _, deliver := range []func() error{
			func() error { return sh.service.ShipmentDelivered(ctx, events.ShipmentDelivered{OrderID: orderID}) },
			func() error { return sh.service.StockReserved(ctx, events.StockReserved{OrderID: orderID}) },
			func() error { return sh.service.PaymentProcessed(ctx, events.PaymentProcessed{OrderID: orderID}) },
			func() error { return sh.service.ShipmentCreated(ctx, events.ShipmentCreated{OrderID: orderID}) },
			func() error { return sh.service.ShipmentInTransit(ctx, events.ShipmentInTransit{OrderID: orderID}) },
		} {
			wg.Go(func() {
				if err := deliver(); err != nil {
					t.Error(err)
				}
			})
		}
	}
	wg.Wait()
	o, err := sh.service.Order(identity.With(ctx, ann), orderID)
	if err != nil {
		t.Fatal(err)
	}
	if o.Status != orders.StatusDelivered {
		t.Errorf("the order is %s, want DELIVERED", o.Status)
	}
	version, steps := 0, []string{}
	for _, e := range sh.emitted(orderID) {
		if changed, ok := e.(events.OrderStatusChanged); ok {
			if version++; changed.Version != version {
				t.Errorf("change %d announces version %d", version, changed.Version)
			}
			steps = append(steps, changed.Status)
		}
	}
	history := []string{}
	for _, h := range o.History {
		history = append(history, string(h.Status))
	}
	if fmt.Sprint(history) != fmt.Sprint(steps) || o.Version != version {
		t.Errorf("history %v of version %d was announced as %v", history, o.Version, steps)
	}
	if err := sh.service.StockReserved(ctx, events.StockReserved{OrderID: "ord_NONE"}); !errs.Is(err, errs.NotFound) {
		t.Errorf("an order that is not there: %v, want NotFound", err)
	}
}
