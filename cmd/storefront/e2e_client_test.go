package main

// Clients of the shops: what they ask over HTTP, and the way from a cart to an order.

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"storefront/internal/client"
)

type vars = map[string]any

// person is someone with a browser: an address, headers, and nothing else.
type person struct {
	url    string
	header http.Header
	http   *http.Client
}

// browser keeps as many connections as a test has clients at once.
var browser = &http.Client{Timeout: time.Minute, Transport: &http.Transport{MaxIdleConnsPerHost: 64}}

func (h *house) caller(header ...string) *person {
	p := &person{url: h.url, header: http.Header{}, http: browser}
	for i := 0; i+1 < len(header); i += 2 {
		p.header.Set(header[i], header[i+1])
	}
	return p
}

// with is the same person with more headers.
func (p *person) with(header ...string) *person {
	c := &person{p.url, p.header.Clone(), p.http}
	for i := 0; i+1 < len(header); i += 2 {
		c.header.Set(header[i], header[i+1])
	}
	return c
}

// value is a piece of an answer's JSON.
type value struct{ any }

// at goes along a path such as "order.lines.0.sku"; nil where it ends early.
func (v value) at(path string) any {
	here := v.any
	for _, name := range strings.Split(path, ".") {
		switch node := here.(type) {
		case map[string]any:
			here = node[name]
		case []any:
			n, err := strconv.Atoi(name)
			if err != nil || n >= len(node) {
				return nil
			}
			here = node[n]
		default:
			return nil
		}
	}
	return here
}

func (v value) text(path string) string { s, _ := v.at(path).(string); return s }
func (v value) yes(path string) bool    { b, _ := v.at(path).(bool); return b }

// num is a whole number, -1 where there is none.
func (v value) num(path string) int {
	f, ok := v.at(path).(float64)
	if !ok {
		return -1
	}
	return int(f)
}

func (v value) list(path string) []value {
	items, _ := v.at(path).([]any)
	list := make([]value, len(items))
	for i, item := range items {
		list[i] = value{item}
	}
	return list
}

func (v value) String() string {
	b, _ := json.Marshal(v.any)
	return string(b)
}

// answer is a whole GraphQL response.
type answer struct {
	status int
	data   value
	errors client.Errors
}

// code is that of the first error.
func (a answer) code() string {
	if len(a.errors) == 0 {
		return ""
	}
	code, _ := a.errors[0].Extensions["code"].(string)
	return code
}

// send posts a request's JSON; an error is one of HTTP.
func (p *person) send(ctx context.Context, request vars) (a answer, err error) {
	body, err := json.Marshal(request)
	if err != nil {
		return a, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, p.url+"/graphql", bytes.NewReader(body))
	if err != nil {
		return a, err
	}
	req.Header = p.header.Clone()
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "application/graphql-response+json")
	res, err := p.http.Do(req)
	if err != nil {
		return a, err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		return a, err
	}
	var got struct {
		Data   any           `json:"data"`
		Errors client.Errors `json:"errors"`
	}
	if err := json.Unmarshal(text, &got); err != nil {
		return a, fmt.Errorf("%s: %.200s", res.Status, text)
	}
	return answer{res.StatusCode, value{got.Data}, got.Errors}, nil
}

// try returns the data; errors of the answer are errors. While the shop has more to do than it can, it comes
// again when it is told to.
func (p *person) try(query string, variables vars) (value, error) {
	for tries := 1; ; tries++ {
		a, err := p.send(context.Background(), vars{"query": query, "variables": variables})
		if a.code() == "OVERLOADED" && tries < maxTries {
			after, _ := a.errors[0].Extensions["retryAfter"].(float64)
			comeAgain(int(after))
			continue
		}
		if err == nil && len(a.errors) > 0 {
			err = a.errors
		}
		return a.data, err
	}
}

const maxTries = 20

// comeAgain waits as long as a router's Retry-After says, and up to half as long again, so that not all come at once.
func comeAgain(seconds int) {
	d := time.Duration(max(seconds, 1)) * time.Second
	time.Sleep(d + rand.N(d/2))
}

func (p *person) ask(t *testing.T, query string, variables vars) value {
	t.Helper()
	got, err := p.try(query, variables)
	if err != nil {
		t.Fatalf("%.80s...: %v", strings.TrimSpace(query), err)
	}
	return got
}

// refused asks for something that this person may not have, and wants this code of error.
func (p *person) refused(t *testing.T, code, query string, variables vars) {
	t.Helper()
	a, err := p.send(t.Context(), vars{"query": query, "variables": variables})
	if err != nil || a.code() != code {
		t.Errorf("%.80s...: %v %v %s; want the error %s", strings.TrimSpace(query), err, a.errors, a.data, code)
	}
}

const (
	openCart = `mutation($currency: CurrencyCode!, $email: String, $lines: [CartLineInput!]) {
  cartCreate(input: {currency: $currency, email: $email, lines: $lines}) { guestToken cart { id } userErrors { field message } }
}`
	sendTo = `mutation($cart: ID!) {
  cartAddressSet(cartId: $cart, address: {name: "Ada Brandt", line1: "Invalidenstrasse 116", city: "Berlin", postalCode: "10115", country: "DE"}) {
    cart { shippingRates { method quote price { amount } } } userErrors { field message }
  }
}`
	sendBy = `mutation($cart: ID!, $rate: String!) {
  cartShippingMethodSet(cartId: $cart, rate: $rate) { cart { total { amount } problems { message } } userErrors { field message } }
}`
	place = `mutation($cart: ID!, $token: String!, $key: String!) {
  placeOrder(input: {cartId: $cart, paymentToken: $token}, idempotencyKey: $key) {
    __typename
    ... on PlaceOrderSuccess { created order { id number status total { amount currency } shipping { amount } } }
    ... on CartNotReady { problems { field code message } }
    ... on IdempotencyConflict { message order { id } }
  }
}`
)

func line(sku string, quantity int) vars { return vars{"sku": sku, "quantity": quantity} }

// fill makes a cart that is ready to be ordered. A visitor becomes a guest by it.
func (p *person) fill(currency string, lines ...vars) (cart string, err error) {
	in := vars{"currency": currency, "lines": lines}
	if p.header.Get("Authorization") == "" {
		in["email"] = "guest@storefront.example"
	}
	got, err := p.try(openCart, in)
	if err != nil {
		return "", err
	}
	if cart = got.text("cartCreate.cart.id"); cart == "" {
		return "", fmt.Errorf("open cart: %s", got)
	}
	if token := got.text("cartCreate.guestToken"); token != "" {
		p.header.Set(guestHeader, token)
	}
	if got, err = p.try(sendTo, vars{"cart": cart}); err != nil {
		return "", err
	}
	rate := got.text("cartAddressSet.cart.shippingRates.0.quote")
	if rate == "" {
		return "", fmt.Errorf("set address: %s", got)
	}
	got, err = p.try(sendBy, vars{"cart": cart, "rate": rate})
	if err != nil || len(got.list("cartShippingMethodSet.cart.problems"))+len(got.list("cartShippingMethodSet.userErrors")) > 0 {
		return "", fmt.Errorf("choose shipping: %s %v", got, err)
	}
	return cart, nil
}

// order places an order of these lines and returns its id.
func (p *person) order(t *testing.T, token string, lines ...vars) string {
	t.Helper()
	cart, err := p.fill("EUR", lines...)
	if err != nil {
		t.Fatal(err)
	}
	got := p.ask(t, place, vars{"cart": cart, "token": token, "key": "key-" + cart})
	if !got.yes("placeOrder.created") {
		t.Fatalf("place order: %s", got)
	}
	return got.text("placeOrder.order.id")
}

const orderState = `query($id: ID!) {
  order(id: $id) {
    number status reason cancellable version history { status reason } total { amount currency } refunded { amount } shipping { amount }
    lines { sku quantity returned total { amount } }
    payment { id status amount { amount } captured { amount } refunded { amount } actionUrl failureCode refunds { amount { amount } status } }
    shipment { status trackingNumber events { status } }
  }
}`

func (p *person) look(t *testing.T, order string) value {
	t.Helper()
	return value{p.ask(t, orderState, vars{"id": order}).at("order")}
}

// until waits for an order to be as ok wants it.
func (p *person) until(t *testing.T, order, what string, ok func(o value) bool) (o value) {
	t.Helper()
	eventually(t, "order is "+what, func() (string, bool) {
		o = p.look(t, order)
		return o.String(), ok(o)
	})
	return o
}

// ends waits for an order's final status, which is to be this one.
func (p *person) ends(t *testing.T, order, status string) value {
	t.Helper()
	o := p.until(t, order, "final", func(o value) bool {
		return o.text("status") == "DELIVERED" || o.text("status") == "CANCELLED" || o.text("status") == "REJECTED"
	})
	if o.text("status") != status {
		t.Fatalf("order ended as %s", o)
	}
	return o
}

// way is the statuses of an order's history.
func way(o value) (steps []string) {
	for _, h := range o.list("history") {
		steps = append(steps, h.text("status"))
	}
	return steps
}

// follows reports whether steps go the way: from its first to its last, in its order, none twice. Those
// between may be missing: what three services report may come so close together that the later one is
// heard first.
func follows(steps []string, way string) bool {
	at, whole := -1, strings.Fields(way)
	for _, s := range steps {
		i := slices.Index(whole, s)
		if i <= at {
			return false
		}
		at = i
	}
	return at == len(whole)-1 && steps[0] == whole[0]
}

// stock waits until a SKU's stock is this: units in the house, and of those held for orders.
func (h *house) stock(t *testing.T, sku string, onHand, held int) {
	t.Helper()
	staff := h.signIn(t, "sam")
	eventually(t, fmt.Sprintf("stock of %s is %d, %d held", sku, onHand, held), func() (string, bool) {
		got := staff.ask(t, `query($sku: String!) { stockItem(sku: $sku) { onHand reserved available } variant(sku: $sku) { availability { available inStock } } }`, vars{"sku": sku})
		return got.String(), got.num("stockItem.onHand") == onHand && got.num("stockItem.reserved") == held && got.num("stockItem.available") == onHand-held &&
			got.num("variant.availability.available") == onHand-held && got.yes("variant.availability.inStock") == (onHand > held)
	})
}
