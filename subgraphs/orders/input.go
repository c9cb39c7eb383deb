package orders

import (
	"time"

	"storefront/internal/money"
)

// CartInput opens a cart.
type CartInput struct {
	Currency *string
	Lines    []CartLineInput
	Email    *string
	Customer *string // owner id; staff only
}

// CartLineInput adds a quantity of a SKU.
type CartLineInput struct {
	Sku      string
	Quantity int
}

// CartLineUpdateInput sets a line's quantity.
type CartLineUpdateInput struct {
	ID       string
	Quantity int
}

// PlaceOrderInput names the cart and the payment method.
type PlaceOrderInput struct {
	CartID        string
	PaymentToken  string
	ExpectedTotal *money.Money // what was agreed to; nil for whatever it is
}

// ReturnLineInput is a quantity that came back.
type ReturnLineInput struct {
	Sku      string
	Quantity int
}

// DiscountInput makes a code: BasisPoints or Amount, in Currency.
type DiscountInput struct {
	Code            string
	BasisPoints     *int
	Amount          *int64
	Currency        *string
	MinimumSubtotal *int64
	StartsAt        *time.Time
	EndsAt          *time.Time
	UsageLimit      *int
}
