package main

import (
	"bytes"
	"io/fs"
	"os"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/goccy/go-yaml"

	"storefront/events"
)

var repository = os.DirFS("../..")

func generate(t *testing.T, tree fs.FS) []byte {
	t.Helper()
	document, err := Generate(tree)
	if err != nil {
		t.Fatal(err)
	}
	return document
}

func TestDocumentIsUpToDate(t *testing.T) {
	t.Parallel()
	want, err := fs.ReadFile(repository, Output)
	if err != nil {
		t.Fatal(err)
	}
	if got := generate(t, repository); !bytes.Equal(got, want) {
		t.Errorf("%s is not what the event types are; run: go generate ./events", Output)
	}
}

func TestDocumentIsTheSameEachTime(t *testing.T) {
	t.Parallel()
	first := generate(t, repository)
	for range 3 {
		if !bytes.Equal(first, generate(t, repository)) {
			t.Fatal("two documents of the same sources differ")
		}
	}
}

func TestDocumentIsWhole(t *testing.T) {
	t.Parallel()
	var document map[string]any
	if err := yaml.Unmarshal(generate(t, repository), &document); err != nil {
		t.Fatal(err)
	}
	var follow func(v any)
	follow = func(v any) {
		switch v := v.(type) {
		case map[string]any:
			if to, ok := v["$ref"].(string); ok && find(document, to) == nil {
				t.Errorf("%s leads nowhere", to)
			}
			for _, child := range v {
				follow(child)
			}
		case []any:
			for _, child := range v {
				follow(child)
			}
		}
	}
	follow(document)
	for _, e := range events.Types() {
		for _, place := range []string{
			"#/channels/" + e.EventTopic() + "/messages/" + name(e),
			"#/components/messages/" + name(e) + "/summary",
			"#/components/schemas/" + name(e) + "/description",
			"#/components/schemas/" + name(e) + "/properties/at/format",
			"#/operations/" + events.Publisher(e.EventTopic()) + ".send." + e.EventTopic(),
		} {
			if find(document, place) == nil {
				t.Errorf("the document lacks %s", place)
			}
		}
	}
	for place, want := range map[string]any{
		"#/channels/product-events/bindings/kafka/topicConfiguration/cleanup.policy":     []any{"compact"},
		"#/channels/order-events/bindings/kafka/topicConfiguration/retention.ms":         int64(-1),
		"#/channels/order-events.dlq/messages/DeadLetter/$ref":                           "#/components/messages/DeadLetter",
		"#/components/messages/OrderPlaced/headers/allOf/1/properties/ce_source/const":   "/storefront/orders",
		"#/components/schemas/Address/properties/country/description":                    "ISO 3166-1 alpha-2",
		"#/components/schemas/DeadLetterHeaders/properties/dlq_group/description":        "who gave up",
		"#/operations/inventory.receive.order-events/bindings/kafka/groupId/const":       "storefront-inventory",
		"#/operations/router.receive.inventory-events/messages/0/$ref":                   "#/channels/inventory-events/messages/StockLevelChanged",
		"#/operations/inventory.send.storefront-inventory.retry/action":                  "send",
		"#/operations/operator.receive.storefront-payments.retry/messages/0/$ref":        "#/channels/storefront-payments.retry/messages/ParkedEvent",
		"#/components/schemas/ProductChanged/properties/attributes/additionalProperties": map[string]any{"type": "array", "items": map[string]any{"type": "string"}},
	} {
		if got := find(document, place); !equal(got, want) {
			t.Errorf("%s is %v, want %v", place, got, want)
		}
	}
}

func equal(a, b any) bool {
	x, errX := yaml.Marshal(a)
	y, errY := yaml.Marshal(b)
	return errX == nil && errY == nil && bytes.Equal(x, y)
}

// find follows a JSON pointer; nil when it leads nowhere.
func find(v any, pointer string) any {
	for step := range strings.SplitSeq(strings.TrimPrefix(pointer, "#/"), "/") {
		switch at := v.(type) {
		case map[string]any:
			v = at[step]
		case []any:
			if step != "0" && step != "1" || len(at) < 2 && step == "1" || len(at) == 0 {
				return nil
			}
			v = at[step[0]-'0']
		default:
			return nil
		}
	}
	return v
}

func TestComments(t *testing.T) {
	t.Parallel()
	c, err := readComments(fstest.MapFS{"p/a.go": {Data: []byte(`package p

// Sale is a sale
// of something.
type Sale struct {
	ID string // sal_...
	// Note is
	// free text.
	Note string
}

// Names.
const (
	One = "1" // the first
	// Two comes after One.
	Two = "2"
	three = 3
)
`)}, "p/a_test.go": {Data: []byte("package p\n// Other is none.\ntype Other int")}}, "p")
	if err != nil {
		t.Fatal(err)
	}
	if c.types["Sale"] != "Sale is a sale of something." || c.types["Other"] != "" {
		t.Errorf("types: %q", c.types)
	}
	if f := c.fields["Sale"]; f["ID"] != "sal_..." || f["Note"] != "Note is free text." {
		t.Errorf("fields: %q", f)
	}
	if list, err := c.siblings("Two"); err != nil || len(list) != 2 || list[0] != (constant{"1", "the first"}) || list[1].comment != "Two comes after One." {
		t.Errorf("constants: %v, %v", list, err)
	}
	if _, err := c.siblings("three"); err == nil {
		t.Error("a number is a string")
	}
	if _, err := readComments(fstest.MapFS{}, "p"); err == nil {
		t.Error("a folder without sources has comments")
	}
}
