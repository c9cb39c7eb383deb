package graph_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"storefront/events"
	"storefront/internal/errs"
	"storefront/internal/mail"
	"storefront/subgraphs/notifications"
)

// gate stands before a mail server: it looks at each mail first, and remembers those that went through.
type gate struct {
	mail.Sender
	look func(context.Context, mail.Message) error

	mu   sync.Mutex
	sent []mail.Message
}

func (g *gate) Send(ctx context.Context, m mail.Message) error {
	if err := g.look(ctx, m); err != nil {
		return err
	}
	g.mu.Lock()
	g.sent = append(g.sent, m)
	g.mu.Unlock()
	return g.Sender.Send(ctx, m)
}

// gated is a shop of which no process runs yet, with one sender, behind a gate.
func gated(t *testing.T, look func(context.Context, mail.Message) error) (shop, *gate) {
	t.Helper()
	s := open(t, 0)
	g := &gate{Sender: s.config.Mail, look: look}
	s.config.Mail, s.config.Senders = g, 1
	return s, g
}

// once waits for open with the first mail, and says that it does.
func once(entered chan<- struct{}, open <-chan struct{}) func(context.Context, mail.Message) error {
	var first sync.Once
	return func(ctx context.Context, _ mail.Message) error {
		first.Do(func() {
			close(entered)
			select {
			case <-open:
			case <-ctx.Done():
			}
		})
		return nil
	}
}

// An order's mail goes before all that is sent in bulk, also when it has to be tried again.
func TestOrdersMailsGoBeforeThoseInBulk(t *testing.T) {
	t.Parallel()
	entered, opened := make(chan struct{}), make(chan struct{})
	s, g := gated(t, once(entered, opened))
	ctx, begun := t.Context(), time.Now()
	crashed := func(ago time.Duration) *notifications.Service { // it takes mails for its own, and never sends them
		c := s.config
		c.Now = func() time.Time { return begun.Add(-ago) }
		one, err := notifications.New(c)
		if err != nil {
			t.Fatal(err)
		}
		return one
	}
	earlier, later := crashed(2*time.Hour), crashed(time.Hour)
	for i := range 200 {
		owner := fmt.Sprint("usr_", i)
		if err := earlier.Update(ctx, events.UserUpdated{Stamp: stamp(), ID: owner, Email: fmt.Sprintf("p%d@example.com", i), Version: 2}); err != nil {
			t.Fatal(err)
		}
		if err := s.store.InsertWatch(ctx, &notifications.Watch{ID: fmt.Sprint("bis_", i), SKU: "TEE-M", Owner: owner, CreatedAt: begun.Add(-3 * time.Hour)}); err != nil {
			t.Fatal(err)
		}
	}
	if err := earlier.Restocked(ctx, events.StockLevelChanged{Stamp: events.Stamp{At: begun.Add(-2 * time.Hour)}, SKU: "TEE-M", Available: 9}); err != nil {
		t.Fatal(err)
	}
	if err := later.ConfirmOrder(ctx, placed("ord_1", "usr_ada", "ada@example.com", "en", 1)); err != nil {
		t.Fatal(err)
	}
	s.start(t)
	until(t, "the order's mail is taken up while another goes out", func() bool {
		n := s.kept(t, about("ord_1"))[0]
		return n.Mail == notifications.Sent || n.DueAt.After(begun)
	})
	close(opened)
	until(t, "the order's mail is there", func() bool { return len(s.to(t, "ada@example.com")) == 1 })
	g.mu.Lock()
	defer g.mu.Unlock()
	if turn := slices.IndexFunc(g.sent, func(m mail.Message) bool { return m.To == "ada@example.com" }); turn > 1 {
		t.Errorf("%d mails in bulk went before an order's", turn)
	}
}

// A mail that waited for a sender until its lease was over has used no try.
func TestAMailThatWaitedHasNotBeenTried(t *testing.T) {
	t.Parallel()
	entered, opened := make(chan struct{}), make(chan struct{})
	s, _ := gated(t, once(entered, opened))
	var ahead atomic.Int64
	s.config.Now = func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }
	s.start(t)
	for _, order := range []string{"ord_1", "ord_2"} {
		if err := s.ConfirmOrder(t.Context(), placed(order, "usr_1", "ada@example.com", "en", 1)); err != nil {
			t.Fatal(err)
		}
	}
	<-entered
	ahead.Add(int64(50 * time.Second)) // too little is left of a lease of a minute
	close(opened)
	until(t, "the first is sent", func() bool { return s.kept(t, about("ord_1"))[0].Mail == notifications.Sent })
	ahead.Add(int64(20 * time.Second))
	s.settled(t)
	if n := s.kept(t, about("ord_2"))[0]; n.Tries != 1 {
		t.Errorf("%d tries of a mail that a server was handed once", n.Tries)
	}
}

// What happened to an order is told in its order, also when the first of its mails is not taken at once.
func TestMailsOfAnOrderKeepTheirOrder(t *testing.T) {
	t.Parallel()
	var calls atomic.Int64
	s, g := gated(t, func(context.Context, mail.Message) error {
		if calls.Add(1) == 1 {
			return errs.New(errs.Unavailable, "not now")
		}
		return nil
	})
	s.config.Senders = 8
	s.start(t)
	ctx := t.Context()
	if err := s.ConfirmOrder(ctx, placed("ord_1", "usr_1", "ada@example.com", "en", 1)); err != nil {
		t.Fatal(err)
	}
	until(t, "the first try failed", func() bool { return s.kept(t, about("ord_1"))[0].Reason != "" })
	later := func(n int) events.Stamp { return events.Stamp{At: time.Now().Add(time.Duration(n) * time.Second)} }
	if err := s.Packed(ctx, events.ShipmentCreated{Stamp: later(1), ID: "shp_1", OrderID: "ord_1", Customer: "usr_1"}); err != nil {
		t.Fatal(err)
	}
	if err := s.Delivered(ctx, events.ShipmentDelivered{Stamp: later(2), ID: "shp_1", OrderID: "ord_1", Customer: "usr_1"}); err != nil {
		t.Fatal(err)
	}
	s.settled(t)
	var kinds []string
	for _, m := range g.sent {
		kinds = append(kinds, m.Headers["X-Storefront-Kind"])
	}
	if want := []string{"ORDER_CONFIRMATION", "SHIPMENT_CREATED", "SHIPMENT_DELIVERED"}; !slices.Equal(kinds, want) {
		t.Errorf("mails came as %v, want %v", kinds, want)
	}
}
