package gateway_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"storefront/router/gateway"
)

// published is a store with one client's operations beside automatic ones in memory.
type published struct {
	*gateway.MemoryOperations
	byClient map[string]map[string]string
}

func (p published) Get(_ context.Context, client, id string) (query, name string, err error) {
	if query, ok := p.byClient[client][id]; ok {
		return query, "Stored", nil
	}
	return "", "", gateway.ErrOperationNotFound
}

func withPublished(t *testing.T) func(*gateway.Config) {
	memory, err := gateway.NewMemoryOperations(10)
	if err != nil {
		t.Fatal(err)
	}
	return func(c *gateway.Config) {
		c.Operations = published{memory, map[string]map[string]string{
			"acme": {"op1": "query Other { whoami } query Stored($n: String) { hello(name: $n) }"},
		}}
	}
}

func TestAutomaticPersistedQueries(t *testing.T) {
	h := newHouse(t, nil)
	query := "{ hello }"
	sum := sha256.Sum256([]byte(query))
	ext := fmt.Sprintf(`{"persistedQuery":{"version":1,"sha256Hash":"%s"}}`, hex.EncodeToString(sum[:]))
	steps := []struct{ body, want string }{
		{`{"extensions":` + ext + `}`, "PersistedQueryNotFound"},
		{`{"query":"{ whoami }","extensions":` + ext + `}`, "PERSISTED_QUERY_HASH_MISMATCH"},
		{`{"extensions":` + ext + `}`, "PERSISTED_QUERY_NOT_FOUND"},
		{`{"query":"{ hello }","extensions":` + ext + `}`, `"hello":"hello `},
		{`{"extensions":` + ext + `}`, `"hello":"hello `},
	}
	for i, s := range steps {
		if got := h.post(s.body); !strings.Contains(got.body, s.want) {
			t.Errorf("step %d: %s", i, got.body)
		}
	}
	if got := h.send("GET", "extensions="+url.QueryEscape(ext), ""); !strings.Contains(got.body, `"hello"`) {
		t.Errorf("by GET: %s", got.body)
	}
}

const maxAutomatic = 16 << 10 // as README.md says

// TestLargeAutomaticQueriesAreNotKept: one that is large is answered whenever its text comes with it, and asked for
// again as if it had been forgotten.
func TestLargeAutomaticQueriesAreNotKept(t *testing.T) {
	h := newHouse(t, nil)
	for _, c := range []struct {
		bytes int
		want  string
	}{{maxAutomatic, `"hello":"hello `}, {maxAutomatic + 1, "PersistedQueryNotFound"}} {
		query := "{ hello } #"
		query += strings.Repeat("x", c.bytes-len(query))
		sum := sha256.Sum256([]byte(query))
		ext := fmt.Sprintf(`{"persistedQuery":{"version":1,"sha256Hash":"%s"}}`, hex.EncodeToString(sum[:]))
		for range 2 {
			if got := h.post(`{"query":"` + query + `","extensions":` + ext + `}`); !strings.Contains(got.body, `"hello":"hello `) {
				t.Errorf("%d bytes, with the text: %s", c.bytes, got.body)
			}
			if got := h.post(`{"extensions":` + ext + `}`); !strings.Contains(got.body, c.want) {
				t.Errorf("%d bytes, by the hash: %s", c.bytes, got.body)
			}
		}
	}
}

func TestStoredOperations(t *testing.T) {
	h := newHouse(t, withPublished(t))
	acme := []string{"Authorization", "Bearer acme"}
	for _, c := range []struct {
		name, body string
		header     []string
		status     int
		want       string
	}{
		{"by documentId", `{"documentId":"op1","variables":{"n":"x"}}`, acme, 200, "hello x"},
		{"by id", `{"id":"op1"}`, acme, 200, "hello "},
		{"as Apollo's clients", `{"extensions":{"persistedQuery":{"version":1,"sha256Hash":"op1"}}}`, acme, 200, "hello "},
		{"a query", `{"query":"{ hello }"}`, acme, 403, "PERSISTED_OPERATION_REQUIRED"},
		{"a query with an id", `{"query":"{ whoami }","id":"op1"}`, acme, 403, "PERSISTED_OPERATION_REQUIRED"},
		{"an unknown id", `{"id":"op2"}`, acme, 400, "PERSISTED_OPERATION_NOT_FOUND"},
		{"another's id", `{"id":"op1"}`, []string{"Authorization", "Bearer ada"}, 400, "PERSISTED_OPERATION_NOT_FOUND"},
		{"both", `{"id":"op1","query":"{ hello }"}`, nil, 400, "not both"},
	} {
		got := h.post(c.body, append([]string{"Accept", responseType}, c.header...)...)
		if got.status != c.status || !strings.Contains(got.body, c.want) {
			t.Errorf("%s: %d %s", c.name, got.status, got.body)
		}
	}
}
