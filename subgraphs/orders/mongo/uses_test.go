package mongo_test

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	driver "go.mongodb.org/mongo-driver/v2/mongo"

	"storefront/internal/embedded/mongodb/mongotest"
	"storefront/subgraphs/orders"
	"storefront/subgraphs/orders/mongo"
)

// codes is a store with one code, CODE.
type codes struct {
	*mongo.Store
	t  *testing.T
	db *driver.Database
}

func newCode(t *testing.T, document bson.D) codes {
	t.Parallel()
	db := mongotest.Database(t)
	s, err := mongo.New(t.Context(), db, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.Collection("discounts").InsertOne(t.Context(), append(bson.D{{Key: "_id", Value: "CODE"}, {Key: "basisPoints", Value: 500}}, document...)); err != nil {
		t.Fatal(err)
	}
	return codes{s, t, db}
}

var start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func (c codes) hold(cart string, at time.Time, want bool) {
	c.t.Helper()
	if held, err := c.HoldDiscount(c.t.Context(), "CODE", cart, at); err != nil || held != want {
		c.t.Errorf("%s holds a use: %v %v, want %v", cart, held, err, want)
	}
}

func (c codes) must(err error) {
	c.t.Helper()
	if err != nil {
		c.t.Fatal(err)
	}
}

func (c codes) used(want int) {
	c.t.Helper()
	found, err := c.Discounts(c.t.Context(), []string{"CODE"})
	if err != nil || found["CODE"].Used != want {
		c.t.Errorf("%d uses are counted (%v), want %d", found["CODE"].Used, err, want)
	}
}

// held lists the carts that hold uses since before t.
func (c codes) held(before time.Time, want ...string) []orders.DiscountHold {
	c.t.Helper()
	list, err := c.HeldDiscounts(c.t.Context(), before, 100)
	carts := []string{}
	for _, h := range list {
		carts = append(carts, h.CartID)
	}
	if err != nil || fmt.Sprint(carts) != fmt.Sprint(want) {
		c.t.Errorf("%v hold uses (%v), want %v", carts, err, want)
	}
	return list
}

// TestCodeOfManyOpenOrders: the document of a code does not grow with the orders that are open.
func TestCodeOfManyOpenOrders(t *testing.T) {
	c := newCode(t, bson.D{{Key: "used", Value: 0}})
	const carts = 400
	var all sync.WaitGroup
	gate := make(chan struct{}, 32)
	for i := range carts {
		gate <- struct{}{}
		all.Go(func() {
			defer func() { <-gate }()
			c.hold(fmt.Sprint("crt_", i), start, true)
		})
	}
	all.Wait()
	c.used(carts)
	raw, err := c.db.Collection("discounts").FindOne(t.Context(), bson.D{{Key: "_id", Value: "CODE"}}).Raw()
	if err != nil || len(raw) > 200 {
		t.Errorf("with %d open orders the code's document has %d bytes (%v)", carts, len(raw), err)
	}
}

// TestUsesComeAndGo: as many carts hold a use as may, and never one more, while others give theirs back.
func TestUsesComeAndGo(t *testing.T) {
	const limit = 7
	c := newCode(t, bson.D{{Key: "used", Value: 0}, {Key: "usageLimit", Value: limit}})
	var holding, granted atomic.Int32
	var all sync.WaitGroup
	for i := range 24 {
		all.Go(func() {
			for round := range 12 {
				cart := fmt.Sprint("crt_", i, "_", round)
				held, err := c.HoldDiscount(t.Context(), "CODE", cart, start)
				if err != nil {
					t.Error(err)
				}
				if !held {
					continue
				}
				granted.Add(1)
				if n := holding.Add(1); n > limit {
					t.Errorf("%d carts hold one of %d uses", n, limit)
				}
				holding.Add(-1)
				for range 2 {
					if err := c.ReleaseDiscount(t.Context(), "CODE", cart); err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
	all.Wait()
	if granted.Load() < limit {
		t.Errorf("only %d were given out", granted.Load())
	}
	c.used(0)
	for i := range limit {
		c.hold(fmt.Sprint("crt_", i), start, true)
	}
	c.hold("crt_more", start, false)
	c.hold("crt_0", start, true)
	c.used(limit)
}

// TestUsesThatWereCountedAndNotMade: whoever counted them was killed before it made them.
// Uses that were given back are not counted, however many they are.
func TestManyUsesGivenBack(t *testing.T) {
	c := newCode(t, bson.D{{Key: "used", Value: 0}})
	for i := range 130 {
		c.hold(fmt.Sprint("c", i), start, true)
	}
	for i := range 125 {
		c.must(c.ReleaseDiscount(t.Context(), "CODE", fmt.Sprint("c", i)))
	}
	c.used(5)
}

func TestUsesThatWereCountedAndNotMade(t *testing.T) {
	c := newCode(t, bson.D{{Key: "used", Value: 3}, {Key: "slots", Value: 3}, {Key: "usageLimit", Value: 3}})
	for i := range 3 {
		c.hold(fmt.Sprint("crt_", i), start, true)
	}
	c.hold("crt_more", start, false)
	c.used(3)
}

// TestUsesOfBefore: a code whose document has its uses, as was so once, goes on with them.
func TestUsesOfBefore(t *testing.T) {
	hold := func(cart string, at any) bson.D { return bson.D{{Key: "cart", Value: cart}, {Key: "at", Value: at}} }
	c := newCode(t, bson.D{{Key: "used", Value: 4}, {Key: "usageLimit", Value: 5}, {Key: "holds", Value: bson.A{ // one is settled
		hold("crt_placing", start), hold("crt_lost", start), bson.D{{Key: "cart", Value: "crt_ordered"}}}}})
	ctx := t.Context()
	later := start.Add(time.Hour)
	c.used(4)
	c.hold("crt_ordered", later, true)
	c.must(c.ConfirmDiscount(ctx, "CODE", "crt_ordered"))
	holds := c.held(later, "crt_placing", "crt_lost")
	c.hold("crt_placing", later, true) // again
	c.hold("crt_new", later, true)
	c.hold("crt_more", later, false)
	c.used(5)
	for range 2 {
		for _, h := range holds {
			c.must(c.AbandonDiscount(ctx, h))
		}
	}
	c.used(4)
	c.held(later)
	c.hold("crt_more", later, true)
	c.hold("crt_another", later, false)
	for range 2 {
		c.must(c.SettleDiscount(ctx, "CODE", "crt_ordered"))
		c.must(c.ReleaseDiscount(ctx, "CODE", "crt_placing"))
		c.must(c.ReleaseDiscount(ctx, "CODE", "crt_more"))
	}
	c.used(3)
	c.hold("crt_another", later, true)
	c.hold("crt_last", later, true)
	c.hold("crt_toolate", later, false)
	c.used(5)
}

// TestUseThatIsTakenAgainIsNotAbandoned, nor is one that has become an order.
func TestUseThatIsTakenAgainIsNotAbandoned(t *testing.T) {
	c := newCode(t, bson.D{{Key: "used", Value: 0}, {Key: "usageLimit", Value: 3}})
	ctx := t.Context()
	c.hold("crt_1", start, true)
	c.hold("crt_2", start.Add(time.Second), true)
	c.hold("crt_3", start.Add(2*time.Second), true)
	holds := c.held(start.Add(time.Minute), "crt_1", "crt_2", "crt_3")
	c.hold("crt_1", start.Add(time.Hour), true)
	c.must(c.ConfirmDiscount(ctx, "CODE", "crt_2"))
	for _, h := range holds {
		c.must(c.AbandonDiscount(ctx, h))
	}
	c.used(2)
	c.hold("crt_4", start, true)
	c.hold("crt_5", start, false)
	c.must(c.SettleDiscount(ctx, "CODE", "crt_2")) // for good
	c.must(c.ReleaseDiscount(ctx, "CODE", "crt_2"))
	c.used(3)
}
