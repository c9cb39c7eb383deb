package jsonscan_test

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"

	"storefront/internal/jsonscan"
)

// nesting is how deep a document is nested, its brackets and braces in strings left out.
func nesting(data []byte) (deepest int) {
	depth, quoted := 0, false
	for i := 0; i < len(data); i++ {
		switch c := data[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case !quoted && (c == '{' || c == '['):
			depth++
			deepest = max(deepest, depth)
		case !quoted && (c == '}' || c == ']'):
			depth--
		}
	}
	return deepest
}

// FuzzScanner compares the scanner with encoding/json: the same documents are valid, and the same is in
// them.
func FuzzScanner(f *testing.F) {
	for _, seed := range []string{
		`{"a":1,"b":{"a":[1, 2],"c":null},"c":[{"a":"x"},[{"a":true}],3]}`, `{"c":[],"a":{"b" : [ 1 ]} ,"a":2,"\u0061":3}`,
		`{"x":{"y":"\ud800\n\ud83d\ude00"}}`, `[1.5e+3,-0,0.1]`, `{"a":01}`, `{"a":"`, `{"a":1,}`, `-`, `1e`, `"\u12"`,
		`"` + strings.Repeat("long ", 20) + `\"\\"`, strings.Repeat("[", 600) + strings.Repeat("]", 600), "{\"b\":\"\x01\"}", ` tru`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if !utf8.Valid(data) || nesting(data) > jsonscan.MaxDepth-10 {
			return
		}
		p := jsonscan.Scanner{Data: data}
		err := p.Pass(0)
		if err == nil {
			err = p.Close()
		}
		if valid := json.Valid(data); valid != (err == nil) {
			t.Fatalf("%q: valid is %v, the scanner says %v", data, valid, err)
		}
		if err != nil {
			return
		}
		p = jsonscan.Scanner{Data: data}
		got, err := p.Value(0)
		if err != nil {
			t.Fatalf("%q: %v", data, err)
		}
		var want any
		d := json.NewDecoder(bytes.NewReader(data))
		d.UseNumber()
		if err := d.Decode(&want); err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("%q: got %#v, want %#v", data, got, want)
		}
	})
}

// TestDepth: what is nested too deep is refused, and only that.
func TestDepth(t *testing.T) {
	for _, c := range []struct {
		depth int
		ok    bool
	}{{jsonscan.MaxDepth, true}, {jsonscan.MaxDepth + 2, false}, {1_000_000, false}} {
		for _, sides := range []string{"[]", "{}"} {
			open := sides[:1]
			if open == "{" {
				open = `{"a":`
			}
			data := []byte(strings.Repeat(open, c.depth) + "1" + strings.Repeat(sides[1:], c.depth))
			p := jsonscan.Scanner{Data: data}
			if err := p.Pass(0); (err == nil) != c.ok {
				t.Errorf("%s nested %d deep: %v", sides, c.depth, err)
			}
			p = jsonscan.Scanner{Data: data}
			if _, err := p.Value(0); (err == nil) != c.ok {
				t.Errorf("%s nested %d deep: %v", sides, c.depth, err)
			}
		}
	}
}
