package graph_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"storefront/events"
	embedded "storefront/internal/embedded/smtp"
	"storefront/internal/identity"
	"storefront/subgraphs/notifications"
)

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
		if list, err := s.store.Load(ctx, []string{n.ID}); err != nil || len(list[n.ID]) != 1 || n.Mail != notifications.Sent {
			t.Errorf("%s is %s with %d events, %v; want SENT and one NotificationSent", n.Kind, n.Mail, len(list[n.ID]), err)
		}
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
	if n := s.kept(t, about("ord_1"))[0]; n.Tries != 0 {
		t.Errorf("%d tries of a mail that no server was handed", n.Tries)
	}
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

func TestAnotherProcessMailsWhatACrashLeft(t *testing.T) {
	t.Parallel()
	s := open(t, 1)
	s.config.Now = func() time.Time { return time.Now().Add(-time.Hour) }
	crashed, err := notifications.New(s.config) // it takes the mail for its own, and never sends it
	if err != nil {
		t.Fatal(err)
	}
	if err := crashed.ConfirmOrder(t.Context(), placed("ord_1", "usr_1", "ada@example.com", "en", 1)); err != nil {
		t.Fatal(err)
	}
	s.settled(t)
	if n := len(s.to(t, "ada@example.com")); n != 1 {
		t.Errorf("%d mails, want 1", n)
	}
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
