package notifications

import (
	"bytes"
	"embed"
	"fmt"
	htmltemplate "html/template"
	"strings"
	"text/template"
	"time"
	"unicode"
	"unicode/utf8"

	"storefront/internal/money"
)

// The words of each language are in templates/LANGUAGE.tmpl: KIND.title and KIND.text for each kind, which
// the app's list shows too, and the labels of the mail. mail.html and mail.txt put them into a mail.
//
//go:embed templates/*.tmpl templates/mail.html templates/mail.txt
var templates embed.FS

// writer writes titles, texts and mails.
type writer struct {
	words map[string]*template.Template // by language
	html  *htmltemplate.Template
	plain *template.Template
}

// letter is what a mail has beyond the notification's own words.
type letter struct {
	Shop, ShopURL         string
	OrderURL, Unsubscribe string

	Lang, Title, Button, ButtonURL string
	Paragraphs                     []string
	Rows                           []row
	Order                          *Receipt
	label                          func(string) string
}

type row struct{ Label, Value string }

// Label is a word of the letter's language.
func (l letter) Label(name string) string { return l.label(name) }

// Money writes an amount in the letter's language.
func (l letter) Money(m money.Money) string { return amount(l.Lang, m) }

func newWriter() (*writer, error) {
	w := &writer{words: map[string]*template.Template{}}
	for _, lang := range []string{"en", "de"} {
		t := template.New(lang)
		t.Funcs(template.FuncMap{
			"money":  func(m *money.Money) string { return amount(lang, *m) },
			"date":   func(at *time.Time) string { return date(lang, *at) },
			"reason": func(words string) string { return reason(t, words) },
		})
		if _, err := t.ParseFS(templates, "templates/"+lang+".tmpl"); err != nil {
			return nil, err
		}
		w.words[lang] = t
	}
	var err error
	if w.html, err = htmltemplate.ParseFS(templates, "templates/mail.html"); err != nil {
		return nil, err
	}
	w.plain, err = template.ParseFS(templates, "templates/mail.txt")
	return w, err
}

const (
	customerRequest = "CUSTOMER_REQUEST"
	stalled         = "STALLED"
)

// reason puts a code such as "OUT_OF_STOCK: ..." into words; what is no code are somebody's words.
func reason(t *template.Template, words string) string {
	code, rest, _ := strings.Cut(words, ":")
	if t.Lookup("reason."+code) == nil {
		return sentence(words)
	}
	said := run(t, "reason."+code, nil)
	if rest = strings.TrimSpace(rest); rest == "" || code == customerRequest || code == stalled {
		return said // nothing in the words of someone whose address nobody has checked, nor in those for staff
	}
	first, size := utf8.DecodeRuneInString(rest)
	return strings.TrimSpace(said + " " + string(unicode.ToUpper(first)) + sentence(rest)[size:])
}

// sentence ends with a full stop and is not longer than a person reads.
func sentence(words string) string {
	if runes := []rune(strings.TrimSpace(words)); len(runes) > 500 {
		words = string(runes[:500]) + "…"
	}
	words = strings.TrimSpace(words)
	if words == "" || strings.ContainsAny(words[len(words)-1:], ".!?") || strings.HasSuffix(words, "…") {
		return words
	}
	return words + "."
}

// run executes one definition. Our templates fail on no value, which a test of every kind holds.
func run(t *template.Template, name string, data any) string {
	var b strings.Builder
	if err := t.ExecuteTemplate(&b, name, data); err != nil {
		return ""
	}
	return strings.TrimSpace(b.String())
}

type subject struct {
	Facts
	Shop string
}

func (w *writer) title(n Notification, shop string) string {
	return run(w.words[language(n.Locale)], string(n.Kind)+".title", subject{n.Facts, shop})
}

func (w *writer) text(n Notification, shop string) string {
	return run(w.words[language(n.Locale)], string(n.Kind)+".text", subject{n.Facts, shop})
}

// write returns the mail of a notification whose title and text are there already.
func (w *writer) write(n Notification, l letter) (html, text string, err error) {
	l.Lang, l.Title, l.Order = language(n.Locale), n.Title, n.Facts.Order
	words := w.words[l.Lang]
	l.label = func(name string) string { return run(words, "label."+name, subject{n.Facts, l.Shop}) }
	greeting := l.label("hello")
	l.Paragraphs = append(l.Paragraphs, greeting)
	for part := range strings.SplitSeq(n.Text, "\n\n") {
		if part = strings.TrimSpace(part); part != "" {
			l.Paragraphs = append(l.Paragraphs, part)
		}
	}
	for _, r := range []row{{"number", n.Facts.Number}, {"carrier", n.Facts.Carrier}, {"tracking", n.Facts.Tracking}, {"sku", n.Facts.SKU}} {
		if r.Value != "" {
			l.Rows = append(l.Rows, row{l.label(r.Label), r.Value})
		}
	}
	switch {
	case n.Facts.URL != "":
		l.Button, l.ButtonURL = l.label("pay"), n.Facts.URL
	case l.OrderURL != "":
		l.Button, l.ButtonURL = l.label("order"), l.OrderURL
	}
	var h, p bytes.Buffer
	if err := w.html.ExecuteTemplate(&h, "mail.html", l); err != nil {
		return "", "", fmt.Errorf("write mail: %w", err)
	}
	if err := w.plain.ExecuteTemplate(&p, "mail.txt", l); err != nil {
		return "", "", fmt.Errorf("write mail: %w", err)
	}
	return h.String(), p.String(), nil
}
