package search

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/blevesearch/bleve/v2"
	"github.com/blevesearch/bleve/v2/search/query"

	"storefront/subgraphs/products"
)

const (
	suggestFrom  = 100 // products that completions are taken from
	suggestWords = 3   // completions of the last word, before products
)

// Suggest completes what somebody began to type: first the last word, by the words of the products that
// the whole prefix finds, then those products themselves, the most popular first. Only what everybody
// may see is suggested.
func (x *Index) Suggest(ctx context.Context, prefix string, n int) ([]products.Suggested, error) {
	if err := x.waitReady(ctx); err != nil {
		return nil, err
	}
	typed := split(prefix)
	if len(typed) == 0 {
		return []products.Suggested{}, nil
	}
	begins := mapped(typed, func(w string) query.Query {
		p := bleve.NewPrefixQuery(w)
		p.SetField("words")
		return p
	})
	req := bleve.NewSearchRequestOptions(bleve.NewConjunctionQuery(append(begins, visible(false)...)...), suggestFrom, 0, false)
	req.Sort = order(products.SearchQuery{Sort: products.Popularity}, false)
	res, err := x.bleve.SearchInContext(ctx, req)
	if err != nil {
		return nil, fmt.Errorf("suggest products: %w", err)
	}
	ids := make([]string, len(res.Hits))
	for i, hit := range res.Hits {
		ids[i] = hit.ID
	}
	out := x.completions(typed, ids, min(suggestWords, n/2))
	for _, id := range ids {
		if len(out) == n {
			break
		}
		out = append(out, products.Suggested{ProductID: id})
	}
	return out, nil
}

// completions are the words of these products that the last word typed begins, the commonest first.
func (x *Index) completions(typed, ids []string, most int) []products.Suggested {
	last := typed[len(typed)-1]
	count := map[string]int{}
	x.mu.RLock()
	for _, id := range ids {
		for _, w := range x.state.products[id].words {
			if w != last && strings.HasPrefix(w, last) && !slices.Contains(typed, w) {
				count[w]++
			}
		}
	}
	x.mu.RUnlock()
	list := make([]string, 0, len(count))
	for w := range count {
		list = append(list, w)
	}
	slices.SortFunc(list, func(a, b string) int { return cmp.Or(cmp.Compare(count[b], count[a]), cmp.Compare(a, b)) })
	out := []products.Suggested{}
	for _, w := range list[:min(most, len(list))] {
		out = append(out, products.Suggested{Text: strings.Join(append(slices.Clone(typed[:len(typed)-1]), w), " ")})
	}
	return out
}
