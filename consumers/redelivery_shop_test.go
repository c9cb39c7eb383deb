package consumers

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/mongo"

	"storefront/events"
	"storefront/internal/embedded/mongodb/mongotest"
	embeddedredis "storefront/internal/embedded/redis"
	"storefront/internal/eventmeta"
	"storefront/internal/kafka"
	"storefront/internal/mail"
	"storefront/internal/outbox"
	"storefront/internal/quote"
	"storefront/internal/redis"
	"storefront/subgraphs/inventory"
	inventorymongo "storefront/subgraphs/inventory/mongo"
	"storefront/subgraphs/notifications"
	notificationsmongo "storefront/subgraphs/notifications/mongo"
	"storefront/subgraphs/orders"
	ordersmongo "storefront/subgraphs/orders/mongo"
	"storefront/subgraphs/payments"
	"storefront/subgraphs/payments/gateway/testgateway"
	paymentsmongo "storefront/subgraphs/payments/mongo"
	"storefront/subgraphs/products"
	productsmongo "storefront/subgraphs/products/mongo"
	"storefront/subgraphs/reviews"
	reviewsmongo "storefront/subgraphs/reviews/mongo"
	"storefront/subgraphs/shipping"
	"storefront/subgraphs/shipping/carrier"
	shippingmongo "storefront/subgraphs/shipping/mongo"
	"storefront/subgraphs/users"
	usersmongo "storefront/subgraphs/users/mongo"
)

const (
	holdsFor    = 15 * time.Minute // reservations
	carrierStep = time.Hour
)

// shop is every service, as it is, on one empty database, with the handlers of every group. What the
// outboxes hold is taken out by collect; nothing reaches a group but by deliver.
type shop struct {
	t  *testing.T
	db *mongo.Database

	orders        *orders.Service
	ordersStore   *ordersmongo.Store
	inventory     *inventory.Service
	payments      *payments.Service
	paymentsStore paymentsmongo.Store
	gateway       *testgateway.Gateway
	shipping      *shipping.Service
	shippingStore shippingmongo.Store
	notifications *notifications.Service
	reviews       *reviews.Service
	products      *products.Service
	users         *users.Service
	quotes        *quote.Signer
	mails         mailbox

	parts []*shopPart

	mu     sync.Mutex
	offset time.Duration
	fixed  time.Time
}

// shopPart is one service: its group, what it wants published, and the collections that are its state.
type shopPart struct {
	name        string
	group       Group
	boxes       []outbox.Store
	collections []string
}

func openShop(t *testing.T) *shop {
	t.Helper()
	s := &shop{t: t, db: mongotest.Database(t), quotes: quote.NewSigner([]byte("a secret of this test"))}
	ctx, log := t.Context(), slog.New(slog.DiscardHandler)
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	var err error
	s.ordersStore, err = ordersmongo.New(ctx, s.db, s.now)
	must(err)
	s.orders = orders.New(orders.Config{Store: s.ordersStore, Quotes: s.quotes, Now: s.now, Log: log})
	inventoryStore, err := inventorymongo.New(ctx, s.db, s.now)
	must(err)
	s.inventory = inventory.New(inventory.Config{Store: inventoryStore, Now: s.now, Log: log, TTL: holdsFor})
	s.paymentsStore, err = paymentsmongo.New(ctx, s.db, s.now)
	must(err)
	s.gateway, err = testgateway.Open(testgateway.Config{Now: s.now})
	must(err)
	t.Cleanup(func() { s.gateway.Close() })
	s.payments = payments.New(payments.Config{Store: s.paymentsStore, Gateway: s.gateway, Now: s.now, Log: log, PublicURL: "http://shop.test"})
	s.shippingStore, err = shippingmongo.New(ctx, s.db, s.now)
	must(err)
	s.shipping = shipping.New(shipping.Config{Store: s.shippingStore, Carrier: carrier.NewSimulated(carrierStep, s.now), Quotes: s.quotes, Now: s.now, Log: log})
	notificationsStore, err := notificationsmongo.New(ctx, s.db, s.now)
	must(err)
	s.notifications, err = notifications.New(notifications.Config{Store: notificationsStore, Mail: &s.mails, From: "Shop <shop@shop.test>",
		PublicURL: "http://shop.test", Secret: []byte("a secret of this test"), Now: s.now, Log: log, Senders: 2})
	must(err)
	reviewsStore, err := reviewsmongo.New(ctx, s.db, s.now)
	must(err)
	s.reviews = reviews.New(reviews.Config{Store: reviewsStore, Now: s.now, Log: log, AutoPublish: true})
	server, err := embeddedredis.Start(ctx, embeddedredis.Config{Addr: "127.0.0.1:0"})
	must(err)
	cache, err := redis.Connect(ctx, server.URL())
	must(err)
	t.Cleanup(func() { cache.Close(); server.Close() })
	productsStore, err := productsmongo.New(ctx, s.db, s.now)
	must(err)
	s.products = products.New(products.Config{Store: productsStore, Redis: cache, Currency: "EUR", Now: s.now, Log: log})
	usersStore, err := usersmongo.New(ctx, s.db, s.now)
	must(err)
	s.users = users.New(users.Config{Store: usersStore, Now: s.now, Log: log})
	s.parts = []*shopPart{
		{"orders", Orders(s.orders), s.ordersStore.Outboxes(), []string{"orders", "prices", "discounts"}},
		{"inventory", Inventory(s.inventory), inventoryStore.Outboxes(), []string{"stock", "reservations"}},
		{"payments", Payments(s.payments), s.paymentsStore.Outboxes(), []string{"payments"}},
		{"shipping", Shipping(s.shipping), s.shippingStore.Outboxes(), []string{"shipments"}},
		{"notifications", Notifications(s.notifications), notificationsStore.Outboxes(), []string{"notifications", "contacts", "people", "watches"}},
		{"reviews", Reviews(s.reviews), reviewsStore.Outboxes(), []string{"reviews", "ratings", "purchases"}},
		{"products", Products(s.products), productsStore.Outboxes(), []string{"products"}},
		{"users", Group{Handlers: &Handlers{}}, usersStore.Outboxes(), nil},
	}
	return s
}

func (s *shop) part(name string) *shopPart {
	return s.parts[slices.IndexFunc(s.parts, func(p *shopPart) bool { return p.name == name })]
}

// now is the time, moved by later or held by at.
func (s *shop) now() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.fixed.IsZero() {
		return s.fixed
	}
	return time.Now().Add(s.offset)
}

// later does something as if so much time had passed.
func (s *shop) later(d time.Duration, do func() error) error {
	s.move(d)
	defer s.move(-d)
	return do()
}

func (s *shop) move(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.offset += d
}

// at does something as if it were t.
func (s *shop) at(t time.Time, do func() error) error {
	hold := func(t time.Time) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.fixed = t
	}
	hold(t)
	defer hold(time.Time{})
	return do()
}

// collect takes out what a part wants published, in order per document.
func (s *shop) collect(ctx context.Context, p *shopPart) ([]outbox.Record, error) {
	var all []outbox.Record
	for _, box := range p.boxes {
		ids, err := box.Pending(ctx, time.Now().Add(1000*time.Hour), 10_000)
		if err != nil || len(ids) == 0 {
			if err != nil {
				return nil, err
			}
			continue
		}
		entries, err := box.Load(ctx, ids)
		if err != nil {
			return nil, err
		}
		done := map[string][]string{}
		for _, id := range slices.Sorted(maps.Keys(entries)) {
			for _, r := range entries[id] {
				all = append(all, r)
				done[id] = append(done[id], r.ID)
			}
		}
		if err := box.Remove(ctx, done); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// deliver calls a part's handlers of an event, as the runner does.
func (s *shop) deliver(ctx context.Context, p *shopPart, r outbox.Record) error {
	e, err := events.Decode(r.Type, r.Data)
	if err != nil {
		return err
	}
	ctx = eventmeta.With(ctx, eventmeta.Meta{EventID: r.ID, EventType: r.Type, Key: r.Key, Topic: r.Topic, Time: r.Time, Attempt: 1})
	for _, h := range p.handlers(r) {
		if err := h.call(ctx, e); err != nil {
			return fmt.Errorf("%s handles %s of %s: %w", p.name, r.Type, r.Key, err)
		}
	}
	return nil
}

func (p *shopPart) handlers(r outbox.Record) []handler {
	list, _ := p.group.Handlers.of(&kafka.Record{Topic: r.Topic, Headers: []kafka.Header{{Key: events.HeaderType, Value: r.Type}}})
	return list
}

// mailbox keeps what was mailed, by message id.
type mailbox struct {
	mu   sync.Mutex
	sent map[string]int
}

func (m *mailbox) Send(_ context.Context, msg mail.Message) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.sent == nil {
		m.sent = map[string]int{}
	}
	m.sent[msg.MessageID+" "+msg.Headers["X-Storefront-Kind"]]++
	return nil
}

func (m *mailbox) list() map[string]int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return maps.Clone(m.sent)
}
