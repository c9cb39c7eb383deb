package orders

import (
	"context"
	"errors"
	"unicode/utf8"

	"storefront/internal/errs"
	"storefront/internal/identity"
	"storefront/internal/money"
)

// PlaceOrderResult is one of PlaceOrderSuccess, CartNotReady and IdempotencyConflict.
type PlaceOrderResult interface{ IsPlaceOrderResult() }

// PlaceOrderSuccess is the order that the key stands for.
type PlaceOrderSuccess struct {
	Order   *Order
	Created bool // false when this key had placed it before
}

// CartNotReady says what to mend; nothing was placed.
type CartNotReady struct {
	Cart     *Cart
	Problems []*errs.Error
}

// IdempotencyConflict says that the key stands for another input; nothing was placed.
type IdempotencyConflict struct {
	Message string
	Order   *Order
}

func (PlaceOrderSuccess) IsPlaceOrderResult()   {}
func (CartNotReady) IsPlaceOrderResult()        {}
func (IdempotencyConflict) IsPlaceOrderResult() {}

// PlaceOrder makes a cart an order at the prices of now. One write makes the order and its events; unique
// indexes on owner and key, and on the cart, hold that a key, and a cart, give one order at most, however
// many calls run at once. The discount's use is held before and belongs to the cart, so a repeat holds it
// once; when no order follows, Run gives it back.
func (s *Service) PlaceOrder(ctx context.Context, in PlaceOrderInput, key string) (PlaceOrderResult, error) {
	if n := utf8.RuneCountInString(key); n < 8 || n > 255 {
		return nil, errs.Input([]string{"idempotencyKey"}, "an idempotency key has 8 to 255 characters, such as a UUID; this has %d", n)
	}
	if in.PaymentToken == "" || len(in.PaymentToken) > 512 {
		return nil, errs.Input([]string{"input", "paymentToken"}, "a payment token has 1 to 512 bytes; take one from payments")
	}
	who := identity.From(ctx)
	if who.Owner() == "" {
		return nil, errs.New(errs.Unauthenticated, "sign in, or send the guest token in the header x-guest-token")
	}
	carts, err := s.carts(ctx, []string{in.CartID}, true)
	if err != nil {
		return nil, err
	}
	cart, p := carts[0], placing{in: in, key: key, owner: who.Owner()}
	if cart != nil && cart.Owner != who.Guest { // a person who holds a guest's cart orders it as a person
		p.owner = cart.Owner
	}
	if before, err := s.placedBefore(ctx, p); before != nil || err != nil {
		return before, err
	}
	if cart == nil {
		return nil, &errs.Error{Code: errs.NotFound, Field: []string{"input", "cartId"}, Message: "there is no such cart"}
	}
	if taken, err := s.cartTaken(ctx, p, cart); taken != nil || err != nil {
		return taken, err
	}
	if len(cart.Problems) > 0 {
		return s.notReady(cart)
	}
	if agreed := in.ExpectedTotal; agreed != nil && *agreed != cart.Total {
		cart.problem("TOTAL_CHANGED", []string{"input", "expectedTotal"}, "the cart comes to %s now, not to %s; show that, and place the order with it", cart.Total, agreed)
		return s.notReady(cart)
	}
	if cart.DiscountCode != nil {
		held, err := s.store.HoldDiscount(ctx, *cart.DiscountCode, cart.ID, s.now())
		if err != nil {
			return nil, err
		}
		if !held {
			cart.Total, cart.Discount = cart.Total.Add(cart.Discount), money.New(0, cart.Currency)
			cart.Problems = append(cart.Problems, discountUsedUp(*cart.DiscountCode))
			return s.notReady(cart)
		}
	}
	p.locale = cart.Locale
	if who.Owns(cart.Owner) && who.Locale != "" {
		p.locale = who.Locale
	}
	if p.locale == "" {
		p.locale = s.defaultLocale
	}
	return s.insertOrder(ctx, p, cart)
}

// placing is one call of placeOrder.
type placing struct {
	in     PlaceOrderInput
	key    string
	owner  string // whose order it will be
	locale string
}

func (s *Service) insertOrder(ctx context.Context, p placing, cart *Cart) (PlaceOrderResult, error) {
	o, first := newOrder(p, cart, s.now())
	o.DueAt = o.due(s.stuckAfter)
	err := s.store.InsertOrder(ctx, o, first...)
	if errors.Is(err, ErrExists) { // another call was first, with this key or with this cart
		if err := s.overtaken(ctx, cart); err != nil {
			return nil, err
		}
		if before, err := s.placedBefore(ctx, p); before != nil || err != nil {
			return before, err
		}
		if taken, err := s.cartTaken(ctx, p, cart); taken != nil || err != nil {
			return taken, err
		}
	}
	if err != nil {
		return nil, err
	}
	s.closeCart(ctx, o)
	if o.DiscountCode != "" {
		if err := s.store.ConfirmDiscount(ctx, o.DiscountCode, o.CartID); err != nil {
			s.log.WarnContext(ctx, "discount not confirmed after its order was placed", "order", o.ID, "error", err)
		}
	}
	return PlaceOrderSuccess{Order: o, Created: true}, nil
}

// overtaken is for a call that held a code's use for a cart which another had made an order: that may have ended
// meanwhile and have given its use back, before this call took one.
func (s *Service) overtaken(ctx context.Context, cart *Cart) error {
	if cart.DiscountCode == nil {
		return nil
	}
	taken, err := s.store.OrdersByCart(ctx, []string{cart.ID})
	if o, ok := taken[cart.ID]; ok {
		return s.countDiscount(ctx, o, *cart.DiscountCode)
	}
	return err
}

// placedBefore answers a key that the owner has used; nil when it is new.
func (s *Service) placedBefore(ctx context.Context, p placing) (PlaceOrderResult, error) {
	o, err := s.store.OrderByKey(ctx, p.owner, p.key)
	switch {
	case errs.Is(err, errs.NotFound):
		return nil, nil
	case err != nil:
		return nil, err
	}
	return s.again(ctx, p, o)
}

// again answers a key that stands for o.
func (s *Service) again(ctx context.Context, p placing, o Order) (PlaceOrderResult, error) {
	if o.InputHash != p.in.hash() {
		return IdempotencyConflict{Order: &o,
			Message: "this idempotency key has placed order " + o.Number + " with another input; nothing was placed; use a fresh key"}, nil
	}
	s.closeCart(ctx, &o)
	return PlaceOrderSuccess{Order: &o}, nil
}

// cartTaken answers for a cart that has become an order; nil when it has not.
func (s *Service) cartTaken(ctx context.Context, p placing, cart *Cart) (PlaceOrderResult, error) {
	taken, err := s.store.OrdersByCart(ctx, []string{cart.ID})
	if err != nil {
		return nil, err
	}
	switch o, ok := taken[cart.ID]; {
	case ok && o.Owner == p.owner && o.IdempotencyKey == p.key: // by this key, a moment ago
		return s.again(ctx, p, o)
	case ok:
		s.closeCart(ctx, &o)
		cart.Problems = nil
		cart.problem("ALREADY_ORDERED", []string{"cartId"}, "this cart has become order %s already; open a new cart", o.Number)
	case cart.changeable() != nil:
		cart.Problems = nil
		cart.problem("CLOSED", []string{"cartId"}, "%s", cart.changeable().Error())
	default:
		return nil, nil
	}
	return s.notReady(cart)
}

func (s *Service) notReady(cart *Cart) (PlaceOrderResult, error) {
	return CartNotReady{Cart: cart, Problems: cart.Problems}, nil
}

// closeCart notes on the cart that it has become an order. The order itself holds that, so a failure
// here loses nothing: it is logged, and made good at the next repeat.
func (s *Service) closeCart(ctx context.Context, o *Order) {
	_, err := s.store.UpdateBasket(ctx, o.CartID, func(b *Basket) error {
		b.OrderID, b.Open = o.ID, false // no write when it says so already
		return nil
	})
	if err != nil && !errs.Is(err, errs.NotFound) {
		s.log.WarnContext(ctx, "cart not closed after its order was placed", "order", o.ID, "cart", o.CartID, "error", err)
	}
}
