package graph_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"reflect"
	"slices"
	"sync"
	"testing"
	"time"

	driver "go.mongodb.org/mongo-driver/v2/mongo"

	"storefront/events"
	"storefront/internal/embedded/mongodb/mongotest"
	embedded "storefront/internal/embedded/smtp"
	"storefront/internal/identity"
	"storefront/internal/mail"
	"storefront/internal/outbox"
	"storefront/subgraphs/notifications"
	"storefront/subgraphs/notifications/graph"
	"storefront/subgraphs/notifications/mongo"
)

// recorder knows the ids of all notifications.
type recorder struct {
	*mongo.Store
	mu  *sync.Mutex
	ids map[string]bool
}

func (r recorder) Insert(ctx context.Context, n *notifications.Notification, events ...outbox.Event) (bool, error) {
	r.mu.Lock()
	r.ids[n.ID] = true
	r.mu.Unlock()
	return r.Store.Insert(ctx, n, events...)
}

// shop is a running service with a mail catcher.
type shop struct {
	*notifications.Service
	config notifications.Config
	db     *driver.Database
	store  recorder
	graph  http.Handler
	mails  *embedded.Server
	http   http.Handler
}

func open(t testing.TB, processes int) shop {
	t.Helper()
	catcher, err := embedded.Start(t.Context(), embedded.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { catcher.Close() })
	sender := mail.NewSMTP(mail.Config{Addr: catcher.SMTPAddr(), PoolSize: 8})
	t.Cleanup(func() { sender.Close() })
	s := shop{mails: catcher, db: mongotest.Database(t)}
	s.store = recorder{s.newStore(t), &sync.Mutex{}, map[string]bool{}}
	s.config = notifications.Config{Store: s.store, Mail: sender, From: "The Shop <shop@example.com>",
		PublicURL: "https://api.shop.example/", Secret: []byte("secret of this test"), Now: time.Now, Log: slog.New(slog.NewTextHandler(io.Discard, nil))}
	for range processes {
		s.store.Store = s.newStore(t)
		s.config.Store = s.store
		s.start(t)
	}
	return s
}

func (s *shop) newStore(t testing.TB) *mongo.Store {
	t.Helper()
	store, err := mongo.New(t.Context(), s.db, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	return store
}

// start runs a process as configured.
func (s *shop) start(t testing.TB) {
	t.Helper()
	var err error
	if s.Service, err = notifications.New(s.config); err != nil {
		t.Fatal(err)
	}
	if s.http, err = s.HTTP(); err != nil {
		t.Fatal(err)
	}
	s.graph = graph.Handler(s.Service, s.config.Log)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func(one *notifications.Service) { ended <- one.Run(ctx) }(s.Service)
	t.Cleanup(func() {
		if cancel(); <-ended != nil {
			t.Error("Run failed")
		}
	})
}

// until waits for a condition.
func until(t testing.TB, what string, ok func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatal("waited in vain until", what)
		}
	}
}

func (s shop) to(t testing.TB, address string) []embedded.Mail {
	t.Helper()
	list, err := s.mails.Mails(address, 0)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// settled waits until no mail is pending.
func (s shop) settled(t testing.TB) {
	t.Helper()
	until(t, "all mails are sent", func() bool {
		return len(s.kept(t, func(n notifications.Notification) bool { return n.Mail == notifications.Pending })) == 0
	})
}

// kept are the stored notifications that match.
func (s shop) kept(t testing.TB, match func(notifications.Notification) bool) []notifications.Notification {
	t.Helper()
	s.store.mu.Lock()
	ids := slices.Collect(maps.Keys(s.store.ids))
	s.store.mu.Unlock()
	found, err := s.store.Notifications(t.Context(), ids)
	if err != nil {
		t.Fatal(err)
	}
	return slices.DeleteFunc(slices.Collect(maps.Values(found)), func(n notifications.Notification) bool { return !match(n) })
}

// about matches the notifications of an order.
func about(orderID string) func(notifications.Notification) bool {
	return func(n notifications.Notification) bool { return n.OrderID == orderID }
}

func (s shop) ask(t *testing.T, who identity.Identity, query string) map[string]any {
	t.Helper()
	body, err := json.Marshal(map[string]string{"query": query})
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequest("POST", "/graphql", bytes.NewReader(body)).WithContext(identity.With(t.Context(), who))
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	s.graph.ServeHTTP(w, r)
	var answer map[string]any
	if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil {
		t.Fatalf("%v in %s", err, w.Body)
	}
	return answer
}

func at(answer any, path ...any) any {
	for _, p := range path {
		switch p := p.(type) {
		case string:
			m, _ := answer.(map[string]any)
			answer = m[p]
		case int:
			l, _ := answer.([]any)
			if p >= len(l) {
				return nil
			}
			answer = l[p]
		}
	}
	return answer
}

func same(t *testing.T, got any, want string) {
	t.Helper()
	var w any
	if err := json.Unmarshal([]byte(want), &w); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, w) {
		b, _ := json.Marshal(got)
		t.Errorf("got %s, want %s", b, want)
	}
}

func stamp() events.Stamp { return events.Now(time.Now) }

func placed(id, owner, email, locale string, lines int) events.OrderPlaced {
	e := events.OrderPlaced{Stamp: stamp(), ID: id, Number: "SF-" + id[4:], Customer: owner, Email: email, Locale: locale, Total: events.Money{Amount: 123450, Currency: "EUR"},
		Subtotal: events.Money{Amount: 123450, Currency: "EUR"}, Discount: events.Money{Currency: "EUR"}, Shipping: events.Money{Currency: "EUR"},
		ShippingTo: events.Address{Name: "Ada", Line1: "12 Square", City: "London", Country: "GB"}}
	for i := range lines {
		e.Lines = append(e.Lines, events.OrderLine{SKU: fmt.Sprint("SKU-", i), Title: fmt.Sprintf("Article %d.", i), Quantity: 1, Total: events.Money{Amount: 100, Currency: "EUR"}})
	}
	return e
}
