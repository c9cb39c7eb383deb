package orders

import (
	"context"
	"errors"
	"regexp"
	"slices"

	"storefront/internal/errs"
	"storefront/internal/id"
	"storefront/internal/identity"
	"storefront/internal/postal"
)

var ownerID = regexp.MustCompile(`^(usr|gst)_[0-9A-Z]{26}$`)

// CreateCart opens a cart. The token is for a visitor who is nobody yet: it makes them the guest who
// owns the cart, and is not kept anywhere.
func (s *Service) CreateCart(ctx context.Context, in CartInput) (cart *Cart, guestToken string, err error) {
	who := identity.From(ctx)
	b := &Basket{ID: id.New("crt"), Owner: who.Owner(), Currency: s.defaultCurrency, Items: []Item{}, Open: true, Locale: who.Locale}
	if in.Currency != nil {
		b.Currency = *in.Currency
	}
	if who.SignedIn() && postal.CheckEmail(nil, who.Email) == nil {
		b.Email = &who.Email
	}
	if in.Customer != nil && !who.Owns(*in.Customer) {
		if err := who.RequireStaff(); err != nil {
			return nil, "", err
		}
		if !ownerID.MatchString(*in.Customer) {
			return nil, "", errs.Input([]string{"customer"}, "a customer's id is usr_ or gst_ and 26 characters")
		}
		b.Owner, b.Locale, b.Email = *in.Customer, "", nil
	}
	if b.Owner == "" {
		guestToken = id.Token()
		b.Owner = identity.GuestID(guestToken)
	}
	if in.Email != nil {
		if err := postal.CheckEmail([]string{"email"}, *in.Email); err != nil {
			return nil, "", err
		}
		b.Email = in.Email
	}
	most := MaxLinesChange
	if who.Staff() {
		most = MaxLines
	}
	if err := s.checkLines(ctx, in.Lines, b.Currency, most); err != nil {
		return nil, "", err
	}
	if err := b.add(in.Lines); err != nil {
		return nil, "", err
	}
	b.CreatedAt = s.now()
	b.touch(b.CreatedAt)
	if err := s.store.InsertBasket(ctx, b); err != nil {
		return nil, "", err
	}
	cart, err = s.price(ctx, *b)
	return cart, guestToken, err
}

// checkLines checks each line alone: quantity, and a SKU that is for sale in the currency.
func (s *Service) checkLines(ctx context.Context, lines []CartLineInput, currency string, most int) error {
	if len(lines) > most {
		return errs.Input([]string{"lines"}, "at most %d lines at once; this has %d", most, len(lines))
	}
	skus := make([]string, len(lines))
	for n, line := range lines {
		if err := line.validate(n); err != nil {
			return err
		}
		skus[n] = line.Sku
	}
	prices, err := s.prices(ctx, skus)
	if err != nil {
		return err
	}
	var wrong []error
	for n, line := range lines {
		p := prices[line.Sku]
		_, priced := p.In(currency)
		switch {
		case !p.Known():
			wrong = append(wrong, errs.Input(lineField(n, "sku"), "there is no SKU %s", line.Sku))
		case !p.ForSale():
			wrong = append(wrong, errs.Input(lineField(n, "sku"), "%s is not for sale", line.Sku))
		case !priced:
			wrong = append(wrong, errs.Input(lineField(n, "sku"), "%s has no price in %s", line.Sku, currency))
		}
	}
	return errors.Join(wrong...)
}

func (s *Service) prices(ctx context.Context, skus []string) (map[string]Price, error) {
	if len(skus) == 0 {
		return map[string]Price{}, nil
	}
	return s.store.Prices(ctx, skus)
}

// Carts returns the caller's carts among ids at current prices, in the order asked; nil for one that is
// not there or not theirs to see. All prices are read at once.
func (s *Service) Carts(ctx context.Context, ids []string) ([]*Cart, error) {
	return s.carts(ctx, ids, false)
}

// carts is Carts; placing leaves the usage limits of discount codes to Store.HoldDiscount, which knows
// whether a cart holds a use already.
func (s *Service) carts(ctx context.Context, ids []string, placing bool) ([]*Cart, error) {
	who, now := identity.From(ctx), s.now()
	found, err := s.store.Baskets(ctx, ids)
	if err != nil {
		return nil, err
	}
	var visible []Basket
	for cartID, b := range found {
		if !who.MaySee(b.Owner) || now.After(b.ExpiresAt) {
			delete(found, cartID)
			continue
		}
		visible = append(visible, b)
	}
	carts, err := s.priceAll(ctx, visible, placing)
	if err != nil {
		return nil, err
	}
	list := make([]*Cart, len(ids))
	for i, cartID := range ids {
		list[i] = carts[cartID]
	}
	return list, nil
}

// Cart returns one cart, nil when there is none that the caller may see.
func (s *Service) Cart(ctx context.Context, cartID string) (*Cart, error) {
	list, err := s.Carts(ctx, []string{cartID})
	if err != nil {
		return nil, err
	}
	return list[0], nil
}

// MyCart returns the caller's open cart that changed last, nil when there is none.
func (s *Service) MyCart(ctx context.Context) (*Cart, error) {
	owner := identity.From(ctx).Owner()
	if owner == "" {
		return nil, nil
	}
	b, err := s.store.LatestBasket(ctx, owner)
	if errs.Is(err, errs.NotFound) || err == nil && s.now().After(b.ExpiresAt) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return s.price(ctx, b)
}

func (s *Service) price(ctx context.Context, b Basket) (*Cart, error) {
	carts, err := s.priceAll(ctx, []Basket{b}, false)
	return carts[b.ID], err
}

func (s *Service) priceAll(ctx context.Context, baskets []Basket, placing bool) (map[string]*Cart, error) {
	var skus, codes []string
	for _, b := range baskets {
		for _, item := range b.Items {
			skus = append(skus, item.SKU)
		}
		if b.DiscountCode != nil {
			codes = append(codes, *b.DiscountCode)
		}
	}
	slices.Sort(skus)
	prices, err := s.prices(ctx, slices.Compact(skus))
	if err != nil {
		return nil, err
	}
	discounts := map[string]Discount{}
	if len(codes) > 0 {
		if discounts, err = s.store.Discounts(ctx, codes); err != nil {
			return nil, err
		}
	}
	now := s.now()
	carts := make(map[string]*Cart, len(baskets))
	for _, b := range baskets {
		var discount *Discount
		if b.DiscountCode != nil {
			if d, ok := discounts[*b.DiscountCode]; ok {
				if discount = &d; placing {
					d.UsageLimit = nil
				}
			}
		}
		carts[b.ID] = priced(b, prices, discount, now)
	}
	return carts, nil
}

// changeCart changes a cart that is the caller's to change, and returns it at current prices.
func (s *Service) changeCart(ctx context.Context, cartID string, change func(*Basket) error) (*Cart, error) {
	who, now := identity.From(ctx), s.now()
	b, err := s.store.UpdateBasket(ctx, cartID, func(b *Basket) error {
		if !who.MaySee(b.Owner) || now.After(b.ExpiresAt) {
			return noCart()
		}
		if err := b.changeable(); err != nil {
			return err
		}
		if err := change(b); err != nil {
			return err
		}
		b.touch(now)
		return nil
	})
	if errs.Is(err, errs.NotFound) {
		return nil, noCart()
	}
	if err != nil {
		return nil, err
	}
	return s.price(ctx, b)
}

func noCart() error {
	return &errs.Error{Code: errs.NotFound, Field: []string{"cartId"}, Message: "there is no such cart; open one with cartCreate"}
}

// AddLines adds quantities of SKUs.
func (s *Service) AddLines(ctx context.Context, cartID string, lines []CartLineInput) (*Cart, error) {
	cart, err := s.Cart(ctx, cartID)
	if err != nil {
		return nil, err
	}
	if cart == nil {
		return nil, noCart()
	}
	if err := s.checkLines(ctx, lines, cart.Currency, MaxLinesChange); err != nil {
		return nil, err
	}
	return s.changeCart(ctx, cartID, func(b *Basket) error { return b.add(lines) })
}

// UpdateLines sets quantities; 0 removes a line.
func (s *Service) UpdateLines(ctx context.Context, cartID string, lines []CartLineUpdateInput) (*Cart, error) {
	if len(lines) > MaxLinesChange {
		return nil, errs.Input([]string{"lines"}, "at most %d lines at once; this has %d", MaxLinesChange, len(lines))
	}
	for n, line := range lines {
		if line.Quantity < 0 || line.Quantity > MaxQuantity {
			return nil, errs.Input(lineField(n, "quantity"), "a quantity is between 0, which removes the line, and %d", MaxQuantity)
		}
	}
	return s.changeCart(ctx, cartID, func(b *Basket) error { return b.update(lines) })
}

// RemoveLines takes lines out.
func (s *Service) RemoveLines(ctx context.Context, cartID string, lineIDs []string) (*Cart, error) {
	if len(lineIDs) > MaxLinesChange {
		return nil, errs.Input([]string{"lineIds"}, "at most %d lines at once; this has %d", MaxLinesChange, len(lineIDs))
	}
	return s.changeCart(ctx, cartID, func(b *Basket) error { b.remove(lineIDs); return nil })
}

// SetAddress says where the parcel goes, and who gets the mails.
func (s *Service) SetAddress(ctx context.Context, cartID string, a postal.Address, email *string) (*Cart, error) {
	if err := a.Check(); err != nil { // what is missing is the cart's problem until the order is placed
		return nil, err
	}
	if email != nil {
		if err := postal.CheckEmail([]string{"email"}, *email); err != nil {
			return nil, err
		}
	}
	return s.changeCart(ctx, cartID, func(b *Basket) error {
		b.ShippingAddress = &a
		if email != nil {
			b.Email = email
		}
		return nil
	})
}

// SetRate chooses how the parcel goes, by a rate that shipping signed.
func (s *Service) SetRate(ctx context.Context, cartID, token string) (*Cart, error) {
	q, err := s.quotes.Open(token, s.now())
	if err != nil {
		return nil, err
	}
	cart, err := s.Cart(ctx, cartID)
	if err != nil {
		return nil, err
	}
	if cart == nil {
		return nil, noCart()
	}
	rate := rateOf(q)
	if err := cart.rateFits(*rate, s.now()); err != nil {
		return nil, errs.Input([]string{"rate"}, "%s", err.Message)
	}
	return s.changeCart(ctx, cartID, func(b *Basket) error { b.Rate = rate; return nil })
}

// SetDiscountCode puts a code on the cart; nil or "" takes it off.
func (s *Service) SetDiscountCode(ctx context.Context, cartID string, code *string) (*Cart, error) {
	if code == nil || normalCode(*code) == "" {
		return s.changeCart(ctx, cartID, func(b *Basket) error { b.DiscountCode = nil; return nil })
	}
	cart, err := s.Cart(ctx, cartID)
	if err != nil {
		return nil, err
	}
	if cart == nil {
		return nil, noCart()
	}
	normal := normalCode(*code)
	if !validCode(normal) {
		return nil, errs.Input([]string{"code"}, "a code has 3 to 32 letters, digits, - or _")
	}
	found, err := s.store.Discounts(ctx, []string{normal})
	if err != nil {
		return nil, err
	}
	d, ok := found[normal]
	if !ok {
		return nil, errs.Input([]string{"code"}, "there is no discount code %s", normal)
	}
	if err := d.check(cart.Subtotal, s.now()); err != nil {
		return nil, errs.Input([]string{"code"}, "%s", err.Message)
	}
	return s.changeCart(ctx, cartID, func(b *Basket) error { b.DiscountCode = &normal; return nil })
}

// CreateDiscount makes a code. Staff only.
func (s *Service) CreateDiscount(ctx context.Context, in DiscountInput) (*Discount, error) {
	if err := identity.From(ctx).RequireStaff(); err != nil {
		return nil, err
	}
	d, err := discountFrom(in)
	if err != nil {
		return nil, err
	}
	err = s.store.InsertDiscount(ctx, d)
	if errors.Is(err, ErrExists) {
		return nil, &errs.Error{Code: errs.Conflict, Field: []string{"code"}, Message: "the code " + d.Code + " exists already"}
	}
	if err != nil {
		return nil, err
	}
	return d, nil
}
