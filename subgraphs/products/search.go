package products

import (
	"context"
	"math"
	"strconv"
	"strings"

	"storefront/internal/errs"
	"storefront/internal/identity"
	"storefront/loaders/page"
)

// ProductSort is the order of what a search finds.
type ProductSort string

// The orders; ties are broken by id, so that pages fit together.
const (
	Relevance  ProductSort = "RELEVANCE"
	Newest     ProductSort = "NEWEST"
	PriceAsc   ProductSort = "PRICE_ASC" // lowest price in the search's currency; without one at the end
	PriceDesc  ProductSort = "PRICE_DESC"
	ByTitle    ProductSort = "TITLE"
	ByRating   ProductSort = "RATING"
	Popularity ProductSort = "POPULARITY"
)

// ProductFilter narrows a search. Values of one list are alternatives; the fields must all hold.
type ProductFilter struct {
	Collection   *string // handle
	Vendors      []string
	ProductTypes []string
	Tags         []string
	Attributes   []AttributeFilter
	PriceMin     *int64 // minor units of the search's currency
	PriceMax     *int64
	InStock      *bool
	RatingMin    *float64
}

// AttributeFilter asks for one of an attribute's values.
type AttributeFilter struct {
	Name   string
	Values []string
}

// SearchQuery is a checked search, as the index gets it.
type SearchQuery struct {
	Text     string
	Filter   ProductFilter
	Sort     ProductSort
	Currency string
	Size     int
	Cursor   []string // of the last Hit of the page before, nil at the start
	Facets   bool     // whether they are wanted
	All      bool     // also what is not ACTIVE
}

// Hit is one product found, and the sort key that the next page goes on from.
type Hit struct {
	ID     string
	Cursor []string // what it sorts by
}

// Found is one page of a search.
type Found struct {
	Hits      []Hit
	More      bool
	Total     int
	Facets    []Facet
	Corrected string // what was searched for instead; "" when nothing was corrected
}

// Facet counts, over all that a search finds, how many products have each value of a property.
type Facet struct {
	Name   string
	Values []FacetValue
}

// FacetValue is one value and how many have it.
type FacetValue struct {
	Value string
	Count int
}

// Suggested is a completion of what somebody began to type: a product's title, or, with an empty
// ProductID, words.
type Suggested struct {
	Text      string
	ProductID string
}

// Search is the index. Until it has read what happened so far, it answers Unavailable.
type Search interface {
	Search(ctx context.Context, q SearchQuery) (Found, error)
	Suggest(ctx context.Context, prefix string, n int) ([]Suggested, error)
}

// ProductSearch is one page of a search with the products themselves.
type ProductSearch struct {
	Edges          []page.Edge[Product]
	PageInfo       page.Info
	TotalCount     int
	Facets         []Facet
	CorrectedQuery *string
}

// Nodes returns the products without their cursors.
func (p ProductSearch) Nodes() []Product { return ProductConnection{Edges: p.Edges}.Nodes() }

// SearchInput is a search as a client asks for it.
type SearchInput struct {
	Query    string
	Filter   *ProductFilter
	Sort     ProductSort
	Currency *string
	First    *int
	After    *string
	Facets   bool
}

// Limits of a search.
const (
	MaxQuery        = 200 // characters
	MaxFilterValues = 50
	MaxSuggestions  = 20
)

// SearchProducts searches the index and returns the products it finds, as they are now.
func (s *Service) SearchProducts(ctx context.Context, in SearchInput) (*ProductSearch, error) {
	q, err := s.query(ctx, in)
	if err != nil {
		return nil, err
	}
	found, err := s.search.Search(ctx, q)
	if err != nil {
		return nil, err
	}
	products, err := s.ProductsByID(ctx, mapped(found.Hits, func(h Hit) string { return h.ID }))
	if err != nil {
		return nil, err
	}
	out := &ProductSearch{Edges: []ProductEdge{}, TotalCount: found.Total, Facets: found.Facets}
	for _, h := range found.Hits {
		if p, ok := products[h.ID]; ok { // else it was archived a moment ago
			out.Edges = append(out.Edges, ProductEdge{Cursor: cursorOf(q.Sort, h), Node: p})
		}
	}
	if n := len(found.Hits); n > 0 {
		start, end := cursorOf(q.Sort, found.Hits[0]), cursorOf(q.Sort, found.Hits[n-1])
		out.PageInfo.StartCursor, out.PageInfo.EndCursor = &start, &end
	}
	out.PageInfo.HasNextPage, out.PageInfo.HasPreviousPage = found.More, q.Cursor != nil
	if found.Corrected != "" {
		out.CorrectedQuery = &found.Corrected
	}
	if out.Facets == nil {
		out.Facets = []Facet{}
	}
	return out, nil
}

// cursorOf names the order, so that a cursor is refused where it has no meaning.
func cursorOf(sort ProductSort, h Hit) string {
	return page.Cursor(append([]string{string(sort)}, h.Cursor...)...)
}

func (s *Service) query(ctx context.Context, in SearchInput) (SearchQuery, error) {
	w, err := page.Args{First: in.First, After: in.After}.Window()
	if err != nil {
		return SearchQuery{}, err
	}
	q := SearchQuery{
		Text: squeeze(in.Query), Sort: in.Sort, Currency: s.Currency(in.Currency), Size: w.Size, Cursor: w.Cursor,
		Facets: in.Facets, All: identity.From(ctx).Staff(),
	}
	if in.Filter != nil {
		q.Filter = *in.Filter
	}
	if q.Sort == "" {
		q.Sort = Relevance
	}
	var c check
	c.text([]string{"query"}, in.Query, MaxQuery)
	c.filter(q.Filter)
	if q.Cursor != nil && (len(q.Cursor) < 2 || q.Cursor[0] != string(q.Sort)) {
		c.fail([]string{"after"}, "after is a cursor of another search; take one from this search's pageInfo")
	}
	if q.Cursor != nil {
		q.Cursor = q.Cursor[1:]
	}
	return q, c.errors()
}

func (c *check) filter(f ProductFilter) {
	for name, list := range map[string][]string{"vendors": f.Vendors, "productTypes": f.ProductTypes, "tags": f.Tags} {
		if c.count([]string{"filter", name}, len(list), MaxFilterValues) {
			c.texts([]string{"filter", name}, list)
		}
	}
	if c.count([]string{"filter", "attributes"}, len(f.Attributes), MaxFilterValues) {
		for i, a := range f.Attributes {
			at := []string{"filter", "attributes", strconv.Itoa(i)}
			c.named(at, a.Name, a.Values)
			c.count(sub(at, "values"), len(a.Values), MaxFilterValues)
		}
	}
	if f.PriceMin != nil && f.PriceMax != nil && *f.PriceMin > *f.PriceMax {
		c.fail([]string{"filter", "priceMax"}, "priceMax is below priceMin")
	}
	if f.RatingMin != nil && (math.IsNaN(*f.RatingMin) || *f.RatingMin < 0 || *f.RatingMin > 5) {
		c.fail([]string{"filter", "ratingMin"}, "a rating is between 0 and 5")
	}
}

// ProductSuggestion completes what somebody began to type.
type ProductSuggestion struct {
	Text    string
	Product *Product
}

// SuggestProducts completes prefix, at most n times.
func (s *Service) SuggestProducts(ctx context.Context, prefix string, n int) ([]ProductSuggestion, error) {
	if n < 1 || n > MaxSuggestions {
		return nil, errs.Input([]string{"first"}, "first is between 1 and %d", MaxSuggestions)
	}
	var c check
	if c.text([]string{"prefix"}, prefix, MaxQuery); len(c.list) > 0 {
		return nil, c.errors()
	}
	if strings.TrimSpace(prefix) == "" {
		return []ProductSuggestion{}, nil
	}
	found, err := s.search.Suggest(ctx, prefix, n)
	if err != nil {
		return nil, err
	}
	var ids []string
	for _, f := range found {
		if f.ProductID != "" {
			ids = append(ids, f.ProductID)
		}
	}
	products, err := s.ProductsByID(ctx, ids)
	if err != nil {
		return nil, err
	}
	out := make([]ProductSuggestion, 0, len(found))
	for _, f := range found {
		p, ok := products[f.ProductID]
		switch {
		case f.ProductID == "":
			out = append(out, ProductSuggestion{Text: f.Text})
		case ok:
			out = append(out, ProductSuggestion{Text: p.Title, Product: &p})
		}
	}
	return out, nil
}
