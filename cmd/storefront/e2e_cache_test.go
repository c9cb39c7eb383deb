package main

// What the router keeps of answers, as people meet it: a change is seen, nothing goes back, and nobody sees
// what is another's.

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

const keptQuery = `query($id: ID!) { product(id: $id) { id title rating { count } availability { available } variants { sku price { amount } availability { available } } } }`

// Visitors read a product over and over while staff changes its price and stock. Staff sees each change at
// once, visitors soon, and nobody sees an older state after a newer one.
func TestChangesAreSeenAndNeverTakenBack(t *testing.T) {
	t.Parallel()
	h := theShop(t)
	good := h.sell(t, 100, "KEPT-1")[0]
	staff := h.signIn(t, "sam")
	var price, stock atomic.Int64 // the newest that some visitor is known to have seen
	var over atomic.Bool
	var visitors sync.WaitGroup
	var reads atomic.Int64
	for range 4 {
		visitors.Go(func() {
			for visitor := h.guest(); !over.Load(); reads.Add(1) {
				leastPrice, leastStock := price.Load(), stock.Load()
				got, err := visitor.try(keptQuery, vars{"id": good.product})
				if err != nil {
					t.Error(err)
					return
				}
				for _, is := range []struct {
					what  string
					value int
					least *atomic.Int64
					was   int64
				}{{"price", got.num("product.variants.0.price.amount"), &price, leastPrice}, {"stock", got.num("product.variants.0.availability.available"), &stock, leastStock}} {
					if int64(is.value) < is.was {
						t.Errorf("the %s went back from %d to %d", is.what, is.was, is.value)
						return
					}
				}
			}
		})
	}
	for n := 1; n <= 25; n++ {
		amount := 2000 + n
		staff.ask(t, `mutation($id: ID!, $in: ProductUpdateInput!) { productUpdate(id: $id, input: $in) { userErrors { message } } }`,
			vars{"id": good.product, "in": vars{"variants": []any{vars{"sku": "KEPT-1", "prices": []any{vars{"amount": amount, "currency": "EUR"}}, "grams": 400}}}})
		if got := staff.ask(t, keptQuery, vars{"id": good.product}).num("product.variants.0.price.amount"); got != amount {
			t.Errorf("staff changed the price to %d and sees %d", amount, got)
		}
		staff.ask(t, `mutation($in: [StockAdjustInput!]!, $key: String!) { stockAdjust(adjustments: $in, reason: "delivery", idempotencyKey: $key) { userErrors { message } } }`,
			vars{"in": []any{vars{"sku": "KEPT-1", "delta": 1}}, "key": fmt.Sprint("kept-stock-", n)})
		eventually(t, "a visitor sees both changes", func() (string, bool) {
			got := h.guest().ask(t, keptQuery, vars{"id": good.product})
			return got.String(), got.num("product.variants.0.price.amount") == amount && got.num("product.variants.0.availability.available") == 100+n
		})
		price.Store(int64(amount))
		stock.Store(int64(100 + n))
	}
	over.Store(true)
	visitors.Wait()
	if reads.Load() < 25 {
		t.Errorf("only %d reads", reads.Load())
	}
}

// What staff may see of a product that is not on sale, and what is a person's own, is nobody else's, whoever
// asks first.
func TestNothingKeptIsShownToOthers(t *testing.T) {
	t.Parallel()
	h := theShop(t)
	goods := h.sell(t, 1, "LEAK-1")
	staff, ada, ben := h.signIn(t, "sam"), h.signIn(t, "ada"), h.signIn(t, "ben")
	others := map[string]*person{"a guest": h.guest(), "ada": ada, "ben": ben, "someone French": h.caller("Accept-Language", "fr")}
	draft := func(title string) string {
		got := staff.ask(t, `mutation($in: ProductInput!) { productCreate(input: $in) { product { id } userErrors { message } } }`,
			vars{"in": vars{"title": title, "variants": []any{vars{"sku": strings.ToUpper(title), "prices": []any{vars{"amount": 1, "currency": "EUR"}}}}}})
		return got.text("productCreate.product.id")
	}
	for _, staffFirst := range []bool{true, false} {
		id := draft(fmt.Sprint("leak-draft-", staffFirst))
		sku := strings.ToUpper(fmt.Sprint("leak-draft-", staffFirst))
		query := `query($id: ID!, $sku: String!) { product(id: $id) { id title } variant(sku: $sku) { sku product { title } } }`
		for round := range 6 {
			if staffFirst || round > 0 {
				eventually(t, "staff sees the draft", func() (string, bool) {
					got := staff.ask(t, query, vars{"id": id, "sku": sku})
					return got.String(), got.at("product") != nil && got.at("variant") != nil
				})
			}
			for who, p := range others {
				if got := p.ask(t, query, vars{"id": id, "sku": sku}); got.at("product") != nil || got.at("variant") != nil {
					t.Errorf("%s sees a draft: %s", who, got)
				}
			}
		}
	}
	query := `query($id: ID!) { product(id: $id) { id rating { count } myReview { text } } }`
	for name, p := range map[string]*person{"ada": ada, "ben": ben} {
		p.ask(t, `mutation($id: ID!, $text: String!) { reviewSubmit(input: {productId: $id, rating: 5, text: $text}) { review { id } userErrors { message } } }`, vars{"id": goods[0].product, "text": "by " + name})
	}
	for range 5 {
		for name, p := range map[string]*person{"ada": ada, "ben": ben} {
			if got := p.ask(t, query, vars{"id": goods[0].product}).text("product.myReview.text"); got != "by "+name {
				t.Errorf("%s sees the review %q as her own", name, got)
			}
		}
		if got := h.guest().ask(t, query, vars{"id": goods[0].product}); got.at("product.myReview") != nil {
			t.Errorf("a guest sees a review as her own: %s", got)
		}
	}
}

// get sends a query by GET, with more headers as name and value.
func (p *person) get(t *testing.T, query url.Values, header ...string) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, p.url+"/graphql?"+query.Encode(), nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header = p.header.Clone()
	req.Header.Set("Accept", "application/json")
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	return p.whole(t, req)
}

// whole is the answer to a request, read to its end.
func (p *person) whole(t *testing.T, req *http.Request) (*http.Response, string) {
	t.Helper()
	res, err := p.http.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res, string(body)
}

// What a CDN or a browser is told of an answer to GET.
func TestWhatMayBeKeptOutside(t *testing.T) {
	t.Parallel()
	h := theShop(t)
	good := h.sell(t, 1, "OUTSIDE-1")[0]
	visitor := h.guest()
	query := url.Values{"query": {"query Of_" + good.product + `($id: ID!) { product(id: $id) { id title variants { sku price { amount } } } }`}, "variables": {fmt.Sprintf(`{"id":%q}`, good.product)}}
	var tag string
	eventually(t, "an answer that may be kept", func() (string, bool) {
		res, body := visitor.get(t, query)
		tag = res.Header.Get("ETag")
		vary := strings.Join(res.Header.Values("Vary"), ", ")
		ok := res.Header.Get("Cache-Control") == "public, max-age=60" && tag != "" && strings.Contains(vary, "Authorization") && strings.Contains(vary, "Accept-Language")
		return fmt.Sprint(res.Header, body), ok
	})
	if res, body := visitor.get(t, query, "If-None-Match", `"other", W/`+tag); res.StatusCode != http.StatusNotModified || body != "" || res.Header.Get("Cache-Control") == "no-store" {
		t.Errorf("it has not changed: %d %v %s", res.StatusCode, res.Header, body)
	}
	text := query.Get("query")
	sum := sha256.Sum256([]byte(text))
	extensions, err := json.Marshal(vars{"persistedQuery": vars{"version": 1, "sha256Hash": hex.EncodeToString(sum[:])}})
	if err != nil {
		t.Fatal(err)
	}
	persisted := url.Values{"extensions": {string(extensions)}, "variables": query["variables"]}
	if res, body := visitor.get(t, persisted); !strings.Contains(body, "PersistedQueryNotFound") || res.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("a hash that nobody knows: %v %s", res.Header, body)
	}
	full := url.Values{"query": query["query"], "extensions": persisted["extensions"], "variables": query["variables"]}
	visitor.get(t, full)
	if res, body := visitor.get(t, persisted); res.Header.Get("ETag") != tag {
		t.Errorf("by its hash, the answer is %v %s, want the ETag %s", res.Header, body, tag)
	}
	for what, q := range map[string]string{
		"without hints":       `{ shippingZones { id } }`,
		"of a person's own":   fmt.Sprintf(`{ product(id: %q) { title myReview { id } } }`, good.product),
		"with errors":         `{ product { title } }`,
		"that is no query":    `{ nonsense }`,
		"about nothing known": `{ __typename }`,
	} {
		if res, body := visitor.get(t, url.Values{"query": {q}}); res.Header.Get("Cache-Control") != "no-store" || res.Header.Get("ETag") != "" {
			t.Errorf("an answer %s may be kept: %v %s", what, res.Header, body)
		}
	}
}
