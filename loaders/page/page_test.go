package page

import (
	"testing"

	"storefront/internal/errs"
)

func TestWindow(t *testing.T) {
	n := func(i int) *int { return &i }
	s := func(s string) *string { return &s }
	cursor := Cursor("2026", "ord_1")
	for name, c := range map[string]struct {
		args Args
		want Window
		bad  string // argument that the error names
	}{
		"nothing":                  {args: Args{}, want: Window{Size: DefaultSize}},
		"forwards":                 {args: Args{First: n(2), After: &cursor}, want: Window{Size: 2, Cursor: []string{"2026", "ord_1"}}},
		"backwards":                {args: Args{Last: n(2), Before: &cursor}, want: Window{Size: 2, Backward: true, Cursor: []string{"2026", "ord_1"}}},
		"none at all":              {args: Args{First: n(0)}, want: Window{}},
		"too many":                 {args: Args{First: n(MaxSize + 1)}, bad: "first"},
		"fewer than none":          {args: Args{Last: n(-1)}, bad: "last"},
		"both ways":                {args: Args{First: n(1), Last: n(1)}, bad: "last"},
		"forwards before":          {args: Args{First: n(1), Before: &cursor}, bad: "before"},
		"backwards after":          {args: Args{Last: n(1), After: &cursor}, bad: "after"},
		"a cursor of one's own":    {args: Args{After: s("abc")}, bad: "after"},
		"a cursor that is no text": {args: Args{Last: n(1), Before: s("%%%")}, bad: "before"},
	} {
		w, err := c.args.Window()
		if c.bad != "" {
			e, ok := err.(*errs.Error)
			if !ok || e.Field[0] != c.bad {
				t.Errorf("%s: %v, want an error about %s", name, err, c.bad)
			}
			continue
		}
		if err != nil || w.Size != c.want.Size || w.Backward != c.want.Backward || len(w.Cursor) != len(c.want.Cursor) {
			t.Errorf("%s: %+v, %v; want %+v", name, w, err, c.want)
		}
	}
}

func TestPageSaysWhatLiesBeside(t *testing.T) {
	of := func(w Window, items ...string) Connection[string] {
		return Of(w, items, func(s string) string { return Cursor(s) })
	}
	forward := of(Window{Size: 2}, "a", "b", "c")
	if nodes := forward.Nodes(); len(nodes) != 2 || nodes[1] != "b" || !forward.PageInfo.HasNextPage || forward.PageInfo.HasPreviousPage {
		t.Errorf("first two of three: %+v", forward)
	}
	backward := of(Window{Size: 2, Backward: true, Cursor: []string{"d"}}, "c", "b", "a")
	if nodes := backward.Nodes(); len(nodes) != 2 || nodes[0] != "b" || nodes[1] != "c" || !backward.PageInfo.HasPreviousPage || !backward.PageInfo.HasNextPage {
		t.Errorf("two before d: %+v", backward)
	}
	if empty := of(Window{Size: 2}); len(empty.Edges) != 0 || empty.PageInfo.EndCursor != nil {
		t.Errorf("nothing: %+v", empty)
	}
}
