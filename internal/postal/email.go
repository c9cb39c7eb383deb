package postal

import (
	"strings"
	"unicode/utf8"

	"golang.org/x/net/idna"

	"storefront/internal/errs"
)

// MaxEmail bounds a mail address, in bytes (RFC 5321, section 4.5.3.1.3, without the brackets); maxLocal its part
// before the @.
const (
	MaxEmail = 254
	maxLocal = 64
)

// CheckEmail returns a BadInput error of field unless s is one plain mail address that any mail server takes. There
// is one rule for all who give or use an address, so that what is accepted can be sent to: servers without SMTPUTF8
// know no part before the @ but of ASCII, and a quoted one is refused by many. Domains are of any letters.
func CheckEmail(field []string, s string) error {
	_, err := ASCIIEmail(field, s)
	return err
}

// ASCIIEmail is CheckEmail, and returns the address as servers want it: the domain in small ASCII letters.
func ASCIIEmail(field []string, s string) (string, error) {
	at := strings.LastIndexByte(s, '@')
	if at < 1 || !utf8.ValidString(s) || strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || breaks(r) }) {
		return "", errs.Input(field, "this is not a mail address; it looks like name@example.com")
	}
	local, domain := s[:at], s[at+1:]
	for part := range strings.SplitSeq(local, ".") {
		if part == "" || strings.ContainsFunc(part, func(r rune) bool { return !atext(r) }) {
			return "", errs.Input(field, "the part before @ has letters from a to z, digits, signs such as _ + - and single dots between them; take an address without other characters")
		}
	}
	ascii, err := domains.ToASCII(domain)
	if err != nil {
		return "", errs.Input(field, "the part after @ is not a domain; it looks like example.com")
	}
	if out := local + "@" + ascii; len(local) <= maxLocal && len(out) <= MaxEmail {
		return out, nil
	}
	return "", errs.Input(field, "a mail address has at most %d bytes, and %d before the @", MaxEmail, maxLocal)
}

// domains are those that a client looks up (RFC 5891, section 5), with their lengths checked.
var domains = idna.New(idna.MapForLookup(), idna.BidiRule(), idna.VerifyDNSLength(true))

// atext is a character of an atom (RFC 5322, section 3.2.3).
func atext(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("!#$%&'*+-/=?^_`{|}~", r)
}
