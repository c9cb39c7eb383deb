package search

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/blevesearch/bleve/v2"
	blevesearch "github.com/blevesearch/bleve/v2/search"
	"github.com/blevesearch/bleve/v2/search/query"

	"storefront/internal/errs"
	"storefront/subgraphs/products"
)

// sortParts is how many values order what is found, ties included.
const sortParts = 3

// Search answers one page. When the words as typed find nothing, those that no product has are replaced
// by the nearest that some product has, and Corrected says what was searched for.
func (x *Index) Search(ctx context.Context, q products.SearchQuery) (products.Found, error) {
	if err := x.waitFor(ctx, q.Filter); err != nil {
		return products.Found{}, err
	}
	typed := x.telling(split(q.Text))
	res, err := x.run(ctx, q, typed)
	if err != nil || res.Total > 0 || len(typed) == 0 {
		return found(q, res, ""), err
	}
	mended, changed, err := x.correct(ctx, q, typed)
	if err != nil || !changed {
		return found(q, res, ""), err
	}
	again, err := x.run(ctx, q, mended)
	if err != nil || again.Total == 0 {
		return found(q, res, ""), err
	}
	return found(q, again, strings.Join(mended, " ")), nil
}

// telling leaves out words such as "for" and "the", unless there are no others.
func (x *Index) telling(typed []string) []string {
	analyzer := x.bleve.Mapping().AnalyzerNamed(stems)
	var kept []string
	for _, w := range typed {
		if len(analyzer.Analyze([]byte(w))) > 0 {
			kept = append(kept, w)
		}
	}
	if len(kept) == 0 {
		return typed
	}
	return kept
}

func (x *Index) run(ctx context.Context, q products.SearchQuery, typed []string) (*bleve.SearchResult, error) {
	req := bleve.NewSearchRequestOptions(x.whole(q, typed), q.Size+1, 0, false)
	req.Sort = order(q, len(typed) > 0)
	if q.Cursor != nil {
		if len(q.Cursor) != sortParts {
			return nil, errs.Input([]string{"after"}, "after is not a cursor of this search; take one from pageInfo")
		}
		req.SearchAfter = mapped(q.Cursor, func(part string) string {
			if part == "" {
				return blevesearch.LowTerm
			}
			return part
		})
		if req.Validate() != nil {
			return nil, errs.Input([]string{"after"}, "after is not a cursor of this search; take one from pageInfo")
		}
	}
	if q.Facets {
		addFacets(req, q.Currency)
	}
	res, err := x.bleve.SearchInContext(ctx, req)
	if err != nil {
		return nil, fmt.Errorf("search products: %w", err)
	}
	return res, nil
}

// correct replaces the words that nothing the caller may see has.
func (x *Index) correct(ctx context.Context, q products.SearchQuery, typed []string) (mended []string, changed bool, err error) {
	for _, w := range typed {
		known := bleve.NewSearchRequestOptions(all(oneWord(w), visible(q.All)...), 0, 0, false)
		res, err := x.bleve.SearchInContext(ctx, known)
		if err != nil {
			return nil, false, fmt.Errorf("search products: %w", err)
		}
		if res.Total == 0 {
			x.mu.RLock()
			near := x.state.words.nearest(w)
			x.mu.RUnlock()
			if near != "" {
				w, changed = near, true
			}
		}
		mended = append(mended, w)
	}
	return mended, changed, nil
}

// whole is the query with its filter.
func (x *Index) whole(q products.SearchQuery, typed []string) query.Query {
	parts := append(visible(q.All), filters(q)...)
	var text query.Query = bleve.NewMatchAllQuery()
	if len(typed) > 0 {
		every := make([]query.Query, len(typed))
		for i, w := range typed {
			every[i] = oneWord(w)
		}
		sku := term("sku", strings.ToLower(q.Text), 20)
		text = bleve.NewDisjunctionQuery(bleve.NewConjunctionQuery(every...), sku)
	}
	return all(text, parts...)
}

// all holds text to filters, which do not count for relevance.
func all(text query.Query, filters ...query.Query) query.Query {
	if len(filters) == 0 {
		return text
	}
	q := bleve.NewBooleanQuery()
	q.AddMust(text)
	q.AddFilter(bleve.NewConjunctionQuery(filters...))
	return q
}

// oneWord finds a word in a product: as it is, by its stem, or as a beginning.
func oneWord(w string) query.Query {
	any := []query.Query{term("words", w, 3), term("sku", w, 10)}
	for field, boost := range map[string]float64{"title": 6, "vendorText": 3, "more": 2, "description": 1} {
		m := bleve.NewMatchQuery(w)
		m.SetField(field)
		m.SetBoost(boost)
		any = append(any, m)
	}
	if len(w) >= 3 {
		p := bleve.NewPrefixQuery(w)
		p.SetField("words")
		any = append(any, p)
	}
	return bleve.NewDisjunctionQuery(any...)
}

func term(field, value string, boost float64) query.Query {
	t := bleve.NewTermQuery(value)
	t.SetField(field)
	t.SetBoost(boost)
	return t
}

func visible(everything bool) []query.Query {
	if everything {
		return nil
	}
	return []query.Query{term("status", active, 1)}
}

func filters(q products.SearchQuery) []query.Query {
	var list []query.Query
	any := func(field string, values []string) {
		if len(values) > 0 {
			list = append(list, bleve.NewDisjunctionQuery(mapped(values, func(v string) query.Query { return term(field, v, 1) })...))
		}
	}
	f := q.Filter
	if f.Collection != nil {
		any("collection", []string{*f.Collection})
	}
	any("vendor", f.Vendors)
	any("productType", f.ProductTypes)
	any("tag", f.Tags)
	for _, a := range f.Attributes {
		any("attribute", mapped(a.Values, func(v string) string { return a.Name + attributeGap + v }))
	}
	if f.InStock != nil {
		any("inStock", []string{strconv.FormatBool(*f.InStock)})
	}
	if f.PriceMin != nil || f.PriceMax != nil {
		list = append(list, between("prices."+q.Currency, number(f.PriceMin), number(f.PriceMax)))
	}
	if f.RatingMin != nil {
		list = append(list, between("rating", f.RatingMin, nil))
	}
	return list
}

func between(field string, low, high *float64) query.Query {
	yes := true
	r := bleve.NewNumericRangeInclusiveQuery(low, high, &yes, &yes)
	r.SetField(field)
	return r
}

func number(n *int64) *float64 {
	if n == nil {
		return nil
	}
	f := float64(*n)
	return &f
}

// order is what the results are sorted by: always three values, the last one unique.
func order(q products.SearchQuery, text bool) blevesearch.SortOrder {
	by := func(field string, desc bool) blevesearch.SearchSort {
		return &blevesearch.SortField{Field: field, Desc: desc, Type: blevesearch.SortFieldAsString}
	}
	popular, id := by("sort.popularity", true), &blevesearch.SortDocID{}
	switch q.Sort {
	case products.Newest: // ids begin with the time they were made at
		return blevesearch.SortOrder{&blevesearch.SortDocID{Desc: true}, popular, id}
	case products.PriceAsc:
		return blevesearch.SortOrder{by("sort.price."+q.Currency, false), popular, id}
	case products.PriceDesc:
		return blevesearch.SortOrder{by("sort.price."+q.Currency, true), popular, id}
	case products.ByTitle:
		return blevesearch.SortOrder{by("sort.title", false), popular, id}
	case products.ByRating:
		return blevesearch.SortOrder{by("sort.rating", true), popular, id}
	case products.Relevance:
		if text {
			return blevesearch.SortOrder{&blevesearch.SortScore{Desc: true}, popular, id}
		}
	}
	return blevesearch.SortOrder{popular, by("sort.title", false), id}
}

func found(q products.SearchQuery, res *bleve.SearchResult, corrected string) products.Found {
	if res == nil {
		return products.Found{}
	}
	out := products.Found{Total: int(res.Total), Corrected: corrected}
	for i, hit := range res.Hits {
		if i == q.Size {
			out.More = true
			break
		}
		out.Hits = append(out.Hits, products.Hit{ID: hit.ID, Cursor: cursor(hit)})
	}
	if q.Facets {
		out.Facets = facetsOf(res.Facets)
	}
	return out
}

// cursor is a hit's sort values in a form that goes through page.Cursor: what is missing sorts lowest
// and is written as nothing.
func cursor(hit *blevesearch.DocumentMatch) []string {
	return mapped(hit.Sort, func(part string) string {
		switch part {
		case "_score":
			return strconv.FormatFloat(hit.Score, 'g', -1, 64)
		case "_id":
			return hit.ID
		case blevesearch.LowTerm:
			return ""
		}
		return part
	})
}
