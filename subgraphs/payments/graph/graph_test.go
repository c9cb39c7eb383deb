package graph_test

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"storefront/events"
	"storefront/internal/embedded/mongodb/mongotest"
	"storefront/internal/identity"
	"storefront/subgraphs/payments"
	"storefront/subgraphs/payments/gateway/testgateway"
	"storefront/subgraphs/payments/graph"
	"storefront/subgraphs/payments/mongo"
)

var (
	owner    = identity.Identity{User: "usr_1"}
	stranger = identity.Identity{User: "usr_2"}
	staff    = identity.Identity{User: "usr_3", Roles: []string{"staff"}}
)

// serve returns a shop with two orders of usr_1: ord_1 is paid, ord_2 waits for 3-D Secure.
func serve(t *testing.T) http.Handler {
	t.Helper()
	log := slog.New(slog.DiscardHandler)
	store, err := mongo.New(t.Context(), mongotest.Database(t), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	gateway, err := testgateway.Open(testgateway.Config{Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	s := payments.New(payments.Config{Store: store, Gateway: gateway, Now: time.Now, Log: log, PublicURL: "http://shop.test"})
	for id, token := range map[string]string{"ord_1": "tok_visa", "ord_2": "tok_3ds"} {
		for _, err := range []error{
			s.Place(t.Context(), events.OrderPlaced{ID: id, Customer: "usr_1", Total: events.Money{Amount: 1999, Currency: "EUR"}, PaymentToken: token}),
			s.Hold(t.Context(), events.StockReserved{OrderID: id, Customer: "usr_1"}),
			s.Confirm(t.Context(), events.StockConfirmed{OrderID: id, Customer: "usr_1"}),
		} {
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	return graph.Handler(s, log)
}

func ask(t *testing.T, h http.Handler, who identity.Identity, query string) string {
	t.Helper()
	body, err := json.Marshal(map[string]string{"query": query})
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequestWithContext(identity.With(t.Context(), who), http.MethodPost, "/", bytes.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Body.String()
}

func TestGraph(t *testing.T) {
	t.Parallel()
	h := serve(t)
	const entities = `{_entities(representations:[{__typename:"Order",id:"ord_2"},{__typename:"Order",id:"ord_none"},{__typename:"Order",id:"ord_1"},
		{__typename:"Payment",id:"pay_1"}]){...on Order{id payment{status actionUrl}} ...on Payment{id order{id}}}}`
	const refund = `mutation{paymentRefund(id:"pay_1",amount:{amount:%,currency:"EUR"},reason:"late",idempotencyKey:"k1"){
		payment{refunded{decimal} refunds{amount{amount} reason status}} userErrors{field code message}}}`
	amount := func(n string) string { return string(bytes.ReplaceAll([]byte(refund), []byte("%"), []byte(n))) }
	for _, c := range []struct {
		name  string
		who   identity.Identity
		query string
		want  string
	}{
		{"owner's entities", owner, entities, `{"data":{"_entities":[{"id":"ord_2","payment":{"status":"ACTION_REQUIRED","actionUrl":"http://shop.test/3ds/pay_2"}},{"id":"ord_none","payment":null},{"id":"ord_1","payment":{"status":"CAPTURED","actionUrl":null}},{"id":"pay_1","order":{"id":"ord_1"}}]}}`},
		{"stranger's entities", stranger, entities, `{"data":{"_entities":[{"id":"ord_2","payment":null},{"id":"ord_none","payment":null},{"id":"ord_1","payment":null},null]}}`},
		{"visitor", identity.Identity{}, `{payment(id:"pay_1"){id}}`, `{"data":{"payment":null}}`},
		{"owner", owner, `{payment(id:"pay_1"){amount{amount currency} captured{decimal} refunded{amount} failureCode refunds{id}}}`,
			`{"data":{"payment":{"amount":{"amount":1999,"currency":"EUR"},"captured":{"decimal":"19.99"},"refunded":{"amount":0},"failureCode":null,"refunds":[]}}}`},
		{"too much", staff, amount("2000"), `{"data":{"paymentRefund":{"payment":null,"userErrors":[{"field":["amount","amount"],"code":"BAD_INPUT","message":"20.00 EUR is more than the 19.99 EUR that is left"}]}}}`},
		{"part", staff, amount("500"), `{"data":{"paymentRefund":{"payment":{"refunded":{"decimal":"5.00"},"refunds":[{"amount":{"amount":500},"reason":"late","status":"SUCCEEDED"}]},"userErrors":[]}}}`},
		{"part again", staff, amount("500"), `{"data":{"paymentRefund":{"payment":{"refunded":{"decimal":"5.00"},"refunds":[{"amount":{"amount":500},"reason":"late","status":"SUCCEEDED"}]},"userErrors":[]}}}`},
		{"not staff", owner, amount("500"), `{"errors":[{"message":"only staff may do this","path":["paymentRefund"],"extensions":{"code":"FORBIDDEN"}}],"data":null}`},
		{"configuration", identity.Identity{}, `{paymentConfiguration{gateway publishableKey}}`, `{"data":{"paymentConfiguration":{"gateway":"test","publishableKey":null}}}`},
	} {
		if got := ask(t, h, c.who, c.query); got != c.want {
			t.Errorf("%s:\n got %s\nwant %s", c.name, got, c.want)
		}
	}
}
