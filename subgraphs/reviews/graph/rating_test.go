package graph_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"storefront/consumers"
	"storefront/events"
	"storefront/internal/identity"
	"storefront/internal/outbox"
	"storefront/subgraphs/reviews"
)

// crashing is a store on which some writes fail, before or after they have taken effect, as they do
// for a process that dies.
type crashing struct {
	reviews.Store
	on   *atomic.Bool
	odds float64
}

var errCrash = errors.New("crash")

func (c crashing) around(write func() error) error {
	if c.on.Load() && rand.Float64() < c.odds {
		return errCrash
	}
	if err := write(); err != nil {
		return err
	}
	if c.on.Load() && rand.Float64() < c.odds {
		return errCrash
	}
	return nil
}

func (c crashing) SaveRating(ctx context.Context, r reviews.Rating, id string, events ...outbox.Event) (saved bool, err error) {
	err = c.around(func() error { saved, err = c.Store.SaveRating(ctx, r, id, events...); return err })
	return saved, err
}

func (c crashing) Unmark(ctx context.Context, product, review string, seq int) error {
	return c.around(func() error { return c.Store.Unmark(ctx, product, review, seq) })
}

func (c crashing) UpdateReview(ctx context.Context, id string, change func(*reviews.Review) ([]outbox.Event, error)) (r reviews.Review, err error) {
	err = c.around(func() error { r, err = c.Store.UpdateReview(ctx, id, change); return err })
	return r, err
}

// TestRatingStaysRight has many people write, replace, delete and moderate reviews of one product at
// once, while sweeps run and writes fail; in the end the histogram is what a recount gives.
func TestRatingStaysRight(t *testing.T) {
	t.Parallel()
	for _, odds := range []float64{0, 0.2} {
		t.Run(fmt.Sprint("failing ", odds), func(t *testing.T) {
			t.Parallel()
			var failing atomic.Bool
			failing.Store(odds > 0)
			sh := newShop(t, true, func(s reviews.Store) reviews.Store { return crashing{s, &failing, odds} })
			const product, authors = "prd_1", 6
			ids := make([]string, authors)
			var wg sync.WaitGroup
			for a := range authors {
				who := identity.Identity{User: fmt.Sprint("usr_", a)}
				ids[a] = reviews.ReviewID(who.User, product)
				for range 2 { // in two tabs
					wg.Go(func() {
						ctx := identity.With(context.Background(), who)
						asStaff := identity.With(context.Background(), staff)
						for range 15 {
							switch rand.IntN(6) {
							case 0:
								sh.service.Delete(ctx, ids[a])
							case 1:
								sh.service.Moderate(asStaff, ids[a], reviews.Rejected, nil)
							case 2:
								sh.service.Moderate(asStaff, ids[a], reviews.Published, nil)
							case 3:
								sh.service.Sweep(ctx, sh.now().Add(time.Hour))
							default:
								sh.service.Submit(ctx, reviews.ReviewInput{ProductID: product, Rating: 1 + rand.IntN(5)})
							}
						}
					})
				}
			}
			wg.Wait()
			failing.Store(false)
			if err := sh.service.Sweep(t.Context(), sh.now().Add(time.Hour)); err != nil {
				t.Fatal(err)
			}
			found, err := sh.store.Reviews(t.Context(), ids)
			if err != nil {
				t.Fatal(err)
			}
			want := make([]int, 5)
			for _, r := range found {
				if r.Status == reviews.Published {
					want[r.Rating-1]++
				}
				if r.UncountedSince != nil || r.Counted != r.Stars() {
					t.Errorf("after the sweep a review is not counted: %+v", r)
				}
			}
			ratings, err := sh.service.Ratings(t.Context(), []string{product})
			if err != nil {
				t.Fatal(err)
			}
			if got := ratings[product].Histogram; !slices.Equal(got, want) {
				t.Errorf("the histogram is %v, a recount gives %v", got, want)
			}
			list := sh.emitted(product)
			if last := list[len(list)-1].(events.RatingChanged); !slices.Equal(last.Histogram, want) {
				t.Errorf("the last event says %v, want %v", last.Histogram, want)
			}
		})
	}
}

func TestVerifiedPurchase(t *testing.T) {
	t.Parallel()
	placed := func(s *reviews.Service) error {
		return s.Place(context.Background(), events.OrderPlaced{ID: "ord_1", Customer: ann.User, Lines: []events.OrderLine{{SKU: "A", ProductID: "prd_1"}, {SKU: "B", ProductID: "prd_1"}, {SKU: "C", ProductID: "prd_2"}}})
	}
	delivered := func(s *reviews.Service) error { return s.Deliver(context.Background(), "ord_1", ann.User) }
	for name, steps := range map[string][]func(*reviews.Service) error{
		"in order": {placed, delivered}, "the other way": {delivered, placed}, "twice": {delivered, delivered, placed, placed, delivered},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			sh := newShop(t, true, plain)
			sh.submit(ann, "prd_1", 5) // before
			sh.submit(ben, "prd_1", 5)
			for i, step := range steps {
				sh.product(ann, "prd_1", `myReview{verifiedPurchase}`, fmt.Sprintf(`{"myReview":{"verifiedPurchase":%t}}`, i > 1 && name != "twice" || i > 2))
				if err := step(sh.service); err != nil {
					t.Fatal(err)
				}
			}
			sh.submit(ann, "prd_2", 5) // after
			sh.submit(ann, "prd_3", 5) // not bought
			for product, want := range map[string]bool{"prd_1": true, "prd_2": true, "prd_3": false} {
				sh.product(ann, product, `myReview{verifiedPurchase}`, fmt.Sprintf(`{"myReview":{"verifiedPurchase":%t}}`, want))
			}
			sh.product(ben, "prd_1", `myReview{verifiedPurchase}`, `{"myReview":{"verifiedPurchase":false}}`)
			if topics := consumers.Reviews(sh.service).Handlers.Topics(); !slices.Equal(topics, []string{events.OrderTopic, events.ShipmentTopic}) {
				t.Errorf("topics: %v", topics)
			}
		})
	}
}
