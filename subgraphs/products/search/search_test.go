package search_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"storefront/events"
	"storefront/internal/errs"
	"storefront/subgraphs/products"
	"storefront/subgraphs/products/search"
)

// catalogue is small enough to know by heart: ids are a to g.
func catalogue() []events.ProductChanged {
	p := func(id, title, vendor, kind, status string, popularity int, eur ...int64) events.ProductChanged {
		e := events.ProductChanged{ID: id, Version: 1, Handle: id, Title: title, Vendor: vendor, ProductType: kind, Status: status, Popularity: popularity}
		for i, amount := range eur {
			e.Variants = append(e.Variants, events.ProductVariant{SKU: fmt.Sprintf("SKU-%s-%d", id, i), Prices: []events.Money{{Amount: amount, Currency: "EUR"}}})
		}
		return e
	}
	list := []events.ProductChanged{
		p("a", "Samsung Galaxy Phone", "Samsung", "Phones", "ACTIVE", 50, 39900),
		p("b", "Wireless Headphones", "Sony", "Audio", "ACTIVE", 90, 9900, 14900),
		p("c", "Phone Case for Galaxy", "Belkin", "Accessories", "ACTIVE", 10, 1900),
		p("d", "Café Crème Mug", "Kitchen & Co", "Kitchen", "ACTIVE", 20, 900),
		p("e", "Running Shoes", "Nike", "Shoes", "ACTIVE", 70, 7900),
		p("f", "Secret Galaxy Tablet", "Samsung", "Tablets", "DRAFT", 99, 49900),
		p("g", "Gift Card", "", "Cards", "ACTIVE", 5),
	}
	list[0].Description = "Waterproof, with a fine camera."
	list[0].Attributes = map[string][]string{"Colour": {"Black", "Blue"}}
	list[4].Attributes = map[string][]string{"Colour": {"Blue"}, "Size": {"42"}}
	list[4].Tags, list[4].Collections = []string{"sport"}, []string{"summer-sale"}
	list[6].Variants = []events.ProductVariant{{SKU: "GIFT", Prices: []events.Money{{Amount: 2500, Currency: "USD"}}}}
	return list
}

func filled(t *testing.T) *search.Index {
	t.Helper()
	x, err := search.New(search.Config{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { x.Close() })
	// Events of other topics may come first.
	x.Stock(events.StockLevelChanged{SKU: "SKU-b-1", Available: 3, Version: 2})
	x.Stock(events.StockLevelChanged{SKU: "SKU-b-1", Available: 0, Version: 1}) // older
	x.Rate(events.RatingChanged{ProductID: "e", Average: 4.5, Count: 2, Version: 1})
	for _, e := range catalogue() {
		x.Put(e)
	}
	x.Rate(events.RatingChanged{ProductID: "a", Average: 3.5, Count: 2, Version: 1})
	if err := x.CaughtUp(); err != nil {
		t.Fatal(err)
	}
	return x
}

func ids(f products.Found) string {
	var b strings.Builder
	for _, h := range f.Hits {
		b.WriteString(h.ID)
	}
	return b.String()
}

func run(t *testing.T, x *search.Index, q products.SearchQuery) products.Found {
	t.Helper()
	if q.Size == 0 {
		q.Size = 20
	}
	if q.Currency == "" {
		q.Currency = "EUR"
	}
	if q.Sort == "" {
		q.Sort = products.Relevance
	}
	f, err := x.Search(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestSearch(t *testing.T) {
	x := filled(t)
	low, high, yes, no, four, sale := int64(10000), int64(20000), true, false, 4.0, "summer-sale"
	for _, c := range []struct {
		name      string
		q         products.SearchQuery
		want      string // ids in order
		corrected string
	}{
		{"all, the most popular first", products.SearchQuery{}, "beadcg", ""},
		{"staff see drafts", products.SearchQuery{All: true}, "fbeadcg", ""},
		{"title before description", products.SearchQuery{Text: "galaxy phone"}, "ac", ""},
		{"plural and case", products.SearchQuery{Text: "HEADPHONE"}, "b", ""},
		{"accents", products.SearchQuery{Text: "cafe creme"}, "d", ""},
		{"beginning of a word", products.SearchQuery{Text: "wirel"}, "b", ""},
		{"description", products.SearchQuery{Text: "waterproof camera"}, "a", ""},
		{"words that say nothing", products.SearchQuery{Text: "the case for a phone"}, "c", ""},
		{"SKU", products.SearchQuery{Text: "sku-e-0"}, "e", ""},
		{"a swap and a missing letter", products.SearchQuery{Text: "samsnug galxy"}, "a", "samsung galaxy"},
		{"a wrong word beside a right one", products.SearchQuery{Text: "runing shoos"}, "e", "running shoes"},
		{"drafts' words are not proposed", products.SearchQuery{Text: "secrat"}, "", ""},
		{"nothing like it", products.SearchQuery{Text: "xylophone"}, "", ""},
		{"vendor", products.SearchQuery{Filter: products.ProductFilter{Vendors: []string{"Nike", "Sony"}}}, "be", ""},
		{"collection", products.SearchQuery{Filter: products.ProductFilter{Collection: &sale}}, "e", ""},
		{"attributes", products.SearchQuery{Filter: products.ProductFilter{Attributes: []products.AttributeFilter{{Name: "Colour", Values: []string{"Blue", "Red"}}, {Name: "Size", Values: []string{"42"}}}}}, "e", ""},
		{"any variant's price", products.SearchQuery{Filter: products.ProductFilter{PriceMin: &low, PriceMax: &high}}, "b", ""},
		{"in stock", products.SearchQuery{Filter: products.ProductFilter{InStock: &yes}}, "b", ""},
		{"sold out", products.SearchQuery{Filter: products.ProductFilter{InStock: &no}}, "eadcg", ""},
		{"rating", products.SearchQuery{Filter: products.ProductFilter{RatingMin: &four}}, "e", ""},
		{"newest", products.SearchQuery{Sort: products.Newest}, "gedcba", ""},
		{"cheapest; without a price last", products.SearchQuery{Sort: products.PriceAsc}, "dcebag", ""},
		{"dearest", products.SearchQuery{Sort: products.PriceDesc}, "abecdg", ""},
		{"another currency", products.SearchQuery{Sort: products.PriceAsc, Currency: "USD"}, "gbeadc", ""},
		{"title", products.SearchQuery{Sort: products.ByTitle}, "dgceab", ""},
		{"best rated", products.SearchQuery{Sort: products.ByRating}, "eabdcg", ""},
		{"popularity", products.SearchQuery{Sort: products.Popularity, Text: "phone"}, "ac", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := run(t, x, c.q)
			if ids(got) != c.want || got.Total != len(c.want) || got.Corrected != c.corrected {
				t.Errorf("found %q (%d), corrected %q; want %q, %q", ids(got), got.Total, got.Corrected, c.want, c.corrected)
			}
			// The same in pages of one, by cursor.
			paged, q := "", c.q
			for q.Size = 1; ; {
				f := run(t, x, q)
				paged += ids(f)
				if !f.More || len(paged) > len(c.want) {
					break
				}
				q.Cursor = f.Hits[0].Cursor
			}
			if paged != c.want {
				t.Errorf("in pages: %q, want %q", paged, c.want)
			}
		})
	}
}

func TestFacets(t *testing.T) {
	got := map[string][]products.FacetValue{}
	for _, f := range run(t, filled(t), products.SearchQuery{Facets: true}).Facets {
		got[f.Name] = f.Values
	}
	for name, want := range map[string][]products.FacetValue{
		"inStock":    {{Value: "false", Count: 5}, {Value: "true", Count: 1}},
		"price":      {{Value: "0-1000", Count: 1}, {Value: "1000-2500", Count: 1}, {Value: "5000-10000", Count: 2}, {Value: "25000-50000", Count: 1}},
		"rating":     {{Value: "4", Count: 1}, {Value: "3", Count: 2}, {Value: "2", Count: 2}, {Value: "1", Count: 2}},
		"Colour":     {{Value: "Blue", Count: 2}, {Value: "Black", Count: 1}},
		"Size":       {{Value: "42", Count: 1}},
		"tag":        {{Value: "sport", Count: 1}},
		"collection": {{Value: "summer-sale", Count: 1}},
	} {
		if !slices.Equal(got[name], want) {
			t.Errorf("%s: %v, want %v", name, got[name], want)
		}
	}
	if len(got["vendor"]) != 5 || len(got["productType"]) != 6 {
		t.Errorf("vendors %v, types %v: want those of what is ACTIVE", got["vendor"], got["productType"])
	}
}

func TestSuggest(t *testing.T) {
	x := filled(t)
	for prefix, want := range map[string]string{
		"pho":      "phone,phones,a,c", // "phones" is a's type
		"galaxy p": "galaxy phone,galaxy phones,a,c",
		"secret":   "",
		"Caf":      "cafe,d",
	} {
		list, err := x.Suggest(t.Context(), prefix, 5)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, s := range list {
			got = append(got, s.Text+s.ProductID)
		}
		if strings.Join(got, ",") != want {
			t.Errorf("%q: %v, want %s", prefix, got, want)
		}
	}
}

// What changes is found a moment later, and old news are no news.
func TestChanges(t *testing.T) {
	x := filled(t)
	yes := true
	inStock := products.SearchQuery{Filter: products.ProductFilter{InStock: &yes}}
	x.Stock(events.StockLevelChanged{SKU: "SKU-a-0", Available: 7, Version: 1})
	x.Stock(events.StockLevelChanged{SKU: "SKU-b-1", Available: 0, Version: 3})
	e := catalogue()[2]
	e.Version, e.Status = 2, "ARCHIVED"
	x.Put(e)
	x.Put(catalogue()[2])
	if err := x.Flush(); err != nil {
		t.Fatal(err)
	}
	if got := ids(run(t, x, inStock)); got != "a" {
		t.Errorf("in stock: %q, want a", got)
	}
	if got := ids(run(t, x, products.SearchQuery{Text: "belkin"})); got != "" {
		t.Errorf("the archived product is found: %q", got)
	}
}

func TestSearchSaysThatItIsWarming(t *testing.T) {
	x, err := search.New(search.Config{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer x.Close()
	if _, err := x.Search(t.Context(), products.SearchQuery{}); !errs.Is(err, errs.Unavailable) {
		t.Errorf("error = %v, want Unavailable", err)
	}
}

// Stock is still read when the products are in, and what sells out and comes back meanwhile is without end.
func TestProductsAreWrittenWhileStockChanges(t *testing.T) {
	x, err := search.New(search.Config{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer x.Close()
	const n = 1500
	for i := range n {
		x.Put(events.ProductChanged{ID: fmt.Sprint(i), Version: 1, Title: "Lamp", Status: "ACTIVE", Variants: []events.ProductVariant{{SKU: fmt.Sprint(i)}}})
	}
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for version := 1; ; version++ {
			for i := range n {
				select {
				case <-stop:
					return
				default:
					x.Stock(events.StockLevelChanged{SKU: fmt.Sprint(i), Available: version % 2, Version: version})
				}
			}
		}
	}()
	written := make(chan error, 1)
	go func() { written <- x.HasProducts() }()
	select {
	case err = <-written:
	case <-time.After(20 * time.Second):
		err = errors.New("the products are never all written")
	}
	close(stop)
	<-stopped
	if err != nil {
		t.Fatal(err)
	}
	if found, err := x.Search(t.Context(), products.SearchQuery{Size: 1}); err != nil || found.Total != n {
		t.Errorf("%d products, %v; want %d", found.Total, err, n)
	}
}
