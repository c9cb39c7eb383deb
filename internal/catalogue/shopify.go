package catalogue

import (
	"encoding/csv"
	"errors"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"

	"storefront/internal/errs"
	"storefront/internal/money"
	"storefront/internal/sku"
)

func itoa(n int) string { return strconv.Itoa(n) }

// readShopify reads Shopify's export. The rows of one handle are one product: the first says what the
// product is, each with a price is a variant, each with an image adds one.
func (f *File) readShopify(in io.Reader, opts Options) error {
	t, err := newTable(in)
	if err != nil {
		return err
	}
	f.HasStock = true
	s := shopify{file: f, currency: opts.currency("EUR"), at: map[string]int{}, skus: map[string]bool{}}
	for {
		err := t.next()
		if err == io.EOF {
			break
		}
		f.Rows++
		if _, broken := errors.AsType[*csv.ParseError](err); broken {
			f.skip(t.row, "", "the row is not valid CSV: %v", err)
			continue
		}
		if err != nil {
			return errs.Wrap(errs.BadInput, err, "%s breaks off at line %d", f.Name, t.row)
		}
		s.row(t)
	}
	s.finish()
	return nil
}

type shopify struct {
	file     *File
	currency string
	products []*Product
	at       map[string]int // in products, by handle
	options  [][3]string    // the option names of each product
	skus     map[string]bool
	madeSKUs int
}

func (s *shopify) row(t *table) {
	handle := slug(t.get("Handle"))
	if handle == "" {
		handle = slug(t.get("Title"))
	}
	if handle == "" {
		s.file.skip(t.row, "", "the row has neither a handle nor a title")
		return
	}
	handle = short(handle, 250)
	i, known := s.at[handle]
	if !known {
		i = len(s.products)
		s.at[handle] = i
		s.products = append(s.products, &Product{Handle: handle, Row: t.row})
		s.options = append(s.options, [3]string{})
	}
	p := s.products[i]
	if title := squeeze(t.get("Title")); p.Title == "" && title != "" {
		p.Title, p.DescriptionHTML = title, t.get("Body (HTML)")
		p.Vendor, p.ProductType = squeeze(t.get("Vendor")), squeeze(t.get("Type"))
		p.Tags = list(t.get("Tags"))
		p.Status = "ACTIVE"
		if published := t.get("Published"); strings.EqualFold(published, "false") {
			p.Status = "DRAFT"
		}
		switch strings.ToLower(t.get("Status")) {
		case "draft", "archived":
			p.Status = "DRAFT"
		}
		if p.ProductType != "" {
			p.Collections = []string{p.ProductType}
		}
	}
	for n := range 3 {
		if name := t.get("Option" + itoa(n+1) + " Name"); name != "" && s.options[i][n] == "" {
			s.options[i][n] = name
		}
	}
	image := t.get("Image Src")
	if image != "" && !slices.ContainsFunc(p.Media, func(m Media) bool { return m.URL == image }) {
		p.Media = append(p.Media, Media{URL: image, Alt: squeeze(t.get("Image Alt Text"))})
	}
	if t.get("Variant Price") == "" {
		if image == "" && known {
			s.file.skip(t.row, handle, "the row has neither a price nor an image")
		}
		return
	}
	if v, reason := s.variant(t, p, s.options[i]); reason != "" {
		s.file.skip(t.row, handle, "%s", reason)
	} else {
		p.Variants = append(p.Variants, v)
	}
}

func (s *shopify) variant(t *table, p *Product, names [3]string) (Variant, string) {
	cost, err := price(t.get("Variant Price"), s.currency)
	if err != nil || cost.Amount < 0 {
		return Variant{}, "the price " + strconv.Quote(t.get("Variant Price")) + " is not an amount"
	}
	v := Variant{Prices: []money.Money{cost}, Barcode: squeeze(t.get("Variant Barcode")), ImageURL: t.get("Variant Image")}
	if before, err := price(t.get("Variant Compare At Price"), s.currency); err == nil && before.Amount > cost.Amount {
		v.CompareAtPrices = []money.Money{before}
	}
	if grams, err := strconv.ParseFloat(t.get("Variant Grams"), 64); err == nil && grams > 0 && grams < 1e8 {
		v.Grams = int(math.Round(grams))
	}
	if n, err := strconv.Atoi(t.get("Variant Inventory Qty")); err == nil && n > 0 {
		v.Stock = n
	}
	parts := []string{p.Handle}
	for n := range 3 {
		value := squeeze(t.get("Option" + itoa(n+1) + " Value"))
		if names[n] == "" || value == "" || names[n] == "Title" && value == "Default Title" {
			continue
		}
		v.Options = append(v.Options, Option{Name: squeeze(names[n]), Value: value})
		parts = append(parts, slug(value))
	}
	if slices.ContainsFunc(p.Variants, func(o Variant) bool { return slices.Equal(o.Options, v.Options) }) {
		return Variant{}, "the product has a variant with these options already"
	}
	v.SKU = short(squeeze(strings.TrimPrefix(t.get("Variant SKU"), "'")), sku.Max)
	if v.SKU == "" {
		v.SKU = short(strings.Join(parts, "-"), sku.Max-5)
		s.madeSKUs++
	} else if s.skus[v.SKU] { // Shopify lets variants share one; here it names what lies in the warehouse
		s.file.note("SKU %s names several variants; line %d got %s", v.SKU, t.row, short(strings.Join(parts, "-"), sku.Max-5))
		v.SKU = short(strings.Join(parts, "-"), sku.Max-5)
	}
	for n, base := 2, v.SKU; s.skus[v.SKU]; n++ {
		v.SKU = base + "-" + itoa(n)
	}
	s.skus[v.SKU] = true
	return v, ""
}

func (s *shopify) finish() {
	for i, p := range s.products {
		switch {
		case p.Title == "":
			p.Title = p.Handle
			fallthrough
		default:
			if len(p.Variants) == 0 {
				s.file.skip(p.Row, p.Handle, "the product has no variant with a price")
				continue
			}
		}
		if p.Status == "" {
			p.Status = "DRAFT"
		}
		for n, name := range s.options[i] {
			name = squeeze(name)
			var values []string
			for _, v := range p.Variants {
				for _, o := range v.Options {
					if o.Name == name && !slices.Contains(values, o.Value) {
						values = append(values, o.Value)
					}
				}
			}
			if name != "" && len(values) > 0 && !slices.Contains(s.options[i][:n], name) {
				p.Options = append(p.Options, Attribute{Name: name, Values: values})
			}
		}
		s.file.Products = append(s.file.Products, *p)
	}
	if s.madeSKUs > 0 {
		s.file.note("%d variants have no SKU; theirs are made of handle and options", s.madeSKUs)
	}
}

func list(text string) []string {
	var all []string
	for part := range strings.SplitSeq(text, ",") {
		if part = squeeze(part); part != "" && !slices.Contains(all, part) {
			all = append(all, part)
		}
	}
	return all
}
