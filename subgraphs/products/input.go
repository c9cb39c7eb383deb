package products

import (
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"storefront/internal/errs"
	"storefront/internal/id"
	"storefront/internal/money"
)

// ProductInput describes a product. What is nil is absent: a new product gets its default, an existing
// one keeps what it has. Lists replace all they stand for.
type ProductInput struct {
	Handle          *string
	Title           string
	DescriptionHTML *string
	Vendor          *string
	ProductType     *string
	Tags            []string
	Options         []ProductOption
	Attributes      []Attribute
	Media           []MediaInput
	Variants        []VariantInput
	Collections     []string // handles, or titles to make handles of
	Status          *Status
	Popularity      *int
}

// ProductUpdateInput is ProductInput for a product that is there: only what is not nil changes.
type ProductUpdateInput struct {
	Title           *string
	DescriptionHTML *string
	Vendor          *string
	ProductType     *string
	Tags            []string
	Options         []ProductOption
	Attributes      []Attribute
	Media           []MediaInput
	Variants        []VariantInput
	Collections     []string
}

// MediaInput is an image from elsewhere, by http or https URL.
type MediaInput struct {
	URL string
	Alt *string
}

// VariantInput describes one variant, whole.
type VariantInput struct {
	SKU             string
	Title           *string // made of the options when absent
	Options         []SelectedOption
	Prices          []money.Money
	CompareAtPrices []money.Money
	Grams           *int
	Barcode         *string
	ImageURL        *string
}

// DefaultVariantTitle names the variant of a product that has only one, without options.
const DefaultVariantTitle = "Default"

// whole is the input as changes to a product that has nothing yet.
func (in ProductInput) whole() ProductUpdateInput {
	return ProductUpdateInput{
		Title: &in.Title, DescriptionHTML: in.DescriptionHTML, Vendor: in.Vendor, ProductType: in.ProductType,
		Tags: in.Tags, Options: in.Options, Attributes: in.Attributes, Media: in.Media,
		Variants: in.Variants, Collections: in.Collections,
	}
}

// apply puts in, which was validated, onto p.
func (in ProductInput) apply(p *Product, text *sanitizer, now time.Time) error {
	if err := in.whole().apply(p, text); err != nil {
		return err
	}
	if in.Popularity != nil {
		p.Popularity = *in.Popularity
	}
	switch {
	case in.Status == nil || *in.Status == p.Status:
	case *in.Status == Active:
		p.Publish(now)
	default:
		p.Status = *in.Status
	}
	if p.Status == "" {
		p.Status = Draft
	}
	return nil
}

// apply puts in, which was validated, onto p. What only shows against the whole product, an option that
// the product does not have, is BadInput.
func (in ProductUpdateInput) apply(p *Product, text *sanitizer) error {
	if in.Title != nil {
		p.Title = squeeze(*in.Title)
	}
	if in.DescriptionHTML != nil {
		p.DescriptionHTML, p.Description = text.clean(*in.DescriptionHTML)
	}
	if in.Vendor != nil {
		p.Vendor = optional(*in.Vendor)
	}
	if in.ProductType != nil {
		p.ProductType = optional(*in.ProductType)
	}
	if in.Tags != nil {
		p.Tags = distinctWords(in.Tags)
	}
	if in.Attributes != nil {
		p.Attributes = mergeAttributes(in.Attributes)
	}
	if in.Media != nil {
		p.Media = mediaOf(in.Media, p.Media)
	}
	if in.Collections != nil {
		p.Collections = distinctWords(mapped(in.Collections, Handle))
	}
	if in.Variants != nil {
		p.Variants = variantsOf(p.ID, in.Variants)
	}
	switch {
	case in.Options != nil:
		p.Options = mergeAttributes(in.Options)
	case in.Variants != nil:
		p.Options = optionsOf(p.Variants)
	}
	p.normalize()
	return checkOptions(*p)
}

func variantsOf(productID string, inputs []VariantInput) []Variant {
	list := make([]Variant, len(inputs))
	for i, in := range inputs {
		v := Variant{
			ID: VariantID(in.SKU), SKU: in.SKU, ProductID: productID,
			Options: slices.Clone(in.Options), Prices: slices.Clone(in.Prices), CompareAtPrices: slices.Clone(in.CompareAtPrices),
		}
		switch {
		case in.Title != nil && squeeze(*in.Title) != "":
			v.Title = squeeze(*in.Title)
		case len(in.Options) > 0:
			v.Title = strings.Join(mapped(in.Options, func(o SelectedOption) string { return o.Value }), " / ")
		default:
			v.Title = DefaultVariantTitle
		}
		if in.Grams != nil {
			v.Grams = *in.Grams
		}
		if in.Barcode != nil {
			v.Barcode = optional(*in.Barcode)
		}
		if in.ImageURL != nil && *in.ImageURL != "" {
			v.Image = &Media{ID: mediaID(*in.ImageURL), Address: *in.ImageURL}
		}
		if len(v.CompareAtPrices) == 0 {
			v.CompareAtPrices = nil
		}
		list[i] = v
	}
	return list
}

// VariantID is the id of the variant with sku.
func VariantID(sku string) string { return id.Of("var", sku) }

func mediaID(place string) string { return id.Of("med", place) }

// mediaOf keeps what is known of an image that was there before.
func mediaOf(inputs []MediaInput, before []Media) []Media {
	list := make([]Media, 0, len(inputs))
	for _, in := range inputs {
		m := Media{ID: mediaID(in.URL), Address: in.URL}
		if i := slices.IndexFunc(before, func(b Media) bool { return b.ID == m.ID }); i >= 0 {
			m = before[i]
		}
		if in.Alt != nil {
			m.Alt = optional(*in.Alt)
		}
		if !slices.ContainsFunc(list, func(o Media) bool { return o.ID == m.ID }) {
			list = append(list, m)
		}
	}
	return list
}

// optionsOf collects what variants differ in, in the order of first appearance.
func optionsOf(variants []Variant) []ProductOption {
	var all []ProductOption
	for _, v := range variants {
		for _, o := range v.Options {
			all = append(all, ProductOption{Name: o.Name, Values: []string{o.Value}})
		}
	}
	return mergeAttributes(all)
}

// checkOptions holds variants to the product's options.
func checkOptions(p Product) error {
	for i, v := range p.Variants {
		for j, o := range v.Options {
			at := []string{"variants", strconv.Itoa(i), "options", strconv.Itoa(j)}
			k := slices.IndexFunc(p.Options, func(have ProductOption) bool { return have.Name == o.Name })
			if k < 0 {
				return errs.Input(append(at, "name"), "the product has no option %q; add it to options", o.Name)
			}
			if !slices.Contains(p.Options[k].Values, o.Value) {
				return errs.Input(append(at, "value"), "option %s has no value %q; add it to options", o.Name, o.Value)
			}
		}
	}
	return nil
}

// mergeAttributes joins entries of the same name, keeping order and dropping repetitions.
func mergeAttributes[A ProductOption | Attribute](list []A) []A {
	var out []Attribute
	for _, a := range list {
		a := Attribute(a)
		a.Name = squeeze(a.Name)
		i := slices.IndexFunc(out, func(o Attribute) bool { return o.Name == a.Name })
		if i < 0 {
			out = append(out, Attribute{Name: a.Name})
			i = len(out) - 1
		}
		out[i].Values = distinctWords(append(out[i].Values, a.Values...))
	}
	return mapped(out, func(a Attribute) A { return A(a) })
}

func optional(s string) *string {
	if s = squeeze(s); s == "" {
		return nil
	}
	return &s
}

// squeeze trims s, makes every run of white space one space, and drops control characters, which real
// catalogues have.
func squeeze(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return -1
		}
		return r
	}, strings.Join(strings.Fields(s), " "))
}

func distinctWords(list []string) []string {
	out := make([]string, 0, len(list))
	for _, s := range list {
		if s = squeeze(s); s != "" && !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	return out
}

func mapped[A, B any](list []A, f func(A) B) []B {
	out := make([]B, len(list))
	for i, a := range list {
		out[i] = f(a)
	}
	return out
}
