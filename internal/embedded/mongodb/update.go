package mongodb

import (
	"slices"
	"strings"
	"time"

	"go.mongodb.org/mongo-driver/bson/bsontype"
	"go.mongodb.org/mongo-driver/bson/primitive"
	"go.mongodb.org/mongo-driver/x/bsonx/bsoncore"
)

// update is a compiled update: a replacement document, or operators in MongoDB's order of application
// (by path, numbers by size), so that two runs give the same bytes.
type update struct {
	replacement document
	ops         []updateOp
	filters     map[string]*arrayFilter
	filtered    bool // some path selects array elements
}

type updateOp struct {
	path     path
	onInsert bool // $setOnInsert
	create   bool
	fn       func(now time.Time) change
	rename   path // the source of a $rename; path is its target
}

type arrayFilter struct {
	query expr
	used  bool
}

func (f *arrayFilter) pass(v value) bool {
	return f.query.match(bsoncore.BuildDocument(nil, bsoncore.AppendValueElement(nil, "v", v)))
}

// apply returns the document after the update and whether it differs. insert is set for an upsert.
func (up *update) apply(doc document, insert bool, now time.Time) (document, bool, error) {
	id := field(doc, "_id")
	if up.replacement != nil {
		next, err := replace(up.replacement, id)
		if err != nil {
			return nil, false, err
		}
		return next, !identical(docValue(next), docValue(doc)), nil
	}
	root := newNode(docValue(doc))
	var touched []string
	changed := false
	for i := range up.ops {
		op := &up.ops[i]
		if op.onInsert && !insert {
			continue
		}
		a := applier{full: op.path, create: op.create, filters: up.filters}
		if op.rename != nil {
			v, err := renamed(doc, op.rename, op.path)
			if err != nil {
				return nil, false, err
			}
			if isMissing(v) {
				continue
			}
			a.fn = assign(v)
		} else {
			a.fn = op.fn(now)
		}
		if up.filtered {
			a.touched = &touched
		}
		did, err := a.at(root, 0, nil)
		if err != nil {
			return nil, false, err
		}
		changed = changed || did
	}
	slices.Sort(touched)
	for i := 1; i < len(touched); i++ {
		if touched[i] == touched[i-1] || strings.HasPrefix(touched[i], touched[i-1]+".") {
			return nil, false, errorf(codeConflictingUpdate, "Update created a conflict at '%s'", touched[i])
		}
	}
	if !changed {
		return doc, false, nil
	}
	next := root.append(nil)
	if newID := field(next, "_id"); !isMissing(id) && !identical(id, newID) && (isMissing(newID) || compare(id, newID) != 0) {
		return nil, false, errorf(codeImmutableField, "Performing an update on the path '_id' would modify the immutable field '_id'")
	}
	if err := checkSize(next); err != nil {
		return nil, false, err
	}
	return next, true, nil
}

// renamed returns the value at a $rename's source; neither end may lie inside an array.
func renamed(doc document, source, target path) (value, error) {
	for _, p := range []path{source, target} {
		v := docValue(doc)
		for _, name := range p[:len(p)-1] {
			v = field(v.Data, name)
			if v.Type == bsontype.Array {
				return missing, errorf(codeBadValue, "The source and target field of $rename cannot be an array element: '%s'", p)
			}
			if v.Type != bsontype.EmbeddedDocument {
				break
			}
		}
	}
	return get(doc, source), nil
}

// get reads a path through documents only.
func get(doc document, p path) value {
	v := docValue(doc)
	for _, name := range p {
		if v.Type != bsontype.EmbeddedDocument {
			return missing
		}
		v = field(v.Data, name)
	}
	return v
}

// replace gives the replacement the _id of what it replaces.
func replace(next document, id value) (document, error) {
	newID := field(next, "_id")
	if isMissing(id) {
		return next, nil
	}
	if !isMissing(newID) && compare(newID, id) != 0 {
		return nil, errorf(codeImmutableField, "After applying the update, the (immutable) field '_id' was found to have been altered to _id: %s", newID)
	}
	out := withID(next, id)
	return out, checkSize(out)
}

// withID returns doc with id as its first field.
func withID(doc document, id value) document {
	out := make([]byte, 0, len(doc)+len(id.Data)+8)
	start, out := bsoncore.AppendDocumentStart(out)
	out = bsoncore.AppendValueElement(out, "_id", id)
	it := iterate(doc)
	for {
		key, v, ok := it.next()
		if !ok {
			break
		}
		if key != "_id" {
			out = bsoncore.AppendValueElement(out, key, v)
		}
	}
	out, _ = bsoncore.AppendDocumentEnd(out, start)
	return out
}

func checkSize(doc document) error {
	if len(doc) > maxDocumentSize {
		return errorf(codeBSONObjectTooLarge, "Resulting document after update is larger than %d", maxDocumentSize)
	}
	return nil
}

func newObjectID() value {
	id := primitive.NewObjectID()
	return value{Type: bsontype.ObjectID, Data: id[:]}
}

// insertable returns doc as it is stored: with an _id, which comes first.
func insertable(doc document) (document, error) {
	it := iterate(doc)
	first, id, _ := it.next()
	if first != "_id" {
		if id = field(doc, "_id"); isMissing(id) {
			id = newObjectID()
		}
		doc = withID(doc, id)
	}
	switch id.Type {
	case bsontype.Array, bsontype.Regex, bsontype.Undefined:
		return nil, errorf(codeInvalidIDField, "The '_id' value cannot be of type %s", typeName(id.Type))
	}
	if len(doc) > maxDocumentSize {
		return nil, errorf(codeBSONObjectTooLarge, "object to insert too large. size in bytes: %d, max size: %d", len(doc), maxDocumentSize)
	}
	return doc, nil
}
