package events_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"io/fs"
	"maps"
	"os"
	"path"
	"reflect"
	"slices"
	"strings"
	"testing"

	"storefront/events"
)

var update = flag.Bool("update", false, "write testdata anew; what would break a reader is refused")

// today is every event type's contract as the code has it.
func today(t *testing.T) map[string]contract {
	t.Helper()
	list := map[string]contract{}
	for _, e := range examples() {
		c, err := contractOf(events.DataSchema(e.EventType()), e.EventTopic(), e.EventKey(), e)
		if err != nil {
			t.Fatal(err)
		}
		list[e.EventType()] = c
	}
	return list
}

func TestEveryTypeHasAnExample(t *testing.T) {
	t.Parallel()
	var want, got []string
	for _, e := range events.Types() {
		want = append(want, e.EventType())
	}
	for _, e := range examples() {
		got = append(got, e.EventType())
		if where := unset(reflect.ValueOf(e), e.EventType()); where != "" {
			t.Errorf("the example leaves %s empty", where)
		}
		if !slices.Contains(events.Topics(), e.EventTopic()) || events.Publisher(e.EventTopic()) == "" || e.EventKey() == "" {
			t.Errorf("%s goes to topic %q of %q with the key %q", e.EventType(), e.EventTopic(), events.Publisher(e.EventTopic()), e.EventKey())
		}
	}
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(want, got) {
		t.Errorf("there are examples of\n%s\nthe types are\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// unset is the first place in v that is empty. A number in a list may be 0.
func unset(v reflect.Value, at string) string {
	if v.IsZero() {
		return at
	}
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			if f := v.Type().Field(i); f.IsExported() {
				if where := unset(v.Field(i), at+"."+f.Name); where != "" {
					return where
				}
			}
		}
	case reflect.Slice:
		if v.Len() == 0 {
			return at
		}
		for i := range v.Len() {
			if v.Index(i).Kind() == reflect.Struct {
				if where := unset(v.Index(i), at+"[]"); where != "" {
					return where
				}
			}
		}
	}
	return ""
}

// What the code writes today is what the goldens say, byte for byte.
func TestGolden(t *testing.T) {
	t.Parallel()
	g := goldens{"testdata"}
	for eventType, now := range today(t) {
		if *update {
			if err := g.update(eventType, now); err != nil {
				t.Errorf("%s: %v", eventType, err)
				continue
			}
		}
		golden, err := g.read(eventType, 0)
		if err != nil {
			t.Errorf("%s: %v; a new event is written by: go test ./events -update", eventType, err)
			continue
		}
		var example bytes.Buffer
		if err := json.Compact(&example, golden.Example); err != nil {
			t.Fatal(err)
		}
		if golden.Example = example.Bytes(); reflect.DeepEqual(golden, now) {
			continue
		}
		if broken := now.breaks(golden); len(broken) > 0 {
			t.Errorf("%s would break what reads or wrote it:\n  %s", eventType, strings.Join(broken, "\n  "))
		} else {
			t.Errorf("%s is not what its golden says. If that is meant: go test ./events -update\nnow    %s\ngolden %s", eventType, text(t, now), text(t, golden))
		}
	}
}

func text(t *testing.T, c contract) string {
	t.Helper()
	b, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// Every version that ever was can be read by today's code, and what today's code writes by readers of
// every version.
func TestVersionsReadEachOther(t *testing.T) {
	t.Parallel()
	g := goldens{"testdata"}
	now := today(t)
	for _, e := range examples() {
		eventType := e.EventType()
		versions, err := g.all(eventType)
		if err != nil {
			t.Errorf("%s: %v", eventType, err)
			continue
		}
		full, small := now[eventType].Example, mustMarshal(t, smallest(e))
		for _, old := range versions {
			for _, broken := range now[eventType].breaks(old) {
				t.Errorf("%s: %s", old.DataSchema, broken)
			}
			// An older writer, today's reader.
			decoded, err := events.Decode(eventType, old.Example)
			if err != nil {
				t.Errorf("%s: %v", old.DataSchema, err)
				continue
			}
			if decoded.EventKey() != old.Key || decoded.EventTopic() != old.Topic {
				t.Errorf("%s: the event belonged to %s of %s, today to %s of %s", old.DataSchema, old.Key, old.Topic, decoded.EventKey(), decoded.EventTopic())
			}
			for _, l := range lost("", parse(t, old.Example), parse(t, mustMarshal(t, decoded))) {
				t.Errorf("%s, read today: %s", old.DataSchema, l)
			}
			// Today's writer, an older reader.
			for name, document := range map[string][]byte{"with everything": full, "without what is optional": small} {
				for _, v := range old.violations(document) {
					t.Errorf("a reader of %s is given today's event %s: %s", old.DataSchema, name, v)
				}
			}
		}
	}
}

// A field that only a newer writer knows is passed over.
func TestUnknownFieldsAreIgnored(t *testing.T) {
	t.Parallel()
	for _, e := range examples() {
		object := parse(t, mustMarshal(t, e)).(map[string]any)
		object["fieldOfTheFuture"] = map[string]any{"a": []any{"b"}}
		got, err := events.Decode(e.EventType(), mustMarshal(t, object))
		if err != nil || !reflect.DeepEqual(got, e) {
			t.Errorf("%s with one more field is read as %+v, %v", e.EventType(), got, err)
		}
	}
}

// An event type cannot be given up: its events are in the topics for ever.
func TestNoGoldenIsLeftAlone(t *testing.T) {
	t.Parallel()
	now := today(t)
	err := fs.WalkDir(os.DirFS("testdata"), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		eventType := strings.TrimSuffix(path.Base(name), ".json")
		c, ok := now[eventType]
		switch folder := path.Dir(name); {
		case !ok:
			t.Errorf("testdata/%s is of a type that is gone; its events are still read", name)
		case folder != "." && !slices.Contains(pastFolders(c.version()), folder):
			t.Errorf("testdata/%s is no version before %d", name, c.version())
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func pastFolders(version int) []string {
	var list []string
	for v := 1; v < version; v++ {
		list = append(list, path.Dir(goldens{}.file("x", v)))
	}
	return list
}

func TestDataSchema(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, e := range events.Types() {
		s := events.DataSchema(e.EventType())
		if seen[s] || !strings.HasPrefix(s, "urn:storefront:") || strings.Count(s, ":") != 3 {
			t.Errorf("the dataschema of %s is %q", e.EventType(), s)
		}
		seen[s] = true
	}
	if got := events.DataSchema("storefront.order.placed"); !strings.HasPrefix(got, "urn:storefront:order.placed:") {
		t.Errorf("the dataschema of an order is %q", got)
	}
	if got := events.DataSchema("storefront.order.unheard_of"); got != "" {
		t.Errorf("an unknown type has the dataschema %q", got)
	}
	if events.Version("storefront.order.placed") < 1 || events.Version("storefront.order.unheard_of") != 0 {
		t.Error("versions begin at 1, and unknown types have none")
	}
}

func TestTypesAreInOrder(t *testing.T) {
	t.Parallel()
	var names []string
	topics := map[string]bool{}
	for _, e := range events.Types() {
		names = append(names, e.EventTopic()+" "+e.EventType())
		topics[e.EventTopic()] = true
	}
	for range 20 {
		var again []string
		for _, e := range events.Types() {
			again = append(again, e.EventTopic()+" "+e.EventType())
		}
		if !slices.Equal(names, again) {
			t.Fatalf("the order differs:\n%v\n%v", names, again)
		}
	}
	if !slices.Equal(slices.Sorted(maps.Keys(topics)), slices.Sorted(slices.Values(events.Topics()))) {
		t.Errorf("no event goes to some of the topics: %v", topics)
	}
}

func mustMarshal(t *testing.T, v any) []byte {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func parse(t *testing.T, document []byte) any {
	t.Helper()
	var v any
	if err := json.Unmarshal(document, &v); err != nil {
		t.Fatal(err)
	}
	return v
}
