// Package catalogue reads product files as other shops write them: Shopify's product CSV, a JSON list of
// electronics, and the invoice lines of Online Retail.
//
// It only reads. What a file holds becomes Products, whose JSON is the graph's ProductInput; what is no
// product is said in Skipped, with its row and the reason. Enter at Read or Open.
package catalogue

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"storefront/internal/errs"
	"storefront/internal/money"
)

// Product is a product as a file describes it. Its JSON is the graph's ProductInput.
type Product struct {
	Handle          string      `json:"handle"`
	Title           string      `json:"title"`
	DescriptionHTML string      `json:"descriptionHtml,omitempty"`
	Vendor          string      `json:"vendor,omitempty"`
	ProductType     string      `json:"productType,omitempty"`
	Tags            []string    `json:"tags,omitempty"`
	Options         []Attribute `json:"options,omitempty"`
	Attributes      []Attribute `json:"attributes,omitempty"`
	Media           []Media     `json:"media,omitempty"`
	Variants        []Variant   `json:"variants"`
	Collections     []string    `json:"collections,omitempty"`
	Status          string      `json:"status"` // ACTIVE or DRAFT
	Popularity      *int        `json:"popularity,omitempty"`

	Row int `json:"-"` // where the file describes it: a line of a CSV, a position in a list, from 1
}

// Attribute is a name with its values.
type Attribute struct {
	Name   string   `json:"name"`
	Values []string `json:"values"`
}

// Media is an image by its URL.
type Media struct {
	URL string `json:"url"`
	Alt string `json:"alt,omitempty"`
}

// Variant is one variant of a product.
type Variant struct {
	SKU             string        `json:"sku"`
	Title           string        `json:"title,omitempty"`
	Options         []Option      `json:"options,omitempty"`
	Prices          []money.Money `json:"prices"`
	CompareAtPrices []money.Money `json:"compareAtPrices,omitempty"`
	Grams           int           `json:"grams"`
	Barcode         string        `json:"barcode,omitempty"`
	ImageURL        string        `json:"imageUrl,omitempty"`

	Stock int `json:"-"` // units the file says are there
}

// Option is a variant's value of one option.
type Option struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// Skip is a row that became nothing, and why.
type Skip struct {
	Row    int
	Reason string
	What   string // the row's own name, such as a stock code
}

// File is what a file holds.
type File struct {
	Name     string // without its folder
	Format   string // in words
	Rows     int    // read, without a header
	Products []Product
	Skipped  []Skip
	Notes    []string // what was made up or put together, for the summary
	HasStock bool     // the file says how many units are there
}

// Options say what a file may leave out.
type Options struct {
	Currency string // of prices without one; by default EUR in Shopify's files, USD in electronics
}

func (o Options) currency(usual string) string {
	if o.Currency != "" {
		return o.Currency
	}
	return usual
}

// Open reads the file at path, also when it is compressed with gzip.
func Open(path string, opts Options) (*File, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, errs.Wrap(errs.BadInput, err, "cannot read the file")
	}
	defer f.Close()
	return Read(filepath.Base(path), f, opts)
}

// Read recognises the format of r by its first bytes and reads it. An error says why the file as a whole
// cannot be read; rows that cannot are in File.Skipped.
func Read(name string, r io.Reader, opts Options) (*File, error) {
	in, err := plain(r)
	if err != nil {
		return nil, errs.Wrap(errs.BadInput, err, "%s is damaged", name)
	}
	head, err := in.Peek(64 << 10)
	if err != nil && err != io.EOF && err != bufio.ErrBufferFull {
		return nil, errs.Wrap(errs.BadInput, err, "%s cannot be read", name)
	}
	file := &File{Name: name}
	first, _, _ := bytes.Cut(head, []byte("\n"))
	switch {
	case bytes.HasPrefix(bytes.TrimSpace(head), []byte("[")):
		file.Format, err = "electronics JSON", file.readElectronics(in, opts)
	case hasColumns(first, "Handle", "Title", "Variant Price"):
		file.Format, err = "Shopify product CSV", file.readShopify(in, opts)
	case hasColumns(first, "InvoiceNo", "StockCode", "UnitPrice"):
		file.Format, err = "Online Retail invoice lines", file.readRetail(in)
	default:
		return nil, errs.New(errs.BadInput, "%s is neither Shopify's product CSV, nor a JSON list of products, nor Online Retail lines; its first line has to name the columns, or to begin with [", name)
	}
	if err != nil {
		return nil, err
	}
	return file, nil
}

// plain returns r without its compression and its byte order mark.
func plain(r io.Reader) (*bufio.Reader, error) {
	in := bufio.NewReaderSize(r, 64<<10)
	if magic, _ := in.Peek(2); bytes.Equal(magic, []byte{0x1f, 0x8b}) {
		z, err := gzip.NewReader(in)
		if err != nil {
			return nil, fmt.Errorf("read gzip: %w", err)
		}
		in = bufio.NewReaderSize(z, 64<<10)
	}
	if mark, _ := in.Peek(3); bytes.Equal(mark, []byte{0xef, 0xbb, 0xbf}) {
		in.Discard(3)
	}
	return in, nil
}

func (f *File) skip(row int, what, reason string, args ...any) {
	f.Skipped = append(f.Skipped, Skip{Row: row, What: what, Reason: fmt.Sprintf(reason, args...)})
}

func (f *File) note(format string, args ...any) {
	f.Notes = append(f.Notes, fmt.Sprintf(format, args...))
}
