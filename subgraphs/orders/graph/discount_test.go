package graph_test

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"storefront/events"
	"storefront/internal/identity"
	"storefront/internal/outbox"
	"storefront/subgraphs/orders"
)

// hooked is a store in which something happens just before a call.
type hooked struct {
	orders.Store
	hold, abandon func()
	insert        func() error // instead, when it returns an error
}

func (h *hooked) HoldDiscount(ctx context.Context, code, cartID string, at time.Time) (bool, error) {
	if h.hold != nil {
		h.hold()
	}
	return h.Store.HoldDiscount(ctx, code, cartID, at)
}

func (h *hooked) AbandonDiscount(ctx context.Context, hold orders.DiscountHold) error {
	if h.abandon != nil {
		h.abandon()
	}
	return h.Store.AbandonDiscount(ctx, hold)
}

func (h *hooked) InsertOrder(ctx context.Context, o *orders.Order, list ...outbox.Event) error {
	if h.insert != nil {
		if err := h.insert(); err != nil {
			return err
		}
	}
	return h.Store.InsertOrder(ctx, o, list...)
}

func killed() error { return errors.New("killed") }

// codes are a shop's with one cart of ann's, on which the first of two codes is that one order may use each.
type codes struct {
	*shop
	cart string
}

func newCodes(t *testing.T) codes {
	t.Parallel()
	sh := newShop(t)
	sh.sell(1000, "A")
	sh.must(staff, `mutation{
		a:discountCreate(input:{code:"FIRST",basisPoints:500,usageLimit:1}){userErrors{message}}
		b:discountCreate(input:{code:"OTHER",basisPoints:500,usageLimit:1}){userErrors{message}}}`, nil)
	c := codes{sh, sh.readyCart(ann, 500, line("A", 1))}
	c.set("FIRST")
	return c
}

func (c codes) set(code string) {
	c.t.Helper()
	data := c.must(ann, `mutation($c:ID!,$code:String!){cartDiscountCodeSet(cartId:$c,code:$code){userErrors{message}}}`, map[string]any{"c": c.cart, "code": code})
	if list := at(data, "cartDiscountCodeSet", "userErrors").([]any); len(list) > 0 {
		c.t.Fatal(list)
	}
}

// tryOn places the order on an instance of the service that has another store, and says what went wrong.
func (c codes) tryOn(store *hooked) error {
	store.Store = c.store
	_, err := c.on(store).PlaceOrder(identity.With(c.t.Context(), ann), orders.PlaceOrderInput{CartID: c.cart, PaymentToken: "pm_card"}, "key-00000001")
	return err
}

func (c codes) on(store orders.Store) *orders.Service {
	return orders.New(orders.Config{Store: store, Quotes: c.quotes, Now: c.now, Log: slog.New(slog.DiscardHandler)})
}

func (c codes) placed() string {
	c.t.Helper()
	answer := c.place(ann, c.cart, "key-00000001")
	id, ok := at(answer, "order", "id").(string)
	if !ok || at(answer, "order", "discount", "amount") != 50.0 {
		c.t.Fatalf("not placed with its discount: %v", answer)
	}
	return id
}

func (c codes) rejected(orderID string) {
	c.t.Helper()
	if err := c.service.StockRejected(c.t.Context(), events.StockRejected{OrderID: orderID}); err != nil {
		c.t.Fatal(err)
	}
}

func (c codes) used(first, other int) {
	c.t.Helper()
	found, err := c.store.Discounts(c.t.Context(), []string{"FIRST", "OTHER"})
	if err != nil || found["FIRST"].Used != first || found["OTHER"].Used != other {
		c.t.Errorf("%d and %d uses are counted (%v), want %d and %d", found["FIRST"].Used, found["OTHER"].Used, err, first, other)
	}
}

// TestRepeatKeepsItsUse: a call that failed is repeated in the moment in which its use of the code is to be given back.
func TestRepeatKeepsItsUse(t *testing.T) {
	c := newCodes(t)
	if err := c.tryOn(&hooked{insert: killed}); err == nil {
		t.Fatal("it was to fail")
	}
	c.wait(11 * time.Minute)
	if err := c.on(&hooked{Store: c.store, abandon: func() { c.placed() }}).Watch(t.Context()); err != nil {
		t.Fatal(err)
	}
	c.used(1, 0)
	c.wait(11 * time.Minute)
	if err := c.service.Watch(t.Context()); err != nil {
		t.Fatal(err)
	}
	c.used(1, 0)
}

// TestOvertakenCallHoldsNoUse: an order is placed and has ended before a slower call with its key takes a use.
func TestOvertakenCallHoldsNoUse(t *testing.T) {
	for name, insert := range map[string]func() error{"it learns of the order": nil, "it is killed": killed} {
		t.Run(name, func(t *testing.T) {
			c := newCodes(t)
			err := c.tryOn(&hooked{hold: func() { c.rejected(c.placed()) }, insert: insert})
			if (err == nil) != (insert == nil) {
				t.Fatal(err)
			}
			if insert != nil {
				c.wait(11 * time.Minute)
				if err := c.service.Watch(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			c.used(0, 0)
		})
	}
}

// TestUseOfACodeThatWasChanged: the order of the cart has another code than a call before, which failed.
func TestUseOfACodeThatWasChanged(t *testing.T) {
	c := newCodes(t)
	if err := c.tryOn(&hooked{insert: killed}); err == nil {
		t.Fatal("it was to fail")
	}
	c.set("OTHER")
	order := c.placed()
	c.used(1, 1)
	c.wait(11 * time.Minute)
	if err := c.service.Watch(t.Context()); err != nil {
		t.Fatal(err)
	}
	c.used(0, 1)
	c.rejected(order)
	c.used(0, 0)
}
