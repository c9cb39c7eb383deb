package graph_test

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"storefront/events"
	"storefront/internal/blob"
	"storefront/internal/embedded/mongodb/mongotest"
	"storefront/internal/identity"
	"storefront/subgraphs/reviews"
	"storefront/subgraphs/reviews/graph"
	"storefront/subgraphs/reviews/mongo"
)

var (
	ann   = identity.Identity{User: identity.UserID("test", "ann"), Name: "Ann"}
	ben   = identity.Identity{User: identity.UserID("test", "ben")}
	staff = identity.Identity{User: identity.UserID("test", "sam"), Roles: []string{identity.RoleStaff}}
)

// shop is the reviews service on a database and a folder of its own, asked as the router asks it.
type shop struct {
	t       *testing.T
	store   *mongo.Store
	service *reviews.Service
	images  *blob.Store
	handler http.Handler

	mu    sync.Mutex
	clock time.Time
}

func newShop(t *testing.T, autoPublish bool, wrap func(reviews.Store) reviews.Store) *shop {
	sh := &shop{t: t, clock: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}
	store, err := mongo.New(t.Context(), mongotest.Database(t), sh.now)
	if err != nil {
		t.Fatal(err)
	}
	folder, err := blob.FolderURL(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if sh.images, err = blob.Open(t.Context(), folder, blob.Options{BaseURL: "http://files.example/files", Secret: []byte("a secret of these tests")}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { sh.images.Close() })
	log := slog.New(slog.DiscardHandler)
	sh.store = store
	sh.service = reviews.New(reviews.Config{Store: wrap(store), Images: sh.images, Now: sh.now, Log: log, AutoPublish: autoPublish})
	sh.handler = graph.Handler(sh.service, log)
	return sh
}

func plain(s reviews.Store) reviews.Store { return s }

// now goes on by a second each time, so that no two reviews are of the same moment.
func (sh *shop) now() time.Time {
	sh.mu.Lock()
	defer sh.mu.Unlock()
	sh.clock = sh.clock.Add(time.Second)
	return sh.clock
}

// ask returns the answer's data and errors as JSON.
func (sh *shop) ask(who identity.Identity, query string, variables map[string]any) (data map[string]any, errors string) {
	sh.t.Helper()
	body, err := json.Marshal(map[string]any{"query": query, "variables": variables})
	if err != nil {
		sh.t.Fatal(err)
	}
	r := httptest.NewRequest("POST", "/graphql", bytes.NewReader(body)).WithContext(identity.With(context.Background(), who))
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	sh.handler.ServeHTTP(w, r)
	var a struct {
		Data   map[string]any
		Errors json.RawMessage
	}
	if err := json.Unmarshal(w.Body.Bytes(), &a); err != nil {
		sh.t.Fatalf("answer %d %s: %v", w.Code, w.Body, err)
	}
	return a.Data, string(a.Errors)
}

// want compares the JSON of the data, without errors; "" wants only those to be absent.
func (sh *shop) want(who identity.Identity, query string, variables map[string]any, want string) map[string]any {
	sh.t.Helper()
	data, errors := sh.ask(who, query, variables)
	got, err := json.Marshal(data)
	if err != nil {
		sh.t.Fatal(err)
	}
	if errors != "" || want != "" && string(got) != want {
		sh.t.Errorf("%s\ngave %s %s\nwant %s", query, got, errors, want)
	}
	return data
}

const submit = `mutation($in:ReviewInput!){reviewSubmit(input:$in){review{id status verifiedPurchase author product{rating{average count histogram}}} userErrors{field code}}}`

// submit writes a review and returns its id.
func (sh *shop) submit(who identity.Identity, product string, rating int) string {
	sh.t.Helper()
	data := sh.want(who, submit, map[string]any{"in": map[string]any{"productId": product, "rating": rating}}, "")
	review, ok := data["reviewSubmit"].(map[string]any)["review"].(map[string]any)
	if !ok {
		sh.t.Fatalf("reviewSubmit: %v", data)
	}
	return review["id"].(string)
}

// product asks for fields of a product as the router does.
func (sh *shop) product(who identity.Identity, id, fields, want string) {
	sh.t.Helper()
	sh.want(who, `query($r:[_Any!]!){_entities(representations:$r){... on Product{`+fields+`}}}`,
		map[string]any{"r": []any{map[string]any{"__typename": "Product", "id": id}}}, `{"_entities":[`+want+`]}`)
}

// emitted are the events in the outbox of a rating or a review.
func (sh *shop) emitted(docID string) []events.Event {
	sh.t.Helper()
	var list []events.Event
	for _, o := range sh.store.Outboxes() {
		entries, err := o.Load(sh.t.Context(), []string{docID})
		if err != nil {
			sh.t.Fatal(err)
		}
		for _, r := range entries[docID] {
			e, err := events.Decode(r.Type, r.Data)
			if err != nil {
				sh.t.Fatal(err)
			}
			list = append(list, e)
		}
	}
	return list
}
