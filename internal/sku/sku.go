// Package sku has the one rule for SKUs: what products takes, inventory can stock and orders can sell. It is for
// what comes in; a SKU that is kept from before is read as it is.
package sku

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"storefront/internal/errs"
)

// Max bounds a SKU, in bytes: it is a key of documents and of records, and those count bytes.
const Max = 100

// Check returns a BadInput error at field when s is no SKU.
func Check(field []string, s string) error {
	switch {
	case s == "":
		return errs.Input(field, "a SKU is missing; it has 1 to %d bytes", Max)
	case len(s) > Max:
		return errs.Input(field, "a SKU has at most %d bytes; this has %d", Max, len(s))
	case !utf8.ValidString(s):
		return errs.Input(field, "this is not valid UTF-8")
	case strings.Join(strings.Fields(s), " ") != s, strings.ContainsFunc(s, unicode.IsControl):
		return errs.Input(field, "a SKU has no spaces around it, single ones inside, and no control characters")
	}
	return nil
}
