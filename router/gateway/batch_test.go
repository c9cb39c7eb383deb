package gateway_test

import (
	"strings"
	"testing"

	"storefront/router/gateway"
)

func TestBatch(t *testing.T) {
	h := newHouse(t, func(c *gateway.Config) { c.MaxBatch = 3 })
	for _, c := range []struct {
		name, body string
		status     int
		want       string // the whole body, or with ... its beginning
	}{
		{"in order, each by itself", `[{"query":"mutation{setNote(id:\"o1\",note:\"new\"){id}}"},{"query":"{ order(id:\"o1\") { note } }"},{"query":"{ nonsense }"}]`, 200,
			`[{"data":{"setNote":{"id":"o1"}}},{"data":{"order":{"note":"new"}}},{"errors":[...`},
		{"of one", ` [ {"query":"{ __typename }"} ] `, 200, `[{"data":{"__typename":"Query"}}]`},
		{"a subscription", `[{"query":"subscription{orderStatus(orderId:\"o1\"){id}}"}]`, 200, `[{"errors":[...`},
		{"too many", `[{"query":"{ __typename }"},{"query":"{ __typename }"},{"query":"{ __typename }"},{"query":"{ __typename }"}]`, 400, `{"errors":[{"message":"A batch is a JSON list of one to 3 requests...`},
		{"none", `[]`, 400, `{"errors":[...`},
		{"a number", `[1]`, 400, `{"errors":[...`},
		{"broken", `[{"query":"{ __typename }"}`, 400, `{"errors":[...`},
		{"more behind", `[{"query":"{ __typename }"}] x`, 400, `{"errors":[...`},
		{"a request without a query", `[{"query":"{ __typename }"},{}]`, 400, `{"errors":[...`},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := h.post(c.body, "Authorization", "Bearer ada")
			begins, more := strings.CutSuffix(c.want, "...")
			if got.status != c.status || !strings.HasPrefix(got.body, begins) || !more && got.body != c.want {
				t.Errorf("answered %d %s, want %d %s", got.status, got.body, c.status, c.want)
			}
		})
	}
	if got := h.send("POST", "", `[{"query":"{ __typename }"}]`, "Content-Type", jsonType, "Accept", "text/event-stream"); got.status != 406 {
		t.Errorf("a batch as an event stream: %d %s", got.status, got.body)
	}
}
