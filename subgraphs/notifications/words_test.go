package notifications

import (
	"strings"
	"testing"
	"time"

	"storefront/internal/money"
)

func TestAmountsReadAsPeopleWriteThem(t *testing.T) {
	for _, tc := range []struct {
		locale string
		amount int64
		code   string
		want   string
	}{
		{"en-GB", 123450, "GBP", "£1,234.50"}, {"de-DE", 123450, "EUR", "1.234,50\u00a0€"}, {"de_AT", 5, "EUR", "0,05\u00a0€"},
		{"en", 1234567, "JPY", "¥1,234,567"}, {"de", 99900, "CHF", "999,00\u00a0CHF"}, {"en-US", 100000000, "SEK", "SEK\u00a01,000,000.00"},
		{"fr", -1999, "USD", "-$19.99"}, {"", 1234, "KWD", "KWD\u00a01.234"},
	} {
		if got := amount(language(tc.locale), money.New(tc.amount, tc.code)); got != tc.want {
			t.Errorf("%d %s for %q is %q, want %q", tc.amount, tc.code, tc.locale, got, tc.want)
		}
	}
}

// everything is what any kind can say.
func everything() Facts {
	price, day := money.New(123456, "EUR"), time.Date(2026, 3, 4, 0, 0, 0, 0, time.UTC)
	return Facts{Number: "SF-1001", Name: "Ada <b>Byron</b>", Reason: "OUT_OF_STOCK: TEE-M", URL: "https://bank.example/3ds?a=1&b=2", Carrier: "Parcel & Co",
		Tracking: "TRK1", EstimatedAt: &day, SKU: "TEE-M", Amount: &price, Title: "Spring sale", Text: "Everything.\n\nHalf price.",
		Order: &Receipt{Lines: []ReceiptLine{{"TEE-M", "Tee <script>", 2, money.New(3998, "EUR")}, {"MUG", "Becher „Öl“", 1, money.New(119458, "EUR")}}, More: 7,
			Subtotal: price, Discount: money.New(500, "EUR"), Shipping: money.New(490, "EUR"), Total: price, ShippedTo: []string{"Ada Byron", "12 Square", "London"}}}
}

func TestEveryKindHasWordsInEveryLanguage(t *testing.T) {
	w, err := newWriter()
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range Kinds() {
		titles := map[string]bool{}
		for _, locale := range []string{"en", "de"} {
			for _, facts := range []Facts{everything(), {Amount: everything().Amount, Title: "t", Text: "x", SKU: "S"}} {
				n := Notification{Kind: kind, Locale: locale, Facts: facts}
				n.Title, n.Text = w.title(n, "Shop"), w.text(n, "Shop")
				if n.Title == "" || n.Text == "" || strings.Contains(n.Title+n.Text, "<no value>") {
					t.Errorf("%s in %s says %q, %q", kind, locale, n.Title, n.Text)
				}
				titles[n.Title] = true
				html, text, err := w.write(n, letter{Shop: "Shop", ShopURL: "https://shop.example", Unsubscribe: "https://shop.example/u?token=a.b"})
				if err != nil {
					t.Fatalf("%s in %s: %v", kind, locale, err)
				}
				if strings.Contains(html, "<script>") || strings.Contains(html, "<b>Byron") {
					t.Errorf("%s in %s: what a person wrote became markup", kind, locale)
				}
				if facts.Order != nil && (!strings.Contains(text, "Tee <script>") || !strings.Contains(html, "https://bank.example/3ds?a=1&amp;b=2")) {
					t.Errorf("%s in %s lacks its lines or its link:\n%s", kind, locale, text)
				}
			}
		}
		if kind != Promotional && len(titles) < 3 && kind != BackInStock && kind != Welcome && kind != PaymentRefunded {
			t.Errorf("%s has the same title in both languages, or without its number: %v", kind, titles)
		}
	}
}

func TestReasonsAreSentences(t *testing.T) {
	w, err := newWriter()
	if err != nil {
		t.Fatal(err)
	}
	for words, want := range map[string]string{
		"PAYMENT_FAILED: The card was declined": "The payment failed. The card was declined.",
		"I changed my mind":                     "I changed my mind.",
		"CUSTOMER_REQUEST: see evil.example":    "You asked us to cancel it.",
		"STALLED: nothing heard from inventory": "We could not complete it in time.",
		"STAFF_REQUEST: out of season":          "We had to cancel it. Out of season.",
		"label: nothing":                        "label: nothing.",
		"":                                      "",
	} {
		if got := reason(w.words["en"], words); got != want {
			t.Errorf("%q is told as %q, want %q", words, got, want)
		}
	}
}
