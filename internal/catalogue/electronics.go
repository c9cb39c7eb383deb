package catalogue

import (
	"encoding/json"
	"fmt"
	"html"
	"io"
	"slices"
	"strings"

	"storefront/internal/errs"
	"storefront/internal/money"
	"storefront/internal/sku"
)

// readElectronics reads a JSON list. Names occur more than once: the handle of the second is name-2, and
// so on, in the order of the file.
func (f *File) readElectronics(in io.Reader, opts Options) error {
	type item struct {
		Name        string      `json:"name"`
		Description string      `json:"description"`
		Brand       string      `json:"brand"`
		Categories  []string    `json:"categories"`
		Price       json.Number `json:"price"`
		Currency    string      `json:"currency"`
		Image       string      `json:"image"`
		Popularity  *float64    `json:"popularity"`
	}
	d := json.NewDecoder(in)
	if _, err := d.Token(); err != nil {
		return errs.Wrap(errs.BadInput, err, "%s is not JSON", f.Name)
	}
	handles, again := unique{}, 0
	for d.More() {
		f.Rows++
		var raw json.RawMessage
		if err := d.Decode(&raw); err != nil {
			return errs.Wrap(errs.BadInput, err, "%s breaks off in entry %d", f.Name, f.Rows)
		}
		var it item
		if err := json.Unmarshal(raw, &it); err != nil {
			f.skip(f.Rows, "", "the entry is no product: %v", err)
			continue
		}
		name, currency := squeeze(it.Name), it.Currency
		if currency == "" {
			currency = opts.currency("USD")
		}
		cost, err := price(it.Price.String(), currency)
		switch {
		case slug(name) == "":
			f.skip(f.Rows, "", "the entry has no name")
			continue
		case err != nil || cost.Amount <= 0:
			f.skip(f.Rows, name, "the price %q is not an amount above 0", it.Price)
			continue
		}
		plain := short(slug(name), 240)
		handle := handles.take(plain)
		if handle != plain {
			again++
		}
		p := Product{Handle: handle, Title: cutTitle(name), Vendor: squeeze(it.Brand), Status: "ACTIVE", Row: f.Rows}
		if text := strings.TrimSpace(it.Description); text != "" {
			p.DescriptionHTML = "<p>" + html.EscapeString(text) + "</p>"
		}
		for _, c := range it.Categories {
			if c = squeeze(c); slug(c) != "" && !slices.Contains(p.Collections, c) {
				p.Collections = append(p.Collections, c)
			}
		}
		if n := len(p.Collections); n > 0 {
			p.ProductType = p.Collections[n-1]
		}
		if it.Image != "" {
			p.Media = []Media{{URL: it.Image, Alt: p.Title}}
		}
		if it.Popularity != nil && *it.Popularity >= 0 && *it.Popularity <= 1e9 {
			n := int(*it.Popularity)
			p.Popularity = &n
		}
		p.Variants = []Variant{{SKU: short(handle, sku.Max), Prices: []money.Money{cost}, Grams: 100 + int(hashOf(handle)%700)}}
		f.Products = append(f.Products, p)
	}
	if _, err := d.Token(); err != nil {
		return errs.Wrap(errs.BadInput, err, "%s breaks off after entry %d", f.Name, f.Rows)
	}
	if again > 0 {
		f.note("%d products share their name with one before; their handles got a number", again)
	}
	f.note("the file has no weights: 100 to 799 g are made up, the same each time")
	return nil
}

func cutTitle(s string) string {
	if r := []rune(s); len(r) > 255 {
		return fmt.Sprintf("%s…", string(r[:254]))
	}
	return s
}
