// Package demo is the catalogue that an empty shop starts with: a made-up shop for home and every day,
// with its texts, prices in three currencies, stock and drawn pictures. The same call always gives the
// same catalogue. It only describes; putting it into a shop is the caller's. Enter at Products.
package demo

import (
	"html"
	"slices"
	"strconv"
	"strings"

	"storefront/internal/catalogue"
	"storefront/internal/money"
)

// item is one product, as short as a person can write it.
type item struct {
	sku, title, vendor, kind string
	art                      string // what the picture shows: a key of drawings
	eur                      int64  // cents, of the cheapest variant
	grams, stock             int    // of one unit; units of the commonest variant
	colours                  string // "Sand, Moss"
	sizes                    string // "Size: Small, Large +8"; the number is added to the price, in euros
	attributes               string // "Material: oak, steel; Made in: Portugal"
	tags                     string
	text                     string
}

type collection struct {
	title string
	items []item
}

// Catalogue is the demo catalogue.
type Catalogue struct {
	Products []catalogue.Product
	Pictures []Picture
}

// Picture is a drawn image.
type Picture struct {
	Key string // in the blob store
	SVG string
}

// New returns the catalogue; url says where a picture's key can be seen.
func New(url func(key string) string) Catalogue {
	var c Catalogue
	for n, group := range collections() {
		for i, it := range group.items {
			c.add(it, group.title, background(n, i), url)
		}
	}
	return c
}

func (c *Catalogue) add(it item, group, behind string, url func(string) string) {
	handle := handleOf(it.title)
	popularity := 1000 - 7*len(c.Products)
	p := catalogue.Product{
		Handle: handle, Title: it.title, Vendor: it.vendor, ProductType: it.kind, Status: "ACTIVE", Popularity: &popularity,
		DescriptionHTML: "<p>" + html.EscapeString(it.text) + "</p>", Tags: words(it.tags, ","),
		Collections: []string{group}, Row: len(c.Products) + 1,
	}
	if it.eur < 3000 {
		p.Collections = append(p.Collections, "Gifts under 30")
	}
	if slices.Contains(p.Tags, "new") {
		p.Collections = append(p.Collections, "New in")
	}
	for _, a := range words(it.attributes, ";") {
		name, values, _ := strings.Cut(a, ":")
		p.Attributes = append(p.Attributes, catalogue.Attribute{Name: name, Values: words(values, ",")})
	}
	colours := words(it.colours, ",")
	pictures := map[string]string{}
	for i, colour := range colours {
		key := "demo/" + handle + ".svg"
		if i > 0 {
			key = "demo/" + handle + "-" + handleOf(colour) + ".svg"
		}
		c.Pictures = append(c.Pictures, Picture{Key: key, SVG: draw(it.art, colour, behind)})
		pictures[colour] = url(key)
		p.Media = append(p.Media, catalogue.Media{URL: url(key), Alt: it.title + " in " + strings.ToLower(colour)})
	}
	if len(colours) > 1 {
		p.Options = append(p.Options, catalogue.Attribute{Name: "Colour", Values: colours})
	}
	p.Attributes = append(p.Attributes, catalogue.Attribute{Name: "Colour", Values: colours})
	sizeName, sizes := sizesOf(it.sizes)
	if len(sizes) > 0 {
		o := catalogue.Attribute{Name: sizeName}
		for _, s := range sizes {
			o.Values = append(o.Values, s.name)
		}
		p.Options = append(p.Options, o)
	}
	p.Variants = variants(it, colours, sizeName, sizes, pictures)
	c.Products = append(c.Products, p)
}

type size struct {
	name string
	plus int64 // euros
}

// sizesOf reads "Size: Small, Large +8".
func sizesOf(text string) (name string, sizes []size) {
	if text == "" {
		return "", nil
	}
	name, list, _ := strings.Cut(text, ":")
	for _, s := range words(list, ",") {
		word, plus, _ := strings.Cut(s, " +")
		n, _ := strconv.ParseInt(plus, 10, 64)
		sizes = append(sizes, size{word, n})
	}
	return name, sizes
}

func variants(it item, colours []string, sizeName string, sizes []size, pictures map[string]string) []catalogue.Variant {
	if len(sizes) == 0 {
		sizes = []size{{}}
	}
	var all []catalogue.Variant
	for i, colour := range colours {
		for j, s := range sizes {
			v := catalogue.Variant{SKU: it.sku, Prices: prices(it.eur + 100*s.plus), Grams: it.grams + it.grams*j/5, ImageURL: pictures[colour],
				Stock: max(0, it.stock-(7*i+5*j)*it.stock/40)}
			if len(colours) > 1 {
				v.SKU += "-" + strings.ToUpper(handleOf(colour))
				v.Options = append(v.Options, catalogue.Option{Name: "Colour", Value: colour})
			}
			if s.name != "" {
				v.SKU += "-" + strings.ToUpper(handleOf(s.name))
				v.Options = append(v.Options, catalogue.Option{Name: sizeName, Value: s.name})
			}
			all = append(all, v)
		}
	}
	return all
}

// prices is the price list: euros, and pounds and dollars at their own round prices.
func prices(eur int64) []money.Money {
	round := func(per100 int64) int64 { return max(100, (eur*per100/100+25)/50*50) }
	return []money.Money{money.New(eur, "EUR"), money.New(round(87), "GBP"), money.New(round(112), "USD")}
}

func handleOf(title string) string {
	return strings.Join(strings.FieldsFunc(strings.ToLower(strings.ReplaceAll(title, "'", "")), func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < '0' || r > '9')
	}), "-")
}

func words(text, separator string) []string {
	var all []string
	for w := range strings.SplitSeq(text, separator) {
		if w = strings.TrimSpace(w); w != "" {
			all = append(all, w)
		}
	}
	return all
}
