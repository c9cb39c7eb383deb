package orders

import (
	"slices"
	"strconv"
	"time"

	"storefront/internal/errs"
	"storefront/internal/id"
	"storefront/internal/money"
	"storefront/internal/postal"
	"storefront/internal/quote"
	"storefront/internal/sku"
)

// Limits of a cart.
const (
	MaxLines       = 2000    // per cart
	MaxLinesChange = 250     // per mutation; staff may open a cart with MaxLines
	MaxQuantity    = 100_000 // per line
	cartLifetime   = 90 * 24 * time.Hour
)

// Basket is what a customer chose. What it costs is not kept: see Cart.
type Basket struct {
	ID              string          `bson:"_id"`
	Version         int             `bson:"version"`
	Owner           string          `bson:"owner"` // usr_... or gst_...
	Currency        string          `bson:"currency"`
	Items           []Item          `bson:"items"`
	Email           *string         `bson:"email,omitempty"`
	Locale          string          `bson:"locale,omitempty"`
	ShippingAddress *postal.Address `bson:"shippingAddress,omitempty"`
	Rate            *Rate           `bson:"rate,omitempty"`
	DiscountCode    *string         `bson:"discountCode,omitempty"`
	OrderID         string          `bson:"orderId,omitempty"`    // what it became
	MergedInto      string          `bson:"mergedInto,omitempty"` // the person's cart that a guest's went into
	Merged          []string        `bson:"merged,omitempty"`     // guests' carts that went into this one
	Open            bool            `bson:"open"`
	CreatedAt       time.Time       `bson:"createdAt"`
	UpdatedAt       time.Time       `bson:"updatedAt"`
	ExpiresAt       time.Time       `bson:"expiresAt"`
}

// Item is a quantity of one SKU; a basket has at most one item per SKU.
type Item struct {
	SKU      string `bson:"sku"`
	Quantity int    `bson:"quantity"`
}

// Rate is the shipping quote that the customer took.
type Rate struct {
	Method    string      `bson:"method"`
	Title     string      `bson:"title"`
	Price     money.Money `bson:"price"`
	Grams     int         `bson:"grams"`
	Country   string      `bson:"country"`
	Value     money.Money `bson:"value"`
	ExpiresAt time.Time   `bson:"expiresAt"`
}

func rateOf(q quote.Quote) *Rate {
	r := Rate(q)
	r.ExpiresAt = r.ExpiresAt.UTC().Truncate(time.Millisecond)
	return &r
}

// Identity is the basket's id.
func (b *Basket) Identity() (string, *int) { return b.ID, &b.Version }

// LineID is the id of a SKU's line, the same in every cart.
func LineID(sku string) string { return id.Of("cln", sku) }

// touch says that the basket changed: it lives on from now.
func (b *Basket) touch(now time.Time) {
	b.UpdatedAt, b.ExpiresAt = now, now.Add(cartLifetime)
}

// changeable returns an error when the basket has become an order or part of another basket.
func (b *Basket) changeable() error {
	switch {
	case b.OrderID != "":
		return errs.New(errs.Conflict, "this cart has become order %s; open a new cart", b.OrderID)
	case b.MergedInto != "":
		return errs.New(errs.Conflict, "this cart went into cart %s at sign-in; use that one", b.MergedInto)
	}
	return nil
}

// add puts quantities of SKUs in; field is the input path of line i.
func (b *Basket) add(lines []CartLineInput) error {
	at := make(map[string]int, len(b.Items)+len(lines))
	for i, item := range b.Items {
		at[item.SKU] = i
	}
	for n, line := range lines {
		i, ok := at[line.Sku]
		if !ok {
			if len(b.Items) == MaxLines {
				return errs.Input(lineField(n, "sku"), "a cart has at most %d lines", MaxLines)
			}
			i = len(b.Items)
			at[line.Sku] = i
			b.Items = append(b.Items, Item{SKU: line.Sku})
		}
		if b.Items[i].Quantity+line.Quantity > MaxQuantity {
			return errs.Input(lineField(n, "quantity"), "a line has at most %d pieces; this one has %d already", MaxQuantity, b.Items[i].Quantity)
		}
		b.Items[i].Quantity += line.Quantity
	}
	return nil
}

// update sets the quantities of lines; 0 removes a line.
func (b *Basket) update(lines []CartLineUpdateInput) error {
	at := make(map[string]int, len(b.Items))
	for i, item := range b.Items {
		at[LineID(item.SKU)] = i
	}
	for n, line := range lines {
		i, ok := at[line.ID]
		if !ok {
			return errs.Input(lineField(n, "id"), "this cart has no line %s", line.ID)
		}
		b.Items[i].Quantity = line.Quantity
	}
	b.Items = slices.DeleteFunc(b.Items, func(item Item) bool { return item.Quantity == 0 })
	return nil
}

// remove takes lines out; those that are not there are gone already.
func (b *Basket) remove(lineIDs []string) {
	b.Items = slices.DeleteFunc(b.Items, func(item Item) bool { return slices.Contains(lineIDs, LineID(item.SKU)) })
}

// absorb adds what a guest chose, once per guest's basket, within the limits of a cart.
func (b *Basket) absorb(guest Basket) {
	if slices.Contains(b.Merged, guest.ID) {
		return
	}
	for _, item := range guest.Items {
		i := slices.IndexFunc(b.Items, func(mine Item) bool { return mine.SKU == item.SKU })
		switch {
		case i >= 0:
			b.Items[i].Quantity = min(b.Items[i].Quantity+item.Quantity, MaxQuantity)
		case len(b.Items) < MaxLines:
			b.Items = append(b.Items, item)
		}
	}
	if b.Email == nil {
		b.Email = guest.Email
	}
	if b.ShippingAddress == nil {
		b.ShippingAddress = guest.ShippingAddress
	}
	if b.DiscountCode == nil {
		b.DiscountCode = guest.DiscountCode
	}
	b.Merged = append(b.Merged, guest.ID)
}

// validate checks what a line asks for, but not whether the SKU is for sale.
func (in CartLineInput) validate(n int) error {
	if err := sku.Check(lineField(n, "sku"), in.Sku); err != nil {
		return err
	}
	if in.Quantity < 1 || in.Quantity > MaxQuantity {
		return errs.Input(lineField(n, "quantity"), "a quantity is between 1 and %d", MaxQuantity)
	}
	return nil
}

func lineField(n int, name string) []string { return []string{"lines", strconv.Itoa(n), name} }
