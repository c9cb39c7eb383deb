package shipping

import (
	"context"
	"slices"
	"time"

	"github.com/Boostport/address"

	"storefront/internal/errs"
	"storefront/internal/money"
	"storefront/internal/postal"
	"storefront/internal/quote"
)

// ShippingZone is a group of countries with the same prices.
type ShippingZone struct {
	ID        string
	Name      string
	Countries []string
	methods   []method
}

// method is a way to send, priced in euro cents.
type method struct {
	id, title    string
	base, perKg  int64 // for the parcel, and for each begun kilogram beyond the first
	freeAbove    int64 // value of the goods from which it costs nothing; 0 never
	earliestDays int   // working days until it arrives
	latestDays   int
}

// MaxGrams is the heaviest a shipment can be; wholesale orders go by pallet.
const MaxGrams = 10_000_000

// priceList gives, per currency, the price of what costs 1,000 in euros, in the same major unit: a
// list of the shop's, no exchange rate.
var priceList = map[string]int64{"EUR": 1000, "GBP": 870, "USD": 1100, "CHF": 950, "SEK": 11500, "DKK": 7450, "PLN": 4300, "JPY": 165000, "CAD": 1500, "AUD": 1650}

func zones() []ShippingZone {
	eu := []string{"AT", "BE", "BG", "CY", "CZ", "DK", "EE", "ES", "FI", "FR", "GR", "HR", "HU", "IE", "IT", "LT", "LU", "LV", "MT", "NL", "PL", "PT", "RO", "SE", "SI", "SK"}
	europe := []string{"AD", "AL", "BA", "CH", "FO", "GB", "GG", "GI", "GL", "IM", "IS", "JE", "LI", "MC", "MD", "ME", "MK", "NO", "RS", "SM", "TR", "UA", "VA"}
	known := append(append([]string{"DE"}, eu...), europe...)
	var world []string
	for _, c := range address.ListCountries("en") {
		if !slices.Contains(known, c.Code) {
			world = append(world, c.Code)
		}
	}
	slices.Sort(world)
	return []ShippingZone{
		{"domestic", "Germany", []string{"DE"}, []method{{"standard", "Standard", 490, 50, 5000, 2, 3}, {"express", "Express", 1290, 90, 0, 1, 1}}},
		{"eu", "European Union", eu, []method{{"standard", "Standard", 990, 120, 15000, 3, 6}, {"express", "Express", 2490, 250, 0, 2, 3}}},
		{"europe", "Rest of Europe", europe, []method{{"standard", "Standard", 1490, 180, 25000, 4, 8}, {"express", "Express", 3490, 350, 0, 2, 4}}},
		{"world", "Rest of the world", world, []method{{"standard", "Standard", 2490, 600, 0, 8, 20}, {"express", "Express", 5990, 1100, 0, 3, 6}}},
	}
}

var allZones = zones()

// Zones lists where we ship.
func Zones() []ShippingZone { return allZones }

// Ships reports whether a country can be reached at all.
func Ships(country string) bool { return zoneOf(country) != nil }

func zoneOf(country string) *ShippingZone {
	for i := range allZones {
		if slices.Contains(allZones[i].Countries, country) {
			return &allZones[i]
		}
	}
	return nil
}

// ShippingRate is one way to send, with its price and dates and the quote an order takes.
type ShippingRate struct {
	Method, Title    string
	Price            money.Money
	Earliest, Latest time.Time
	Quote            string
}

// Rates lists the ways to send goods of a weight and value to an address, the cheapest first. It is
// empty where nothing ships, or where the currency has no price list.
func (s *Service) Rates(_ context.Context, to postal.Address, grams int, value money.Money) ([]ShippingRate, error) {
	if grams < 0 || grams > MaxGrams {
		return nil, errs.Input([]string{"grams"}, "grams must be between 0 and %d; ask us for a pallet beyond that", MaxGrams)
	}
	if value.Amount < 0 {
		return nil, errs.Input([]string{"value"}, "a value is not below 0")
	}
	zone, list := zoneOf(to.Country), []ShippingRate{}
	per1000, priced := priceList[value.Currency]
	if zone == nil || !priced {
		return list, nil
	}
	now := s.now()
	for _, m := range zone.methods {
		price := priced1000(m.base+m.perKg*int64(max(0, (grams+999)/1000-1)), per1000, value.Currency)
		if m.freeAbove > 0 && value.Amount >= priced1000(m.freeAbove, per1000, value.Currency).Amount {
			price.Amount = 0
		}
		list = append(list, ShippingRate{Method: m.id, Title: m.title, Price: price,
			Earliest: workingDays(now, m.earliestDays), Latest: workingDays(now, m.latestDays),
			Quote: s.quotes.Sign(quote.Quote{Method: m.id, Title: m.title, Price: price, Grams: grams, Country: to.Country,
				Value: value, ExpiresAt: now.Add(quote.Lifetime).UTC()})})
	}
	slices.SortStableFunc(list, func(a, b ShippingRate) int { return int(a.Price.Amount - b.Price.Amount) })
	return list, nil
}

// priced1000 turns euro cents into the price list's amount of a currency, in its minor units.
func priced1000(cents, per1000 int64, currency string) money.Money {
	minor := int64(1)
	for range money.Digits(currency) {
		minor *= 10
	}
	return money.New(cents*per1000, currency).Share(minor, 100_000)
}

// workingDays is the evening of the nth working day after t.
func workingDays(t time.Time, n int) time.Time {
	day := t.UTC().Truncate(24 * time.Hour)
	for n > 0 {
		day = day.AddDate(0, 0, 1)
		if w := day.Weekday(); w != time.Saturday && w != time.Sunday {
			n--
		}
	}
	return day.Add(18 * time.Hour)
}
