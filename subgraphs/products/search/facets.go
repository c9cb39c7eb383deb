package search

import (
	"math"
	"strconv"
	"strings"

	"github.com/blevesearch/bleve/v2"
	blevesearch "github.com/blevesearch/bleve/v2/search"

	"storefront/internal/money"
	"storefront/subgraphs/products"
)

const (
	facetValues     = 50  // of one property
	attributeValues = 500 // of all attributes together
)

// termFacets are the properties whose values are counted, in the order they are shown in.
var termFacets = [...]string{"vendor", "productType", "tag", "collection", "inStock"}

// priceSteps are where price ranges end, in major units.
var priceSteps = [...]int64{10, 25, 50, 100, 250, 500, 1000}

func addFacets(req *bleve.SearchRequest, currency string) {
	for _, name := range termFacets {
		req.AddFacet(name, bleve.NewFacetRequest(name, facetValues))
	}
	req.AddFacet("attribute", bleve.NewFacetRequest("attribute", attributeValues))
	price := bleve.NewFacetRequest("lowest."+currency, len(priceSteps)+1)
	unit := math.Pow10(money.Digits(currency))
	last := 0.0
	for _, step := range priceSteps {
		low, high := last, float64(step)*unit
		price.AddNumericRange(rangeName(low, high), &low, &high)
		last = high
	}
	price.AddNumericRange(rangeName(last, 0), &last, nil)
	req.AddFacet("price", price)
	rating := bleve.NewFacetRequest("rating", 4)
	for stars := 4; stars >= 1; stars-- {
		low := float64(stars)
		rating.AddNumericRange(strconv.Itoa(stars), &low, nil)
	}
	req.AddFacet("rating", rating)
}

// rangeName is "1000-2500" in minor units, the upper end left out; "100000-" has none.
func rangeName(low, high float64) string {
	name := strconv.FormatFloat(low, 'f', 0, 64) + "-"
	if high > 0 {
		name += strconv.FormatFloat(high, 'f', 0, 64)
	}
	return name
}

// facetsOf puts the counts in a fixed order: the most frequent value first, ranges by size.
func facetsOf(results blevesearch.FacetResults) []products.Facet {
	facets := []products.Facet{}
	for _, name := range termFacets {
		facets = add(facets, name, terms(results[name]))
	}
	if r := results["price"]; r != nil {
		counts := map[string]int{}
		for _, n := range r.NumericRanges {
			counts[n.Name] = n.Count
		}
		var values []products.FacetValue
		low := -1.0
		for range r.NumericRanges { // bleve sorts by count; these sort by price
			best := products.FacetValue{}
			next := math.Inf(1)
			for name, count := range counts {
				at, _, _ := strings.Cut(name, "-")
				if n, err := strconv.ParseFloat(at, 64); err == nil && n > low && n < next {
					best, next = products.FacetValue{Value: name, Count: count}, n
				}
			}
			low = next
			if best.Count > 0 {
				values = append(values, best)
			}
		}
		facets = add(facets, "price", values)
	}
	if r := results["rating"]; r != nil {
		var values []products.FacetValue
		for stars := 4; stars >= 1; stars-- {
			for _, n := range r.NumericRanges {
				if n.Name == strconv.Itoa(stars) && n.Count > 0 {
					values = append(values, products.FacetValue{Value: n.Name, Count: n.Count})
				}
			}
		}
		facets = add(facets, "rating", values)
	}
	return append(facets, attributeFacets(terms(results["attribute"]))...)
}

func add(facets []products.Facet, name string, values []products.FacetValue) []products.Facet {
	if len(values) == 0 {
		return facets
	}
	return append(facets, products.Facet{Name: name, Values: values})
}

func terms(r *blevesearch.FacetResult) []products.FacetValue {
	if r == nil || r.Terms == nil {
		return nil
	}
	var values []products.FacetValue
	for _, t := range r.Terms.Terms() {
		if t.Term != "" {
			values = append(values, products.FacetValue{Value: t.Term, Count: t.Count})
		}
	}
	return values
}

// attributeFacets makes one facet of each attribute, in the order of their most frequent values.
func attributeFacets(values []products.FacetValue) []products.Facet {
	var facets []products.Facet
	at := map[string]int{}
	for _, v := range values {
		name, value, _ := strings.Cut(v.Value, attributeGap)
		i, ok := at[name]
		if !ok {
			i = len(facets)
			at[name] = i
			facets = append(facets, products.Facet{Name: name})
		}
		if len(facets[i].Values) < facetValues {
			facets[i].Values = append(facets[i].Values, products.FacetValue{Value: value, Count: v.Count})
		}
	}
	return facets
}
