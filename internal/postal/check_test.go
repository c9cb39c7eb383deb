package postal

import (
	"reflect"
	"strings"
	"testing"

	"storefront/internal/errs"
)

func TestCheckNamesThePart(t *testing.T) {
	if err := (Address{Name: "Zoë Ö", Line1: strings.Repeat("ö", MaxPart), Country: "DE"}).Check(); err != nil {
		t.Error(err)
	}
	for field, a := range map[string]Address{
		"name":       {Name: "Ada\r\nBcc: someone@example.com"},
		"city":       {City: "Ber\tlin"},
		"line2":      {Line2: strings.Repeat("x", MaxPart+1)},
		"postalCode": {PostalCode: "1\n2"},
	} {
		e, ok := a.Check().(*errs.Error)
		if !ok || e.Code != errs.BadInput || !reflect.DeepEqual(e.Field, []string{"address", field}) {
			t.Errorf("%s: %v", field, e)
		}
	}
}
