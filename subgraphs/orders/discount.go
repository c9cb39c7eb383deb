package orders

import (
	"math/bits"
	"slices"
	"strings"
	"time"

	"storefront/internal/errs"
	"storefront/internal/money"
)

// Discount is a code that takes a share or an amount off the lines, never off shipping.
type Discount struct {
	Code            string       `bson:"_id"`
	BasisPoints     *int         `bson:"basisPoints,omitempty"`
	Amount          *money.Money `bson:"amount,omitempty"`
	MinimumSubtotal *money.Money `bson:"minimumSubtotal,omitempty"`
	StartsAt        *time.Time   `bson:"startsAt,omitempty"`
	EndsAt          *time.Time   `bson:"endsAt,omitempty"`
	UsageLimit      *int         `bson:"usageLimit,omitempty"`
	Used            int          `bson:"used"` // by orders that are not given up
}

// discountFrom checks what staff asks for.
func discountFrom(in DiscountInput) (*Discount, error) {
	d := &Discount{Code: normalCode(in.Code), BasisPoints: in.BasisPoints, StartsAt: in.StartsAt, EndsAt: in.EndsAt, UsageLimit: in.UsageLimit}
	switch {
	case !validCode(d.Code):
		return nil, errs.Input([]string{"code"}, "a code has 3 to 32 letters, digits, - or _")
	case (in.BasisPoints == nil) == (in.Amount == nil):
		return nil, errs.Input([]string{"basisPoints"}, "give either basisPoints or amount")
	case in.BasisPoints != nil && (*in.BasisPoints < 1 || *in.BasisPoints > 10_000):
		return nil, errs.Input([]string{"basisPoints"}, "basisPoints is between 1 and 10000, which is 100 %%")
	case in.Amount != nil && (*in.Amount < 1 || *in.Amount > maxTotal):
		return nil, errs.Input([]string{"amount"}, "an amount is at least 1 minor unit and at most %d", int64(maxTotal))
	case (in.Amount != nil || in.MinimumSubtotal != nil) && in.Currency == nil:
		return nil, errs.Input([]string{"currency"}, "an amount needs its currency")
	case in.MinimumSubtotal != nil && (*in.MinimumSubtotal < 0 || *in.MinimumSubtotal > maxTotal):
		return nil, errs.Input([]string{"minimumSubtotal"}, "a minimum is between 0 and %d", int64(maxTotal))
	case in.StartsAt != nil && in.EndsAt != nil && !in.EndsAt.After(*in.StartsAt):
		return nil, errs.Input([]string{"endsAt"}, "endsAt has to be after startsAt")
	case in.UsageLimit != nil && *in.UsageLimit < 1:
		return nil, errs.Input([]string{"usageLimit"}, "usageLimit is at least 1; leave it out for no limit")
	}
	if in.Amount != nil {
		d.Amount = &money.Money{Amount: *in.Amount, Currency: *in.Currency}
	}
	if in.MinimumSubtotal != nil {
		d.MinimumSubtotal = &money.Money{Amount: *in.MinimumSubtotal, Currency: *in.Currency}
	}
	return d, nil
}

func normalCode(code string) string { return strings.ToUpper(strings.TrimSpace(code)) }

func validCode(code string) bool {
	return len(code) >= 3 && len(code) <= 32 && strings.IndexFunc(code, func(r rune) bool {
		return !(r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '_')
	}) < 0
}

// check says why the code does not apply to goods of this worth now. The usage limit is checked again,
// and for good, when the order is placed.
func (d *Discount) check(subtotal money.Money, now time.Time) *errs.Error {
	why := ""
	switch {
	case d.StartsAt != nil && now.Before(*d.StartsAt):
		why = "is not valid yet"
	case d.EndsAt != nil && !now.Before(*d.EndsAt):
		why = "is no longer valid"
	case d.UsageLimit != nil && d.Used >= *d.UsageLimit:
		return d.usedUp()
	case d.Amount != nil && d.Amount.Currency != subtotal.Currency:
		why = "is for carts in " + d.Amount.Currency
	case d.MinimumSubtotal != nil && d.MinimumSubtotal.Currency != subtotal.Currency:
		why = "is for carts in " + d.MinimumSubtotal.Currency
	case d.MinimumSubtotal != nil && subtotal.Amount < d.MinimumSubtotal.Amount:
		why = "needs goods for at least " + d.MinimumSubtotal.String()
	default:
		return nil
	}
	return &errs.Error{Code: "DISCOUNT_INVALID", Field: []string{"discountCode"}, Message: "the discount code " + d.Code + " " + why}
}

func (d *Discount) usedUp() *errs.Error { return discountUsedUp(d.Code) }

func discountUsedUp(code string) *errs.Error {
	return &errs.Error{Code: "DISCOUNT_USED_UP", Field: []string{"discountCode"}, Message: "the discount code " + code + " has been used up"}
}

// off is what the code takes off goods of this worth; never more than they cost.
func (d *Discount) off(subtotal money.Money) money.Money {
	if d.BasisPoints != nil {
		return subtotal.Share(int64(*d.BasisPoints), 10_000)
	}
	return money.New(min(d.Amount.Amount, subtotal.Amount), subtotal.Currency)
}

// spread divides total over weights by the largest remainder: the parts add up to total, and none is
// larger than its weight as long as total is not larger than their sum. Ties go to the first.
func spread(total int64, weights []int64) []int64 {
	parts := make([]int64, len(weights))
	var sum uint64
	for _, w := range weights {
		sum += uint64(w)
	}
	if sum == 0 || total == 0 {
		return parts
	}
	type share struct {
		i         int
		remainder uint64
	}
	shares := make([]share, len(weights))
	left := total
	for i, w := range weights {
		hi, lo := bits.Mul64(uint64(total), uint64(w))
		quotient, remainder := bits.Div64(hi, lo, sum)
		parts[i], shares[i] = int64(quotient), share{i, remainder}
		left -= parts[i]
	}
	slices.SortStableFunc(shares, func(a, b share) int {
		switch {
		case a.remainder > b.remainder:
			return -1
		case a.remainder < b.remainder:
			return 1
		}
		return 0
	})
	for _, s := range shares[:left] {
		parts[s.i]++
	}
	return parts
}
