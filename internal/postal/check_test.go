package postal

import (
	"reflect"
	"strings"
	"testing"

	"storefront/internal/errs"
)

func TestCheckNamesThePart(t *testing.T) {
	for _, a := range []Address{
		{Name: "Zoë Ö", Line1: strings.Repeat("ö", MaxPart), Country: "DE"},
		{Name: "c/o Dr. W. Http", Line1: "Top: 3 // Stiege 2", Line2: "Eingang B/C", Country: "AT"},
	} {
		if err := a.Check(); err != nil {
			t.Error(err)
		}
	}
	for field, a := range map[string]Address{
		"name":       {Name: "Ada\r\nBcc: someone@example.com"},
		"city":       {City: "Ber\tlin"},
		"line2":      {Line2: strings.Repeat("x", MaxPart+1)},
		"postalCode": {PostalCode: "1\n2"},
		"company":    {Company: "Win at HTTPS://evil.example"},
		"line1":      {Line1: "WWW.evil.example"},
		"region":     {Region: "Ber\x1blin"},
		"phone":      {Phone: "1\u20282"},
	} {
		e, ok := a.Check().(*errs.Error)
		if !ok || e.Code != errs.BadInput || !reflect.DeepEqual(e.Field, []string{"address", field}) {
			t.Errorf("%s: %v", field, e)
		}
	}
}
