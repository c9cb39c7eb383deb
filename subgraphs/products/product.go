package products

import (
	"encoding/json"
	"slices"
	"time"

	"storefront/internal/money"
)

// Status says who sees a product.
type Status string

// The states of a product.
const (
	Draft    Status = "DRAFT"    // staff only
	Active   Status = "ACTIVE"   // everybody; for sale
	Archived Status = "ARCHIVED" // staff only; orders keep what they sold
)

// ProductStatus is Status under its name in the schema.
type ProductStatus = Status

// Product is the aggregate: what the shop sells, with its variants, in one document.
type Product struct {
	ID              string          `bson:"_id"`
	Version         int             `bson:"version"`
	Handle          string          `bson:"handle"`
	Title           string          `bson:"title"`
	Description     string          `bson:"description"`     // plain text, made of DescriptionHTML
	DescriptionHTML string          `bson:"descriptionHtml"` // sanitised
	Vendor          *string         `bson:"vendor,omitempty"`
	ProductType     *string         `bson:"productType,omitempty"`
	Tags            []string        `bson:"tags"`
	Status          Status          `bson:"status"`
	Options         []ProductOption `bson:"options"`
	Attributes      []Attribute     `bson:"attributes"`
	Media           []Media         `bson:"media"`
	Variants        []Variant       `bson:"variants"`
	Collections     []string        `bson:"collections"` // handles
	Popularity      int             `bson:"popularity"`
	CreatedAt       time.Time       `bson:"createdAt"`
	UpdatedAt       time.Time       `bson:"updatedAt"`
	PublishedAt     *time.Time      `bson:"publishedAt,omitempty"`
}

// ProductOption is a choice that variants differ in, such as Size with S, M and L.
type ProductOption struct {
	Name   string   `bson:"name"`
	Values []string `bson:"values"`
}

// Attribute is a fact that searching can filter by, such as Material: wool.
type Attribute struct {
	Name   string   `bson:"name"`
	Values []string `bson:"values"`
}

// SelectedOption is a variant's value of one option.
type SelectedOption struct {
	Name  string `bson:"name"`
	Value string `bson:"value"`
}

// Media is an image: one that was uploaded here has a Key, one from elsewhere an Address.
type Media struct {
	ID          string  `bson:"id"`
	Key         string  `bson:"key,omitempty"`     // in the blob store
	Address     string  `bson:"address,omitempty"` // URL
	Alt         *string `bson:"alt,omitempty"`
	ContentType *string `bson:"contentType,omitempty"`
	Width       *int    `bson:"width,omitempty"`
	Height      *int    `bson:"height,omitempty"`
}

// Variant is what goes into a cart. Its id follows from its SKU.
type Variant struct {
	ID              string           `bson:"id"`
	SKU             string           `bson:"sku"`
	ProductID       string           `bson:"productId"`
	Title           string           `bson:"title"`
	Options         []SelectedOption `bson:"options"`
	Prices          []money.Money    `bson:"prices"` // one per currency
	CompareAtPrices []money.Money    `bson:"compareAtPrices,omitempty"`
	Grams           int              `bson:"grams"` // of one unit
	Barcode         *string          `bson:"barcode,omitempty"`
	Image           *Media           `bson:"image,omitempty"`
}

// The inputs that are the same as what they become.
type (
	ProductOptionInput  = ProductOption
	AttributeInput      = Attribute
	SelectedOptionInput = SelectedOption
)

// PriceRange is the lowest and the highest price of a product's variants in one currency.
type PriceRange struct{ Min, Max money.Money }

// Identity is what the store keeps the product under.
func (p *Product) Identity() (string, *int) { return p.ID, &p.Version }

// IsEntity marks Product as an entity of the graph.
func (Product) IsEntity() {}

// IsEntity marks Variant as an entity of the graph.
func (Variant) IsEntity() {}

// FeaturedImage is the first image, nil when there is none.
func (p Product) FeaturedImage() *Media {
	if len(p.Media) == 0 {
		return nil
	}
	return &p.Media[0]
}

// Variant returns the variant with sku, nil when the product has none such.
func (p Product) Variant(sku string) *Variant {
	if i := slices.IndexFunc(p.Variants, func(v Variant) bool { return v.SKU == sku }); i >= 0 {
		return &p.Variants[i]
	}
	return nil
}

// SKUs lists the product's SKUs in the order of its variants.
func (p Product) SKUs() []string {
	skus := make([]string, len(p.Variants))
	for i, v := range p.Variants {
		skus[i] = v.SKU
	}
	return skus
}

// PriceIn is the price in currency, nil when the variant is not sold in it.
func (v Variant) PriceIn(currency string) *money.Money { return in(v.Prices, currency) }

// CompareAtPriceIn is the price before a reduction, nil when there is none in currency.
func (v Variant) CompareAtPriceIn(currency string) *money.Money {
	return in(v.CompareAtPrices, currency)
}

func in(prices []money.Money, currency string) *money.Money {
	if i := slices.IndexFunc(prices, func(m money.Money) bool { return m.Currency == currency }); i >= 0 {
		return &prices[i]
	}
	return nil
}

// PriceRangeIn is the range over the variants that are sold in currency, nil when none is.
func (p Product) PriceRangeIn(currency string) *PriceRange {
	var r *PriceRange
	for _, v := range p.Variants {
		price := v.PriceIn(currency)
		switch {
		case price == nil:
		case r == nil:
			r = &PriceRange{*price, *price}
		case price.Amount < r.Min.Amount:
			r.Min = *price
		case price.Amount > r.Max.Amount:
			r.Max = *price
		}
	}
	return r
}

// Publish makes the product visible and for sale.
func (p *Product) Publish(now time.Time) {
	if p.Status == Active {
		return
	}
	p.Status = Active
	if p.PublishedAt == nil {
		p.PublishedAt = &now
	}
}

// Archive takes the product out of sale.
func (p *Product) Archive() { p.Status = Archived }

// clone is a copy that shares nothing with p.
func (p Product) clone() Product {
	for _, s := range []*[]string{&p.Tags, &p.Collections} {
		*s = slices.Clone(*s)
	}
	p.Options, p.Attributes = slices.Clone(p.Options), slices.Clone(p.Attributes)
	p.Media, p.Variants = slices.Clone(p.Media), slices.Clone(p.Variants)
	return p
}

// sameAs reports whether two states of a product differ in nothing that anybody sees.
func (p Product) sameAs(o Product) bool {
	p.Version, p.UpdatedAt = o.Version, o.UpdatedAt
	a, errA := json.Marshal(p)
	b, errB := json.Marshal(o)
	return errA == nil && errB == nil && string(a) == string(b)
}

// normalize makes lists that are nil empty, so that a product read back is the same as the one written.
func (p *Product) normalize() {
	notNil(&p.Tags)
	notNil(&p.Collections)
	notNil(&p.Options)
	notNil(&p.Attributes)
	notNil(&p.Media)
	notNil(&p.Variants)
	for i := range p.Variants {
		notNil(&p.Variants[i].Options)
		notNil(&p.Variants[i].Prices)
	}
}

func notNil[T any](list *[]T) {
	if *list == nil {
		*list = []T{}
	}
}
