package events_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"storefront/events"
	"storefront/internal/jsonshape"
)

// contract is a golden: what one version of an event type looks like on the wire. The one of today is
// DIR/WIRE-NAME.json, those before it are DIR/v1/WIRE-NAME.json and so on; they are never written again.
type contract struct {
	DataSchema string          `json:"dataschema"`
	Topic      string          `json:"topic"`
	Key        string          `json:"key"`     // the example's
	Fields     []string        `json:"fields"`  // "vendor string optional"
	Example    json.RawMessage `json:"example"` // every field set
}

// contractOf is what an event type looks like, of an example with every field set.
func contractOf(dataSchema, topic, key string, example any) (contract, error) {
	shape, err := jsonshape.Of(reflect.TypeOf(example))
	if err != nil {
		return contract{}, err
	}
	c := contract{DataSchema: dataSchema, Topic: topic, Key: key}
	for _, p := range shape.Paths() {
		c.Fields = append(c.Fields, field{p.Name, p.Kind, p.Optional}.String())
	}
	c.Example, err = json.Marshal(example)
	return c, err
}

// field is one line of a contract's fields.
type field struct {
	name, kind string
	optional   bool
}

func (f field) String() string {
	if f.optional {
		return f.name + " " + f.kind + " optional"
	}
	return f.name + " " + f.kind
}

func (c contract) fields() []field {
	list := make([]field, 0, len(c.Fields))
	for _, line := range c.Fields {
		w := strings.Fields(line)
		list = append(list, field{w[0], w[1], len(w) > 2})
	}
	return list
}

// version is the number at the end of the dataschema, 0 when there is none.
func (c contract) version() int {
	n, _ := strconv.Atoi(c.DataSchema[strings.LastIndexByte(c.DataSchema, ':')+1:])
	return n
}

// breaks says what in now would break a reader or a writer of old. Events are kept for ever and services
// are updated one by one, so a reader may be newer than a writer or older: a field that is there stays as
// it is, and one that is added may be missing.
func (now contract) breaks(old contract) []string {
	var list []string
	say := func(format string, args ...any) { list = append(list, fmt.Sprintf(format, args...)) }
	if now.Topic != old.Topic {
		say("it moved from %s to %s: its readers do not read that topic", old.Topic, now.Topic)
	}
	before, after := map[string]field{}, map[string]field{}
	for _, f := range old.fields() {
		before[f.name] = f
	}
	for _, f := range now.fields() {
		after[f.name] = f
	}
	for _, was := range old.fields() {
		is, ok := after[was.name]
		switch {
		case !ok:
			say("%s is gone or has another name: older readers need it, and newer ones lose what older events say", was.name)
		case is.kind != was.kind:
			say("%s was %s and is %s: one of them cannot be read as the other", was.name, was.kind, is.kind)
		case is.optional && !was.optional:
			say("%s may be missing now: older readers count on it", was.name)
		case !is.optional && was.optional:
			say("%s is always there now: older events do not have it", was.name)
		}
	}
	for _, f := range now.fields() {
		if _, ok := before[f.name]; !ok && !f.optional && !isNew(holder(f.name), before) {
			say("%s is new and always there: older events do not have it; make it optional with omitempty or omitzero", f.name)
		}
	}
	return list
}

// holder is the path of what a field is in, empty at the root.
func holder(path string) string {
	return path[:max(strings.LastIndexByte(path, '.'), strings.LastIndex(path, "[]"), 0)]
}

func isNew(holder string, before map[string]field) bool {
	if holder == "" {
		return false
	}
	_, ok := before[holder]
	return !ok
}

// violations says where a document is not what the contract's fields promise. It passes over names that
// the contract does not have, as readers do.
func (c contract) violations(document []byte) []string {
	var value any
	d := json.NewDecoder(bytes.NewReader(document))
	d.UseNumber()
	if err := d.Decode(&value); err != nil {
		return []string{err.Error()}
	}
	var list []string
	for _, f := range c.fields() {
		list = append(list, check(value, "", f.name, f)...)
	}
	return list
}

// check follows what is left of a path into v.
func check(v any, at, rest string, f field) []string {
	var list []string
	switch {
	case rest == "":
		if !isKind(v, f.kind) {
			list = append(list, fmt.Sprintf("%s is %v, not %s", at, v, f.kind))
		}
	case strings.HasPrefix(rest, "[]"):
		elements, _ := v.([]any)
		for i, element := range elements {
			list = append(list, check(element, fmt.Sprintf("%s[%d]", at, i), rest[2:], f)...)
		}
	case strings.HasPrefix(rest, ".*"):
		object, _ := v.(map[string]any)
		for name, element := range object {
			list = append(list, check(element, at+"."+name, rest[2:], f)...)
		}
	default:
		rest = strings.TrimPrefix(rest, ".")
		end := strings.IndexAny(rest, ".[")
		if end < 0 {
			end = len(rest)
		}
		object, ok := v.(map[string]any)
		if !ok {
			return nil // what holds it is checked by its own line
		}
		element, ok := object[rest[:end]]
		if !ok {
			if end == len(rest) && !f.optional {
				list = append(list, fmt.Sprintf("%s.%s is missing", at, rest[:end]))
			}
			return list
		}
		return check(element, at+"."+rest[:end], rest[end:], f)
	}
	return list
}

func isKind(v any, kind string) bool {
	switch v := v.(type) {
	case string:
		if kind == jsonshape.DateTime {
			_, err := time.Parse(time.RFC3339, v)
			return err == nil
		}
		return kind == jsonshape.String
	case json.Number:
		_, err := v.Int64()
		return kind == jsonshape.Number || kind == jsonshape.Integer && err == nil
	case bool:
		return kind == jsonshape.Boolean
	case []any, nil:
		return kind == jsonshape.Array || v == nil && kind == jsonshape.Map
	case map[string]any:
		return kind == jsonshape.Object || kind == jsonshape.Map
	}
	return false
}

// smallest is the shortest event of e's type that a writer may write: of e, without what is optional.
func smallest(e events.Event) events.Event {
	v := reflect.New(reflect.TypeOf(e)).Elem()
	v.Set(reflect.ValueOf(e))
	strip(v)
	return v.Interface().(events.Event)
}

func strip(v reflect.Value) {
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			if f := v.Type().Field(i); strings.Contains(f.Tag.Get("json"), ",omit") {
				v.Field(i).SetZero()
			} else if f.IsExported() {
				strip(v.Field(i))
			}
		}
	case reflect.Slice:
		copied := reflect.MakeSlice(v.Type(), v.Len(), v.Len())
		reflect.Copy(copied, v)
		v.Set(copied)
		for i := range v.Len() {
			strip(v.Index(i))
		}
	}
}

// lost says which of the values in old are not in now; names that only now has are fine.
func lost(at string, old, now any) []string {
	switch old := old.(type) {
	case map[string]any:
		object, _ := now.(map[string]any)
		var list []string
		for name, value := range old {
			list = append(list, lost(at+"."+name, value, object[name])...)
		}
		return list
	case []any:
		elements, _ := now.([]any)
		if len(elements) != len(old) {
			return []string{fmt.Sprintf("%s has %d elements, not %d", at, len(elements), len(old))}
		}
		var list []string
		for i, value := range old {
			list = append(list, lost(fmt.Sprintf("%s[%d]", at, i), value, elements[i])...)
		}
		return list
	}
	if old != now {
		return []string{fmt.Sprintf("%s is %v, was %v", at, now, old)}
	}
	return nil
}

// goldens is a folder of contracts.
type goldens struct{ dir string }

func (g goldens) file(eventType string, version int) string {
	if version == 0 {
		return filepath.Join(g.dir, eventType+".json")
	}
	return filepath.Join(g.dir, "v"+strconv.Itoa(version), eventType+".json")
}

// read returns a contract; version 0 is today's. The error is fs.ErrNotExist when there is none.
func (g goldens) read(eventType string, version int) (contract, error) {
	var c contract
	b, err := os.ReadFile(g.file(eventType, version))
	if err != nil {
		return c, err
	}
	if err := json.Unmarshal(b, &c); err != nil {
		return c, fmt.Errorf("%s: %w", g.file(eventType, version), err)
	}
	return c, nil
}

func (g goldens) write(eventType string, version int, c contract) error {
	if err := os.MkdirAll(filepath.Dir(g.file(eventType, version)), 0o755); err != nil {
		return err
	}
	b, err := json.MarshalIndent(c, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(g.file(eventType, version), append(b, '\n'), 0o644)
}

// all lists the versions of a type that are kept, oldest first and today's last.
func (g goldens) all(eventType string) ([]contract, error) {
	today, err := g.read(eventType, 0)
	if err != nil {
		return nil, err
	}
	var list []contract
	for version := 1; version < today.version(); version++ {
		c, err := g.read(eventType, version)
		if err != nil {
			return nil, err
		}
		if c.version() != version {
			return nil, fmt.Errorf("%s says it is %s", g.file(eventType, version), c.DataSchema)
		}
		list = append(list, c)
	}
	return append(list, today), nil
}

// update writes today's contract where that breaks nobody. The one it follows is kept beside it when a
// field was added.
func (g goldens) update(eventType string, now contract) error {
	past, err := g.all(eventType)
	if errors.Is(err, fs.ErrNotExist) && len(past) == 0 && now.version() == 1 {
		return g.write(eventType, 0, now)
	}
	if err != nil {
		return err
	}
	for _, old := range past {
		if broken := now.breaks(old); len(broken) > 0 {
			return fmt.Errorf("not written, it would break %s:\n  %s", old.DataSchema, strings.Join(broken, "\n  "))
		}
	}
	last := past[len(past)-1]
	added := !slices.Equal(last.Fields, now.Fields)
	switch {
	case added && now.version() != last.version()+1:
		return fmt.Errorf("not written: fields were added, so the version in envelope.go has to be %d, not %d", last.version()+1, now.version())
	case !added && now.version() != last.version():
		return fmt.Errorf("not written: no field was added, so the version in envelope.go stays %d", last.version())
	case added:
		if err := g.write(eventType, last.version(), last); err != nil {
			return err
		}
	}
	return g.write(eventType, 0, now)
}
