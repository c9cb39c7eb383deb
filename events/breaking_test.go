package events_test

import (
	"errors"
	"io/fs"
	"os"
	"strings"
	"testing"
	"time"

	"storefront/events"
)

// sale is an event of these tests. The checks are held to what they are for: each change that would break
// somebody is made to it here.
type sale struct {
	events.Stamp
	ID    string       `json:"id"`
	Note  string       `json:"note,omitempty"`
	Lines []saleLine   `json:"lines"`
	Total events.Money `json:"total"`
}

type saleLine struct {
	SKU   string `json:"sku"`
	Count int    `json:"count"`
}

func exampleSale() sale {
	return sale{Stamp: events.Stamp{At: time.Unix(1_700_000_000, 0).UTC()}, ID: "s1", Note: "n",
		Lines: []saleLine{{SKU: "a", Count: 2}}, Total: events.Money{Amount: 1, Currency: "EUR"}}
}

func contractOfSale(t *testing.T, version string, example any) contract {
	t.Helper()
	c, err := contractOf("urn:storefront:test.sale:"+version, "test-events", "s1", example)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// alterations are what somebody might make of a sale; wants are words of what must be said, none when the
// change is harmless.
func alterations() map[string]struct {
	to    any
	wants []string
} {
	type change = struct {
		to    any
		wants []string
	}
	old := exampleSale()
	return map[string]change{
		"nothing": {old, nil},
		"a field removed": {struct {
			events.Stamp
			ID    string       `json:"id"`
			Note  string       `json:"note,omitempty"`
			Total events.Money `json:"total"`
		}{old.Stamp, old.ID, old.Note, old.Total}, []string{"lines is gone", "lines[].sku is gone"}},
		"an optional field removed": {struct {
			events.Stamp
			ID    string       `json:"id"`
			Lines []saleLine   `json:"lines"`
			Total events.Money `json:"total"`
		}{old.Stamp, old.ID, old.Lines, old.Total}, []string{"note is gone"}},
		"a field renamed": {struct {
			events.Stamp
			ID    string       `json:"saleId"`
			Note  string       `json:"note,omitempty"`
			Lines []saleLine   `json:"lines"`
			Total events.Money `json:"total"`
		}{old.Stamp, old.ID, old.Note, old.Lines, old.Total}, []string{"id is gone or has another name", "saleId is new and always there"}},
		"a type changed within a list": {struct {
			events.Stamp
			ID    string `json:"id"`
			Note  string `json:"note,omitempty"`
			Lines []struct {
				SKU   string  `json:"sku"`
				Count float64 `json:"count"`
			} `json:"lines"`
			Total events.Money `json:"total"`
		}{Stamp: old.Stamp, ID: old.ID}, []string{"lines[].count was integer and is number"}},
		"an object become a number": {struct {
			events.Stamp
			ID    string     `json:"id"`
			Note  string     `json:"note,omitempty"`
			Lines []saleLine `json:"lines"`
			Total int        `json:"total"`
		}{Stamp: old.Stamp}, []string{"total was object and is integer", "total.amount is gone"}},
		"a field made optional": {struct {
			events.Stamp
			ID    string       `json:"id,omitempty"`
			Note  string       `json:"note,omitempty"`
			Lines []saleLine   `json:"lines"`
			Total events.Money `json:"total"`
		}{Stamp: old.Stamp}, []string{"id may be missing now"}},
		"an object made optional": {struct {
			events.Stamp
			ID    string       `json:"id"`
			Note  string       `json:"note,omitempty"`
			Lines []saleLine   `json:"lines"`
			Total events.Money `json:"total,omitzero"`
		}{Stamp: old.Stamp}, []string{"total may be missing now"}},
		"an optional field made compulsory": {struct {
			events.Stamp
			ID    string       `json:"id"`
			Note  string       `json:"note"`
			Lines []saleLine   `json:"lines"`
			Total events.Money `json:"total"`
		}{Stamp: old.Stamp}, []string{"note is always there now"}},
		"a compulsory field added": {struct {
			sale
			Shop string `json:"shop"`
		}{old, "x"}, []string{"shop is new and always there"}},
		"an optional field added": {struct {
			sale
			Shop string `json:"shop,omitempty"`
		}{old, "x"}, nil},
		"an optional object added, whose fields are always there": {struct {
			sale
			Tax *events.Money `json:"tax,omitempty"`
		}{old, &events.Money{Amount: 1, Currency: "EUR"}}, nil},
	}
}

func TestBreakingChangesAreFound(t *testing.T) {
	t.Parallel()
	old := contractOfSale(t, "1", exampleSale())
	for name, c := range alterations() {
		got := contractOfSale(t, "2", c.to).breaks(old)
		if len(got) > 0 != (len(c.wants) > 0) {
			t.Errorf("%s: said is %q, want %q", name, got, c.wants)
		}
		for _, want := range c.wants {
			if !strings.Contains(strings.Join(got, "\n"), want) {
				t.Errorf("%s: %q is not said, but %q", name, want, got)
			}
		}
	}
	moved := old
	moved.Topic = "other-events"
	if got := moved.breaks(old); len(got) != 1 || !strings.Contains(got[0], "moved from test-events") {
		t.Errorf("of another topic is said %q", got)
	}
}

// -update writes what is harmless, keeps what was, and refuses the rest.
func TestUpdateRefusesWhatBreaks(t *testing.T) {
	t.Parallel()
	for name, c := range alterations() {
		if name == "nothing" {
			continue
		}
		g := goldens{t.TempDir()}
		first := contractOfSale(t, "1", exampleSale())
		if err := g.update("test.sale", first); err != nil {
			t.Fatal(err)
		}
		before, err := os.ReadFile(g.file("test.sale", 0))
		if err != nil {
			t.Fatal(err)
		}
		for _, version := range []string{"1", "3"} { // not the next one
			if err := g.update("test.sale", contractOfSale(t, version, c.to)); err == nil {
				t.Errorf("%s is written as version %s", name, version)
			}
		}
		err = g.update("test.sale", contractOfSale(t, "2", c.to))
		if refused := err != nil; refused != (len(c.wants) > 0) {
			t.Errorf("%s: %v", name, err)
		}
		after, readErr := os.ReadFile(g.file("test.sale", 0))
		if readErr != nil {
			t.Fatal(readErr)
		}
		if err != nil {
			if _, kept := os.Stat(g.file("test.sale", 1)); string(before) != string(after) || !errors.Is(kept, fs.ErrNotExist) {
				t.Errorf("%s is refused but something is written", name)
			}
			continue
		}
		kept, err := os.ReadFile(g.file("test.sale", 1))
		if err != nil || string(kept) != string(before) {
			t.Errorf("%s: version 1 is kept as %s, %v", name, kept, err)
		}
		// And a third version is held to the first, whatever the second says.
		third := contractOfSale(t, "3", struct {
			ID string `json:"id"`
		}{"s1"})
		if err := g.update("test.sale", third); err == nil || !strings.Contains(err.Error(), "test.sale:1") {
			t.Errorf("%s: a third version that breaks the first: %v", name, err)
		}
	}
}

func TestUpdateWantsARaisedVersionOnlyForFields(t *testing.T) {
	t.Parallel()
	g := goldens{t.TempDir()}
	if err := g.update("test.sale", contractOfSale(t, "2", exampleSale())); err == nil {
		t.Error("a first golden may be of version 2")
	}
	if err := g.update("test.sale", contractOfSale(t, "1", exampleSale())); err != nil {
		t.Fatal(err)
	}
	other := exampleSale()
	other.Note = "another example"
	if err := g.update("test.sale", contractOfSale(t, "2", other)); err == nil {
		t.Error("a version may be raised without a change")
	}
	if err := g.update("test.sale", contractOfSale(t, "1", other)); err != nil {
		t.Errorf("the example cannot be changed: %v", err)
	}
}

func TestViolations(t *testing.T) {
	t.Parallel()
	c := contractOfSale(t, "1", exampleSale())
	for document, want := range map[string]string{
		string(c.Example): "",
		`{"at":"2026-01-01T00:00:00Z","id":"a","lines":null,"total":{"amount":1,"currency":"EUR"},"more":[1]}`: "",
		`{"at":"2026-01-01T00:00:00Z","lines":[],"total":{"amount":1,"currency":"EUR"}}`:                       ".id is missing",
		`{"at":"2026-01-01T00:00:00Z","id":1,"lines":[],"total":{"amount":1,"currency":"EUR"}}`:                ".id is 1, not string",
		`{"at":"yesterday","id":"a","lines":[],"total":{"amount":1,"currency":"EUR"}}`:                         ".at is yesterday, not date-time",
		`{"at":"2026-01-01T00:00:00Z","id":"a","lines":[{"sku":"b"}],"total":{"amount":1,"currency":"EUR"}}`:   ".lines[0].count is missing",
		`{"at":"2026-01-01T00:00:00Z","id":"a","lines":[],"total":{"amount":1.5,"currency":"EUR"}}`:            ".total.amount is 1.5, not integer",
		`{"at":"2026-01-01T00:00:00Z","id":"a","lines":[],"total":7}`:                                          ".total is 7, not object",
	} {
		if got := strings.Join(c.violations([]byte(document)), "; "); got != want {
			t.Errorf("%s: said is %q, want %q", document, got, want)
		}
	}
}
