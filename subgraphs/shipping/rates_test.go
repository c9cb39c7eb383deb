package shipping

import (
	"slices"
	"testing"
	"time"

	"storefront/internal/money"
	"storefront/internal/postal"
	"storefront/internal/quote"
)

var friday = time.Date(2026, 3, 6, 15, 0, 0, 0, time.UTC)

func newRates() *Service {
	return New(Config{Quotes: quote.NewSigner([]byte("0123456789abcdef0123456789abcdef")), Now: func() time.Time { return friday }})
}

func TestRates(t *testing.T) {
	for name, c := range map[string]struct {
		country string
		grams   int
		value   money.Money
		want    map[string]int64 // by method; nil where nothing ships
	}{
		"domestic, first kilogram":  {"DE", 1000, money.New(1000, "EUR"), map[string]int64{"standard": 490, "express": 1290}},
		"each begun kilogram":       {"DE", 2001, money.New(1000, "EUR"), map[string]int64{"standard": 590, "express": 1470}},
		"free above a value":        {"DE", 5000, money.New(5000, "EUR"), map[string]int64{"standard": 0, "express": 1650}},
		"European Union":            {"AT", 1, money.New(0, "EUR"), map[string]int64{"standard": 990, "express": 2490}},
		"another currency's list":   {"DE", 1, money.New(0, "GBP"), map[string]int64{"standard": 426, "express": 1122}},
		"no minor units":            {"DE", 1, money.New(0, "JPY"), map[string]int64{"standard": 809, "express": 2129}},
		"the world":                 {"AU", 1500, money.New(0, "EUR"), map[string]int64{"standard": 3090, "express": 7090}},
		"a country there is not":    {"XX", 1, money.New(0, "EUR"), nil},
		"a currency without a list": {"DE", 1, money.New(0, "BRL"), nil},
	} {
		rates, err := newRates().Rates(t.Context(), postal.Address{Country: c.country}, c.grams, c.value)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if len(rates) != len(c.want) {
			t.Errorf("%s: %d rates, want %d", name, len(rates), len(c.want))
		}
		for _, r := range rates {
			if r.Price != money.New(c.want[r.Method], c.value.Currency) {
				t.Errorf("%s: %s costs %s, want %d", name, r.Method, r.Price, c.want[r.Method])
			}
			q, err := quote.NewSigner([]byte("0123456789abcdef0123456789abcdef")).Open(r.Quote, friday)
			if err != nil || q.Price != r.Price || q.Country != c.country || q.Grams != c.grams {
				t.Errorf("%s: the quote says %+v, %v", name, q, err)
			}
		}
		if !slices.IsSortedFunc(rates, func(a, b ShippingRate) int { return int(a.Price.Amount - b.Price.Amount) }) {
			t.Errorf("%s: the cheapest is not first", name)
		}
	}
}

func TestRatesRefuseWhatNoCarrierTakes(t *testing.T) {
	for _, grams := range []int{-1, MaxGrams + 1} {
		if _, err := newRates().Rates(t.Context(), postal.Address{Country: "DE"}, grams, money.New(0, "EUR")); err == nil {
			t.Errorf("%d grams got a rate", grams)
		}
	}
}

func TestDatesPassOverWeekends(t *testing.T) {
	if got, want := workingDays(friday, 2), time.Date(2026, 3, 10, 18, 0, 0, 0, time.UTC); !got.Equal(want) {
		t.Errorf("two working days after a Friday: %s, want %s", got, want)
	}
}

func TestCheckAddress(t *testing.T) {
	good := postal.Address{Name: "Ada Brandt", Line1: "Lindenstr. 1", City: "Berlin", PostalCode: "10969", Country: "DE"}
	change := func(f func(*postal.Address)) postal.Address { a := good; f(&a); return a }
	for name, c := range map[string]struct {
		address postal.Address
		fields  []string
	}{
		"good":                       {good, nil},
		"a region Germany has not":   {change(func(a *postal.Address) { a.Region = "Berlin" }), nil},
		"no name":                    {change(func(a *postal.Address) { a.Name = "" }), []string{"name"}},
		"no street and no city":      {change(func(a *postal.Address) { a.Line1, a.City = "", "" }), []string{"city", "line1"}},
		"another country's postcode": {change(func(a *postal.Address) { a.PostalCode = "SW1A 1AA" }), []string{"postalCode"}},
		"no such country":            {change(func(a *postal.Address) { a.Country = "XX" }), []string{"country"}},
		"a state by its name":        {postal.Address{Name: "Al", Line1: "1 Main St", City: "Austin", Region: "Texas", PostalCode: "78701", Country: "US"}, nil},
		"a state that is none":       {postal.Address{Name: "Al", Line1: "1 Main St", City: "Austin", Region: "Bavaria", PostalCode: "78701", Country: "US"}, []string{"region"}},
		"far too long a street":      {change(func(a *postal.Address) { a.Line1 = string(make([]byte, 201)) }), []string{"line1"}},
	} {
		var fields []string
		for _, p := range CheckAddress(c.address) {
			fields = append(fields, p.Field[len(p.Field)-1])
		}
		slices.Sort(fields)
		if !slices.Equal(fields, c.fields) {
			t.Errorf("%s: problems with %v, want %v", name, fields, c.fields)
		}
	}
}
