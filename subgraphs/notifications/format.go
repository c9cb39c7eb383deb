package notifications

import (
	"fmt"
	"strings"
	"time"

	"storefront/internal/money"
)

// language is the language we write in for a BCP 47 tag or an Accept-Language header; English when we
// have no words in theirs.
func language(tag string) string {
	first, _, _ := strings.Cut(strings.ToLower(strings.TrimSpace(tag)), ",")
	first, _, _ = strings.Cut(first, ";")
	if lang, _, _ := strings.Cut(strings.ReplaceAll(first, "_", "-"), "-"); lang == "de" {
		return "de"
	}
	return "en"
}

const nbsp = "\u00a0"

// amount writes money as people of a language do: "€1,234.50", "1.234,50 €".
func amount(lang string, m money.Money) string {
	sign, decimal := "", m.Decimal()
	if strings.HasPrefix(decimal, "-") {
		sign, decimal = "-", decimal[1:]
	}
	whole, fraction, _ := strings.Cut(decimal, ".")
	group, point := ",", "."
	if lang == "de" {
		group, point = ".", ","
	}
	for i := len(whole) - 3; i > 0; i -= 3 {
		whole = whole[:i] + group + whole[i:]
	}
	if fraction != "" {
		whole += point + fraction
	}
	symbol, known := map[string]string{"EUR": "€", "GBP": "£", "USD": "$", "JPY": "¥"}[m.Currency]
	switch {
	case lang == "de" && known:
		return sign + whole + nbsp + symbol
	case lang == "de":
		return sign + whole + nbsp + m.Currency
	case known:
		return sign + symbol + whole
	}
	return sign + m.Currency + nbsp + whole
}

// date writes a day: "2 January 2026", "2. Januar 2026".
func date(lang string, t time.Time) string {
	if lang != "de" {
		return t.Format("2 January 2006")
	}
	months := [...]string{"Januar", "Februar", "März", "April", "Mai", "Juni", "Juli", "August", "September", "Oktober", "November", "Dezember"}
	return fmt.Sprintf("%d. %s %d", t.Day(), months[t.Month()-1], t.Year())
}
