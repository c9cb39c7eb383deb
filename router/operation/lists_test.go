package operation_test

import (
	"fmt"
	"strings"
	"testing"

	"storefront/router/operation"
)

// TestLongLists: lists of more than three items are refused wherever they stand, with where that is.
func TestLongLists(t *testing.T) {
	l := operation.DefaultLimits()
	l.MaxListItems = 3
	for query, want := range map[string]string{
		`{ pet(at: [1, 2, 3]) { id } }`:                                                         "",
		`{ pet(at: [1, 2, 3, 4]) { id } }`:                                                      "the list at has 4 items; 3 are allowed in one list",
		`{ name pet(filter: {min: 1, in: [{min: 1, in: [1, 2, 3, 4]}]}) { id } }`:               "the list filter.in.in has 4 items; 3 are allowed in one list",
		`query($at: [Int!] = [1, 2, 3, 4]) { pet(at: $at) { id } }`:                             "the list $at has 4 items; 3 are allowed in one list",
		`{ pet { ...F } } fragment F on Pet { friend @include(if: [true, true, 1, 1]) { id } }`: "the list if has 4 items; 3 are allowed in one list",
	} {
		_, errs := operation.Prepare(load(t), query, "", l)
		got := ""
		if len(errs) > 0 {
			got = errs[0].Message
		}
		if got != want {
			t.Errorf("%s gives %q, want %q", query, got, want)
		} else if want != "" && (errs[0].Extensions["code"] != operation.CodeTooLarge || len(errs[0].Locations) != 1) {
			t.Errorf("%s gives %v at %v", query, errs[0].Extensions, errs[0].Locations)
		}
	}
	op, errs := operation.Prepare(load(t), `query($at: [Int!], $f: Filter) { pet(at: $at, filter: $f) { id } }`, "", l)
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	short, long := []any{1, 2, 3}, []any{1, 2, 3, 4}
	filters := func(n int) map[string]any {
		in := []any{}
		for range n {
			in = append(in, map[string]any{"min": 1})
		}
		return map[string]any{"min": 1, "in": []any{map[string]any{"min": 1, "in": in}}}
	}
	for _, c := range []struct {
		raw  map[string]any
		want string
	}{
		{map[string]any{"at": short, "f": filters(3)}, ""},
		{map[string]any{"at": long}, `Variable "$at" is wrong: the list has 4 items; 3 are allowed in one list`},
		{map[string]any{"f": filters(4)}, `Variable "$f.in[0].in" is wrong: the list has 4 items; 3 are allowed in one list`},
	} {
		_, errs := op.Variables(c.raw)
		got := ""
		if len(errs) > 0 {
			got = errs[0].Message
		}
		if got != c.want {
			t.Errorf("%v give %q, want %q", c.raw, got, c.want)
		} else if c.want != "" && errs[0].Extensions["code"] != operation.CodeTooLarge {
			t.Errorf("%v give %v", c.raw, errs[0].Extensions)
		}
	}
	items := strings.Repeat("1,", 1001)
	if _, errs := operation.Prepare(load(t), fmt.Sprintf(`{ pet(at: [%s]) { id } }`, items), "", operation.DefaultLimits()); len(errs) != 1 {
		t.Errorf("by default 1001 items give %v", errs)
	}
}
