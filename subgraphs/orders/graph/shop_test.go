package graph_test

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"storefront/events"
	"storefront/internal/embedded/mongodb/mongotest"
	"storefront/internal/identity"
	"storefront/internal/money"
	"storefront/internal/outbox"
	"storefront/internal/quote"
	"storefront/subgraphs/orders"
	"storefront/subgraphs/orders/graph"
	"storefront/subgraphs/orders/mongo"
)

// shop is the orders service on a database of its own, asked as the router asks it.
type shop struct {
	t       testing.TB
	store   *mongo.Store
	service *orders.Service
	handler http.Handler
	quotes  *quote.Signer

	mu    sync.Mutex
	clock time.Time
}

func newShop(t testing.TB) *shop {
	sh := &shop{t: t, quotes: quote.NewSigner([]byte("a secret of tests")), clock: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}
	store, err := mongo.New(t.Context(), mongotest.Database(t), sh.now)
	if err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.DiscardHandler)
	sh.store = store
	sh.service = orders.New(orders.Config{Store: store, Quotes: sh.quotes, Now: sh.now, Log: log})
	sh.handler = graph.Handler(sh.service, log)
	return sh
}

func (sh *shop) now() time.Time {
	sh.mu.Lock()
	defer sh.mu.Unlock()
	return sh.clock
}

func (sh *shop) wait(d time.Duration) {
	sh.mu.Lock()
	defer sh.mu.Unlock()
	sh.clock = sh.clock.Add(d)
}

// sell puts a product with one variant per SKU on sale, each at price EUR cents and 100 g.
func (sh *shop) sell(price int64, skus ...string) {
	sh.t.Helper()
	e := events.ProductChanged{Stamp: events.Stamp{At: sh.now()}, ID: "prd_" + skus[0], Title: "Tea", Status: "ACTIVE", Version: 1}
	for _, sku := range skus {
		e.Variants = append(e.Variants, events.ProductVariant{SKU: sku, Title: sku, Grams: 100, Prices: []events.Money{{Amount: price, Currency: "EUR"}}})
	}
	if err := sh.service.ProductChanged(sh.t.Context(), e); err != nil {
		sh.t.Fatal(err)
	}
}

var (
	ann   = identity.Identity{User: identity.UserID("test", "ann"), Email: "ann@example.com", Locale: "de-DE"}
	ben   = identity.Identity{User: identity.UserID("test", "ben"), Email: "ben@example.com"}
	staff = identity.Identity{User: identity.UserID("test", "sam"), Roles: []string{identity.RoleStaff}}
)

// answer is a GraphQL response.
type answer struct {
	Data   map[string]any
	Errors []struct {
		Message    string
		Extensions map[string]any
	}
}

func (sh *shop) ask(who identity.Identity, query string, variables map[string]any) answer {
	sh.t.Helper()
	body, err := json.Marshal(map[string]any{"query": query, "variables": variables})
	if err != nil {
		sh.t.Fatal(err)
	}
	r := httptest.NewRequest("POST", "/graphql", bytes.NewReader(body)).WithContext(identity.With(context.Background(), who))
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	sh.handler.ServeHTTP(w, r)
	var a answer
	if err := json.Unmarshal(w.Body.Bytes(), &a); err != nil {
		sh.t.Fatalf("answer %d %s: %v", w.Code, w.Body, err)
	}
	return a
}

// must is ask for a query that has no errors.
func (sh *shop) must(who identity.Identity, query string, variables map[string]any) map[string]any {
	sh.t.Helper()
	a := sh.ask(who, query, variables)
	if len(a.Errors) > 0 {
		sh.t.Fatalf("%s\n%+v", query, a.Errors)
	}
	return a.Data
}

// at follows keys and list indexes into v.
func at(v any, path ...any) any {
	for _, p := range path {
		switch p := p.(type) {
		case string:
			m, _ := v.(map[string]any)
			v = m[p]
		case int:
			list, _ := v.([]any)
			if p >= len(list) {
				return nil
			}
			v = list[p]
		}
	}
	return v
}

func line(sku string, quantity int) map[string]any {
	return map[string]any{"sku": sku, "quantity": quantity}
}

// readyCart opens a cart that can be ordered.
func (sh *shop) readyCart(who identity.Identity, shipping int64, lines ...map[string]any) string {
	sh.t.Helper()
	data := sh.must(who, `mutation($lines:[CartLineInput!]){cartCreate(input:{lines:$lines}){cart{id grams subtotal{amount}} userErrors{field message}}}`,
		map[string]any{"lines": lines})
	cartID, ok := at(data, "cartCreate", "cart", "id").(string)
	if !ok {
		sh.t.Fatalf("cartCreate: %v", data)
	}
	rate := sh.quotes.Sign(quote.Quote{Method: "standard", Title: "Standard", Price: money.New(shipping, "EUR"),
		Grams: int(at(data, "cartCreate", "cart", "grams").(float64)), Country: "DE",
		Value: money.New(int64(at(data, "cartCreate", "cart", "subtotal", "amount").(float64)), "EUR"), ExpiresAt: sh.now().Add(quote.Lifetime)})
	data = sh.must(who, `mutation($id:ID!,$rate:String!){
		cartAddressSet(cartId:$id,email:"someone@example.com",address:{name:"A. Person",line1:"Hauptstr. 1",city:"Berlin",postalCode:"10115",country:"DE"}){userErrors{message}}
		cartShippingMethodSet(cartId:$id,rate:$rate){cart{problems{code}} userErrors{message}}}`, map[string]any{"id": cartID, "rate": rate})
	if p := at(data, "cartShippingMethodSet", "cart", "problems"); len(p.([]any)) > 0 {
		sh.t.Fatalf("cart is not ready: %v", data)
	}
	return cartID
}

const place = `mutation($cart:ID!,$token:String!,$key:String!){placeOrder(input:{cartId:$cart,paymentToken:$token},idempotencyKey:$key){
	__typename
	... on PlaceOrderSuccess{created order{...O}}
	... on CartNotReady{problems{field code message} cart{id}}
	... on IdempotencyConflict{message order{id}}}}
	fragment O on Order{id number status version email shippingMethod total{amount} subtotal{amount} discount{amount} shipping{amount}
		customer{id} cancellable lines{sku title quantity unitPrice{amount} discount{amount} total{amount}} history{status reason} shippingAddress{name company country}}`

func (sh *shop) place(who identity.Identity, cartID, key string) map[string]any {
	sh.t.Helper()
	return at(sh.must(who, place, map[string]any{"cart": cartID, "token": "pm_card", "key": key}), "placeOrder").(map[string]any)
}

// emitted are the events in an order's outbox.
func (sh *shop) emitted(orderID string) []outbox.Event {
	sh.t.Helper()
	entries, err := sh.store.Outboxes()[0].Load(sh.t.Context(), []string{orderID})
	if err != nil {
		sh.t.Fatal(err)
	}
	var list []outbox.Event
	for _, r := range entries[orderID] {
		e, err := events.Decode(r.Type, r.Data)
		if err != nil {
			sh.t.Fatal(err)
		}
		list = append(list, e)
	}
	return list
}

// published takes the events of orders out, as the relay does.
func (sh *shop) published(orderIDs ...string) {
	sh.t.Helper()
	out := sh.store.Outboxes()[0]
	entries, err := out.Load(sh.t.Context(), orderIDs)
	if err != nil {
		sh.t.Fatal(err)
	}
	ids := map[string][]string{}
	for doc, records := range entries {
		for _, r := range records {
			ids[doc] = append(ids[doc], r.ID)
		}
	}
	if len(ids) == 0 {
		return
	}
	if err := out.Remove(sh.t.Context(), ids); err != nil {
		sh.t.Fatal(err)
	}
}

// rate is a quote to Germany.
func (sh *shop) rate(grams int, price int64) string {
	return sh.quotes.Sign(quote.Quote{Method: "freight", Title: "Freight", Price: money.New(price, "EUR"), Grams: grams, Country: "DE",
		Value: money.New(0, "EUR"), ExpiresAt: sh.now().Add(quote.Lifetime)})
}

// watcher is the same service with an ear for orders that wait too long.
func (sh *shop) watcher(stuck *int) *orders.Service {
	return orders.New(orders.Config{Store: sh.store, Quotes: sh.quotes, Now: sh.now, Log: slog.New(slog.DiscardHandler),
		OnStuck: func(n int) { *stuck = n }})
}
