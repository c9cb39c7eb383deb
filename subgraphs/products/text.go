package products

import (
	"html"
	"regexp"
	"strings"
	"unicode"

	"github.com/microcosm-cc/bluemonday"
	"golang.org/x/text/runes"
	"golang.org/x/text/transform"
	"golang.org/x/text/unicode/norm"
)

// sanitizer makes HTML from people safe to show, and plain text of it. It is safe for concurrent use.
type sanitizer struct {
	safe, none *bluemonday.Policy
	blocks     *regexp.Regexp // tags between which words end
}

func newSanitizer() *sanitizer {
	safe := bluemonday.UGCPolicy() // formatting, lists, tables, images and links; no script, style or frame
	safe.RequireNoFollowOnLinks(true)
	return &sanitizer{
		safe: safe, none: bluemonday.StrictPolicy(),
		blocks: regexp.MustCompile(`(?i)</?(?:address|blockquote|br|caption|dd|div|dl|dt|figcaption|figure|h[1-6]|hr|li|ol|p|pre|section|table|tbody|td|tfoot|th|thead|tr|ul)\b[^>]*>`),
	}
}

// clean returns source as HTML that is safe to show, and as plain text.
func (s *sanitizer) clean(source string) (safe, plain string) {
	safe = strings.TrimSpace(s.safe.Sanitize(strings.ToValidUTF8(source, "\uFFFD")))
	return safe, squeeze(html.UnescapeString(s.none.Sanitize(s.blocks.ReplaceAllString(safe, " $0"))))
}

// Handle makes a name for addresses of any text: "Ocean Blue Shirt!" is ocean-blue-shirt. Accents go,
// letters of every script stay. It is empty when there is neither letter nor digit, and at most 255
// characters long. A handle is its own handle.
func Handle(text string) string {
	plain, _, err := transform.String(transform.Chain(norm.NFKD, runes.Remove(runes.In(unicode.Mn)), norm.NFC), text)
	if err != nil {
		plain = text
	}
	var b strings.Builder
	n, gap := 0, false
	for _, r := range strings.ToLower(plain) {
		switch {
		case unicode.IsLetter(r) || unicode.IsDigit(r):
			if gap && b.Len() > 0 {
				b.WriteByte('-')
				n++
			}
			gap = false
			b.WriteRune(r)
			n++
		case r == '\'' || r == '’':
		default:
			gap = true
		}
		if n >= MaxName-1 {
			break
		}
	}
	return b.String()
}

// titleOf makes a collection's title of the name it was asked for by: a handle becomes words.
func titleOf(name string) string {
	name = squeeze(name)
	if name != Handle(name) {
		return name
	}
	words := strings.ReplaceAll(name, "-", " ")
	for i, r := range words {
		return words[:i] + string(unicode.ToUpper(r)) + words[i+len(string(r)):]
	}
	return words
}
