package main

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
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
	if _, err := run("webhooks", "create", "acme", receiver.URL, "--operation", "hook-Watch", "--variables", `{"sku": 1}`); err == nil || !strings.Contains(err.Error(), "does not take these variables") {
		t.Errorf("variables of another kind: %v", err)
	}
	secret := strings.TrimSpace(must(run("webhooks", "create", "acme", receiver.URL, "--operation", "hook-Watch", "--variables", `{"sku": "HOOKED"}`)))
	next := func(want string) (c delivery, m value) {
		t.Helper()
		select {
		case c = <-calls:
			if err := webhooks.Verify(secret, c.header, c.body, time.Now()); err != nil {
				t.Errorf("a call's signature: %v", err)
			}
			if err := json.Unmarshal(c.body, &m.any); err != nil {
				t.Fatal(err)
			}
		case <-time.After(patience):
			t.Fatalf("no call comes that says %s: %s", want, must(run("webhooks", "list")))
		}
		return c, m
	}
	comes := func(available int) (id, cursor string) {
		t.Helper()
		c, m := next(strconv.Itoa(available))
		if m.num("data.productAvailability.available") != available || m.text("type") != "hook-Watch" || m.text("cursor") == "" {
			t.Errorf("the call says %s, want %d", m, available)
		}
		return c.header.Get(webhooks.HeaderID), m.text("cursor")
	}
	staff := h.signIn(t, "sam")
	deliver := func(key string) {
		t.Helper()
		a := staff.ask(t, `mutation($key: String!) { stockAdjust(adjustments: [{sku: "HOOKED", delta: 1}], reason: "delivery", idempotencyKey: $key) { userErrors { message } } }`, vars{"key": key})
		if len(a.list("stockAdjust.userErrors")) > 0 {
			t.Fatalf("a delivery: %s", a)
		}
	}
	_, first := comes(5)
	deliver("hooked-one")
	comes(6)
	deliver("hooked-two")
	last, _ := comes(7)
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
	// What is delivered again has the same id, and what happens while it is disabled is not lost. Of stock the
	// latest is enough, so what lies between may be left out.
	until := func(available int) (id string) {
		t.Helper()
		for {
			if c, m := next(strconv.Itoa(available)); m.num("data.productAvailability.available") == available {
				return c.header.Get(webhooks.HeaderID)
			}
		}
	}
	if _, err := run("webhooks", "replay", id, "--from", first[1:]); err == nil || !strings.Contains(err.Error(), "no cursor of this shop's") {
		t.Errorf("delivered again from what is no cursor: %v", err)
	}
	must(run("webhooks", "replay", id, "--from", first))
	if again := until(7); again != last {
		t.Errorf("delivered again as %s, before as %s", again, last)
	}
	must(run("webhooks", "disable", id))
	deliver("hooked-three")
	must(run("webhooks", "replay", id, "--from", first))
	until(8)
}

// Any router of a shop may be the one that delivers, so one that is started beside calls whom the shop calls.
func TestRouterBesideCallsTheShopsReceivers(t *testing.T) {
	t.Parallel()
	h := theShop(t)
	for _, c := range []struct{ given, want []string }{
		{nil, []string{"127.0.0.0/8", "::1/128"}},
		{[]string{"10.0.0.0/8"}, []string{"10.0.0.0/8"}},
	} {
		beside := RouterConfig{Beside: h.dir, RouterFlags: RouterFlags{WebhookAllow: c.given}}
		if err := beside.takeFromShop(); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(beside.WebhookAllow, c.want) {
			t.Errorf("with --webhook-allow %v it calls receivers in %v, want %v", c.given, beside.WebhookAllow, c.want)
		}
	}
}
