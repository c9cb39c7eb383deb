package consumers

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"storefront/events"
	"storefront/internal/errs"
	"storefront/internal/poll"
	"storefront/subgraphs/products"
	"storefront/subgraphs/products/search"
)

// The search index is in the memory of each products process, which builds it from the topics at every
// start. So its rebuild is another index, in this process, and what is compared is what both find.

// LiveSearch is how the running shop is asked: the ids of one page, how many there are in all, and the
// cursor of the next page, empty at the end. It sees what anybody may see.
type LiveSearch func(ctx context.Context, q products.SearchQuery, after string) (ids []string, total int, next string, err error)

// SearchRebuild is the model "search" built anew.
type SearchRebuild struct {
	*Replay
	index *search.Index
	told  *catalogueSample
}

// NewSearchRebuild prepares an empty index. Close it.
func NewSearchRebuild(ctx context.Context, c ReplayConfig) (*SearchRebuild, error) {
	index, err := search.New(search.Config{Log: c.Log})
	if err != nil {
		return nil, err
	}
	s := &SearchRebuild{index: index, told: &catalogueSample{vendors: map[string]bool{}, types: map[string]bool{}, tags: map[string]bool{},
		collections: map[string]bool{}, words: map[string]bool{}}}
	c.Model.build = func(context.Context, ReplayConfig) (*Handlers, func(context.Context) error, error) {
		h := &Handlers{}
		On(h, func(_ context.Context, e events.ProductChanged) error { index.Put(e); s.told.note(e); return nil })
		On(h, func(_ context.Context, e events.RatingChanged) error { index.Rate(e); return nil })
		On(h, func(_ context.Context, e events.StockLevelChanged) error { index.Stock(e); return nil })
		return h, func(context.Context) error { return index.CaughtUp() }, nil
	}
	if s.Replay, err = NewReplay(ctx, c); err != nil {
		index.Close()
		return nil, err
	}
	return s, nil
}

// Close gives the index up.
func (s *SearchRebuild) Close() error { return s.index.Close() }

// SearchComparison is what both indexes found.
type SearchComparison struct {
	Products    int // that anybody may see
	Queries     int
	Results     int // products in the answers, over all queries
	Differences []string
}

func (c SearchComparison) String() string {
	return fmt.Sprintf("%d products, %d queries with %d results, %d differences", c.Products, c.Queries, c.Results, len(c.Differences))
}

// Compare asks both the same: every product by every order, those with and without stock, by rating, and
// by words, vendors, types, tags and collections that products have. They have to find the same products
// in the same order. What differs is asked again, patience long.
func (s *SearchRebuild) Compare(ctx context.Context, live LiveSearch, currency string, patience time.Duration) (SearchComparison, error) {
	var c SearchComparison
	if err := s.CatchUp(ctx); err != nil {
		return c, err
	}
	queries := s.told.queries(currency)
	c.Queries = len(queries)
	until := time.Now().Add(patience)
	for i, q := range queries {
		for {
			n, what, err := s.compare(ctx, live, q)
			if err != nil {
				return c, err
			}
			if what != "" && time.Now().Before(until) {
				if !poll.Sleep(ctx, pauseBetweenPasses) {
					return c, ctx.Err()
				}
				if err := s.CatchUp(ctx); err != nil {
					return c, err
				}
				continue
			}
			if what != "" {
				c.Differences = append(c.Differences, what)
			}
			if c.Results += n; i == 0 {
				c.Products = n
			}
			break
		}
		s.Progress("comparing", i+1, len(queries))
	}
	return c, nil
}

// pagesCompared bounds how much of one answer is compared; the first query's is compared whole.
const pagesCompared = 3

func (s *SearchRebuild) compare(ctx context.Context, live LiveSearch, q query) (results int, what string, err error) {
	after := ""
	for page := 1; ; page++ {
		anew, err := s.index.Search(ctx, q.SearchQuery)
		if errs.Is(err, errs.Unavailable) {
			return 0, "", fmt.Errorf("the rebuilt index does not answer: %w", err)
		}
		if err != nil {
			return 0, "", err
		}
		ids, total, next, err := live(ctx, q.SearchQuery, after)
		if err != nil {
			return 0, "", err
		}
		wanted := make([]string, len(anew.Hits))
		for i, hit := range anew.Hits {
			wanted[i] = hit.ID
		}
		results += len(ids)
		switch {
		case total != anew.Total:
			return results, fmt.Sprintf("%s finds %d, anew %d", q, total, anew.Total), nil
		case !slices.Equal(ids, wanted):
			return results, fmt.Sprintf("%s finds others, or in another order, on page %d: %s", q, page, firstOther(ids, wanted)), nil
		case next == "" || !anew.More || page == pagesCompared && !q.whole:
			return results, "", nil
		}
		after, q.Cursor = next, anew.Hits[len(anew.Hits)-1].Cursor
	}
}

func firstOther(a, b []string) string {
	for i := range max(len(a), len(b)) {
		one, other := "nothing", "nothing"
		if i < len(a) {
			one = a[i]
		}
		if i < len(b) {
			other = b[i]
		}
		if one != other {
			return fmt.Sprintf("%d is %s, anew %s", i+1, one, other)
		}
	}
	return ""
}

// query is a search and how it is called.
type query struct {
	products.SearchQuery
	name  string
	whole bool
}

func (q query) String() string { return q.name + " by " + strings.ToLower(string(q.Sort)) }

// catalogueSample is what of the catalogue is asked for.
type catalogueSample struct {
	mu                                       sync.Mutex
	vendors, types, tags, collections, words map[string]bool
}

// sampleSize is how many values of each kind are asked for.
const sampleSize = 25

func (s *catalogueSample) note(e events.ProductChanged) {
	s.mu.Lock()
	defer s.mu.Unlock()
	add := func(set map[string]bool, values ...string) {
		for _, v := range values {
			if v != "" && len(set) < 40*sampleSize {
				set[v] = true
			}
		}
	}
	add(s.vendors, e.Vendor)
	add(s.types, e.ProductType)
	add(s.tags, e.Tags...)
	add(s.collections, e.Collections...)
	add(s.words, strings.Fields(e.Title)...)
}

// pick is a sample spread evenly over the values in their order, the same each time.
func pick(set map[string]bool) []string {
	all := slices.Sorted(maps.Keys(set))
	step := max(1, len(all)/sampleSize)
	var list []string
	for i := 0; i < len(all) && len(list) < sampleSize; i += step {
		list = append(list, all[i])
	}
	return list
}

func (s *catalogueSample) queries(currency string) []query {
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []query
	add := func(name, text string, sort products.ProductSort, f products.ProductFilter) {
		list = append(list, query{products.SearchQuery{Text: text, Filter: f, Sort: sort, Currency: currency, Size: 100}, name, len(list) == 0})
	}
	for _, sort := range []products.ProductSort{products.ByTitle, products.Newest, products.PriceAsc, products.PriceDesc, products.ByRating, products.Popularity} {
		add("everything", "", sort, products.ProductFilter{})
	}
	for _, there := range []bool{true, false} {
		add(fmt.Sprintf("in stock: %v", there), "", products.ByTitle, products.ProductFilter{InStock: &there})
	}
	for stars := 1.0; stars <= 5; stars++ {
		add(fmt.Sprintf("%v stars or more", stars), "", products.ByRating, products.ProductFilter{RatingMin: &stars})
	}
	for _, v := range pick(s.vendors) {
		add("vendor "+v, "", products.ByTitle, products.ProductFilter{Vendors: []string{v}})
	}
	for _, v := range pick(s.types) {
		add("type "+v, "", products.PriceAsc, products.ProductFilter{ProductTypes: []string{v}})
	}
	for _, v := range pick(s.tags) {
		add("tag "+v, "", products.Newest, products.ProductFilter{Tags: []string{v}})
	}
	for _, v := range pick(s.collections) {
		add("collection "+v, "", products.ByTitle, products.ProductFilter{Collection: &v})
	}
	for _, word := range pick(s.words) {
		add("word "+word, word, products.Relevance, products.ProductFilter{})
		add("word "+word, word, products.ByTitle, products.ProductFilter{})
	}
	return list
}
