package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"storefront/schema"
)

// A partner's releases, from a manifest of Relay's to an id that is retired.
func TestReleasesOfAPartner(t *testing.T) {
	t.Parallel()
	h := ownShop(t) // nobody else publishes for acme here
	dir := t.TempDir()
	relay := func(texts vars) string {
		t.Helper()
		b, err := json.Marshal(texts)
		if err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(dir, "persisted_queries.json")
		if err := os.WriteFile(file, b, 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	operations := func(args ...string) (string, error) {
		return storefront(t.Context(), append(append([]string{"operations"}, args...), "--client", "acme", "--data-dir", h.dir)...)
	}
	expect := func(out string, err error, want ...string) {
		t.Helper()
		if err != nil {
			out += err.Error()
		}
		for _, w := range want {
			if !strings.Contains(out, w) {
				t.Errorf("it says\n%s\nwant %s", out, w)
			}
		}
	}
	zones, search := "5f0c1f2e3d4b5a69788796a5b4c3d2e1", "00112233445566778899aabbccddeeff"
	first := vars{zones: "query RelayZones { shippingZones { id } }"}
	out, err := operations("publish", relay(first))
	expect(out, err, "RelayZones", "FETCHES", "a manifest of Relay: 1 new, 0 changed")
	out, err = operations("publish", relay(first))
	expect(out, err, "nothing has changed")
	acme := h.partner(t)
	call := func(id, code string) {
		t.Helper()
		a, err := acme.send(t.Context(), vars{"id": id})
		if err != nil {
			t.Fatal(err)
		}
		if a.code() != code || (code == "") != (a.data.any != nil) {
			t.Errorf("call %s: %s %v; want %q", id, a.data, a.errors, code)
		}
	}
	call(zones, "")
	out, err = operations("diff", relay(vars{search: "query RelaySearch { productSearch(query: \"a\") { totalCount } }"}))
	expect(out, err, "+ "+search+" RelaySearch", "- "+zones+" RelayZones", "stays until it is retired")
	out, err = operations("publish", relay(vars{search: "query RelaySearch {\n  productSearch(query: \"a\") { totl }\n  shop }", "x": "{ a"}))
	expect(out, err, "2 of 2 operations are not valid; nothing was published", "RelaySearch ("+search+") 2:31: Cannot query field", "RelaySearch ("+search+") 3:3: ", "x 1:4: ")
	call(search, "PERSISTED_OPERATION_NOT_FOUND")

	// A schema without what the operation asks for.
	check := func(old, next string) (string, error) {
		var files []string
		for name, text := range map[string]string{"a-old.graphqls": old, "b-new.graphqls": next} {
			file := filepath.Join(dir, name)
			if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			files = append(files, file)
		}
		if strings.HasSuffix(files[0], "b-new.graphqls") {
			files[0], files[1] = files[1], files[0]
		}
		return storefront(t.Context(), "compose", "check", files[0], files[1], "--operations", "--data-dir", h.dir)
	}
	without := strings.ReplaceAll(schema.Supergraph, "shippingZones", "zonesOfShipping")
	out, err = check(schema.Supergraph, without)
	expect(out, err, "published operations would break", "acme: RelayZones ("+zones+") 1:20: Cannot query field")
	if out, err := check(without, strings.ReplaceAll(without, "zonesOfShipping", "zones")); err == nil || strings.Contains(err.Error(), zones) {
		t.Errorf("an operation that was broken before: %s %v", out, err)
	}
	if out, err := check(schema.Supergraph, schema.Supergraph); err != nil {
		t.Errorf("the same schema: %s %v", out, err)
	}

	out, err = operations("retire", zones, "nothing")
	expect(out, err, "nothing")
	out, err = operations("retire", zones)
	expect(out, err, "retired 1 operations of acme")
	out, err = operations("list")
	expect(out, err, zones+"  RelayZones", "Relay")
	eventually(t, "the retired operation is refused", func() (string, bool) {
		a, err := acme.send(t.Context(), vars{"id": zones})
		return a.code(), err == nil && a.code() == "PERSISTED_OPERATION_RETIRED"
	})
	if out, err := check(schema.Supergraph, without); err == nil || strings.Contains(err.Error(), zones) {
		t.Errorf("a retired operation is in nobody's way: %s %v", out, err)
	}
}
