package consumers

import (
	"context"
	"time"

	"storefront/internal/identity"
	"storefront/loaders/page"
	"storefront/subgraphs/inventory"
	"storefront/subgraphs/orders"
	"storefront/subgraphs/payments"
	"storefront/subgraphs/products"
	"storefront/subgraphs/reviews"
	"storefront/subgraphs/users"
)

// What happens in the story.

// setUp is what a shop has before the story begins, in the story and in every replay.
func (s *shop) setUp(ctx context.Context) error {
	ctx = identity.With(ctx, staff)
	off := 1000
	if _, err := s.orders.CreateDiscount(ctx, orders.DiscountInput{Code: "TENTH", BasisPoints: &off}); err != nil {
		return err
	}
	_, err := s.inventory.Adjust(ctx, []inventory.StockAdjustInput{{SKU: "TEA-S", Delta: 100}, {SKU: "TEA-M", Delta: 50}, {SKU: "CUP", Delta: 1}}, "received", "the first delivery")
	return err
}

func (s *teller) tell(ctx context.Context) {
	if err := s.setUp(ctx); err != nil {
		s.t.Fatal(err)
	}
	asStaff := identity.With(ctx, staff)
	s.say(ctx, s.part("inventory"), -1)
	active := products.Active
	var tea, cup *products.Product
	s.outside(ctx, "products", func() (err error) {
		if tea, err = s.products.CreateProduct(asStaff, products.ProductInput{Title: "Tea", Status: &active,
			Options: []products.ProductOption{{Name: "Size", Values: []string{"S", "M"}}}, Variants: sized(variant("TEA-S", 500), variant("TEA-M", 900))}); err == nil {
			cup, err = s.products.CreateProduct(asStaff, products.ProductInput{Title: "Cup", Status: &active, Variants: []products.VariantInput{variant("CUP", 1200)}})
		}
		return err
	})
	s.settle(ctx)
	for _, who := range []identity.Identity{ada, ben} {
		s.outside(ctx, "users", func() error { _, err := s.users.Me(identity.With(ctx, who)); return err })
	}
	s.settle(ctx)
	s.deliveredAndReturned(ctx, tea.ID, cup.ID)

	for _, name := range []string{"Ben the Second", "Ben the Third"} {
		s.outside(ctx, "users", func() error {
			_, err := s.users.UpdateProfile(identity.With(ctx, ben), users.ProfileInput{Name: &name})
			return err
		})
	}
	s.outside(ctx, "products", func() error { // dearer, then without its second size, which becomes a product of its own
		if _, err := s.products.UpdateProduct(asStaff, tea.ID, products.ProductUpdateInput{Variants: sized(variant("TEA-S", 600), variant("TEA-M", 900))}); err != nil {
			return err
		}
		_, err := s.products.UpdateProduct(asStaff, tea.ID, products.ProductUpdateInput{Variants: sized(variant("TEA-S", 600))})
		return err
	})
	s.settle(ctx)
	time.Sleep(2 * time.Millisecond) // between two products that have the same SKU, the later one counts
	s.outside(ctx, "products", func() error {
		_, err := s.products.CreateProduct(asStaff, products.ProductInput{Title: "Big tea", Status: &active, Variants: []products.VariantInput{variant("TEA-M", 950)}})
		return err
	})
	s.settle(ctx)
	s.whatFails(ctx)
	s.cancellations(ctx)
	s.refundRefused(ctx)

	most := 100
	found, err := s.products.Products(asStaff, page.Args{First: &most}, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	for _, edge := range found.Edges {
		s.catalogue = append(s.catalogue, edge.Node)
	}
}

func sized(variants ...products.VariantInput) []products.VariantInput {
	for i := range variants {
		variants[i].Options = []products.SelectedOption{{Name: "Size", Value: variants[i].SKU[len(variants[i].SKU)-1:]}}
	}
	return variants
}

// deliveredAndReturned: an order comes to the door, is reviewed, and goes back in part, for which somebody
// has waited.
func (s *teller) deliveredAndReturned(ctx context.Context, tea, cup string) {
	review := reviews.ReviewID(ada.User, tea)
	text := "good"
	s.both(ctx, "reviews", review, "review", func(ctx context.Context, s *shop) error {
		_, err := s.reviews.Submit(identity.With(ctx, ada), reviews.ReviewInput{ProductID: tea, Rating: 5, Text: &text})
		return err
	})
	order := s.place(ctx, ada, "tok_visa", "TENTH", line("TEA-S", 2), line("CUP", 1))
	s.settle(ctx)
	s.watch(ctx, order, 8*24*time.Hour)
	s.settle(ctx)
	wished := s.now()
	s.both(ctx, "notifications", "CUP", "wait for the cup", func(ctx context.Context, s *shop) error {
		return s.at(wished, func() error {
			_, err := s.notifications.WatchStock(identity.With(ctx, ben), "CUP")
			return err
		})
	})
	for _, status := range []reviews.ReviewStatus{reviews.Rejected, reviews.Published} {
		s.both(ctx, "reviews", review, "moderate", func(ctx context.Context, s *shop) error {
			_, err := s.reviews.Moderate(identity.With(ctx, staff), review, status, nil)
			return err
		})
	}
	s.arrive(ctx, order)
	s.ends(ctx, order, orders.StatusDelivered)
	s.both(ctx, "reviews", reviews.ReviewID(ada.User, cup), "review", func(ctx context.Context, s *shop) error {
		_, err := s.reviews.Submit(identity.With(ctx, ada), reviews.ReviewInput{ProductID: cup, Rating: 2, Text: &text})
		return err
	})
	for _, back := range []orders.ReturnLineInput{{Sku: "CUP", Quantity: 1}, {Sku: "TEA-S", Quantity: 1}} {
		s.both(ctx, "orders", order, "return "+back.Sku, func(ctx context.Context, s *shop) error {
			_, err := s.orders.ReturnLines(identity.With(ctx, staff), order, []orders.ReturnLineInput{back}, nil, "return of "+back.Sku)
			return err
		})
		s.settle(ctx)
	}
}

// whatFails: sold out, declined, asked by the bank and passed, asked and not passed in time.
func (s *teller) whatFails(ctx context.Context) {
	order := s.place(ctx, ben, "tok_visa", "", line("TEA-S", 1), line("CUP", 5))
	s.settle(ctx)
	s.ends(ctx, order, orders.StatusRejected)
	order = s.place(ctx, ben, "tok_declined", "TENTH", line("TEA-S", 3))
	s.settle(ctx)
	s.ends(ctx, order, orders.StatusCancelled)

	order = s.place(ctx, ada, "tok_3ds", "", line("TEA-M", 2))
	s.settle(ctx)
	s.watch(ctx, order, holdsFor+2*time.Minute)
	s.settle(ctx)
	approved := order
	s.both(ctx, "payments", approved, "the customer approves", func(ctx context.Context, s *shop) error {
		id := payments.PaymentID(approved)
		found, err := s.paymentsStore.Payments(ctx, []string{id})
		if err != nil {
			return err
		}
		charge := found[id].ChargeID
		if err := s.gateway.Decide(charge, true); err != nil {
			return err
		}
		header, body := s.gateway.Sign(id, charge)
		return s.payments.Receive(ctx, header, body)
	})
	s.settle(ctx)
	s.arrive(ctx, order)
	s.ends(ctx, order, orders.StatusDelivered)

	late := s.place(ctx, guest, "tok_3ds", "TENTH", line("TEA-S", 4))
	s.settle(ctx)
	s.both(ctx, "inventory", late, "the reservation runs out", func(ctx context.Context, s *shop) error {
		return s.later(holdsFor+time.Minute, func() error { return s.inventory.Expire(ctx, late) })
	})
	s.settle(ctx)
	s.ends(ctx, late, orders.StatusCancelled)
}

// cancellations: at once, before the parcel has left, after it has, and one that nobody answers.
func (s *teller) cancellations(ctx context.Context) {
	order := s.place(ctx, ada, "tok_visa", "", line("TEA-S", 1))
	s.cancel(ctx, ada, order)
	s.settle(ctx)
	s.ends(ctx, order, orders.StatusCancelled)

	order = s.place(ctx, ada, "tok_visa", "TENTH", line("TEA-S", 2), line("TEA-M", 1))
	s.settle(ctx)
	s.cancel(ctx, ada, order)
	s.settle(ctx)
	s.ends(ctx, order, orders.StatusCancelled)

	order = s.place(ctx, guest, "tok_visa", "", line("TEA-S", 2))
	s.settle(ctx)
	s.carry(ctx, order, 1.5)
	s.cancel(ctx, guest, order)
	s.watch(ctx, order, 2*time.Minute)
	s.settle(ctx)
	s.carry(ctx, order, 2.5)
	s.settle(ctx)
	s.ends(ctx, order, orders.StatusDelivered)

	order = s.place(ctx, ben, "tok_visa", "", line("TEA-M", 3))
	s.settle(ctx)
	s.both(ctx, "orders", order, "return", func(ctx context.Context, s *shop) error {
		_, err := s.orders.ReturnLines(identity.With(ctx, staff), order, []orders.ReturnLineInput{{Sku: "TEA-M", Quantity: 1}}, nil, "on the way back")
		return err
	})
	s.settle(ctx)
	s.cancel(ctx, ben, order)
	s.settle(ctx)
	s.ends(ctx, order, orders.StatusCancelled)
}

// refundRefused: a return whose refund the gateway refuses for good, until staff have it tried again.
func (s *teller) refundRefused(ctx context.Context) {
	order := s.place(ctx, ada, "tok_refund_refused", "", line("TEA-M", 2))
	s.settle(ctx)
	s.arrive(ctx, order)
	s.both(ctx, "orders", order, "return", func(ctx context.Context, s *shop) error {
		_, err := s.orders.ReturnLines(identity.With(ctx, staff), order, []orders.ReturnLineInput{{Sku: "TEA-M", Quantity: 1}}, nil, "one too many")
		return err
	})
	s.settle(ctx)
	s.both(ctx, "payments", order, "retry the refund", func(ctx context.Context, s *shop) error {
		id := payments.PaymentID(order)
		found, err := s.paymentsStore.Payments(ctx, []string{id})
		if err != nil || len(found[id].Refunds) == 0 {
			return err
		}
		_, err = s.payments.RetryRefund(identity.With(ctx, staff), id, found[id].Refunds[0].ID)
		return err
	})
	s.settle(ctx)
	s.ends(ctx, order, orders.StatusDelivered)
}
