// Package importer puts products and stock into a running shop through its GraphQL API, as any client of
// staff could. Doing it twice changes nothing the second time.
//
// Enter at New. Reading files is catalogue's, saying what happened is Summary's.
package importer

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"storefront/internal/catalogue"
	"storefront/internal/client"
	"storefront/internal/errs"
)

// Limits of one call: the graph's own, and what keeps a request under the router's size.
const (
	productsPerCall = 100
	bytesPerCall    = 700 << 10
	stockPerCall    = 250
	callsAtOnce     = 4
	patience        = time.Minute
)

// Importer writes through one client, whose token has to be of staff. It is safe for concurrent use.
type Importer struct{ client *client.Client }

// New returns an importer.
func New(c *client.Client) *Importer { return &Importer{c} }

// UserError is what the shop says is wrong with an input.
type UserError struct {
	Field   []string `json:"field"`
	Code    string   `json:"code"`
	Message string   `json:"message"`
}

func (e UserError) String() string {
	if len(e.Field) == 0 {
		return e.Message
	}
	return strings.Join(e.Field, ".") + ": " + e.Message
}

// Counts is what became of products.
type Counts struct {
	Created   int `json:"created"`
	Updated   int `json:"updated"`
	Unchanged int `json:"unchanged"`
}

// Written is what became of a list of products, and which the shop refused.
type Written struct {
	Counts
	Accepted []catalogue.Product // as they are in the shop now; in any order
	Refused  []catalogue.Skip
}

const upsert = `mutation Import($inputs: [ProductInput!]!) {
  productsUpsert(inputs: $inputs) { created updated unchanged userErrors { field code message } }
}`

// Products creates or updates products; done is called as they are written. Those that the shop refuses
// are in Written with their reason, the others are written. Safe to repeat.
func (i *Importer) Products(ctx context.Context, products []catalogue.Product, done func(n int)) (Written, error) {
	var mu sync.Mutex
	var all Written
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(callsAtOnce)
	for _, batch := range batches(products) {
		g.Go(func() error {
			var answer struct {
				ProductsUpsert struct {
					Counts
					UserErrors []UserError `json:"userErrors"`
				} `json:"productsUpsert"`
			}
			if err := i.client.DoPatiently(gctx, patience, upsert, map[string]any{"inputs": batch}, nil, &answer); err != nil {
				return fmt.Errorf("write products: %w", err)
			}
			done(len(batch))
			mu.Lock()
			defer mu.Unlock()
			all.Created += answer.ProductsUpsert.Created
			all.Updated += answer.ProductsUpsert.Updated
			all.Unchanged += answer.ProductsUpsert.Unchanged
			all.Accepted = append(all.Accepted, accepted(batch, answer.ProductsUpsert.UserErrors)...)
			all.Refused = append(all.Refused, refused(batch, answer.ProductsUpsert.UserErrors)...)
			return nil
		})
	}
	err := g.Wait()
	return all, err
}

// refused turns errors at inputs.N into the rows that those inputs came from, one for each product.
func refused(batch []catalogue.Product, list []UserError) []catalogue.Skip {
	var all []catalogue.Skip
	said := map[int]bool{}
	for _, e := range list {
		n, row, what := e.input(len(batch)), 0, ""
		if n >= 0 {
			row, what = batch[n].Row, batch[n].Handle
			e.Field = e.Field[2:]
		}
		if n >= 0 && said[n] {
			continue
		}
		said[n] = true
		all = append(all, catalogue.Skip{Row: row, What: what, Reason: e.String()})
	}
	return all
}

// accepted leaves out the inputs that errors name; all, when an error is of the call.
func accepted(batch []catalogue.Product, list []UserError) []catalogue.Product {
	wrong := map[int]bool{}
	for _, e := range list {
		n := e.input(len(batch))
		if n < 0 {
			return nil
		}
		wrong[n] = true
	}
	var good []catalogue.Product
	for n, p := range batch {
		if !wrong[n] {
			good = append(good, p)
		}
	}
	return good
}

// input is which of n inputs the error is of; -1 when it is of the call.
func (e UserError) input(n int) int {
	if len(e.Field) > 1 && e.Field[0] == "inputs" {
		if k, err := strconv.Atoi(e.Field[1]); err == nil && k >= 0 && k < n {
			return k
		}
	}
	return -1
}

// batches splits products by number and by size.
func batches(products []catalogue.Product) [][]catalogue.Product {
	var all [][]catalogue.Product
	start, size := 0, 0
	for i, p := range products {
		text, _ := json.Marshal(p) // plain data: cannot fail
		if i > start && (i-start == productsPerCall || size+len(text) > bytesPerCall) {
			all = append(all, products[start:i])
			start, size = i, 0
		}
		size += len(text)
	}
	if start < len(products) {
		all = append(all, products[start:])
	}
	return all
}

// Stock is units of a SKU that came in.
type Stock struct {
	SKU   string `json:"sku"`
	Delta int    `json:"delta"`
}

const adjust = `mutation Stock($adjustments: [StockAdjustInput!]!, $reason: String!, $key: String!) {
  stockAdjust(adjustments: $adjustments, reason: $reason, idempotencyKey: $key) { userErrors { field code message } }
}`

// Stock puts units on stock. A SKU is counted once per key, however often it is called; kept is how many
// got another number of units by the key before, and stay as they are.
func (i *Importer) Stock(ctx context.Context, lines []Stock, reason, key string, done func(n int)) (kept int, err error) {
	var before atomic.Int64
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(callsAtOnce)
	size := min(stockPerCall, max(20, (len(lines)+callsAtOnce-1)/callsAtOnce)) // short lists run at once, too
	for len(lines) > 0 {
		batch := lines[:min(size, len(lines))]
		lines = lines[len(batch):]
		g.Go(func() error {
			var answer struct {
				StockAdjust struct {
					UserErrors []UserError `json:"userErrors"`
				} `json:"stockAdjust"`
			}
			vars := map[string]any{"adjustments": batch, "reason": reason, "key": key}
			if err := i.client.DoPatiently(gctx, patience, adjust, vars, nil, &answer); err != nil {
				return fmt.Errorf("put stock: %w", err)
			}
			for _, e := range answer.StockAdjust.UserErrors {
				if e.Code != string(errs.Conflict) {
					return fmt.Errorf("put stock: %s", e)
				}
				before.Add(1)
			}
			done(len(batch))
			return nil
		})
	}
	err = g.Wait()
	return int(before.Load()), err
}

// StockKey makes an idempotency key of what names the occasion, such as a file. The shop counts each SKU
// once per key.
func StockKey(parts ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return "import-" + hex.EncodeToString(sum[:12])
}
