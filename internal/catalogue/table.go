package catalogue

import (
	"bytes"
	"encoding/csv"
	"errors"
	"hash/fnv"
	"io"
	"strings"
	"unicode"

	"storefront/internal/errs"
	"storefront/internal/money"
)

func hasColumns(header []byte, names ...string) bool {
	columns := map[string]bool{}
	for _, c := range bytes.Split(bytes.TrimSpace(header), []byte(",")) {
		columns[string(bytes.Trim(c, `" `))] = true
	}
	for _, n := range names {
		if !columns[n] {
			return false
		}
	}
	return true
}

// table reads a CSV whose first line names the columns; one that is absent reads as "".
type table struct {
	csv     *csv.Reader
	columns map[string]int
	cells   []string
	row     int // line of the file where the record begins
}

func newTable(r io.Reader) (*table, error) {
	t := &table{csv: csv.NewReader(r), columns: map[string]int{}}
	t.csv.FieldsPerRecord, t.csv.LazyQuotes, t.csv.ReuseRecord = -1, true, true
	header, err := t.csv.Read()
	if err != nil {
		return nil, errs.Wrap(errs.BadInput, err, "the first line cannot be read")
	}
	for i, name := range header {
		t.columns[strings.TrimSpace(name)] = i
	}
	return t, nil
}

// next moves to the next record; io.EOF behind the last. A *csv.ParseError is about one record, and the
// next one can be read.
func (t *table) next() (err error) {
	t.cells, err = t.csv.Read()
	if broken, ok := errors.AsType[*csv.ParseError](err); ok {
		t.row = broken.StartLine
	} else if err == nil {
		t.row, _ = t.csv.FieldPos(0)
	}
	return err
}

func (t *table) get(column string) string {
	if i, ok := t.columns[column]; ok && i < len(t.cells) {
		return strings.TrimSpace(t.cells[i])
	}
	return ""
}

// slug makes a name for addresses: small letters, digits and single dashes.
func slug(s string) string {
	var b strings.Builder
	gap := false
	for _, r := range strings.ToLower(s) {
		switch {
		case unicode.IsLetter(r) || unicode.IsDigit(r):
			if gap && b.Len() > 0 {
				b.WriteByte('-')
			}
			gap = false
			b.WriteRune(r)
		case r == '\'' || r == '’':
		default:
			gap = true
		}
	}
	return b.String()
}

// short is s where it has at most n bytes, else its beginning with a mark that tells it from others.
func short(s string, n int) string {
	if len(s) <= n {
		return s
	}
	const digits = "0123456789abcdefghjkmnpqrstvwxyz"
	h, mark := hashOf(s), make([]byte, 8)
	for i := range mark {
		mark[i] = digits[h>>(5*i)&31]
	}
	cut := n - 9
	for cut > 0 && s[cut]&0xc0 == 0x80 { // not inside a character
		cut--
	}
	return strings.TrimRight(s[:cut], "-") + "-" + string(mark)
}

func hashOf(s string) uint64 {
	h := fnv.New64a()
	h.Write([]byte(s))
	return h.Sum64()
}

// squeeze trims s and makes every run of white space one space.
func squeeze(s string) string { return strings.Join(strings.Fields(s), " ") }

// price reads an amount in major units. More decimals than the currency has are rounded.
func price(text, currency string) (money.Money, error) {
	whole, frac, _ := strings.Cut(strings.ReplaceAll(text, ",", ""), ".")
	digits := money.Digits(currency)
	up := len(frac) > digits && frac[digits] >= '5'
	if len(frac) > digits {
		frac = frac[:digits]
	}
	if strings.TrimPrefix(whole, "-") == "" && frac != "" {
		whole += "0"
	}
	m, err := money.Parse(whole+"."+frac, currency)
	if err != nil || !up {
		return m, err
	}
	if strings.HasPrefix(text, "-") {
		m.Amount--
	} else {
		m.Amount++
	}
	return m, nil
}

// unique gives each handle once: the second of a name becomes name-2.
type unique map[string]bool

func (u unique) take(handle string) string {
	h := handle
	for n := 2; u[h]; n++ {
		h = handle + "-" + itoa(n)
	}
	u[h] = true
	return h
}
