package jsonshape

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"
)

type stamp struct {
	At time.Time `json:"at"`
}

type money struct {
	Amount int64 `json:"amount"`
}

type sale struct {
	stamp
	ID      string              `json:"id"`
	Lines   []money             `json:"lines"`
	Tags    []string            `json:"tags,omitempty"`
	Extra   map[string][]string `json:"extra,omitempty"`
	Total   money               `json:"total,omitempty"`
	Refund  money               `json:"refund,omitzero"`
	Due     *time.Time          `json:"due,omitempty"`
	Average float64             `json:"average"`
	Paid    bool                `json:"paid,omitempty"`
}

func TestPaths(t *testing.T) {
	t.Parallel()
	shape, err := Of(reflect.TypeFor[sale]())
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, p := range shape.Paths() {
		line := p.Name + " " + p.Kind
		if p.Optional {
			line += " optional"
		}
		got = append(got, line)
	}
	want := []string{
		"at date-time", "id string", "lines array", "lines[] object", "lines[].amount integer",
		"tags array optional", "tags[] string", "extra map optional", "extra.* array", "extra.*[] string",
		"total object", // omitempty does not leave out a struct
		"total.amount integer", "refund object optional", "refund.amount integer", "due date-time optional",
		"average number", "paid boolean optional",
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if f := shape.Fields[0]; f.Owner != "stamp" || f.Go != "At" {
		t.Errorf("the embedded field is %s.%s", f.Owner, f.Go)
	}
}

func TestRefused(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		value any
		want  string
	}{
		{struct {
			A any `json:"a"`
		}{}, "no fixed shape"},
		{struct {
			A []byte `json:"a"`
		}{}, "no fixed shape"},
		{struct {
			A *string `json:"a"`
		}{}, "null without a value"},
		{struct{ A string }{}, "no name in JSON"},
		{struct {
			A time.Month `json:"a"`
			B reflectKey `json:"b"`
		}{}, "JSON of its own"},
	} {
		if _, err := Of(reflect.TypeOf(c.value)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%T: %v, want an error with %q", c.value, err, c.want)
		}
	}
}

type reflectKey struct{}

func (reflectKey) MarshalText() ([]byte, error) { return nil, nil }
