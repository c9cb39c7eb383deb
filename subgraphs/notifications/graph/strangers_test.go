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

// Who orders as a guest with somebody else's address has few mails sent there, unless an order is paid.
func TestGuestsAddressGetsFewMailsUnlessAnOrderIsPaid(t *testing.T) {
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
	until(t, "all but three are sent", func() bool {
		return len(s.kept(t, func(n notifications.Notification) bool { return n.Mail == notifications.Sent })) == 14 && len(s.kept(t, withheld)) == 3
	})
	if n := len(s.to(t, "gst@example.com")) + len(s.to(t, "GST@example.com")); n < 5 || n > 10 {
		t.Errorf("%d mails to the guest's address", n)
	}
	waits := s.kept(t, withheld)[0]
	if waits.Mail != notifications.Pending {
		t.Errorf("a mail that waits for a payment is %s", waits.Mail)
	}
	if err := s.Know(ctx, events.OrderStatusChanged{Stamp: stamp(), ID: waits.OrderID, Customer: waits.Owner, Email: "Gst@example.com", Status: "PAID"}); err != nil {
		t.Fatal(err)
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
