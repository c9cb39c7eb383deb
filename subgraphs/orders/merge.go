package orders

import (
	"context"
	"errors"

	"storefront/internal/errs"
	"storefront/internal/id"
	"storefront/internal/identity"
	"storefront/internal/postal"
)

// MergeCart makes a guest's cart the signed-in person's: its lines go into the person's open cart that
// changed last, or into a new one. It first closes the guest's cart towards that cart and then adds the
// lines there, once; so a repeat, also after a crash in between, ends the same.
func (s *Service) MergeCart(ctx context.Context, guestCartID string) (*Cart, error) {
	who := identity.From(ctx)
	if who.User == "" || who.Guest == "" {
		return nil, errs.New(errs.Unauthenticated, "send both the bearer token and the header x-guest-token")
	}
	for range 3 {
		target, err := s.mergeTarget(ctx, who)
		if err != nil {
			return nil, err
		}
		guest, err := s.store.UpdateBasket(ctx, guestCartID, func(b *Basket) error {
			switch {
			case b.Owner != who.Guest || s.now().After(b.ExpiresAt):
				return errs.New(errs.NotFound, "no such cart")
			case b.OrderID != "":
				return errs.New(errs.Conflict, "this cart has become order %s already", b.OrderID)
			case b.MergedInto == "":
				b.MergedInto, b.Open = target, false
			}
			return nil
		})
		if errs.Is(err, errs.NotFound) {
			return nil, &errs.Error{Code: errs.NotFound, Field: []string{"guestCartId"}, Message: "there is no such cart of this guest"}
		}
		if err != nil {
			return nil, err
		}
		cart, err := s.absorb(ctx, guest, who)
		if !errors.Is(err, errTargetClosed) {
			return cart, err
		}
		// The cart meant to take the lines was ordered before it got them: look for another.
		if _, err := s.store.UpdateBasket(ctx, guestCartID, func(b *Basket) error {
			if b.MergedInto == guest.MergedInto {
				b.MergedInto = ""
			}
			return nil
		}); err != nil {
			return nil, err
		}
	}
	return nil, errs.New(errs.Unavailable, "your cart is changing too fast; try again")
}

var errTargetClosed = errors.New("the cart to merge into is closed")

// mergeTarget is the id of the person's latest open cart, or a fresh one.
func (s *Service) mergeTarget(ctx context.Context, who identity.Identity) (string, error) {
	b, err := s.store.LatestBasket(ctx, who.User)
	if errs.Is(err, errs.NotFound) || err == nil && s.now().After(b.ExpiresAt) {
		return id.New("crt"), nil
	}
	return b.ID, err
}

// absorb adds the guest's lines to the cart it was closed towards, which it opens when it is not there.
func (s *Service) absorb(ctx context.Context, guest Basket, who identity.Identity) (*Cart, error) {
	now := s.now()
	fresh := &Basket{ID: guest.MergedInto, Owner: who.User, Currency: guest.Currency, Items: []Item{}, Open: true,
		Locale: who.Locale, CreatedAt: now}
	if postal.CheckEmail(nil, who.Email) == nil {
		fresh.Email = &who.Email
	}
	fresh.absorb(guest)
	fresh.touch(now)
	b, err := s.store.UpdateBasket(ctx, guest.MergedInto, func(b *Basket) error {
		before := len(b.Merged)
		b.absorb(guest)
		switch {
		case b.Owner != who.User:
			return errs.New(errs.Conflict, "this cart went to another person at sign-in")
		case len(b.Merged) == before:
			return nil // it has them already, whatever became of it since
		case b.changeable() != nil:
			return errTargetClosed
		}
		b.touch(now)
		return nil
	})
	if errs.Is(err, errs.NotFound) {
		err = s.store.InsertBasket(ctx, fresh)
		if errors.Is(err, ErrExists) {
			return s.absorb(ctx, guest, who)
		}
		b = *fresh
	}
	if err != nil {
		return nil, err
	}
	return s.price(ctx, b)
}
