package reviews

import (
	"context"
	"slices"
	"strings"

	"storefront/events"
	"storefront/internal/errs"
	"storefront/internal/outbox"
)

// Purchase is what reviews knows of one order. Its two halves come in any order: what was bought, and
// that it arrived.
type Purchase struct {
	OrderID   string   `bson:"_id"`
	Version   int      `bson:"version"`
	Customer  string   `bson:"customer"`
	Products  []string `bson:"products"`
	Delivered bool     `bson:"delivered,omitempty"`
}

// Identity is the order's id and the version.
func (p *Purchase) Identity() (string, *int) { return p.OrderID, &p.Version }

// Place learns what an order holds.
func (s *Service) Place(ctx context.Context, e events.OrderPlaced) error {
	return s.learn(ctx, e.ID, e.Customer, func(p *Purchase) {
		for _, l := range e.Lines {
			if l.ProductID != "" && !slices.Contains(p.Products, l.ProductID) {
				p.Products = append(p.Products, l.ProductID)
			}
		}
	})
}

// Deliver learns that an order arrived.
func (s *Service) Deliver(ctx context.Context, orderID, customer string) error {
	return s.learn(ctx, orderID, customer, func(p *Purchase) { p.Delivered = true })
}

// learn notes a fact; once both are known, the customer's reviews of these products get their mark.
// Guests write no reviews, so their orders are passed over.
func (s *Service) learn(ctx context.Context, orderID, customer string, note func(*Purchase)) error {
	if !strings.HasPrefix(customer, "usr_") {
		return nil
	}
	p, err := s.store.UpsertPurchase(ctx, orderID, func(p *Purchase, exists bool) ([]outbox.Event, error) {
		if !exists {
			*p = Purchase{OrderID: orderID, Customer: customer, Products: []string{}}
		}
		note(p)
		return nil, nil
	})
	if err != nil || !p.Delivered {
		return err
	}
	for batch := range slices.Chunk(p.Products, 100) {
		ids := make([]string, len(batch))
		for i, product := range batch {
			ids[i] = ReviewID(customer, product)
		}
		found, err := s.store.Reviews(ctx, ids)
		if err != nil {
			return err
		}
		for _, r := range found {
			if err := s.verify(ctx, r.ID); err != nil {
				return err
			}
		}
	}
	return nil
}

// verify gives a review its mark.
func (s *Service) verify(ctx context.Context, reviewID string) error {
	_, err := s.store.UpdateReview(ctx, reviewID, func(r *Review) ([]outbox.Event, error) {
		r.VerifiedPurchase = true
		return nil, nil
	})
	if errs.Is(err, errs.NotFound) {
		return nil
	}
	return err
}
