package products

import (
	"errors"
	"net/url"
	"strconv"
	"unicode/utf8"

	"storefront/internal/errs"
	"storefront/internal/money"
	"storefront/internal/sku"
)

// Limits of a product. Strings are counted in characters, descriptions in bytes.
const (
	MaxUpsert      = 100
	MaxName        = 255 // titles, handles, vendors, tags, option and attribute names and values
	MaxURL         = 2048
	MaxHTML        = 100_000
	MaxTags        = 250
	MaxOptions     = 10
	MaxAttributes  = 100
	MaxValues      = 250
	MaxMedia       = 100
	MaxVariants    = 250
	MaxCollections = 50
	MaxPrices      = 50
	MaxAmount      = 1_000_000_000_000 // minor units
	MaxGrams       = 100_000_000
)

// Validate names every field that is wrong; nil when none is. The errors are joined BadInput errors.
func (in ProductInput) Validate() error {
	var c check
	if in.Handle != nil && *in.Handle != "" {
		c.text([]string{"handle"}, *in.Handle, MaxName)
		if Handle(*in.Handle) == "" {
			c.fail([]string{"handle"}, "a handle needs a letter or a digit")
		}
	} else if Handle(in.Title) == "" && squeeze(in.Title) != "" {
		c.fail([]string{"handle"}, "no handle can be made of this title; give one")
	}
	if in.Status != nil && *in.Status != Draft && *in.Status != Active && *in.Status != Archived {
		c.fail([]string{"status"}, "a status is DRAFT, ACTIVE or ARCHIVED")
	}
	if in.Popularity != nil && (*in.Popularity < 0 || *in.Popularity > 1_000_000_000) {
		c.fail([]string{"popularity"}, "popularity is between 0 and 1000000000")
	}
	if len(in.Variants) == 0 {
		c.fail([]string{"variants"}, "a product needs at least one variant")
	}
	return errors.Join(c.errors(), in.whole().Validate())
}

// Validate names every field that is wrong; nil when none is.
func (in ProductUpdateInput) Validate() error {
	var c check
	if in.Title != nil {
		c.required([]string{"title"}, *in.Title, MaxName)
	}
	if in.DescriptionHTML != nil && len(*in.DescriptionHTML) > MaxHTML {
		c.fail([]string{"descriptionHtml"}, "a description has at most %d bytes", MaxHTML)
	}
	c.optional([]string{"vendor"}, in.Vendor, MaxName)
	c.optional([]string{"productType"}, in.ProductType, MaxName)
	if c.count([]string{"tags"}, len(in.Tags), MaxTags) {
		c.texts([]string{"tags"}, in.Tags)
	}
	if c.count([]string{"options"}, len(in.Options), MaxOptions) {
		for i, o := range in.Options {
			c.named([]string{"options", strconv.Itoa(i)}, o.Name, o.Values)
		}
	}
	if c.count([]string{"attributes"}, len(in.Attributes), MaxAttributes) {
		for i, a := range in.Attributes {
			c.named([]string{"attributes", strconv.Itoa(i)}, a.Name, a.Values)
		}
	}
	if c.count([]string{"media"}, len(in.Media), MaxMedia) {
		for i, m := range in.Media {
			at := []string{"media", strconv.Itoa(i)}
			c.link(append(at, "url"), m.URL)
			c.optional(append(at, "alt"), m.Alt, MaxName)
		}
	}
	if c.count([]string{"collections"}, len(in.Collections), MaxCollections) {
		c.texts([]string{"collections"}, in.Collections)
		for i, name := range in.Collections {
			if Handle(name) == "" {
				c.fail([]string{"collections", strconv.Itoa(i)}, "a collection's handle needs a letter or a digit")
			}
		}
	}
	if in.Variants != nil && len(in.Variants) == 0 {
		c.fail([]string{"variants"}, "a product needs at least one variant")
	}
	if c.count([]string{"variants"}, len(in.Variants), MaxVariants) {
		seen := map[string]int{}
		for i, v := range in.Variants {
			at := []string{"variants", strconv.Itoa(i)}
			c.variant(at, v)
			if first, ok := seen[v.SKU]; ok {
				c.fail(append(at, "sku"), "variant %d has the SKU %s already", first, v.SKU)
			}
			seen[v.SKU] = i
		}
	}
	return c.errors()
}

func (c *check) variant(at []string, v VariantInput) {
	if err := sku.Check(sub(at, "sku"), v.SKU); err != nil {
		c.list = append(c.list, err)
	}
	c.optional(sub(at, "title"), v.Title, MaxName)
	c.optional(sub(at, "barcode"), v.Barcode, MaxName)
	if c.count(sub(at, "options"), len(v.Options), MaxOptions) {
		for i, o := range v.Options {
			c.required(sub(at, "options", strconv.Itoa(i), "name"), o.Name, MaxName)
			c.required(sub(at, "options", strconv.Itoa(i), "value"), o.Value, MaxName)
		}
	}
	if v.Grams != nil && (*v.Grams < 0 || *v.Grams > MaxGrams) {
		c.fail(sub(at, "grams"), "grams is between 0 and %d", MaxGrams)
	}
	if v.ImageURL != nil && *v.ImageURL != "" {
		c.link(sub(at, "imageUrl"), *v.ImageURL)
	}
	c.prices(sub(at, "prices"), v.Prices)
	c.prices(sub(at, "compareAtPrices"), v.CompareAtPrices)
}

func (c *check) prices(at []string, prices []money.Money) {
	if !c.count(at, len(prices), MaxPrices) {
		return
	}
	seen := map[string]bool{}
	for i, p := range prices {
		n := strconv.Itoa(i)
		if p.Amount < 0 || p.Amount > MaxAmount {
			c.fail(sub(at, n, "amount"), "an amount is between 0 and %d minor units", int64(MaxAmount))
		}
		if !money.ValidCurrency(p.Currency) {
			c.fail(sub(at, n, "currency"), "a currency is an ISO 4217 code in capitals, such as EUR")
		}
		if seen[p.Currency] {
			c.fail(sub(at, n, "currency"), "one price per currency: %s is there already", p.Currency)
		}
		seen[p.Currency] = true
	}
}

// check collects what is wrong with an input.
type check struct{ list []error }

func (c *check) errors() error { return errors.Join(c.list...) }

func (c *check) fail(field []string, format string, args ...any) {
	c.list = append(c.list, errs.Input(field, format, args...))
}

func (c *check) count(field []string, n, most int) bool {
	if n > most {
		c.fail(field, "%d entries; at most %d are allowed", n, most)
	}
	return n <= most
}

func (c *check) required(field []string, s string, most int) {
	if squeeze(s) == "" {
		c.fail(field, "this must not be empty")
		return
	}
	c.text(field, s, most)
}

func (c *check) optional(field []string, s *string, most int) {
	if s != nil {
		c.text(field, *s, most)
	}
}

func (c *check) text(field []string, s string, most int) {
	if !utf8.ValidString(s) {
		c.fail(field, "this is not valid UTF-8")
		return
	}
	if n := utf8.RuneCountInString(s); n > most {
		c.fail(field, "%d characters; at most %d are allowed", n, most)
	}
}

func (c *check) texts(field []string, list []string) {
	for i, s := range list {
		c.text(sub(field, strconv.Itoa(i)), s, MaxName)
	}
}

func (c *check) named(field []string, name string, values []string) {
	c.required(sub(field, "name"), name, MaxName)
	if c.count(sub(field, "values"), len(values), MaxValues) {
		c.texts(sub(field, "values"), values)
	}
}

func (c *check) link(field []string, address string) {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || len(address) > MaxURL {
		c.fail(field, "an address is an http or https URL of at most %d bytes", MaxURL)
	}
}

// sub is field with more parts, in memory of its own.
func sub(field []string, more ...string) []string {
	return append(append(make([]string, 0, len(field)+len(more)), field...), more...)
}
