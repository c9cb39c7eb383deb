package products

import (
	"slices"
	"strings"
	"testing"
	"time"

	"storefront/internal/errs"
	"storefront/internal/money"
	"storefront/internal/sku"
)

func TestHandle(t *testing.T) {
	for text, want := range map[string]string{
		"Ocean Blue Shirt!":      "ocean-blue-shirt",
		"  Crème brûlée — 12\" ": "creme-brulee-12",
		"Men's T-shirt":          "mens-t-shirt",
		"日本 茶":                   "日本-茶",
		"***":                    "",
		"already-a-handle":       "already-a-handle",
	} {
		if got := Handle(text); got != want {
			t.Errorf("Handle(%q) = %q, want %q", text, got, want)
		}
	}
	if long := Handle(strings.Repeat("word ", 200)); len(long) > MaxName || Handle(long) != long {
		t.Errorf("a long title's handle has %d bytes, or is not its own handle: %q", len(long), long)
	}
}

func TestSanitizer(t *testing.T) {
	safe, plain := newSanitizer().clean(`<h2>Care</h2><p>Wash <em>cold</em>, 5 &lt; 30 °C.<br>Hang <a href="javascript:alert(1)">dry</a>.</p><img src=x onerror=alert(1)><style>p{}</style><iframe src="https://e.example"></iframe>`)
	for _, bad := range []string{"javascript", "onerror", "<style", "<iframe"} {
		if strings.Contains(safe, bad) {
			t.Errorf("%s is left in %s", bad, safe)
		}
	}
	if !strings.Contains(safe, "<em>cold</em>") {
		t.Errorf("formatting is gone: %s", safe)
	}
	if want := "Care Wash cold, 5 < 30 °C. Hang dry."; plain != want {
		t.Errorf("plain text = %q, want %q", plain, want)
	}
}

func TestProductInputValidate(t *testing.T) {
	eur := []money.Money{{Amount: 100, Currency: "EUR"}}
	good := ProductInput{Title: "Shirt", Variants: []VariantInput{{SKU: "A", Prices: eur}}}
	with := func(f func(*ProductInput)) ProductInput {
		in := good
		in.Variants = slices.Clone(in.Variants)
		f(&in)
		return in
	}
	ftp := "ftp://x.example/a.png"
	for _, c := range []struct {
		field string // "" for a good input
		in    ProductInput
	}{
		{"", good},
		{"", with(func(in *ProductInput) { in.Title = "Bell\a and \u0099 mark" })},
		{"title", with(func(in *ProductInput) { in.Title = " \t" })},
		{"title", with(func(in *ProductInput) { in.Title = strings.Repeat("x", MaxName+1) })},
		{"handle", with(func(in *ProductInput) { in.Title = "***" })},
		{"variants", with(func(in *ProductInput) { in.Variants = nil })},
		{"variants.1.sku", with(func(in *ProductInput) { in.Variants = append(in.Variants, in.Variants[0]) })},
		{"", with(func(in *ProductInput) { in.Variants[0].SKU = strings.Repeat("ü", sku.Max/2) })},
		{"variants.0.sku", with(func(in *ProductInput) { in.Variants[0].SKU = strings.Repeat("ü", sku.Max/2+1) })}, // inventory could not stock it
		{"variants.0.sku", with(func(in *ProductInput) { in.Variants[0].SKU = "" })},
		{"variants.0.sku", with(func(in *ProductInput) { in.Variants[0].SKU = " A" })},
		{"variants.0.prices.0.amount", with(func(in *ProductInput) { in.Variants[0].Prices = []money.Money{{Amount: -1, Currency: "EUR"}} })},
		{"variants.0.prices.1.currency", with(func(in *ProductInput) { in.Variants[0].Prices = append(slices.Clone(eur), eur...) })},
		{"variants.0.imageUrl", with(func(in *ProductInput) { in.Variants[0].ImageURL = &ftp })},
		{"media.0.url", with(func(in *ProductInput) { in.Media = []MediaInput{{URL: "javascript:alert(1)"}} })},
		{"tags", with(func(in *ProductInput) { in.Tags = make([]string, MaxTags+1) })},
		{"collections.0", with(func(in *ProductInput) { in.Collections = []string{"!"} })},
	} {
		err := c.in.Validate()
		if c.field == "" {
			if err != nil {
				t.Errorf("good input: %v", err)
			}
			continue
		}
		e, ok := firstInput(err)
		if !ok || e.Code != errs.BadInput || strings.Join(e.Field, ".") != c.field {
			t.Errorf("%s: got %v", c.field, err)
		}
	}
}

func firstInput(err error) (*errs.Error, bool) {
	for {
		if e, ok := err.(*errs.Error); ok {
			return e, true
		}
		many, ok := err.(interface{ Unwrap() []error })
		if !ok || len(many.Unwrap()) == 0 {
			return nil, false
		}
		err = many.Unwrap()[0]
	}
}

// Applying an input again changes nothing; what is absent stays.
func TestApply(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	vendor, status := "Demo", Active
	in := ProductInput{
		Title: " Bell\a  Shirt ", Vendor: &vendor, Status: &status, Collections: []string{"Summer Sale", "summer-sale"}, Tags: []string{"a", " a", "b"},
		Variants: []VariantInput{
			{SKU: "S", Options: []SelectedOption{{"Size", "S"}, {"Colour", "Red"}}},
			{SKU: "M", Options: []SelectedOption{{"Size", "M"}, {"Colour", "Red"}}},
		},
	}
	text := newSanitizer()
	p := Product{ID: "prd_1"}
	if err := in.apply(&p, text, now); err != nil {
		t.Fatal(err)
	}
	if p.Title != "Bell Shirt" || p.Variants[1].Title != "M / Red" || !slices.Equal(p.Collections, []string{"summer-sale"}) ||
		!slices.Equal(p.Tags, []string{"a", "b"}) || len(p.Options) != 2 || !slices.Equal(p.Options[0].Values, []string{"S", "M"}) || !p.PublishedAt.Equal(now) {
		t.Errorf("product = %+v", p)
	}
	before := p.clone()
	in.Vendor, in.Tags = nil, nil
	if err := in.apply(&p, text, now.Add(time.Hour)); err != nil || !p.sameAs(before) {
		t.Errorf("the second time: %v, %+v", err, p)
	}
	in.Options = []ProductOption{{"Size", []string{"S"}}, {"Colour", []string{"Red"}}}
	if e, ok := firstInput(in.apply(&p, text, now)); !ok || strings.Join(e.Field, ".") != "variants.1.options.0.value" {
		t.Errorf("an option's value that the product does not have: %v", e)
	}
}
