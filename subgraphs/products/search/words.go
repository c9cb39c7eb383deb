package search

import (
	"strings"
	"unicode"

	"golang.org/x/text/runes"
	"golang.org/x/text/transform"
	"golang.org/x/text/unicode/norm"

	"storefront/events"
)

// vocabulary counts in how many products each word is, as people would type it.
type vocabulary map[string]int

func (v vocabulary) add(list []string) {
	for _, w := range list {
		v[w]++
	}
}

func (v vocabulary) remove(list []string) {
	for _, w := range list {
		if v[w]--; v[w] <= 0 {
			delete(v, w)
		}
	}
}

// wordsOf lists the words, each once, that a product is known by.
func wordsOf(p events.ProductChanged) []string {
	seen := map[string]bool{}
	var list []string
	for _, text := range append([]string{p.Title, p.Vendor, p.ProductType}, p.Tags...) {
		for _, w := range split(text) {
			if !seen[w] {
				seen[w] = true
				list = append(list, w)
			}
		}
	}
	return list
}

// split cuts text into words without case and accents.
func split(text string) []string {
	return strings.FieldsFunc(fold(text), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
}

// fold takes case and accents away.
func fold(text string) string {
	plain, _, err := transform.String(transform.Chain(norm.NFKD, runes.Remove(runes.In(unicode.Mn)), norm.NFC), strings.ReplaceAll(text, "'s", ""))
	if err != nil {
		plain = text
	}
	return strings.ToLower(plain)
}

// nearest returns the word most like typed, "" when none is like it: at most one edit for up to five
// letters, two for more; the fewest edits first, then the same first letter, then the commonest word.
func (v vocabulary) nearest(typed string) string {
	from := []rune(typed)
	if len(from) < 3 {
		return ""
	}
	most := 2
	if len(from) <= 5 {
		most = 1
	}
	best, bestEdits, bestFirst, bestCount := "", most+1, false, 0
	for w, count := range v {
		to := []rune(w)
		if len(to) < 3 || len(to) > len(from)+most || len(to) < len(from)-most {
			continue
		}
		d := edits(from, to, most)
		if d > most {
			continue
		}
		first := from[0] == to[0]
		better := d < bestEdits
		if d == bestEdits {
			switch {
			case first != bestFirst:
				better = first
			case count != bestCount:
				better = count > bestCount
			default:
				better = w < best
			}
		}
		if better {
			best, bestEdits, bestFirst, bestCount = w, d, first, count
		}
	}
	return best
}

// edits is the optimal string alignment distance: insertions, deletions, replacements and swaps of
// neighbours that make one word of the other; more than most is most+1.
func edits(a, b []rune, most int) int {
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		least := i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
			least = min(least, row[j])
		}
		if least > most {
			return most + 1
		}
		before, last, row = last, row, before
	}
	return min(last[len(b)], most+1)
}
