package orders

import (
	"strings"
	"time"

	"storefront/internal/errs"
	"storefront/internal/money"
)

// maxTotal bounds a line and a cart, in minor units: what is below can be multiplied by a share of
// 10,000 basis points without overflow.
const maxTotal = 100_000_000_000_000

// maxGrams bounds a cart's weight, 2,000 t: what is heavier is no parcel, and no Int of GraphQL.
const maxGrams = 2_000_000_000

// Cart is a basket at the prices of now.
type Cart struct {
	Basket
	Lines          []CartLine
	Subtotal       money.Money
	Discount       money.Money
	Shipping       *money.Money
	Total          money.Money
	Grams          int
	ShippingMethod *string
	ShippingTitle  *string
	Problems       []*errs.Error // what has to be mended before placeOrder

	productIDs []string // of Lines
	grams      []int    // one unit of each of Lines
}

// CartLine is a quantity of a SKU at its price now.
type CartLine struct {
	ID        string
	SKU       string
	Title     string
	Quantity  int
	UnitPrice money.Money
	Total     money.Money
}

// Variant is what products knows of a SKU.
type Variant struct{ SKU string }

// IsEntity says that the router can ask for a cart by its id.
func (Cart) IsEntity() {}

// Variant is where the line's SKU is described.
func (l CartLine) Variant() *Variant { return &Variant{SKU: l.SKU} }

// priced computes a basket's cart. discount is the code in the basket, nil when there is none or no
// such code.
func priced(b Basket, prices map[string]Price, discount *Discount, now time.Time) *Cart {
	zero := money.New(0, b.Currency)
	c := &Cart{Basket: b, Lines: make([]CartLine, len(b.Items)), Subtotal: zero, Discount: zero,
		productIDs: make([]string, len(b.Items)), grams: make([]int, len(b.Items))}
	if len(b.Items) == 0 {
		c.problem("EMPTY", []string{"lines"}, "the cart is empty")
	}
	for i, item := range b.Items {
		p := prices[item.SKU]
		unit, ok := p.In(b.Currency)
		line := CartLine{ID: LineID(item.SKU), SKU: item.SKU, Title: p.Title, Quantity: item.Quantity, UnitPrice: zero, Total: zero}
		switch {
		case !p.ForSale():
			c.problem("NOT_FOR_SALE", lineField(i, "sku"), "%s is no longer for sale", item.SKU)
		case !ok:
			c.problem("NO_PRICE", lineField(i, "sku"), "%s has no price in %s", item.SKU, b.Currency)
		case unit.Amount > maxTotal/int64(item.Quantity):
			c.problem("TOO_LARGE", lineField(i, "quantity"), "this many of %s cost more than one order may; order fewer", item.SKU)
		default:
			line.UnitPrice, line.Total = unit, unit.Times(item.Quantity)
		}
		if line.Title == "" {
			line.Title = item.SKU
		}
		c.Lines[i], c.productIDs[i], c.grams[i] = line, p.ProductID, p.Grams
		c.Subtotal = c.Subtotal.Add(line.Total)
		c.Grams += p.Grams * item.Quantity
	}
	if c.Grams > maxGrams {
		c.Grams = maxGrams
		c.problem("TOO_LARGE", []string{"lines"}, "this cart weighs more than any order may; split it")
	}
	if c.Subtotal.Amount > maxTotal {
		c.problem("TOO_LARGE", []string{"lines"}, "this cart costs more than one order may; split it")
	} else {
		c.takeOff(discount, now)
	}
	c.Total = c.Subtotal.Sub(c.Discount)
	c.checkContact()
	c.ship(now)
	return c
}

// takeOff applies the discount code, or says why it cannot.
func (c *Cart) takeOff(d *Discount, now time.Time) {
	if c.DiscountCode == nil {
		return
	}
	if d == nil {
		c.problem("DISCOUNT_INVALID", []string{"discountCode"}, "there is no discount code %s", *c.DiscountCode)
		return
	}
	if err := d.check(c.Subtotal, now); err != nil {
		c.Problems = append(c.Problems, err)
		return
	}
	c.Discount = d.off(c.Subtotal)
}

func (c *Cart) checkContact() {
	if c.Email == nil {
		c.problem("MISSING", []string{"email"}, "a mail address is missing; set it with cartAddressSet")
	}
	a := c.ShippingAddress
	if a == nil {
		c.problem("MISSING", []string{"shippingAddress"}, "the shipping address is missing; set it with cartAddressSet")
		return
	}
	for _, part := range []struct{ name, value string }{
		{"name", a.Name}, {"line1", a.Line1}, {"city", a.City}, {"country", a.Country},
	} {
		if strings.TrimSpace(part.value) == "" {
			c.problem("MISSING", []string{"shippingAddress", part.name}, "the shipping address has no %s", part.name)
		}
	}
}

// ship adds the price of the shipping rate, and checks that the rate still fits the cart.
func (c *Cart) ship(now time.Time) {
	if c.Rate == nil {
		c.problem("MISSING", []string{"shippingMethod"}, "no shipping method is chosen; set one with cartShippingMethodSet")
		return
	}
	r := *c.Rate
	c.ShippingMethod, c.ShippingTitle = &r.Method, &r.Title
	if err := c.rateFits(r, now); err != nil {
		c.Problems = append(c.Problems, err)
	}
	if r.Price.Currency == c.Currency {
		c.Shipping = &r.Price
		c.Total = c.Total.Add(r.Price)
	}
}

// rateFits says why a quote is not for this cart as it is now.
func (c *Cart) rateFits(r Rate, now time.Time) *errs.Error {
	why := ""
	switch {
	case now.After(r.ExpiresAt):
		why = "the shipping quote has expired"
	case r.Price.Currency != c.Currency:
		why = "the shipping quote is in " + r.Price.Currency + ", the cart in " + c.Currency
	case c.ShippingAddress != nil && c.ShippingAddress.Country != r.Country:
		why = "the shipping quote is for " + r.Country + ", the parcel goes to " + c.ShippingAddress.Country
	case c.Grams > r.Grams:
		why = "the cart has become heavier than the shipping quote allows"
	case r.Value.Currency == c.Currency && c.Subtotal.Amount < r.Value.Amount:
		why = "the shipping quote was made for a dearer cart"
	default:
		return nil
	}
	return &errs.Error{Code: "SHIPPING_QUOTE_STALE", Field: []string{"shippingMethod"},
		Message: why + "; take a fresh one from cart.shippingRates.quote"}
}

func (c *Cart) problem(code errs.Code, field []string, format string, args ...any) {
	e := errs.Input(field, format, args...)
	e.Code = code
	c.Problems = append(c.Problems, e)
}

// IsEntity says that a variant is known by its SKU; only products answers for it.
func (Variant) IsEntity() {}
