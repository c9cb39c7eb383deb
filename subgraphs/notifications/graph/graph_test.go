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
	"net/url"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

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
	store recorder
	graph http.Handler
	mails *embedded.Server
	http  http.Handler
}

func open(t testing.TB, processes int) shop {
	t.Helper()
	catcher, err := embedded.Start(t.Context(), embedded.Config{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { catcher.Close() })
	sender := mail.NewSMTP(mail.Config{Addr: catcher.SMTPAddr(), PoolSize: 8})
	t.Cleanup(func() { sender.Close() })
	s := shop{mails: catcher, store: recorder{mu: &sync.Mutex{}, ids: map[string]bool{}}}
	db := mongotest.Database(t)
	for range processes {
		if s.store.Store, err = mongo.New(t.Context(), db, time.Now); err != nil {
			t.Fatal(err)
		}
		log := slog.New(slog.NewTextHandler(io.Discard, nil))
		if s.Service, err = notifications.New(notifications.Config{Store: s.store, Mail: sender, From: "The Shop <shop@example.com>",
			PublicURL: "https://api.shop.example/", Secret: []byte("secret of this test"), Now: time.Now, Log: log}); err != nil {
			t.Fatal(err)
		}
		if s.http, err = s.HTTP(); err != nil {
			t.Fatal(err)
		}
		s.graph = graph.Handler(s.Service, log)
		ctx, cancel := context.WithCancel(context.Background())
		ended := make(chan error, 1)
		go func() { ended <- s.Run(ctx) }()
		t.Cleanup(func() {
			if cancel(); <-ended != nil {
				t.Error("Run failed")
			}
		})
	}
	return s
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

func TestEachThingIsToldOnceInAnyOrder(t *testing.T) {
	t.Parallel()
	s, ctx := open(t, 2), t.Context() // two processes over one store
	order, owner := "ord_1", "gst_1"
	tell := []func() error{ // an order's end comes before its beginning
		func() error {
			return s.Delivered(ctx, events.ShipmentDelivered{Stamp: stamp(), ID: "shp_1", OrderID: order, Customer: owner, Carrier: "Parcel"})
		},
		func() error {
			return s.Left(ctx, events.ShipmentInTransit{Stamp: stamp(), ID: "shp_1", OrderID: order, Customer: owner, Location: "Leeds"})
		},
		func() error {
			return s.Left(ctx, events.ShipmentInTransit{Stamp: stamp(), ID: "shp_1", OrderID: order, Customer: owner, Location: "London"})
		},
		func() error {
			return s.PaymentFailed(ctx, events.PaymentFailed{Stamp: stamp(), PaymentID: "pay_1", OrderID: order, Customer: owner, Message: "The card was declined"})
		},
		func() error {
			return s.Refunded(ctx, events.PaymentRefunded{Stamp: stamp(), PaymentID: "pay_1", RefundID: "ref_1", OrderID: order, Customer: owner, Amount: events.Money{Amount: 1999, Currency: "EUR"}})
		},
		func() error { return s.ConfirmOrder(ctx, placed(order, owner, "ada@example.com", "de-DE", 1000)) },
		func() error {
			return s.Know(ctx, events.OrderStatusChanged{Stamp: stamp(), ID: order, Customer: owner, Email: "ada@example.com", Status: "PLACED"})
		},
		func() error {
			return s.Cancelled(ctx, events.OrderCancelled{Stamp: stamp(), ID: order, Customer: owner, Reason: "RESERVATION_EXPIRED"})
		},
	}
	for range 2 {
		for i, f := range tell {
			if err := f(); err != nil {
				t.Fatal(i, err)
			}
		}
	}
	s.settled(t)
	got := map[string]embedded.Mail{}
	for _, m := range s.to(t, "ada@example.com") {
		if _, twice := got[m.Subject]; twice {
			t.Errorf("%q came twice", m.Subject)
		}
		got[m.Subject] = m
	}
	for _, subject := range []string{"Ihre Bestellung SF-1 ist bestätigt", "Ihre Bestellung SF-1 wurde zugestellt", "Ihre Bestellung SF-1 ist unterwegs",
		"Die Zahlung Ihrer Bestellung SF-1 ist fehlgeschlagen", "Wir haben Ihnen 19,99\u00a0€ erstattet", "Ihre Bestellung SF-1 ist storniert"} {
		if _, ok := got[subject]; !ok {
			t.Errorf("no mail %q", subject)
		}
	}
	if len(got) != 6 {
		t.Errorf("%d mails, want 6", len(got))
	}
	m := got["Ihre Bestellung SF-1 ist bestätigt"]
	if !strings.Contains(m.HTML, "Article 49.") || strings.Contains(m.HTML, "Article 50.") || !strings.Contains(m.Text, "und 950 weitere") || !strings.Contains(m.Text, "1.234,50") {
		t.Errorf("the confirmation lists other than 50 of 1000 lines:\n%s", m.Text)
	}
	if id := m.Headers["Message-Id"]; !strings.HasPrefix(id, "<ntf_") || !strings.HasSuffix(id, "@example.com>") {
		t.Errorf("Message-ID %s is not made of the notification", id)
	}
	if m.Headers["List-Unsubscribe"] != "" {
		t.Error("a confirmation can be unsubscribed from")
	}
	for _, n := range s.kept(t, about(order)) {
		if list, err := s.store.Load(ctx, n.ID); err != nil || len(list) != 1 || n.Mail != notifications.Sent {
			t.Errorf("%s is %s with %d events, %v; want SENT and one NotificationSent", n.Kind, n.Mail, len(list), err)
		}
	}
}

func TestListIsTheCallersOwn(t *testing.T) {
	t.Parallel()
	s, ctx := open(t, 1), t.Context()
	ada, bob, staff := identity.Identity{User: "usr_ada", Guest: "gst_ada"}, identity.Identity{User: "usr_bob"}, identity.Identity{User: "usr_s", Roles: []string{"staff"}}
	for i := range 3 {
		if err := s.ConfirmOrder(ctx, placed(fmt.Sprint("ord_", i), []string{ada.User, ada.Guest, ada.User}[i], "ada@example.com", "en", 1)); err != nil {
			t.Fatal(err)
		}
	}
	list := `{notifications(first:2){nodes{id kind order{id} read} unreadCount pageInfo{hasNextPage endCursor}}}`
	page := at(s.ask(t, ada, list), "data", "notifications")
	same(t, []any{at(page, "unreadCount"), at(page, "pageInfo", "hasNextPage"), at(page, "nodes", 0, "kind")}, `[3,true,"ORDER_CONFIRMATION"]`)
	rest := at(s.ask(t, ada, fmt.Sprintf(`{notifications(after:%q){nodes{id}}}`, at(page, "pageInfo", "endCursor"))), "data", "notifications", "nodes")
	if l, _ := rest.([]any); len(l) != 1 {
		t.Errorf("the second page has %v", rest)
	}
	one := at(page, "nodes", 0, "id").(string)
	for name, who := range map[string]identity.Identity{"nobody": {}, "another": bob} {
		same(t, at(s.ask(t, who, list), "data", "notifications", "nodes"), `[]`)
		entities := fmt.Sprintf(`{_entities(representations:[{__typename:"Notification",id:%q},{__typename:"User",id:"usr_ada"}]){__typename}}`, one)
		same(t, at(s.ask(t, who, entities), "data", "_entities"), `[null,null]`)
		if t.Failed() {
			t.Fatal("shown to", name)
		}
	}
	entities := fmt.Sprintf(`{_entities(representations:[{__typename:"User",id:"usr_ada"},{__typename:"Notification",id:"ntf_none"},{__typename:"Notification",id:%q}]){
		... on User{notificationPreferences{kind}} ... on Notification{id}}}`, one)
	answer := at(s.ask(t, staff, entities), "data", "_entities")
	if prefs, _ := at(answer, 0, "notificationPreferences").([]any); len(prefs) != 24 {
		t.Errorf("staff see %d preferences, want 24", len(prefs))
	}
	same(t, []any{at(answer, 1), at(answer, 2, "id")}, fmt.Sprintf(`[null,%q]`, one))

	same(t, at(s.ask(t, bob, fmt.Sprintf(`mutation{notificationsMarkRead(ids:[%q]){unreadCount}}`, one)), "data", "notificationsMarkRead", "unreadCount"), `0`)
	same(t, at(s.ask(t, ada, fmt.Sprintf(`mutation{notificationsMarkRead(ids:[%q]){unreadCount}}`, one)), "data", "notificationsMarkRead", "unreadCount"), `2`)
	same(t, at(s.ask(t, ada, `{notifications(unreadOnly:true){nodes{read}}}`), "data", "notifications", "nodes"), `[{"read":false},{"read":false}]`)
	same(t, at(s.ask(t, ada, `mutation{notificationsMarkRead{unreadCount}}`), "data", "notificationsMarkRead", "unreadCount"), `0`)
	if code := at(s.ask(t, identity.Identity{}, `mutation{notificationsMarkRead{unreadCount}}`), "errors", 0, "extensions", "code"); code != "UNAUTHENTICATED" {
		t.Errorf("nobody marks: %v", code)
	}
}

func TestPreferencesAreKept(t *testing.T) {
	t.Parallel()
	s, ctx := open(t, 1), t.Context()
	ada := identity.Identity{User: "usr_ada"}
	set := func(list string) map[string]any {
		return s.ask(t, ada, `mutation{notificationPreferencesUpdate(preferences:`+list+`){preferences{kind channel enabled} userErrors{field code}}}`)
	}
	same(t, at(set(`[{kind:WELCOME,channel:EMAIL,enabled:false},{kind:ORDER_CONFIRMATION,channel:EMAIL,enabled:false}]`), "data", "notificationPreferencesUpdate"),
		`{"preferences":[],"userErrors":[{"field":["preferences","1","enabled"],"code":"BAD_INPUT"}]}`)
	set(`[{kind:SHIPMENT_IN_TRANSIT,channel:EMAIL,enabled:false},{kind:SHIPMENT_DELIVERED,channel:IN_APP,enabled:false}]`)
	if err := s.ConfirmOrder(ctx, placed("ord_9", ada.User, "ada@example.com", "en", 1)); err != nil {
		t.Fatal(err)
	}
	if err := s.Left(ctx, events.ShipmentInTransit{Stamp: stamp(), ID: "shp_9", OrderID: "ord_9", Customer: ada.User}); err != nil {
		t.Fatal(err)
	}
	if err := s.Delivered(ctx, events.ShipmentDelivered{Stamp: stamp(), ID: "shp_9", OrderID: "ord_9", Customer: ada.User}); err != nil {
		t.Fatal(err)
	}
	s.settled(t)
	subjects := map[string]bool{}
	for _, m := range s.to(t, "ada@example.com") {
		subjects[m.Subject] = true
	}
	if len(subjects) != 2 || !subjects["Your order SF-9 is confirmed"] || !subjects["Your order SF-9 has been delivered"] {
		t.Errorf("mails are %v", subjects)
	}
	same(t, at(s.ask(t, ada, `{notifications{nodes{kind}}}`), "data", "notifications", "nodes"), `[{"kind":"SHIPMENT_IN_TRANSIT"},{"kind":"ORDER_CONFIRMATION"}]`)
}

func TestBackInStockIsToldOncePerWish(t *testing.T) {
	t.Parallel()
	s, ctx := open(t, 1), t.Context()
	ada := identity.Identity{User: "usr_ada", Email: "ada@example.com", Locale: "en"}
	wish := func() {
		same(t, at(s.ask(t, ada, `mutation{backInStockSubscribe(sku:" TEE-M "){sku userErrors{code}}}`), "data", "backInStockSubscribe"), `{"sku":"TEE-M","userErrors":[]}`)
	}
	level := func(available int, after time.Duration) {
		if err := s.Restocked(ctx, events.StockLevelChanged{Stamp: events.Stamp{At: time.Now().Add(after)}, SKU: "TEE-M", Available: available}); err != nil {
			t.Fatal(err)
		}
	}
	wish()
	wish()
	level(3, -time.Minute) // old news
	level(0, time.Second)
	if n := len(s.to(t, "ada@example.com")); n != 0 {
		t.Fatalf("%d mails before there is any stock", n)
	}
	level(5, time.Second)
	level(5, time.Second)
	s.settled(t)
	mails := s.to(t, "ada@example.com")
	if len(mails) != 1 || mails[0].Headers["List-Unsubscribe-Post"] != "List-Unsubscribe=One-Click" {
		t.Fatalf("%d mails, want one that can be unsubscribed from", len(mails))
	}
	same(t, at(s.ask(t, ada, `mutation{backInStockSubscribe(sku:""){sku userErrors{field code}}}`), "data", "backInStockSubscribe"), `{"sku":null,"userErrors":[{"field":["sku"],"code":"BAD_INPUT"}]}`)
}

func TestPromotionGoesToAllWhoWantIt(t *testing.T) {
	t.Parallel()
	s, ctx := open(t, 1), t.Context()
	staff := identity.Identity{User: "usr_staff", Roles: []string{"staff"}}
	const people = 450 // more than a page
	for i := range people {
		if err := s.Update(ctx, events.UserUpdated{Stamp: stamp(), ID: fmt.Sprintf("usr_%03d", i), Email: fmt.Sprintf("p%d@example.com", i), Version: 2}); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.ConfirmOrder(ctx, placed("ord_g", "gst_1", "guest@example.com", "en", 1)); err != nil {
		t.Fatal(err)
	}
	send := func(who identity.Identity, title string) map[string]any {
		return s.ask(t, who, fmt.Sprintf(`mutation{promotionSend(title:%q,text:"Half price.",idempotencyKey:"k-%s"){recipients userErrors{field code}}}`, title, title[:3]))
	}
	if code := at(send(identity.Identity{User: "usr_001"}, "Now cheap"), "errors", 0, "extensions", "code"); code != "FORBIDDEN" {
		t.Errorf("a customer sends a promotion: %v", code)
	}
	for range 2 {
		same(t, at(send(staff, "Now cheap"), "data", "promotionSend"), `{"recipients":450,"userErrors":[]}`)
	}
	same(t, at(send(staff, "Now dear"), "data", "promotionSend", "userErrors"), `[{"field":["idempotencyKey"],"code":"CONFLICT"}]`)
	until(t, "everybody has the promotion", func() bool { return len(s.to(t, "")) == people+1 })
	s.settled(t)

	m := s.to(t, "p7@example.com")[0]
	link, err := url.Parse(strings.Trim(m.Headers["List-Unsubscribe"], "<>"))
	if err != nil || link.Host != "api.shop.example" || link.Path != notifications.UnsubscribePath || !strings.Contains(m.HTML, "token=") {
		t.Fatalf("List-Unsubscribe is %v, %v", link, err)
	}
	visit := func(method, path string) (int, string) {
		w := httptest.NewRecorder()
		s.http.ServeHTTP(w, httptest.NewRequest(method, path, strings.NewReader("List-Unsubscribe=One-Click")))
		return w.Code, w.Body.String()
	}
	if code, body := visit("GET", link.RequestURI()); code != 200 || !strings.Contains(body, `<form method="post">`) {
		t.Errorf("the page is %d %s", code, body)
	}
	if code, _ := visit("POST", link.RequestURI()+"x"); code != 404 {
		t.Errorf("a forged link gives %d", code)
	}
	wants := func() any {
		return at(s.ask(t, identity.Identity{User: "usr_007"}, `{_entities(representations:[{__typename:"User",id:"usr_007"}]){... on User{notificationPreferences{kind channel enabled}}}}`), "data", "_entities", 0, "notificationPreferences", 22)
	}
	same(t, wants(), `{"kind":"PROMOTION","channel":"EMAIL","enabled":true}`) // looking is not unsubscribing
	if code, body := visit("POST", link.RequestURI()); code != 200 || !strings.Contains(body, "Done") {
		t.Errorf("unsubscribing gives %d %s", code, body)
	}
	same(t, wants(), `{"kind":"PROMOTION","channel":"EMAIL","enabled":false}`)
	send(staff, "More to come")
	until(t, "the second one is out", func() bool { return len(s.to(t, "")) == 2*people })
	s.settled(t)
	if n := len(s.to(t, "p7@example.com")); n != 1 {
		t.Errorf("who unsubscribed has %d mails, want 1", n)
	}
}

func TestMailServerThatComesBack(t *testing.T) {
	t.Parallel()
	s, ctx := open(t, 1), t.Context()
	addr := s.mails.SMTPAddr()
	s.mails.Close()
	if err := s.ConfirmOrder(ctx, placed("ord_1", "usr_1", "ada@example.com", "en", 1)); err != nil {
		t.Fatal(err)
	}
	if err := s.ConfirmOrder(ctx, placed("ord_2", "usr_1", "not an address", "en", 1)); err != nil {
		t.Fatal(err)
	}
	until(t, "the first try failed", func() bool {
		return s.kept(t, about("ord_1"))[0].Reason != ""
	})
	back, err := embedded.Start(ctx, embedded.Config{SMTPAddr: addr})
	if err != nil {
		t.Fatal(err)
	}
	defer back.Close()
	s.mails = back
	until(t, "the mail is there", func() bool { return len(s.to(t, "ada@example.com")) == 1 })
	s.settled(t)
	failed := s.kept(t, about("ord_2"))
	if len(failed) != 1 || failed[0].Mail != notifications.Failed || strings.Contains(failed[0].Reason, "not an address\"") {
		t.Errorf("a wrong address is %+v; want FAILED", failed)
	}
}

func TestRebuildingFromOldEventsWritesToNobody(t *testing.T) {
	t.Parallel()
	s, e := open(t, 1), placed("ord_1", "usr_1", "ada@example.com", "en", 1)
	e.At = e.At.AddDate(0, -1, 0)
	if err := s.ConfirmOrder(t.Context(), e); err != nil {
		t.Fatal(err)
	}
	s.settled(t)
	if n := len(s.to(t, "")); n != 0 {
		t.Errorf("%d mails about last month", n)
	}
	same(t, at(s.ask(t, identity.Identity{User: "usr_1"}, `{notifications{unreadCount}}`), "data", "notifications", "unreadCount"), `1`)
}

func BenchmarkConfirm(b *testing.B) {
	s := open(b, 1)
	i := 0
	for b.Loop() {
		i++
		if err := s.ConfirmOrder(b.Context(), placed(fmt.Sprint("ord_", i), fmt.Sprint("usr_", i), "ada@example.com", "en", 5)); err != nil {
			b.Fatal(err)
		}
	}
	s.settled(b)
	b.ReportMetric(float64(i)/b.Elapsed().Seconds(), "mails/s")
}
