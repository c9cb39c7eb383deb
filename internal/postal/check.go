package postal

import (
	"strings"
	"unicode/utf8"

	"storefront/internal/errs"
)

// MaxPart bounds each part of an address, in characters.
const MaxPart = 200

// Check returns a BadInput error that names the first part which is too long or not one line; the
// country is the scalar's to check.
func (a Address) Check() error {
	for _, part := range []struct{ name, value string }{
		{"name", a.Name}, {"company", a.Company}, {"line1", a.Line1}, {"line2", a.Line2}, {"city", a.City},
		{"region", a.Region}, {"postalCode", a.PostalCode}, {"phone", a.Phone},
	} {
		if n := utf8.RuneCountInString(part.value); n > MaxPart {
			return errs.Input([]string{"address", part.name}, "%s has at most %d characters; this has %d", part.name, MaxPart, n)
		}
		if strings.ContainsAny(part.value, "\r\n\t") {
			return errs.Input([]string{"address", part.name}, "%s is one line, without tabs", part.name)
		}
	}
	return nil
}
