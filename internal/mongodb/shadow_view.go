package mongodb

// What a view makes of documents: which fields count, how two states compare, and what to write.

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// bookkeeping is no part of any view: the version counts writes, and a rebuild has fewer; what waits to
// be published does so in the live database only.
func bookkeeping(field string) bool {
	return field == "_id" || field == "version" || field == "outbox" || field == "outboxSince"
}

func (v View) owns(field string) bool {
	return !bookkeeping(field) && (v.Fields == nil || slices.Contains(v.Fields, field)) && v.Except[field] == ""
}

// difference compares two documents; counts says that there is one that matters.
func (v View) difference(id string, live, scratch bson.Raw) (d Difference, counts bool, err error) {
	l, err := v.content(live)
	if err != nil {
		return d, false, err
	}
	r, err := v.content(scratch)
	if err != nil {
		return d, false, err
	}
	d = Difference{View: v, ID: id, live: live}
	switch {
	case l == nil && r == nil:
		return d, false, nil
	case l == nil:
		d.Kind = Missing
	case r == nil:
		d.Kind = Extra
	case !reflect.DeepEqual(l, r):
		d.Kind = Changed
		fields := maps.Clone(l)
		maps.Copy(fields, r)
		for _, f := range slices.Sorted(maps.Keys(fields)) {
			if !reflect.DeepEqual(l[f], r[f]) {
				d.Says = append(d.Says, fmt.Sprintf("%s is %v, anew %v", f, short(l[f]), short(r[f])))
			}
		}
	}
	return d, true, nil
}

func short(v any) string {
	text := fmt.Sprint(v)
	if len(text) > 120 {
		text = strings.ToValidUTF8(text[:120], "") + "…"
	}
	return text
}

// content is what of a document belongs to the view, nil when it is as good as none.
func (v View) content(raw bson.Raw) (map[string]any, error) {
	if raw == nil {
		return nil, nil
	}
	var d bson.D
	if err := bson.Unmarshal(raw, &d); err != nil {
		return nil, fmt.Errorf("decode %s: %w", v.Collection, err)
	}
	doc, _ := plain(d).(map[string]any)
	if v.Absent != nil && v.Absent(doc) {
		return nil, nil
	}
	for field := range doc {
		if !v.owns(field) {
			delete(doc, field)
		}
	}
	for path := range v.Except {
		if outer, inner, nested := strings.Cut(path, "."); nested {
			if m, ok := doc[outer].(map[string]any); ok {
				delete(m, inner)
			}
		}
	}
	return doc, nil
}

// plain is a value that compares: maps whatever the order of their fields, one kind of whole numbers,
// and nothing for null.
func plain(v any) any {
	switch v := v.(type) {
	case bson.D:
		m := make(map[string]any, len(v))
		for _, e := range v {
			if value := plain(e.Value); value != nil {
				m[e.Key] = value
			}
		}
		return m
	case bson.A:
		list := make([]any, len(v))
		for i := range v {
			list[i] = plain(v[i])
		}
		return list
	case bson.DateTime:
		return v.Time().UTC().Format(time.RFC3339Nano)
	case int32:
		return int64(v)
	}
	return v
}

// unchanged matches a document that is as it was read: by its version, or where only some of its fields
// are the view's, by those, since the others may change all the time.
func (v View) unchanged(id string, read bson.Raw) bson.D {
	filter := bson.D{{Key: "_id", Value: id}}
	fields := v.Fields
	if fields == nil {
		fields = []string{"version"}
	}
	for _, f := range fields {
		if value, err := read.LookupErr(f); err == nil {
			filter = append(filter, bson.E{Key: f, Value: value})
		} else {
			filter = append(filter, bson.E{Key: f, Value: bson.D{{Key: "$exists", Value: false}}})
		}
	}
	return filter
}

// change is the update that gives a live document the view's content. Its version grows, so that whoever
// has read it before writes nothing; where the document is the view's as a whole, it is also not below the
// one that the rebuild knows, since others have been told of that.
func (v View) change(live, scratch bson.Raw) bson.D {
	set, unset := bson.D{}, bson.D{}
	for _, f := range fieldsOf(scratch) {
		if v.owns(f) {
			set = append(set, bson.E{Key: f, Value: v.merged(f, live, scratch)})
		}
	}
	for _, f := range fieldsOf(live) {
		if _, err := scratch.LookupErr(f); err != nil && v.owns(f) {
			unset = append(unset, bson.E{Key: f, Value: ""})
		}
	}
	had, _ := live.Lookup("version").AsInt64OK()
	told, _ := scratch.Lookup("version").AsInt64OK()
	by := int64(1)
	if v.Fields == nil {
		by = max(1, told-had)
	}
	update := bson.D{{Key: "$inc", Value: bson.D{{Key: "version", Value: by}}}}
	if len(set) > 0 {
		update = append(update, bson.E{Key: "$set", Value: set})
	}
	if len(unset) > 0 {
		update = append(update, bson.E{Key: "$unset", Value: unset})
	}
	return update
}

// merged is a field of the scratch document, with what the view leaves out of it from the live one.
func (v View) merged(field string, live, scratch bson.Raw) any {
	value := scratch.Lookup(field)
	inner, ok := value.DocumentOK()
	if !ok {
		return value
	}
	var kept []string
	for path := range v.Except {
		if rest, ok := strings.CutPrefix(path, field+"."); ok {
			kept = append(kept, rest)
		}
	}
	if len(kept) == 0 {
		return value
	}
	slices.Sort(kept)
	doc := without(inner, kept...)
	for _, f := range kept {
		if had, err := live.LookupErr(field, f); err == nil {
			doc = append(doc, bson.E{Key: f, Value: had})
		}
	}
	return doc
}

func fieldsOf(raw bson.Raw) []string {
	elements, _ := raw.Elements() // valid: the driver has read it
	names := make([]string, len(elements))
	for i, e := range elements {
		names[i] = e.Key()
	}
	return names
}

func without(raw bson.Raw, fields ...string) bson.D {
	elements, _ := raw.Elements()
	doc := make(bson.D, 0, len(elements))
	for _, e := range elements {
		if !slices.Contains(fields, e.Key()) {
			doc = append(doc, bson.E{Key: e.Key(), Value: e.Value()})
		}
	}
	return doc
}
