package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// storefront runs a command as a person would, beside a running shop.
func storefront(ctx context.Context, args ...string) (out string, err error) {
	var stdout, stderr bytes.Buffer
	err = run(ctx, stdio{&stdout, &stderr, func(string) string { return "" }}, args)
	return stdout.String(), err
}

// manifest writes operations, name and text in turn, in Apollo's format; ids begin with the prefix.
func manifest(t *testing.T, prefix string, operations ...string) string {
	t.Helper()
	var list []any
	for i := 0; i+1 < len(operations); i += 2 {
		kind, _, _ := strings.Cut(operations[i+1], " ")
		list = append(list, vars{"id": prefix + operations[i], "name": operations[i], "type": kind, "body": operations[i+1]})
	}
	b, err := json.Marshal(vars{"format": "apollo-persisted-query-manifest", "version": 1, "operations": list})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "manifest.json")
	if err := os.WriteFile(file, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestPartnersSendPublishedOperationsOnly(t *testing.T) {
	t.Parallel()
	h := theShop(t)
	h.sell(t, 7, "PARTNER")
	const stock = `query Stock($skus: [String!]!) { availability(skus: $skus) { sku available variant { title } } }`
	publish := func(client, file string) (string, error) {
		return storefront(t.Context(), "operations", "publish", file, "--client", client, "--data-dir", h.dir)
	}
	if out, err := publish("acme", manifest(t, "acme-", "Stock", stock, "Zones", `query Zones { shippingZones { id } }`)); err != nil || !strings.Contains(out, "2 new") {
		t.Fatalf("publish: %s %v", out, err)
	}
	if out, err := publish("other", manifest(t, "other-", "Zones", `query Zones { shippingZones { id name } }`)); err != nil {
		t.Fatalf("publish: %s %v", out, err)
	}
	if out, err := publish("acme", manifest(t, "bad-", "Good", `query Good { shippingZones { id } }`, "Wrong", `query Wrong { nothing }`)); err == nil || !strings.Contains(err.Error(), "1 of 2") {
		t.Errorf("publish what is not valid: %s %v", out, err)
	}
	acme := h.partner(t)
	send := func(p *person, request vars) answer {
		t.Helper()
		a, err := p.send(t.Context(), request)
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	skus := vars{"skus": []any{"PARTNER"}}
	if a := send(acme, vars{"id": "acme-Stock", "variables": skus}); a.data.num("availability.0.available") != 7 || a.data.text("availability.0.variant.title") == "" || len(a.errors) > 0 {
		t.Errorf("a published operation: %s %v", a.data, a.errors)
	}
	for what, c := range map[string]struct {
		request vars
		code    string
	}{
		"a query":                     {vars{"query": stock, "variables": skus}, "PERSISTED_OPERATION_REQUIRED"},
		"a query beside an id":        {vars{"id": "acme-Stock", "query": stock, "variables": skus}, "PERSISTED_OPERATION_REQUIRED"},
		"another partner's operation": {vars{"id": "other-Zones"}, "PERSISTED_OPERATION_NOT_FOUND"},
		"one of a refused manifest":   {vars{"id": "bad-Good"}, "PERSISTED_OPERATION_NOT_FOUND"},
	} {
		if a := send(acme, c.request); a.code() != c.code || a.data.any != nil {
			t.Errorf("%s: %s %v; want %s", what, a.data, a.errors, c.code)
		}
	}
	if a := send(h.signIn(t, "ben"), vars{"id": "acme-Stock", "variables": skus}); a.code() != "PERSISTED_OPERATION_NOT_FOUND" {
		t.Errorf("a person sends a partner's id: %s %v", a.data, a.errors)
	}

	// Everyone else may use automatic persisted queries.
	sum := sha256.Sum256([]byte(stock))
	extensions := func(hash string) vars { return vars{"persistedQuery": vars{"version": 1, "sha256Hash": hash}} }
	hashed := vars{"extensions": extensions(hex.EncodeToString(sum[:])), "variables": skus}
	guest := h.guest()
	if a := send(guest, hashed); a.code() != "PERSISTED_QUERY_NOT_FOUND" {
		t.Errorf("an unknown hash: %s %v", a.data, a.errors)
	}
	if a := send(guest, vars{"query": stock, "extensions": extensions(strings.Repeat("0", 64)), "variables": skus}); a.code() != "PERSISTED_QUERY_HASH_MISMATCH" {
		t.Errorf("another query's hash: %s %v", a.data, a.errors)
	}
	if a := send(guest, vars{"query": stock, "extensions": hashed["extensions"], "variables": skus}); a.data.num("availability.0.available") != 7 {
		t.Errorf("query and hash: %s %v", a.data, a.errors)
	}
	if a := send(h.signIn(t, "ada"), hashed); a.data.num("availability.0.available") != 7 {
		t.Errorf("the hash alone: %s %v", a.data, a.errors)
	}
	if a := send(acme, hashed); a.data.any != nil {
		t.Errorf("a partner runs a query that a guest registered: %s", a.data)
	}
}
