package replay

import (
	"errors"
	"os"
	"path/filepath"
	"time"

	"storefront/internal/catalogue"
	"storefront/internal/errs"
)

// Invoice is what one invoice of the file asks for, or, with Back, what it takes back.
type Invoice struct {
	Index    int // in the file, from 0
	Row      int // of its first line
	Number   string
	Customer string // "" for a guest
	Country  string // as the file writes it
	Date     time.Time
	Back     bool
	Lines    []Line // one per SKU
}

// Line is a quantity, above 0, of one SKU.
type Line struct {
	SKU      string `json:"sku"`
	Quantity int    `json:"quantity"`
}

// Invoices is the part of a file that is replayed.
type Invoices struct {
	Name     string
	List     []Invoice
	Lines    int // read of these invoices
	Skipped  []catalogue.Skip
	Products []catalogue.Product // those that the lines name
}

// Demand is what the invoices ask for, by SKU.
func (in Invoices) Demand() map[string]int {
	demand := map[string]int{}
	for _, i := range in.List {
		for _, l := range i.Lines {
			if !i.Back {
				demand[l.SKU] += l.Quantity
			}
		}
	}
	return demand
}

// Read reads the first limit invoices of an Online Retail file, all when limit is 0, and the products
// they name as the whole file describes them.
func Read(path string, limit int) (Invoices, error) {
	f, err := os.Open(path)
	if err != nil {
		return Invoices{}, errs.Wrap(errs.BadInput, err, "cannot read the file")
	}
	defer f.Close()
	r := reader{in: Invoices{Name: filepath.Base(path)}, limit: limit, at: map[string]int{}, products: catalogue.NewRetailProducts()}
	if err := catalogue.EachRetailLine(r.in.Name, f, r.line, func(row int, reason string) { r.skip(row, "", reason) }); err != nil {
		return Invoices{}, err
	}
	return r.finish()
}

type reader struct {
	in       Invoices
	limit    int
	at       map[string]int // in lines, by invoice
	lines    [][]catalogue.RetailLine
	products *catalogue.RetailProducts
}

func (r *reader) skip(row int, what, reason string) {
	r.in.Skipped = append(r.in.Skipped, catalogue.Skip{Row: row, What: what, Reason: reason})
}

func (r *reader) line(l catalogue.RetailLine) error {
	r.products.Add(l)
	i, known := r.at[l.Invoice]
	if !known {
		if r.limit > 0 && len(r.lines) == r.limit {
			return nil // its product still counts
		}
		i = len(r.lines)
		r.at[l.Invoice] = i
		r.lines = append(r.lines, nil)
	}
	r.lines[i] = append(r.lines[i], l)
	r.in.Lines++
	return nil
}

// finish makes invoices of the lines, now that the file has told which codes are products.
func (r *reader) finish() (Invoices, error) {
	r.in.Products = r.products.Products(nil)
	known := map[string]bool{}
	for _, p := range r.in.Products {
		known[p.Variants[0].SKU] = true
	}
	wanted := map[string]bool{}
	for i, lines := range r.lines {
		invoice := r.invoice(i, lines, known)
		for _, l := range invoice.Lines {
			wanted[l.SKU] = true
		}
		r.in.List = append(r.in.List, invoice)
	}
	if len(r.in.List) == 0 {
		return Invoices{}, errors.New("the file has no invoices")
	}
	products := r.in.Products[:0]
	for _, p := range r.in.Products {
		if wanted[p.Variants[0].SKU] {
			products = append(products, p)
		}
	}
	r.in.Products = products
	return r.in, nil
}

func (r *reader) invoice(index int, lines []catalogue.RetailLine, known map[string]bool) Invoice {
	first := lines[0]
	invoice := Invoice{Index: index, Row: first.Row, Number: first.Invoice, Customer: first.Customer, Country: first.Country,
		Date: first.Date, Back: first.Invoice[0] == 'C'}
	at := map[string]int{}
	for _, l := range lines {
		sku, quantity := catalogue.RetailSKU(l.Code), l.Quantity
		if invoice.Back {
			quantity = -quantity
		}
		what := l.Invoice + " " + l.Code
		switch reason := catalogue.NoProduct(l.Code); {
		case reason != "":
			r.skip(l.Row, what, reason)
		case quantity <= 0 && invoice.Back:
			r.skip(l.Row, what, "a cancellation whose quantity is not below 0")
		case quantity <= 0:
			r.skip(l.Row, what, "a quantity of 0 or less on an invoice: a correction of stock, no sale")
		case l.UnitPrice.Amount <= 0:
			r.skip(l.Row, what, "a price of 0 or less: nothing was sold")
		case !known[sku]:
			r.skip(l.Row, what, "the stock code is no product: it never has a price")
		default:
			i, ok := at[sku]
			if !ok {
				i = len(invoice.Lines)
				at[sku] = i
				invoice.Lines = append(invoice.Lines, Line{SKU: sku})
			}
			invoice.Lines[i].Quantity += quantity
		}
	}
	if len(invoice.Lines) == 0 {
		r.skip(invoice.Row, invoice.Number, "an invoice with no line left")
	}
	return invoice
}
