package postal

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"storefront/internal/errs"
)

// MaxPart bounds each part of an address, in characters.
const MaxPart = 200

// Check returns a BadInput error that names the first part which is too long, not one line of text, or a
// link: mails to people who never asked for any show an address, so it carries none. The country is the
// scalar's to check.
func (a Address) Check() error {
	for _, part := range []struct{ name, value string }{
		{"name", a.Name}, {"company", a.Company}, {"line1", a.Line1}, {"line2", a.Line2}, {"city", a.City},
		{"region", a.Region}, {"postalCode", a.PostalCode}, {"phone", a.Phone},
	} {
		if n := utf8.RuneCountInString(part.value); n > MaxPart {
			return errs.Input([]string{"address", part.name}, "%s has at most %d characters; this has %d", part.name, MaxPart, n)
		}
		if strings.ContainsFunc(part.value, breaks) {
			return errs.Input([]string{"address", part.name}, "%s is one line, without tabs and other control characters", part.name)
		}
		if HasLink(part.value) {
			return errs.Input([]string{"address", part.name}, "%s has a link in it; write it without", part.name)
		}
	}
	return nil
}

// HasLink reports whether a mail program would make a link of something in a text.
func HasLink(s string) bool {
	lower := strings.ToLower(s)
	return strings.Contains(lower, "://") || strings.Contains(lower, "www.")
}

// breaks says whether a character ends a line, or is none that is seen.
func breaks(r rune) bool { return unicode.IsControl(r) || unicode.In(r, unicode.Zl, unicode.Zp) }
