package catalogue

import (
	"cmp"
	"encoding/csv"
	"errors"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"storefront/internal/errs"
	"storefront/internal/money"
	"storefront/internal/sku"
)

// RetailCurrency is the currency of the Online Retail lines.
const RetailCurrency = "GBP"

// RetailLine is one line of an invoice.
type RetailLine struct {
	Row         int
	Invoice     string // begins with C when it takes back
	Code        string // stock code, in capitals: the file writes some codes both ways
	Description string
	Quantity    int
	Date        time.Time
	UnitPrice   money.Money
	Customer    string // "" when none is named
	Country     string
}

// RetailSKU is the SKU of a stock code.
func RetailSKU(code string) string { return short(code, sku.Max) }

// NoProduct says why a stock code is no product, "" when it may be one.
func NoProduct(code string) string {
	switch code {
	case "POST", "DOT", "C2":
		return "postage, no product"
	case "D":
		return "a discount, no product"
	case "M":
		return "a manual entry, no product"
	case "S":
		return "samples, not for sale"
	case "BANK CHARGES", "AMAZONFEE", "CRUK":
		return "a fee, no product"
	case "B":
		return "a bad debt, no product"
	case "PADS":
		return "an addition to other lines, no product"
	}
	if strings.HasPrefix(code, "GIFT_") {
		return "a gift voucher: money, no goods"
	}
	return ""
}

// EachRetailLine reads Online Retail lines, plain or compressed, in the order of the file, until each
// returns an error. Rows that cannot be read go to broken, which may be nil.
func EachRetailLine(name string, r io.Reader, each func(RetailLine) error, broken func(row int, reason string)) error {
	in, err := plain(r)
	if err != nil {
		return errs.Wrap(errs.BadInput, err, "%s is damaged", name)
	}
	t, err := newTable(in)
	if err != nil {
		return err
	}
	if broken == nil {
		broken = func(int, string) {}
	}
	for _, c := range []string{"InvoiceNo", "StockCode", "Description", "Quantity", "InvoiceDate", "UnitPrice", "CustomerID", "Country"} {
		if _, ok := t.columns[c]; !ok {
			return errs.New(errs.BadInput, "%s has no column %s; Online Retail lines do", name, c)
		}
	}
	for {
		err := t.next()
		if err == io.EOF {
			return nil
		}
		if _, bad := errors.AsType[*csv.ParseError](err); bad {
			broken(t.row, "the row is not valid CSV: "+err.Error())
			continue
		}
		if err != nil {
			return errs.Wrap(errs.BadInput, err, "%s breaks off at line %d", name, t.row)
		}
		line, reason := retailLine(t)
		if reason != "" {
			broken(t.row, reason)
			continue
		}
		if err := each(line); err != nil {
			return err
		}
	}
}

func retailLine(t *table) (RetailLine, string) {
	quantity, err := strconv.Atoi(t.get("Quantity"))
	if err != nil {
		return RetailLine{}, "the quantity " + strconv.Quote(t.get("Quantity")) + " is no whole number"
	}
	cost, err := price(t.get("UnitPrice"), RetailCurrency)
	if err != nil {
		return RetailLine{}, "the price " + strconv.Quote(t.get("UnitPrice")) + " is not an amount"
	}
	date, err := time.Parse(time.DateTime, t.get("InvoiceDate"))
	if err != nil {
		return RetailLine{}, "the date " + strconv.Quote(t.get("InvoiceDate")) + " is not like 2010-12-01 08:26:00"
	}
	line := RetailLine{Row: t.row, Invoice: strings.ToUpper(t.get("InvoiceNo")), Code: strings.ToUpper(squeeze(t.get("StockCode"))),
		Description: squeeze(t.get("Description")), Quantity: quantity, Date: date, UnitPrice: cost,
		Customer: strings.TrimSuffix(t.get("CustomerID"), ".0"), Country: t.get("Country")}
	if line.Invoice == "" || line.Code == "" {
		return line, "the row has no invoice number or no stock code"
	}
	return line, ""
}

// readRetail makes a product of each stock code: the description that most of its sales carry, and the
// price most of them had.
func (f *File) readRetail(in io.Reader) error {
	p := NewRetailProducts()
	err := EachRetailLine(f.Name, in, func(l RetailLine) error { f.Rows++; p.Add(l); return nil },
		func(row int, reason string) { f.Rows++; f.skip(row, "", "%s", reason) })
	if err != nil {
		return err
	}
	f.Products, f.Skipped = p.Products(nil), append(f.Skipped, p.Skipped()...)
	f.note("%d stock codes in %d lines; codes that differ only in capitals are one product", len(p.order), f.Rows)
	f.note("the file has no weights: up to 5 kg are made up, by price and the same each time")
	return nil
}

// RetailProducts collects what lines say of their products.
type RetailProducts struct {
	order []string
	codes map[string]*retailCode
}

type retailCode struct {
	row            int
	names, rumours map[string]int // descriptions by how often: of sales, and of lines without a price
	prices         map[int64]int
}

// NewRetailProducts returns an empty collection.
func NewRetailProducts() *RetailProducts { return &RetailProducts{codes: map[string]*retailCode{}} }

// Add notes one line.
func (p *RetailProducts) Add(l RetailLine) {
	c, ok := p.codes[l.Code]
	if !ok {
		c = &retailCode{row: l.Row, names: map[string]int{}, rumours: map[string]int{}, prices: map[int64]int{}}
		p.codes[l.Code] = c
		p.order = append(p.order, l.Code)
	}
	names := c.rumours
	if l.UnitPrice.Amount > 0 {
		c.prices[l.UnitPrice.Amount]++
		names = c.names
	}
	if l.Description != "" {
		names[l.Description]++
	}
}

// Products returns a product for each code that is one, in the order of the file; only those wanted,
// when that is not nil.
func (p *RetailProducts) Products(wanted map[string]bool) []Product {
	var all []Product
	handles := unique{}
	for _, code := range p.order {
		c := p.codes[code]
		handle := handles.take(short(cmp.Or(slug(code), "item"), 250))
		if wanted != nil && !wanted[code] || NoProduct(code) != "" || len(c.prices) == 0 {
			continue
		}
		title := commonest(c.names)
		if title == "" {
			title = commonest(c.rumours)
		}
		if title == "" {
			title = "Item " + code
		}
		cost := money.New(commonest(c.prices), RetailCurrency)
		all = append(all, Product{
			Handle: handle, Title: cutTitle(title), Status: "ACTIVE", Collections: []string{"Online Retail"}, Row: c.row,
			Variants: []Variant{{SKU: RetailSKU(code), Prices: []money.Money{cost}, Grams: retailGrams(code, cost)}},
		})
	}
	return all
}

// Skipped says which codes are no products.
func (p *RetailProducts) Skipped() []Skip {
	var all []Skip
	for _, code := range p.order {
		c := p.codes[code]
		if reason := NoProduct(code); reason != "" {
			all = append(all, Skip{Row: c.row, What: code, Reason: reason})
		} else if len(c.prices) == 0 {
			all = append(all, Skip{Row: c.row, What: code, Reason: "the stock code has no line with a price above 0"})
		}
	}
	return all
}

// retailGrams makes up a weight: dearer things are heavier, and the same code always weighs the same.
func retailGrams(code string, cost money.Money) int {
	return min(5000, 15+int(cost.Amount)/4+int(hashOf(code)%30))
}

// commonest returns the key with the highest count; the smallest of those that share it.
func commonest[K string | int64](counts map[K]int) K {
	var best K
	n := 0
	keys := make([]K, 0, len(counts))
	for k := range counts {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	for _, k := range keys {
		if counts[k] > n {
			best, n = k, counts[k]
		}
	}
	return best
}
