package shipping

import (
	"errors"
	"strings"

	"github.com/Boostport/address"

	"storefront/internal/errs"
	"storefront/internal/postal"
)

// fieldNames are our names for the parts of an address that Google's address data speaks of.
var fieldNames = map[address.Field]string{
	address.Country: "country", address.Name: "name", address.Organization: "company", address.StreetAddress: "line1",
	address.Locality: "city", address.AdministrativeArea: "region", address.PostCode: "postalCode",
}

// CheckAddress says what would have to be mended for a parcel to arrive, by the rules of the address's
// country (Google's address data). Parts that a country does not use are passed over.
func CheckAddress(a postal.Address) []*errs.Error {
	var problems []*errs.Error
	add := func(field, format string, args ...any) {
		problems = append(problems, errs.Input([]string{"address", field}, format, args...))
	}
	if wrong, ok := errors.AsType[*errs.Error](a.Check()); ok {
		return []*errs.Error{wrong}
	}
	lines := []string{}
	for _, l := range []string{a.Line1, a.Line2} {
		if l != "" {
			lines = append(lines, l)
		}
	}
	err := address.Validate(address.Address{Country: a.Country, Name: a.Name, Organization: a.Company, StreetAddress: lines,
		Locality: a.City, AdministrativeArea: regionID(a.Country, a.Region), PostCode: a.PostalCode})
	if a.Name == "" {
		add("name", "say who receives the parcel")
	}
	if missing, ok := errors.AsType[address.ErrMissingRequiredFields](err); ok {
		for _, f := range missing.Fields {
			if f != address.Name {
				add(fieldNames[f], "addresses in %s have a %s", a.Country, fieldNames[f])
			}
		}
	}
	for _, known := range []struct {
		is    error
		field string
	}{
		{address.ErrInvalidCountryCode, "country"}, {address.ErrInvalidAdministrativeArea, "region"},
		{address.ErrInvalidLocality, "city"}, {address.ErrInvalidPostCode, "postalCode"},
	} {
		is, field := known.is, known.field
		if errors.Is(err, is) {
			switch field {
			case "country":
				add(field, "%q is not a country we know; use an ISO 3166-1 code such as DE", a.Country)
			case "postalCode":
				add(field, "%q is not a postal code of %s", a.PostalCode, a.Country)
			default:
				add(field, "there is no such %s in %s", field, a.Country)
			}
		}
	}
	return problems
}

// regionID finds the code of a region that was written by its name; what is unknown stays as it is.
func regionID(country, region string) string {
	if region == "" || !Ships(country) {
		return region
	}
	data := address.GetCountry(country)
	for _, area := range data.AdministrativeAreas[data.DefaultLanguage] {
		if strings.EqualFold(area.Name, region) || strings.EqualFold(area.ID, region) {
			return area.ID
		}
	}
	return region
}
