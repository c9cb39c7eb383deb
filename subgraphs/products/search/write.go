package search

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"storefront/events"
)

// active is the status of what everybody sees.
const active = "ACTIVE"

// document is what is written of a product.
type document struct {
	product events.ProductChanged
	inStock bool
	rating  float64
}

// Flush writes what has changed until it is called. What changes meanwhile is written the next time: in a
// stream of changes it would not end otherwise.
func (x *Index) Flush() error {
	x.flushing.Lock() // batches must not overtake each other
	defer x.flushing.Unlock()
	x.mu.RLock()
	changed := slices.Collect(maps.Keys(x.state.dirty))
	x.mu.RUnlock()
	for ids := range slices.Chunk(changed, batchSize) {
		docs := x.take(ids)
		batch := x.bleve.NewBatch()
		for id, d := range docs {
			if err := batch.Index(id, d.fields()); err != nil {
				x.untake(docs)
				return fmt.Errorf("index product %s: %w", id, err)
			}
		}
		if err := x.bleve.Batch(batch); err != nil {
			x.untake(docs)
			return fmt.Errorf("index %d products: %w", len(docs), err)
		}
	}
	return nil
}

// fields is the document as the mapping has it.
func (d document) fields() map[string]any {
	p := d.product
	var skus, more []string
	for _, v := range p.Variants {
		skus = append(skus, strings.ToLower(v.SKU))
		more = append(more, v.Title)
	}
	var attributes []string
	for name, values := range p.Attributes {
		for _, v := range values {
			attributes = append(attributes, name+attributeGap+v)
		}
		more = append(more, values...)
	}
	more = append(append(append(more, p.ProductType), p.Tags...), mapped(p.Collections, func(h string) string { return strings.ReplaceAll(h, "-", " ") })...)
	slices.Sort(more)
	prices, lowest, sortPrice := map[string]any{}, map[string]any{}, map[string]any{}
	for currency, amounts := range pricesOf(p) {
		prices[currency] = amounts
		lowest[currency] = slices.Min(amounts)
		sortPrice[currency] = fmt.Sprintf("%013d", int64(slices.Min(amounts)))
	}
	return map[string]any{
		"title": p.Title, "vendorText": p.Vendor, "more": slices.Compact(more), "description": p.Description,
		"words":  append([]string{p.Title, p.Vendor, p.ProductType}, append(slices.Clone(p.Tags), skus...)...),
		"sku":    skus,
		"vendor": p.Vendor, "productType": p.ProductType, "tag": p.Tags, "collection": p.Collections, "attribute": attributes,
		"status": p.Status, "inStock": fmt.Sprint(d.inStock), "rating": d.rating, "prices": prices, "lowest": lowest,
		"sort": map[string]any{
			"title": sortTitle(p.Title), "popularity": fmt.Sprintf("%010d", max(p.Popularity, 0)),
			"rating": fmt.Sprintf("%07.4f", d.rating), "price": sortPrice,
		},
	}
}

// pricesOf lists what the variants cost, in minor units by currency.
func pricesOf(p events.ProductChanged) map[string][]float64 {
	prices := map[string][]float64{}
	for _, v := range p.Variants {
		for _, m := range v.Prices {
			prices[m.Currency] = append(prices[m.Currency], float64(m.Amount))
		}
	}
	return prices
}

// sortTitle is a title by which titles sort: without case and accents, and not too long for a cursor.
func sortTitle(title string) string {
	s := []rune(strings.ReplaceAll(fold(title), "\x00", " "))
	return string(s[:min(len(s), 80)])
}

func mapped[A, B any](list []A, f func(A) B) []B {
	out := make([]B, len(list))
	for i, a := range list {
		out[i] = f(a)
	}
	return out
}
