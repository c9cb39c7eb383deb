package consumers

import (
	"context"
	"fmt"
	"testing"
	"time"

	"storefront/events"
	"storefront/internal/errs"
	"storefront/internal/identity"
	"storefront/internal/money"
	"storefront/internal/outbox"
	"storefront/internal/quote"
	"storefront/subgraphs/orders"
	"storefront/subgraphs/products"
	"storefront/subgraphs/shipping"
)

// A story is what happened in one shop, once, with every event delivered at once and in order: what the
// redelivery test plays again.

var (
	ada   = identity.Identity{User: identity.UserID("test", "ada"), Name: "Ada", Email: "ada@shop.test", Locale: "en-GB"}
	ben   = identity.Identity{User: identity.UserID("test", "ben"), Name: "Ben", Email: "ben@shop.test", Locale: "de-DE"}
	guest = identity.Identity{Guest: identity.GuestID("a token")}
	staff = identity.Identity{User: identity.UserID("test", "sam"), Name: "Sam", Email: "sam@shop.test", Roles: []string{identity.RoleStaff}}
)

// entry is one thing that happened to one part: an event that was delivered to it, or a command of
// somebody who used it.
type entry struct {
	name    string
	topic   string // "" for a command
	key     string
	record  outbox.Record
	command func(context.Context, *shop) error
	needs   []int // entries of the same part without which it cannot happen, or would be something else
}

// story is all entries, by part.
type story struct {
	acts      map[string][]entry
	catalogue []products.Product
}

// teller records a story while it happens.
type teller struct {
	*shop
	story
	queue  []*said
	heard  func(outbox.Record) // unless nil: is told of each event before it is delivered
	causes map[string][]cause  // by part, of each entry
}

// cause is where an entry comes from.
type cause struct {
	by      *said // the event; nil for a command
	barrier bool  // a command that would be another one if it came before what came before it, or after what came after it
}

// said is an event and where it was said.
type said struct {
	record outbox.Record
	part   string // "" when it was said outside of the story
	entry  int
}

func tell(t *testing.T) story {
	s := &teller{shop: openShop(t), story: story{acts: map[string][]entry{}}, causes: map[string][]cause{}}
	s.tell(t.Context())
	for name, entries := range s.acts {
		for i := range entries {
			entries[i].needs = s.needs(name, i)
		}
	}
	return s.story
}

// say queues what a part has in its outboxes.
func (s *teller) say(ctx context.Context, p *shopPart, entry int) {
	s.t.Helper()
	records, err := s.collect(ctx, p)
	if err != nil {
		s.t.Fatal(err)
	}
	for _, r := range records {
		if s.heard != nil {
			s.heard(r)
		}
		said := &said{record: r, part: p.name, entry: entry}
		if entry < 0 {
			said.part = ""
		}
		s.queue = append(s.queue, said)
	}
}

// settle delivers everything to everybody until all is quiet.
func (s *teller) settle(ctx context.Context) {
	s.t.Helper()
	for len(s.queue) > 0 {
		next := s.queue[0]
		s.queue = s.queue[1:]
		for _, p := range s.parts {
			if len(p.handlers(next.record)) == 0 {
				continue
			}
			if err := s.deliver(ctx, p, next.record); err != nil {
				s.t.Fatal(err)
			}
			r := next.record
			s.acts[p.name] = append(s.acts[p.name], entry{name: r.Type + " of " + r.Key, topic: r.Topic, key: r.Key, record: r})
			s.causes[p.name] = append(s.causes[p.name], cause{by: next})
			s.say(ctx, p, len(s.acts[p.name])-1)
		}
	}
}

// do is a command: it is done now by first, and in every replay by again.
func (s *teller) do(ctx context.Context, part, key, name string, barrier bool, first, again func(context.Context, *shop) error) {
	s.t.Helper()
	if err := first(ctx, s.shop); err != nil {
		s.t.Fatalf("%s: %v", name, err)
	}
	s.acts[part] = append(s.acts[part], entry{name: name, key: key, command: again})
	s.causes[part] = append(s.causes[part], cause{barrier: barrier})
	s.say(ctx, s.part(part), len(s.acts[part])-1)
}

// outside is something that no replay repeats: it only causes events.
func (s *teller) outside(ctx context.Context, part string, do func() error) {
	s.t.Helper()
	if err := do(); err != nil {
		s.t.Fatal(err)
	}
	s.say(ctx, s.part(part), -1)
}

// needs lists what has to be there before an entry: what came before it in its topic and key, or among
// the commands of its key; and what its part had to do for it to be said at all.
func (s *teller) needs(part string, i int) []int {
	list := s.acts[part]
	e, needed := list[i], map[int]bool{}
	for j := range i {
		if other := list[j]; other.key == e.key && (other.topic == e.topic || s.causes[part][i].barrier || s.causes[part][j].barrier) {
			needed[j] = true
		}
	}
	seen := map[*said]bool{}
	var trace func(*said)
	trace = func(by *said) {
		if by == nil || seen[by] || by.part == "" {
			return
		}
		seen[by] = true
		if by.part == part {
			if by.entry < i {
				needed[by.entry] = true
			}
			return
		}
		from := s.causes[by.part][by.entry]
		trace(from.by)
		if from.by == nil { // a command: whatever its part knew of the key by then
			for j, earlier := range s.acts[by.part][:by.entry] {
				if earlier.key == s.acts[by.part][by.entry].key {
					trace(s.causes[by.part][j].by)
				}
			}
		}
	}
	trace(s.causes[part][i].by)
	var sorted []int
	for j := range i {
		if needed[j] {
			sorted = append(sorted, j)
		}
	}
	return sorted
}

// place orders, by the service's own way; a replay puts the order that came of it into the store.
func (s *teller) place(ctx context.Context, who identity.Identity, token, code string, lines ...orders.CartLineInput) string {
	s.t.Helper()
	var o orders.Order
	var said []outbox.Event
	first := func(ctx context.Context, _ *shop) error {
		ctx = identity.With(ctx, who)
		cart, _, err := s.orders.CreateCart(ctx, orders.CartInput{Lines: lines})
		if err != nil {
			return err
		}
		mail := "somebody@shop.test"
		if _, err := s.orders.SetAddress(ctx, cart.ID, berlin, &mail); err != nil {
			return err
		}
		if _, err := s.orders.SetRate(ctx, cart.ID, s.rate(cart)); err != nil {
			return err
		}
		if code != "" {
			if _, err := s.orders.SetDiscountCode(ctx, cart.ID, &code); err != nil {
				return err
			}
		}
		placed, err := s.orders.PlaceOrder(ctx, orders.PlaceOrderInput{CartID: cart.ID, PaymentToken: token}, "key-"+cart.ID)
		if err != nil {
			return err
		}
		success, ok := placed.(orders.PlaceOrderSuccess)
		if !ok {
			return fmt.Errorf("not placed: %+v", placed)
		}
		o = *success.Order
		records, err := s.ordersStore.Outboxes()[0].Load(ctx, []string{o.ID})
		if err != nil {
			return err
		}
		for _, r := range records[o.ID] {
			e, err := events.Decode(r.Type, r.Data)
			if err != nil {
				return err
			}
			said = append(said, e)
		}
		return nil
	}
	again := func(ctx context.Context, s *shop) error {
		placed := o
		if o.DiscountCode != "" {
			if _, err := s.ordersStore.HoldDiscount(ctx, o.DiscountCode, o.CartID, s.now()); err != nil {
				return err
			}
			if err := s.ordersStore.ConfirmDiscount(ctx, o.DiscountCode, o.CartID); err != nil {
				return err
			}
		}
		return s.ordersStore.InsertOrder(ctx, &placed, said...)
	}
	s.do(ctx, "orders", "", "place an order by "+token, false, first, again)
	s.acts["orders"][len(s.acts["orders"])-1].key = o.ID
	return o.ID
}

// rate is what sending a cart costs.
func (s *shop) rate(cart *orders.Cart) string {
	return s.quotes.Sign(quote.Quote{Method: "standard", Title: "Standard", Price: money.New(490, "EUR"), Grams: cart.Grams, Country: "DE",
		Value: cart.Subtotal, ExpiresAt: s.now().Add(quote.Lifetime)})
}

// both is a command that is the same in a replay.
func (s *teller) both(ctx context.Context, part, key, name string, do func(context.Context, *shop) error) {
	s.t.Helper()
	s.do(ctx, part, key, name, true, do, do)
}

// carry lets the carrier tell where an order's parcel is after so many steps.
func (s *teller) carry(ctx context.Context, order string, steps float64) {
	s.t.Helper()
	s.both(ctx, "shipping", order, fmt.Sprintf("the carrier after %v steps", steps), func(ctx context.Context, s *shop) error {
		found, err := s.shippingStore.Shipments(ctx, []string{shipping.ShipmentID(order)})
		if err != nil {
			return err
		}
		return s.later(time.Duration(steps*float64(carrierStep)), func() error { return s.shipping.Follow(ctx, found[shipping.ShipmentID(order)]) })
	})
}

func (s *teller) arrive(ctx context.Context, order string) {
	s.t.Helper()
	for _, steps := range []float64{1.5, 2.5} {
		s.carry(ctx, order, steps)
		s.settle(ctx)
	}
}

// watch lets orders look for those that stand still, after a while.
func (s *teller) watch(ctx context.Context, order string, after time.Duration) {
	s.t.Helper()
	s.both(ctx, "orders", order, "watch", func(ctx context.Context, s *shop) error {
		return s.later(after, func() error { return s.orders.Watch(ctx) })
	})
}

// cancel is the customer's wish, which may come too late.
func (s *teller) cancel(ctx context.Context, who identity.Identity, order string) {
	s.t.Helper()
	first := func(ctx context.Context, s *shop) error {
		_, err := s.orders.CancelOrder(identity.With(ctx, who), order, nil)
		return err
	}
	again := func(ctx context.Context, s *shop) error {
		if err := first(ctx, s); err != nil && !errs.Is(err, errs.Conflict) {
			return err
		}
		return nil
	}
	s.do(ctx, "orders", order, "cancel", false, first, again)
}

// ends checks that an order came to its end, so that the story is what it says it is.
func (s *teller) ends(ctx context.Context, order string, status orders.OrderStatus) {
	s.t.Helper()
	found, err := s.ordersStore.Orders(ctx, []string{order})
	if err != nil {
		s.t.Fatal(err)
	}
	if o := found[order]; o.Status != status {
		s.t.Fatalf("the order is %s, want %s: %+v", o.Status, status, o.History)
	}
}

func line(sku string, quantity int) orders.CartLineInput {
	return orders.CartLineInput{Sku: sku, Quantity: quantity}
}

func variant(sku string, price int64) products.VariantInput {
	grams := 100
	return products.VariantInput{SKU: sku, Title: &sku, Prices: []money.Money{money.New(price, "EUR")}, Grams: &grams}
}
