package main

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// What a partner has open begins anew when its scopes change: nobody goes on with rights that were taken back.
func TestPartnerScopesEndWhatIsOpen(t *testing.T) {
	t.Parallel()
	h := ownShop(t)
	h.sell(t, 5, "SCOPED")
	run := func(args ...string) string {
		t.Helper()
		out, err := storefront(t.Context(), append(args, "--data-dir", h.dir)...)
		if err != nil {
			t.Fatalf("storefront %s: %v", strings.Join(args, " "), err)
		}
		return out
	}
	called := make(chan int, 100)
	receiver := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		var m value
		body, _ := io.ReadAll(r.Body)
		_ = json.Unmarshal(body, &m.any)
		called <- m.num("data.productAvailability.available")
	}))
	defer receiver.Close()
	comes := func(want int) {
		t.Helper()
		select {
		case got := <-called:
			if got != want {
				t.Errorf("the webhook is called with %d, want %d", got, want)
			}
		case <-time.After(patience):
			t.Fatalf("the webhook is not called with %d: %s", want, run("webhooks", "list"))
		}
	}
	run("operations", "publish", "--client", "acme", manifest(t, "scope-",
		"Watch", `subscription Watch($sku: String!) { productAvailability(sku: $sku) { available } }`))
	run("partners", "set", "acme", "--scope", "stock:read", "--scope", "prices:read")
	key := strings.TrimSpace(run("partners", "key", "create", "acme"))
	watch := vars{"id": "scope-Watch", "variables": vars{"sku": "SCOPED"}}
	stream := h.caller("X-Api-Key", key).listenTo(t, watch)
	stream.next(t)
	socket := h.caller("X-Api-Key", key).dial(t, map[string]vars{"watch": watch}).results["watch"]
	socket.next(t)
	run("webhooks", "create", "acme", receiver.URL, "--operation", "scope-Watch", "--variables", `{"sku": "SCOPED"}`)
	comes(5)

	run("partners", "set", "acme", "--scope", "none")
	if a, open := stream.answer(t); !open || a.code() != "FORBIDDEN" {
		t.Errorf("the stream goes on without its scopes: %s %v", a.data, a.errors)
	}
	if a, open := socket.answer(t); open {
		t.Errorf("the socket goes on without its scopes: %s %v", a.data, a.errors)
	}
	if socket.err == nil || !strings.Contains(socket.err.Error(), "4403") {
		t.Errorf("the socket ends by %v", socket.err)
	}
	eventually(t, "the webhook's subscription has ended", func() (string, bool) {
		list := run("webhooks", "list")
		return list, strings.Contains(list, "scopes have changed")
	})
	h.signIn(t, "sam").ask(t, `mutation { stockAdjust(adjustments: [{sku: "SCOPED", delta: 1}], reason: "delivery", idempotencyKey: "scoped-more") { userErrors { message } } }`, nil)
	comes(6)
	if a := h.caller("X-Api-Key", key).listenTo(t, watch).next(t); a.num("productAvailability.available") != 6 {
		t.Errorf("with the scopes that it has now: %s", a)
	}
}
