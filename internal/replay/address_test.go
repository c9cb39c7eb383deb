package replay

import (
	"slices"
	"testing"

	"github.com/Boostport/address"
)

func TestEveryPlaceIsOneThatThePostKnows(t *testing.T) {
	for name := range places {
		a := addressOf(Invoice{Number: "536365", Customer: "17850", Country: name})
		if a.City == "" {
			t.Errorf("%s: an order needs a city", name)
		}
		if !slices.Contains(address.GetCountry(a.Country).Allowed, address.Locality) {
			a.City = "" // the post of this country does without
		}
		err := address.Validate(address.Address{Country: a.Country, Name: a.Name, StreetAddress: []string{a.Line1},
			Locality: a.City, AdministrativeArea: a.Region, PostCode: a.PostalCode})
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if got := addressOf(Invoice{Number: "536365", Country: "Unspecified"}).Country; got != "GB" {
		t.Errorf("a country that is not told becomes %s, want GB", got)
	}
}
