package graph_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"storefront/events"
	"storefront/subgraphs/notifications"
)

// Nobody has checked a guest's address, so who reads there is not addressed in the guest's words.
func TestGuestsAddressIsGreetedWithoutAName(t *testing.T) {
	t.Parallel()
	s := open(t, 1)
	for owner, hello := range map[string]string{"gst_1": "Hello,", "usr_1": "Hello Ada,"} {
		if err := s.ConfirmOrder(t.Context(), placed("ord_"+owner, owner, owner+"@example.com", "en", 1)); err != nil {
			t.Fatal(err)
		}
		s.settled(t)
		if m := s.to(t, owner+"@example.com"); len(m) != 1 || !strings.HasPrefix(m[0].Text, hello) || !strings.Contains(m[0].HTML, hello) {
			t.Errorf("%s is greeted otherwise than %q: %+v", owner, hello, m)
		}
	}
}

// Who orders with somebody else's address, as a guest or signed in, has few mails sent there, unless an order is paid.
func TestAnAddressGetsFewMailsUnlessAnOrderIsPaid(t *testing.T) {
	t.Parallel()
	s, ctx := open(t, 1), t.Context()
	withheld := func(n notifications.Notification) bool { return n.Reason == notifications.Withheld }
	for i := range 8 {
		for _, who := range []string{"gst", "usr"} {
			id := fmt.Sprintf("%s_%d", who, i)
			if err := s.ConfirmOrder(ctx, placed("ord_"+id, id, []string{who, strings.ToUpper(who)}[i%2]+"@example.com", "en", 1)); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := s.ConfirmOrder(ctx, placed("ord_other", "gst_9", "other@example.com", "en", 1)); err != nil {
		t.Fatal(err)
	}
	until(t, "all but three of each are sent", func() bool {
		return len(s.kept(t, func(n notifications.Notification) bool { return n.Mail == notifications.Sent })) == 11 && len(s.kept(t, withheld)) == 6
	})
	for _, who := range []string{"gst", "usr"} {
		waits := s.kept(t, func(n notifications.Notification) bool { return withheld(n) && n.Owner[:3] == who })
		if len(waits) != 3 || waits[0].Mail != notifications.Pending {
			t.Fatalf("to %s these wait for a payment: %+v", who, waits)
		}
		if err := s.Know(ctx, events.OrderStatusChanged{Stamp: stamp(), ID: waits[0].OrderID, Customer: waits[0].Owner, Email: who[:1] + strings.ToUpper(who[1:]) + "@example.com", Status: "PAID"}); err != nil {
			t.Fatal(err)
		}
	}
	s.settled(t)
	if left := s.kept(t, func(n notifications.Notification) bool { return n.Mail != notifications.Sent }); len(left) > 0 {
		t.Errorf("after a payment these are not sent: %+v", left)
	}
}

// A mail that waited in vain for a payment is off, and says why.
func TestMailsOfOrdersThatNobodyPaysAreOff(t *testing.T) {
	t.Parallel()
	s := open(t, 1)
	for i := range 6 {
		e := placed(fmt.Sprint("ord_", i), "gst_1", "gst@example.com", "en", 1)
		e.At = e.At.Add(-21 * time.Minute)
		if err := s.ConfirmOrder(t.Context(), e); err != nil {
			t.Fatal(err)
		}
	}
	s.settled(t)
	off := s.kept(t, func(n notifications.Notification) bool { return n.Mail == notifications.Off })
	if n := len(s.to(t, "gst@example.com")); n != 5 || len(off) != 1 || off[0].Reason != notifications.Withheld {
		t.Errorf("%d mails, and off are %+v", n, off)
	}
}

// Who gives somebody else's address in a profile, or in several, has few mails sent there; the others wait, and are
// not off because nobody pays.
func TestAnAddressOfProfilesGetsFewMails(t *testing.T) {
	t.Parallel()
	s, ctx := open(t, 1), t.Context()
	for i := range 8 {
		owner := fmt.Sprint("usr_", i)
		ago := events.Stamp{At: time.Now().Add(-time.Hour)}
		if err := s.Greet(ctx, events.UserRegistered{Stamp: ago, ID: owner, Email: "stranger@example.com"}); err != nil {
			t.Fatal(err)
		}
		if err := s.store.InsertWatch(ctx, &notifications.Watch{ID: "bis_" + owner, SKU: "TEE-M", Owner: owner, CreatedAt: ago.At}); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Restocked(ctx, events.StockLevelChanged{Stamp: stamp(), SKU: "TEE-M", Available: 3}); err != nil {
		t.Fatal(err)
	}
	state := func(m notifications.MailState) int {
		return len(s.kept(t, func(n notifications.Notification) bool {
			return n.Mail == m && (m == notifications.Sent || n.Reason == notifications.Withheld)
		}))
	}
	until(t, "five are sent and the others wait", func() bool { return state(notifications.Sent) == 5 && state(notifications.Pending) == 11 })
	if n := len(s.to(t, "stranger@example.com")); n != 5 {
		t.Errorf("%d mails, want 5", n)
	}
}
