// Package money is an amount in minor units of an ISO 4217 currency, and the arithmetic on it.
// There is no float and no conversion: amounts of two currencies never mix.
package money

import (
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/text/currency"
)

// Money is Amount minor units of Currency: {1999, "EUR"} is 19.99 euros.
type Money struct {
	Amount   int64  `bson:"amount" json:"amount"`
	Currency string `bson:"currency" json:"currency"`
}

// New returns amount minor units of currency.
func New(amount int64, currency string) Money { return Money{Amount: amount, Currency: currency} }

// Add returns m + o. It panics on two currencies, which is always a mistake in the code.
func (m Money) Add(o Money) Money {
	m.mustMatch(o)
	return Money{m.Amount + o.Amount, m.Currency}
}

// Sub returns m - o. It panics on two currencies.
func (m Money) Sub(o Money) Money {
	m.mustMatch(o)
	return Money{m.Amount - o.Amount, m.Currency}
}

// Times returns m for quantity n.
func (m Money) Times(n int) Money { return Money{m.Amount * int64(n), m.Currency} }

// Share returns part/whole of m, rounded half away from zero.
func (m Money) Share(part, whole int64) Money {
	if whole == 0 {
		return Money{0, m.Currency}
	}
	n := m.Amount * part
	half := whole / 2
	if n < 0 {
		half = -half
	}
	return Money{(n + half) / whole, m.Currency}
}

// IsZero reports whether the amount is zero.
func (m Money) IsZero() bool { return m.Amount == 0 }

func (m Money) mustMatch(o Money) {
	if m.Currency != o.Currency {
		panic("money: " + m.Currency + " and " + o.Currency + " do not mix")
	}
}

// Digits is how many minor digits a currency has: ISO 4217's exceptions to two.
func Digits(currency string) int {
	switch currency {
	case "BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "UYI", "VND", "VUV", "XAF", "XOF", "XPF":
		return 0
	case "BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND":
		return 3
	}
	return 2
}

// String is "19.99 EUR".
func (m Money) String() string { return m.Decimal() + " " + m.Currency }

// Decimal is the amount in major units: "19.99".
func (m Money) Decimal() string {
	d := Digits(m.Currency)
	if d == 0 {
		return strconv.FormatInt(m.Amount, 10)
	}
	sign, n := "", m.Amount
	if n < 0 {
		sign, n = "-", -n
	}
	s := fmt.Sprintf("%0*d", d+1, n)
	return sign + s[:len(s)-d] + "." + s[len(s)-d:]
}

// Parse reads a decimal in major units, such as "19.99", without going through a float.
func Parse(decimal, currency string) (Money, error) {
	s := strings.TrimSpace(decimal)
	neg := strings.HasPrefix(s, "-")
	s = strings.TrimPrefix(s, "-")
	whole, frac, _ := strings.Cut(s, ".")
	d := Digits(currency)
	if len(strings.TrimRight(frac, "0")) > d {
		return Money{}, fmt.Errorf("%q has more than %d decimals, which %s does not have", decimal, d, currency)
	}
	frac = (frac + "000")[:d]
	n, err := strconv.ParseUint(whole+frac, 10, 62)
	if err != nil || whole == "" {
		return Money{}, fmt.Errorf("%q is not an amount; write it like 19.99", decimal)
	}
	if neg {
		return Money{-int64(n), currency}, nil
	}
	return Money{int64(n), currency}, nil
}

// ValidCurrency reports whether code is an ISO 4217 code of money: not one of those for tests, or for
// none.
func ValidCurrency(code string) bool {
	unit, err := currency.ParseISO(code)
	return err == nil && unit.String() == code && code != "XXX" && code != "XTS"
}
