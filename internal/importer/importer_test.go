package importer

import (
	"fmt"
	"strings"
	"testing"

	"storefront/internal/catalogue"
)

func products(n, text int) []catalogue.Product {
	list := make([]catalogue.Product, n)
	for i := range list {
		list[i] = catalogue.Product{Handle: "p", Row: i + 2, DescriptionHTML: strings.Repeat("x", text)}
	}
	return list
}

func TestBatchesKeepToNumberAndSize(t *testing.T) {
	if b := batches(products(250, 10)); len(b) != 3 || len(b[0]) != 100 || len(b[2]) != 50 {
		t.Errorf("%d batches", len(b))
	}
	n := 0
	for _, b := range batches(products(30, 90_000)) {
		n += len(b)
		if len(b)*90_000 > bytesPerCall {
			t.Errorf("a batch of %d large products", len(b))
		}
	}
	if n != 30 {
		t.Errorf("%d of 30 products in the batches", n)
	}
	if b := batches(products(1, 2*bytesPerCall)); len(b) != 1 || len(b[0]) != 1 {
		t.Error("one that is too large is tried alone")
	}
}

func TestRefusedNamesEachRowOnce(t *testing.T) {
	got := refused(products(3, 0), []UserError{
		{Field: []string{"inputs", "1", "title"}, Message: "this must not be empty"},
		{Field: []string{"inputs", "1", "handle"}, Message: "no handle"},
		{Message: "something else"},
	})
	if len(got) != 2 || got[0].Row != 3 || got[0].Reason != "title: this must not be empty" || got[1].Row != 0 {
		t.Errorf("%+v", got)
	}
}

func TestTheSummaryGroupsReasons(t *testing.T) {
	var skips []catalogue.Skip
	for row := range 7 {
		skips = append(skips, catalogue.Skip{Row: row, Reason: "no price"})
	}
	skips = append(skips, catalogue.Skip{Row: 9, What: "POST", Reason: "postage"})
	var out strings.Builder
	PrintSkips(&out, skips)
	want := "        7  no price (row 0, row 1, row 2, row 3, row 4, ...)\n        1  postage (row 9 POST)\n"
	if out.String() != want {
		t.Errorf("printed\n%s\nwant\n%s", out.String(), want)
	}
}

func TestStockKeysDiffer(t *testing.T) {
	if a, b := StockKey("file", "a"), StockKey("file", "b"); a == b || len(a) < 8 || a != StockKey("file", "a") {
		t.Errorf("%s and %s", a, b)
	}
}

func TestWhatWasWrittenIsWithoutTheRefused(t *testing.T) {
	list := products(3, 0)
	for name, c := range map[string]struct {
		errors []UserError
		want   string
	}{
		"all":          {nil, "[2 3 4]"},
		"one is wrong": {[]UserError{{Field: []string{"inputs", "1", "title"}}, {Field: []string{"inputs", "1", "handle"}}}, "[2 4]"},
		"the call is":  {[]UserError{{Field: []string{"inputs"}}}, "[]"},
	} {
		var rows []int
		for _, p := range accepted(list, c.errors) {
			rows = append(rows, p.Row)
		}
		if got := fmt.Sprint(rows); got != c.want {
			t.Errorf("%s: written are those of rows %s, want %s", name, got, c.want)
		}
	}
}
