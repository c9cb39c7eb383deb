package demo

import (
	"encoding/xml"
	"io"
	"reflect"
	"strings"
	"testing"

	"storefront/internal/blob"
)

func url(key string) string { return "http://shop.example/files/" + key }

func TestTheCatalogueIsWholeAndAlwaysTheSame(t *testing.T) {
	c := New(url)
	if len(c.Products) < 60 {
		t.Errorf("%d products", len(c.Products))
	}
	if again := New(url); !reflect.DeepEqual(c, again) {
		t.Error("a second call gives another catalogue")
	}
	handles, skus, collections := map[string]bool{}, map[string]bool{}, map[string]int{}
	shown := map[string]bool{}
	for _, p := range c.Pictures {
		shown[url(p.Key)] = true
	}
	for _, p := range c.Products {
		if handles[p.Handle] || p.Handle == "" || len(p.DescriptionHTML) < 60 || len(p.Variants) == 0 || len(p.Media) == 0 {
			t.Errorf("%s: its handle is taken, or something is missing", p.Title)
		}
		handles[p.Handle] = true
		for _, name := range p.Collections {
			collections[name]++
		}
		for _, m := range p.Media {
			if !shown[m.URL] {
				t.Errorf("%s: there is no picture %s", p.Title, m.URL)
			}
		}
		for _, v := range p.Variants {
			if skus[v.SKU] || v.SKU == "" {
				t.Errorf("%s: SKU %q is taken", p.Title, v.SKU)
			}
			skus[v.SKU] = true
			currencies := map[string]bool{}
			for _, m := range v.Prices {
				currencies[m.Currency] = m.Amount > 0
			}
			if !currencies["EUR"] || !currencies["GBP"] || !currencies["USD"] || v.Grams < 1 || !shown[v.ImageURL] || len(v.Options) != len(p.Options) {
				t.Errorf("%s: %+v", p.Title, v)
			}
		}
	}
	if len(collections) < 8 {
		t.Errorf("%d collections", len(collections))
	}
}

func TestPicturesAreDrawn(t *testing.T) {
	for _, p := range New(url).Pictures {
		if err := blob.CheckKey(p.Key); err != nil {
			t.Errorf("%s: %v", p.Key, err)
		}
		if strings.ContainsAny(p.SVG, "{}") {
			t.Errorf("%s: a colour was not filled in", p.Key)
		}
		shapes := 0
		for d := xml.NewDecoder(strings.NewReader(p.SVG)); ; {
			token, err := d.Token()
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatalf("%s: %v", p.Key, err)
			}
			if start, ok := token.(xml.StartElement); ok {
				shapes++
				for _, a := range start.Attr {
					if (a.Name.Local == "fill" || a.Name.Local == "stroke") && a.Value == "" {
						t.Errorf("%s: a %s has no colour", p.Key, start.Name.Local)
					}
				}
			}
		}
		if shapes < 12 {
			t.Errorf("%s: only %d shapes", p.Key, shapes)
		}
	}
}
