package main

import (
	"bytes"
	"io"
	"strings"
	"testing"
)

// A partner's keys over every transport, from the first to the one that takes its place.
func TestPartnerSignsInByKey(t *testing.T) {
	t.Parallel()
	h := ownShop(t)
	h.sell(t, 5, "KEYED")
	run := func(args ...string) string {
		t.Helper()
		out, err := storefront(t.Context(), append(args, "--data-dir", h.dir)...)
		if err != nil {
			t.Fatalf("storefront %s: %v", strings.Join(args, " "), err)
		}
		return out
	}
	run("operations", "publish", "--client", "acme", manifest(t, "key-",
		"Stock", `query Stock($skus: [String!]!) { availability(skus: $skus) { available } }`,
		"Watch", `subscription Watch($sku: String!) { productAvailability(sku: $sku) { available } }`))
	if _, err := storefront(t.Context(), "partners", "key", "create", "acmee", "--data-dir", h.dir); err == nil || !strings.Contains(err.Error(), "there is no partner acmee") {
		t.Errorf("a key of nobody's: %v", err)
	}
	if list := run("partners", "list"); strings.Contains(list, "acmee") {
		t.Errorf("what was refused is there:\n%s", list)
	}
	first := strings.TrimSpace(run("partners", "key", "create", "acme"))
	second := strings.TrimSpace(run("partners", "key", "create", "acme", "--days", "1"))
	if !strings.HasPrefix(first, "sfk_") || first == second {
		t.Fatalf("keys: %q, %q", first, second)
	}
	if _, err := storefront(t.Context(), "partners", "key", "create", "acme", "--data-dir", h.dir); err == nil || !strings.Contains(err.Error(), "2 valid keys") {
		t.Errorf("a third key: %v", err)
	}

	stock := vars{"id": "key-Stock", "variables": vars{"skus": []any{"KEYED"}}}
	watch := vars{"id": "key-Watch", "variables": vars{"sku": "KEYED"}}
	call := func(p *person, status int, code string) {
		t.Helper()
		a, err := p.send(t.Context(), stock)
		if err != nil || a.status != status || a.code() != code || (code == "") != (a.data.num("availability.0.available") == 5) {
			t.Errorf("the call answers %d %s %v, %v; want %d %q", a.status, a.data, a.errors, err, status, code)
		}
	}
	bearer, header, other := h.caller("Authorization", "Bearer "+first), h.caller("X-Api-Key", first), h.caller("X-Api-Key", second)
	call(bearer, 200, "")
	call(header, 200, "")
	call(other, 200, "")
	call(h.caller("X-Api-Key", first[:len(first)-4]+"aaaa"), 401, "UNAUTHENTICATED")
	call(h.caller("X-Api-Key", first, "Authorization", "Bearer "+second), 400, "BAD_INPUT")
	if a, err := header.send(t.Context(), vars{"query": "{ shippingZones { id } }"}); err != nil || a.code() != "PERSISTED_OPERATION_REQUIRED" {
		t.Errorf("a text instead of an id: %v, %v", a.errors, err)
	}

	stream := bearer.listenTo(t, watch)
	if a := stream.next(t); a.num("productAvailability.available") != 5 {
		t.Errorf("over SSE: %s", a)
	}
	socket := header.dial(t, map[string]vars{"watch": watch}).results["watch"]
	if a := socket.next(t); a.num("productAvailability.available") != 5 {
		t.Errorf("over a WebSocket: %s", a)
	}
	goesOn := other.dial(t, map[string]vars{"watch": watch}).results["watch"]
	goesOn.next(t)

	list := run("partners", "key", "list", "acme")
	id := strings.Fields(strings.Split(list, "\n")[1])[0]
	run("partners", "key", "revoke", "acme", id)
	if a, open := stream.answer(t); !open || a.code() != "UNAUTHENTICATED" {
		t.Errorf("the stream of a revoked key goes on: %s %v", a.data, a.errors)
	}
	if a, open := socket.answer(t); open {
		t.Errorf("the socket of a revoked key goes on: %s %v", a.data, a.errors)
	}
	if socket.err == nil || !strings.Contains(socket.err.Error(), "4403") {
		t.Errorf("the socket ends by %v", socket.err)
	}
	eventually(t, "the revoked key is refused", func() (string, bool) {
		a, err := header.send(t.Context(), stock)
		return a.code(), err == nil && a.status == 401 && strings.Contains(a.errors.Error(), "was revoked")
	})
	call(other, 200, "")
	var told bytes.Buffer
	for id, want := range map[string]string{"key-Stock": "", "key-Stok": `acme has published no operation with the id "key-Stok"`} {
		told.Reset()
		err := runPartners(t.Context(), stdio{io.Discard, &told, func(string) string { return "" }}, []string{"set", "acme", "--operation", id, "--requests", "100/s", "--data-dir", h.dir})
		if err != nil || (want == "") != (told.Len() == 0) || !strings.Contains(told.String(), want) {
			t.Errorf("what is agreed for %s: %q, %v; want %q", id, told.String(), err, want)
		}
	}
	if a := h.signIn(t, "sam").ask(t, `mutation { stockAdjust(adjustments: [{sku: "KEYED", delta: 1}], reason: "delivery", idempotencyKey: "keyed-more") { userErrors { message } } }`, nil); len(a.list("stockAdjust.userErrors")) > 0 {
		t.Fatalf("a delivery: %s", a)
	}
	if a := goesOn.next(t); a.num("productAvailability.available") != 6 {
		t.Errorf("the socket of the other key: %s", a)
	}
	if log := h.log.all(); strings.Contains(log, first[4:]) || strings.Contains(log, second[4:]) {
		t.Error("a key is in the log")
	}
}
