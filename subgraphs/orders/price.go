package orders

import (
	"context"
	"slices"
	"time"

	"storefront/events"
	"storefront/internal/money"
)

// Price is what orders knows of one SKU: the read model that product-events feed.
type Price struct {
	SKU            string        `bson:"_id"`
	Version        int           `bson:"version"`
	ProductID      string        `bson:"productId"`
	ProductVersion int           `bson:"productVersion"`
	At             time.Time     `bson:"at"` // of the event
	Title          string        `bson:"title"`
	Status         string        `bson:"status"` // the product's; statusGone when the variant went
	Grams          int           `bson:"grams"`
	Prices         []money.Money `bson:"prices"` // one per currency
}

const (
	statusActive = "ACTIVE"
	statusDraft  = "DRAFT"
	statusGone   = "GONE" // kept, so that an older event does not bring the SKU back
)

// Identity is the SKU.
func (p *Price) Identity() (string, *int) { return p.SKU, &p.Version }

// ForSale reports whether the SKU can be bought now.
func (p Price) ForSale() bool { return p.Status == statusActive }

// Known reports whether there is such a SKU that customers may know of; a draft's is staff's alone.
func (p Price) Known() bool {
	return p.Status != "" && p.Status != statusGone && p.Status != statusDraft
}

// In returns the price of one unit in a currency, false when it has none.
func (p Price) In(currency string) (money.Money, bool) {
	i := slices.IndexFunc(p.Prices, func(m money.Money) bool { return m.Currency == currency && m.Amount >= 0 })
	if i < 0 {
		return money.New(0, currency), false
	}
	return p.Prices[i], true
}

// olderThan reports whether e says more than p knows. Versions count within one product; between two
// products that had the same SKU, the later event counts.
func (p Price) olderThan(e events.ProductChanged) bool {
	if p.ProductID == e.ID {
		return p.ProductVersion < e.Version
	}
	return p.ProductID == "" || p.At.Before(e.At)
}

// ProductChanged brings the prices of a product's variants up to date. Events may come twice and in
// any order.
func (s *Service) ProductChanged(ctx context.Context, e events.ProductChanged) error {
	next := make(map[string]Price, len(e.Variants)+len(e.Removed))
	for _, sku := range e.Removed {
		next[sku] = Price{SKU: sku, Status: statusGone}
	}
	for _, v := range e.Variants {
		p := Price{SKU: v.SKU, Title: lineTitle(e.Title, v.Title), Status: e.Status, Grams: v.Grams}
		for _, m := range v.Prices {
			p.Prices = append(p.Prices, money.Money(m))
		}
		next[v.SKU] = p
	}
	skus := make([]string, 0, len(next))
	for sku := range next {
		skus = append(skus, sku)
	}
	slices.Sort(skus)
	known, err := s.store.Prices(ctx, skus)
	if err != nil {
		return err
	}
	for _, sku := range skus {
		if had, ok := known[sku]; ok && !had.olderThan(e) {
			continue
		}
		err := s.store.SavePrice(ctx, sku, func(p *Price) bool {
			moved := p.ProductID != "" && p.ProductID != e.ID
			if !p.olderThan(e) || moved && next[sku].Status == statusGone {
				return false // a product that gives up a SKU takes it from no other product
			}
			version := p.Version
			*p = next[sku]
			p.Version, p.ProductID, p.ProductVersion, p.At = version, e.ID, e.Version, e.At
			return true
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// lineTitle is how a line of a cart is called: the product, and the variant where there are several.
func lineTitle(product, variant string) string {
	if variant == "" || variant == "Default Title" || variant == product {
		return product
	}
	return product + " – " + variant
}
