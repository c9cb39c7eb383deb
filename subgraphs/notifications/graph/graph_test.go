package graph_test

import (
	"fmt"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"storefront/events"
	"storefront/internal/identity"
	"storefront/subgraphs/notifications"
)

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
	later := events.Stamp{At: stamp().At.Add(time.Second)} // the list is by time
	if err := s.Left(ctx, events.ShipmentInTransit{Stamp: later, ID: "shp_9", OrderID: "ord_9", Customer: ada.User}); err != nil {
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
