package postal

import (
	netmail "net/mail"
	"reflect"
	"strings"
	"testing"

	"storefront/internal/errs"
)

func TestEmailsAreWhatAnyServerTakes(t *testing.T) {
	for given, want := range map[string]string{
		"ada@example.com":                      "ada@example.com",
		"o'brien+shop_1@Example.COM":           "o'brien+shop_1@example.com",
		"ada@müller.example":                   "ada@xn--mller-kva.example",
		"a.b@例え.テスト":                           "a.b@xn--r8jz45g.xn--zckzah",
		"ada@localhost":                        "ada@localhost",
		strings.Repeat("a", 64) + "@x.example": strings.Repeat("a", 64) + "@x.example",
	} {
		got, err := ASCIIEmail([]string{"email"}, given)
		if err != nil || got != want {
			t.Errorf("%s is %q, %v; want %s", given, got, err, want)
		}
		if a, err := netmail.ParseAddress(got); err != nil || a.Address != got {
			t.Errorf("%s is no address for a mail: %v", got, err)
		}
	}
	for _, given := range []string{
		"", "ada", "@example.com", "ada@", "müller@example.com", `"ada lovelace"@example.com`, `"ada"@example.com`, "Ada <ada@example.com>",
		"ada@example.com, eve@example.com", "ada @example.com", " ada@example.com", "ada@example.com\r\nBcc: eve@example.com", "ada\u2028@example.com",
		".ada@example.com", "ada..l@example.com", "ada.@example.com", "ada@eve@example.com", "ada@[127.0.0.1]", "ada@exa mple.com", "ada@example..com",
		"ada@" + strings.Repeat("x", 64) + ".example", strings.Repeat("a", 65) + "@x.example", "ada@" + strings.Repeat("x.", 130) + "example", "ada@\xff.example",
	} {
		got, err := ASCIIEmail([]string{"input", "email"}, given)
		if e, ok := err.(*errs.Error); !ok || e.Code != errs.BadInput || !reflect.DeepEqual(e.Field, []string{"input", "email"}) {
			t.Errorf("%q is %q, %v", given, got, err)
		}
	}
}
