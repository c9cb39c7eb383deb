package graph_test

import (
	"fmt"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"storefront/events"
	"storefront/internal/identity"
	"storefront/internal/sku"
	"storefront/subgraphs/orders"
)

// Nobody pays what was not shown, if their client says what was.
func TestPlaceOrderForTheTotalAgreedTo(t *testing.T) {
	t.Parallel()
	sh := newShop(t)
	sh.sell(1000, "A")
	cartID := sh.readyCart(ann, 490, line("A", 1))
	agreed := func(amount int, currency string) map[string]any {
		t.Helper()
		return at(sh.must(ann, `mutation($cart:ID!,$agreed:MoneyInput!){placeOrder(input:{cartId:$cart,paymentToken:"pm_card",expectedTotal:$agreed},idempotencyKey:"key-00000001"){
			__typename ... on PlaceOrderSuccess{created order{total{amount}}} ... on CartNotReady{problems{field code message} cart{total{amount}}}}}`,
			map[string]any{"cart": cartID, "agreed": map[string]any{"amount": amount, "currency": currency}}), "placeOrder").(map[string]any)
	}
	for _, other := range []map[string]any{agreed(1489, "EUR"), agreed(1490, "USD")} {
		if other["__typename"] != "CartNotReady" || at(other, "problems", 0, "code") != "TOTAL_CHANGED" || at(other, "cart", "total", "amount") != 1490.0 ||
			!strings.Contains(at(other, "problems", 0, "message").(string), "the cart comes to 14.90 EUR now") {
			t.Errorf("another total: %v", other)
		}
	}
	if got := agreed(1490, "EUR"); got["created"] != true || at(got, "order", "total", "amount") != 1490.0 {
		t.Errorf("the total: %v", got)
	}
	if got := agreed(1489, "EUR"); got["created"] != false { // the key has placed it: whatever is agreed to now
		t.Errorf("the same key with another total: %v", got)
	}
}

func TestPlaceOrder(t *testing.T) {
	t.Parallel()
	sh := newShop(t)
	sh.sell(333, "A", "B")
	cartID := sh.readyCart(ann, 490, line("A", 2), line("B", 1))
	sh.must(staff, `mutation{discountCreate(input:{code:"ten",basisPoints:1000,usageLimit:1}){discount{code} userErrors{message}}}`, nil)
	sh.must(ann, `mutation($c:ID!){cartDiscountCodeSet(cartId:$c,code:" Ten "){userErrors{message}}}`, map[string]any{"c": cartID})

	first := sh.place(ann, cartID, "key-00000001")
	if first["__typename"] != "PlaceOrderSuccess" || first["created"] != true {
		t.Fatalf("placeOrder: %v", first)
	}
	order := first["order"].(map[string]any)
	// 999 less 10 % is 899; the line totals add up to it.
	want := map[string]float64{"subtotal": 999, "discount": 100, "shipping": 490, "total": 1389}
	for field, amount := range want {
		if got := at(order, field, "amount"); got != amount {
			t.Errorf("%s is %v, want %v", field, got, amount)
		}
	}
	if a, b := at(order, "lines", 0, "total", "amount"), at(order, "lines", 1, "total", "amount"); a != 599.0 || b != 300.0 {
		t.Errorf("line totals are %v and %v, want 599 and 300", a, b)
	}
	if at(order, "shippingAddress", "company") != nil || at(order, "customer", "id") != ann.User || order["version"] != 1.0 {
		t.Errorf("order: %v", order)
	}

	again := sh.place(ann, cartID, "key-00000001")
	if again["created"] != false || !reflect.DeepEqual(again["order"], first["order"]) {
		t.Errorf("the same key and input gave %v, want %v", again, first)
	}
	if got := sh.place(ann, cartID, "key-00000002"); got["__typename"] != "CartNotReady" || at(got, "problems", 0, "code") != "ALREADY_ORDERED" {
		t.Errorf("another key for the same cart gave %v", got)
	}
	other := sh.readyCart(ann, 0, line("A", 1))
	if got := sh.place(ann, other, "key-00000001"); got["__typename"] != "IdempotencyConflict" || at(got, "order", "id") != order["id"] {
		t.Errorf("the same key for another cart gave %v", got)
	}
	if got := sh.ask(ben, place, map[string]any{"cart": cartID, "token": "pm_card", "key": "key-00000001"}); len(got.Errors) != 1 || got.Errors[0].Extensions["code"] != "NOT_FOUND" {
		t.Errorf("another person placed the order: %v", got)
	}

	emitted := sh.emitted(order["id"].(string))
	if len(emitted) != 2 {
		t.Fatalf("emitted %d events, want OrderPlaced and OrderStatusChanged", len(emitted))
	}
	placed, changed := emitted[0].(events.OrderPlaced), emitted[1].(events.OrderStatusChanged)
	if placed.Locale != "de-DE" || placed.PaymentToken != "pm_card" || placed.Total.Amount != 1389 || placed.Lines[0].Grams != 100 ||
		placed.Lines[0].ProductID != "prd_A" || placed.ShippingTo.City != "Berlin" || placed.Email != "someone@example.com" {
		t.Errorf("OrderPlaced: %+v", placed)
	}
	if changed.Status != "PLACED" || changed.Version != 1 || changed.Customer != ann.User {
		t.Errorf("OrderStatusChanged: %+v", changed)
	}

	cart := at(sh.must(ann, `query($c:ID!){cart(id:$c){order{id}}}`, map[string]any{"c": cartID}), "cart", "order", "id")
	if cart != order["id"] {
		t.Errorf("the cart's order is %v, want %v", cart, order["id"])
	}
	data := sh.must(ann, `mutation($c:ID!){cartLinesAdd(cartId:$c,lines:[{sku:"A",quantity:1}]){userErrors{code}}}`, map[string]any{"c": cartID})
	if at(data, "cartLinesAdd", "userErrors", 0, "code") != "CONFLICT" {
		t.Errorf("an ordered cart was changed: %v", data)
	}
}

// TestSKUThatCannotBeStocked: one that was put on sale before there was one rule for SKUs stays to be read, in
// carts too, but comes into no cart any more.
func TestSKUThatCannotBeStocked(t *testing.T) {
	t.Parallel()
	sh := newShop(t)
	long := strings.Repeat("ü", sku.Max/2+1)
	sh.sell(100, long)
	data := sh.must(ann, `mutation($sku:String!){cartCreate(input:{lines:[{sku:$sku,quantity:1}]}){userErrors{field message}}}`, map[string]any{"sku": long})
	if got := at(data, "cartCreate", "userErrors", 0); fmt.Sprint(got) != "map[field:[lines 0 sku] message:a SKU has at most 100 bytes; this has 102]" {
		t.Errorf("a cart took it, or says %v", got)
	}
	before := orders.Basket{ID: "crt_before", Owner: ann.User, Currency: "EUR", Items: []orders.Item{{SKU: long, Quantity: 2}}, Open: true, ExpiresAt: sh.now().Add(time.Hour)}
	if err := sh.store.InsertBasket(t.Context(), &before); err != nil {
		t.Fatal(err)
	}
	data = sh.must(ann, `{cart(id:"crt_before"){lines{id sku total{amount}}}}`, nil)
	if got := at(data, "cart", "lines", 0, "sku"); got != long || at(data, "cart", "lines", 0, "total", "amount") != 200.0 {
		t.Errorf("a cart of before reads %v", data)
	}
}

func TestPlaceOrderAtOnce(t *testing.T) {
	t.Parallel()
	sh := newShop(t)
	sh.sell(100, "A")
	sh.must(staff, `mutation{discountCreate(input:{code:"ONCE",amount:50,currency:"EUR",usageLimit:1}){userErrors{message}}}`, nil)
	cartID := sh.readyCart(ann, 0, line("A", 1))
	sh.must(ann, `mutation($c:ID!){cartDiscountCodeSet(cartId:$c,code:"ONCE"){userErrors{message}}}`, map[string]any{"c": cartID})
	const calls = 100
	var wg sync.WaitGroup
	answers := make([]map[string]any, calls)
	for i := range calls {
		wg.Go(func() { answers[i] = sh.place(ann, cartID, "the-same-key") })
	}
	wg.Wait()
	created := 0
	for _, a := range answers {
		if a["created"] == true {
			created++
		}
		if !reflect.DeepEqual(a["order"], answers[0]["order"]) || a["order"] == nil {
			t.Errorf("two calls with one key gave %v and %v", a, answers[0])
		}
	}
	if created != 1 {
		t.Errorf("%d calls created the order, want 1", created)
	}
	placed, told := at(answers[0], "order", "id").(string), 0
	for _, e := range sh.emitted(placed) {
		if _, ok := e.(events.OrderPlaced); ok {
			told++
		}
	}
	if told != 1 {
		t.Errorf("%d calls told payments of %d orders to charge, want 1", calls, told)
	}
	another := sh.readyCart(ann, 0, line("A", 2))
	if got := sh.place(ann, another, "the-same-key"); got["__typename"] != "IdempotencyConflict" || at(got, "order", "id") != placed {
		t.Errorf("the key with another cart: %v", got)
	}
	// The code is used up now, for everybody else.
	other := sh.readyCart(ben, 0, line("A", 1))
	data := sh.must(ben, `mutation($c:ID!){cartDiscountCodeSet(cartId:$c,code:"ONCE"){userErrors{field message}}}`, map[string]any{"c": other})
	if at(data, "cartDiscountCodeSet", "userErrors", 0, "field", 0) != "code" {
		t.Errorf("a code that is used up was taken: %v", data)
	}
	// An order that ends without goods gives it back, once.
	orderID := at(answers[0], "order", "id").(string)
	for range 2 {
		if err := sh.service.StockRejected(t.Context(), events.StockRejected{OrderID: orderID}); err != nil {
			t.Fatal(err)
		}
	}
	data = sh.must(ben, `mutation($c:ID!){cartDiscountCodeSet(cartId:$c,code:"ONCE"){cart{discount{amount}} userErrors{field message}}}`, map[string]any{"c": other})
	if at(data, "cartDiscountCodeSet", "cart", "discount", "amount") != 50.0 {
		t.Errorf("the code was not given back: %v", data)
	}
	found, err := sh.store.Discounts(t.Context(), []string{"ONCE"})
	if err != nil || found["ONCE"].Used != 0 {
		t.Errorf("the code counts %d uses (%v), want 0", found["ONCE"].Used, err)
	}
}

func TestCart(t *testing.T) {
	t.Parallel()
	sh := newShop(t)
	sh.sell(1000, "A", "B")
	nobody := identity.Identity{}
	data := sh.must(nobody, `mutation{cartCreate(input:{lines:[{sku:"A",quantity:1},{sku:"A",quantity:2}]}){guestToken cart{id lines{id quantity} problems{code field}}}}`, nil)
	token, cartID := at(data, "cartCreate", "guestToken").(string), at(data, "cartCreate", "cart", "id").(string)
	if got := at(data, "cartCreate", "cart", "lines"); len(got.([]any)) != 1 || at(got, 0, "quantity") != 3.0 {
		t.Errorf("a SKU twice gave the lines %v, want one of 3", got)
	}
	if got := at(data, "cartCreate", "cart", "problems"); len(got.([]any)) != 3 {
		t.Errorf("problems: %v, want mail address, address and shipping method", got)
	}
	guest := identity.Identity{Guest: identity.GuestID(token)}
	id := map[string]any{"c": cartID}

	for _, tt := range []struct{ mutation, field string }{
		{`cartLinesAdd(cartId:$c,lines:[{sku:"B",quantity:1},{sku:"NONE",quantity:1}])`, "[lines 1 sku]"},
		{`cartLinesAdd(cartId:$c,lines:[{sku:"B",quantity:0}])`, "[lines 0 quantity]"},
		{`cartLinesAdd(cartId:$c,lines:[{sku:"A",quantity:100000}])`, "[lines 0 quantity]"},
		{`cartLinesUpdate(cartId:$c,lines:[{id:"cln_x",quantity:1}])`, "[lines 0 id]"},
		{`cartAddressSet(cartId:$c,email:"no",address:{country:"DE"})`, "[email]"},
		{`cartAddressSet(cartId:$c,email:"zoë@example.com",address:{country:"DE"})`, "[email]"},
		{`cartAddressSet(cartId:$c,address:{name:"You win, see https://evil.example",country:"DE"})`, "[address name]"},
		{`cartAddressSet(cartId:$c,address:{line1:"www.evil.example",country:"DE"})`, "[address line1]"},
		{`cartShippingMethodSet(cartId:$c,rate:"forged")`, "[rate]"},
		{`cartDiscountCodeSet(cartId:$c,code:"NONE")`, "[code]"},
	} {
		data := sh.must(guest, `mutation($c:ID!){m:`+tt.mutation+`{cart{id} userErrors{field message}}}`, id)
		if got := fmt.Sprint(at(data, "m", "userErrors", 0, "field")); got != tt.field {
			t.Errorf("%s: userErrors name %s, want %s", tt.mutation, got, tt.field)
		}
	}
	for _, who := range []identity.Identity{nobody, ann} {
		if got := at(sh.must(who, `query($c:ID!){cart(id:$c){id}}`, id), "cart"); got != nil {
			t.Errorf("%+v sees a guest's cart: %v", who, got)
		}
		got := sh.must(who, `query($c:ID!){_entities(representations:[{__typename:"Cart",id:$c}]){... on Cart{id}}}`, id)
		if at(got, "_entities", 0) != nil {
			t.Errorf("%+v gets a guest's cart as an entity: %v", who, got)
		}
	}

	// What is not on sale yet is nobody's to know of.
	if err := sh.service.ProductChanged(t.Context(), events.ProductChanged{ID: "prd_D", Title: "Next year's", Status: "DRAFT", Version: 1,
		Variants: []events.ProductVariant{{SKU: "D"}}}); err != nil {
		t.Fatal(err)
	}
	draft := sh.must(guest, `mutation($c:ID!){cartLinesAdd(cartId:$c,lines:[{sku:"D",quantity:1}]){userErrors{message}}}`, id)
	if m := at(draft, "cartLinesAdd", "userErrors", 0, "message"); m != "there is no SKU D" {
		t.Errorf("a draft's SKU: %v", m)
	}

	// Prices follow the products; what is no longer for sale is a problem, not a loss.
	if err := sh.service.ProductChanged(t.Context(), events.ProductChanged{ID: "prd_A", Title: "Tea", Status: "ARCHIVED", Version: 2,
		Variants: []events.ProductVariant{{SKU: "A"}}}); err != nil {
		t.Fatal(err)
	}
	got := sh.must(guest, `query($c:ID!){cart(id:$c){problems{code field} lines{sku}}}`, id)
	if at(got, "cart", "problems", 0, "code") != "NOT_FOR_SALE" || at(got, "cart", "lines", 0, "sku") != "A" {
		t.Errorf("archived product: %v", got)
	}
	placed := sh.ask(guest, place, map[string]any{"cart": cartID, "token": "pm_card", "key": "key-00000001"})
	if at(placed.Data, "placeOrder", "__typename") != "CartNotReady" {
		t.Errorf("placeOrder: %v", placed)
	}

	sh.wait(91 * 24 * time.Hour)
	if got := at(sh.must(guest, `query($c:ID!){cart(id:$c){id}}`, id), "cart"); got != nil {
		t.Errorf("a cart of 91 days is still there: %v", got)
	}
}

func TestRateHasToFit(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		mutation string
		wait     time.Duration
	}{
		"heavier":  {mutation: `cartLinesAdd(cartId:$c,lines:[{sku:"A",quantity:1}])`},
		"cheaper":  {mutation: `cartLinesUpdate(cartId:$c,lines:[{id:"` + lineA + `",quantity:1}])`},
		"country":  {mutation: `cartAddressSet(cartId:$c,address:{name:"A",line1:"B",city:"C",country:"FR"})`},
		"too late": {mutation: `cartLinesRemove(cartId:$c,lineIds:[])`, wait: 2 * time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			sh := newShop(t)
			sh.sell(1000, "A")
			cartID := sh.readyCart(ann, 500, line("A", 2))
			sh.wait(tt.wait)
			data := sh.must(ann, `mutation($c:ID!){m:`+tt.mutation+`{cart{problems{code}} userErrors{message}}}`, map[string]any{"c": cartID})
			if at(data, "m", "cart", "problems", 0, "code") != "SHIPPING_QUOTE_STALE" {
				t.Errorf("%v", data)
			}
			if got := sh.place(ann, cartID, "key-00000001"); got["__typename"] != "CartNotReady" {
				t.Errorf("placed with a quote that does not fit: %v", got)
			}
		})
	}
}

func TestCartMerge(t *testing.T) {
	t.Parallel()
	sh := newShop(t)
	sh.sell(1000, "A", "B")
	data := sh.must(identity.Identity{}, `mutation{cartCreate(input:{lines:[{sku:"A",quantity:1},{sku:"B",quantity:1}]}){guestToken cart{id}}}`, nil)
	both := ann
	both.Guest = identity.GuestID(at(data, "cartCreate", "guestToken").(string))
	guestCart := map[string]any{"c": at(data, "cartCreate", "cart", "id")}
	mine := at(sh.must(ann, `mutation{cartCreate(input:{lines:[{sku:"A",quantity:2}]}){cart{id}}}`, nil), "cartCreate", "cart", "id")

	const merge = `mutation($c:ID!){cartMerge(guestCartId:$c){cart{id lines{sku quantity}} userErrors{code}}}`
	for range 2 { // the second time changes nothing
		got := at(sh.must(both, merge, guestCart), "cartMerge")
		if at(got, "cart", "id") != mine || at(got, "cart", "lines", 0, "quantity") != 3.0 || at(got, "cart", "lines", 1, "quantity") != 1.0 {
			t.Errorf("merged: %v", got)
		}
	}
	if got := at(sh.must(both, `mutation($c:ID!){cartLinesAdd(cartId:$c,lines:[{sku:"A",quantity:1}]){userErrors{code}}}`, guestCart),
		"cartLinesAdd", "userErrors", 0, "code"); got != "CONFLICT" {
		t.Errorf("a merged cart was changed: %v", got)
	}
	if got := at(sh.must(ann, `{myCart{id}}`, nil), "myCart", "id"); got != mine {
		t.Errorf("myCart is %v, want %v", got, mine)
	}
	thief := ben
	thief.Guest = identity.GuestID("guessed")
	if got := at(sh.must(thief, merge, guestCart), "cartMerge", "userErrors", 0, "code"); got != "NOT_FOUND" {
		t.Errorf("another guest's cart: %v", got)
	}
}
