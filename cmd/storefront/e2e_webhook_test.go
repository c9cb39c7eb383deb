package main

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"storefront/internal/webhooks"
)

// What changes in the shop reaches a partner's receiver, signed, in order, and as long as it wants it.
func TestWebhookFollowsTheStock(t *testing.T) {
	t.Parallel()
	h := ownShop(t)
	h.sell(t, 5, "HOOKED")
	run := func(args ...string) (string, error) {
		t.Helper()
		return storefront(t.Context(), append(args, "--data-dir", h.dir)...)
	}
	must := func(out string, err error) string {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	must(run("operations", "publish", "--client", "acme", manifest(t, "hook-",
		"Watch", `subscription Watch($sku: String!) { productAvailability(sku: $sku) { available } }`,
		"Zones", `query Zones { shippingZones { id } }`)))
	type delivery struct {
		header http.Header
		body   []byte
	}
	calls := make(chan delivery, 100)
	receiver := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		calls <- delivery{r.Header, body}
	}))
	defer receiver.Close()
	if _, err := run("webhooks", "create", "acme", receiver.URL, "--operation", "hook-Zones"); err == nil || !strings.Contains(err.Error(), "is a query") {
		t.Errorf("a webhook of a query: %v", err)
	}
	if _, err := run("webhooks", "create", "acme", receiver.URL, "--operation", "hook-None"); err == nil || !strings.Contains(err.Error(), "no operation") {
		t.Errorf("a webhook of nothing: %v", err)
	}
	secret := strings.TrimSpace(must(run("webhooks", "create", "acme", receiver.URL, "--operation", "hook-Watch", "--variables", `{"sku": "HOOKED"}`)))
	comes := func(available int) (cursor string) {
		t.Helper()
		select {
		case c := <-calls:
			if err := webhooks.Verify(secret, c.header, c.body, time.Now()); err != nil {
				t.Errorf("a call's signature: %v", err)
			}
			var m vars
			if err := json.Unmarshal(c.body, &m); err != nil {
				t.Fatal(err)
			}
			if v := (value{m}); v.num("data.productAvailability.available") != available || v.text("type") != "hook-Watch" {
				t.Errorf("the call says %s, want %d", v, available)
			}
			return value{m}.text("cursor")
		case <-time.After(patience):
			t.Fatalf("no call comes that says %d: %s", available, must(run("webhooks", "list")))
		}
		return ""
	}
	staff := h.signIn(t, "sam")
	deliver := func(key string) {
		t.Helper()
		a := staff.ask(t, `mutation($key: String!) { stockAdjust(adjustments: [{sku: "HOOKED", delta: 1}], reason: "delivery", idempotencyKey: $key) { userErrors { message } } }`, vars{"key": key})
		if len(a.list("stockAdjust.userErrors")) > 0 {
			t.Fatalf("a delivery: %s", a)
		}
	}
	comes(5)
	deliver("hooked-one")
	comes(6)
	deliver("hooked-two")
	comes(7)
	var id string
	eventually(t, "the list says so", func() (string, bool) {
		out, err := run("webhooks", "list", "--partner", "acme")
		lines := strings.Split(out, "\n")
		if err != nil || len(lines) < 2 {
			return out, false
		}
		fields := strings.Fields(lines[1])
		id = fields[0]
		return out, len(fields) > 6 && fields[4] == "active" && fields[5] == "3"
	})
	must(run("webhooks", "disable", id))
	if out := must(run("webhooks", "list")); !strings.Contains(out, "disabled") {
		t.Errorf("the list says %s", out)
	}
	must(run("webhooks", "replay", id))
	comes(7)
}
