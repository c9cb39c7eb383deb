package mongodb

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tidwall/btree"
	"go.mongodb.org/mongo-driver/bson/bsontype"
	"go.mongodb.org/mongo-driver/x/bsonx/bsoncore"
)

// indexSpec is an index's definition, as createIndexes gives it and listIndexes returns it.
type indexSpec struct {
	name    string
	key     document
	columns []column
	unique  bool
	sparse  bool
	expires time.Duration // of a TTL index
	ttl     bool
	partial *filter
}

// index keeps a collection's records in the order of its columns; lungo's compares whole documents at
// each step and cannot look a value up. Under the collection's lock.
type index struct {
	indexSpec
	tree *btree.BTreeG[entry]
	// multikey is set for good once a record had several keys here: such an index has a record at
	// more than one place, so it can neither give an order nor combine two bounds.
	multikey bool
}

// entry is a record under one of its keys, or, with a bound, a place between entries to start or end at.
type entry struct {
	keys      []value
	slot      *slot
	bound     int8 // -1 before, 1 after all entries that start with keys; 0 in the tree
	classOnly bool // the last key stands for its whole class
}

func newIndex(spec indexSpec) *index {
	ix := &index{indexSpec: spec}
	ix.tree = btree.NewBTreeGOptions(ix.less, btree.Options{NoLocks: true})
	return ix
}

func (ix *index) less(a, b entry) bool { return ix.order(a, b) < 0 }

func (ix *index) order(a, b entry) int {
	for i := range min(len(a.keys), len(b.keys)) {
		var c int
		if a.classOnly && i == len(a.keys)-1 || b.classOnly && i == len(b.keys)-1 {
			c = order(class(a.keys[i].Type), class(b.keys[i].Type))
		} else {
			c = compare(a.keys[i], b.keys[i])
		}
		if c != 0 {
			return c * ix.columns[i].sign
		}
	}
	if a.bound != b.bound || a.slot == nil || b.slot == nil {
		return int(a.bound) - int(b.bound)
	}
	return order(a.slot.seq, b.slot.seq)
}

func equalKeys(a, b []value) bool {
	return slices.EqualFunc(a, b, func(x, y value) bool { return compare(x, y) == 0 })
}

// keys returns the keys doc has in the index: none when the index leaves it out.
func (ix *index) keys(doc document) ([][]value, error) {
	if ix.partial != nil && !ix.partial.match(doc) {
		return nil, nil
	}
	if ix.sparse && !ix.holdsField(doc) {
		return nil, nil
	}
	tuples := [][]value{make([]value, 0, len(ix.columns))}
	manyAt := -1
	for i, c := range ix.columns {
		var buffer [4]value
		values := distinctValues(keysAt(doc, c.path, buffer[:0]))
		if len(values) == 1 {
			for j := range tuples {
				tuples[j] = append(tuples[j], values[0])
			}
			continue
		}
		if manyAt >= 0 && (ix.unique || ix.columns[manyAt].path[0] != c.path[0]) {
			return nil, errorf(codeParallelArrays, "cannot index parallel arrays [%s] [%s]", c.path, ix.columns[manyAt].path)
		}
		manyAt = i
		product := make([][]value, 0, len(tuples)*len(values))
		for _, t := range tuples {
			for _, v := range values {
				product = append(product, append(slices.Clone(t), v))
			}
		}
		tuples = product
	}
	return tuples, nil
}

func (ix *index) holdsField(doc document) bool {
	return slices.ContainsFunc(ix.columns, func(c column) bool {
		return walk(doc, c.path, false, func(v value) bool { return !isMissing(v) })
	})
}

func distinctValues(values []value) []value {
	if len(values) < 2 {
		return slices.Clone(values)
	}
	return newValueSet(values)
}

// conflict returns the key of doc that another record already has, nil when there is none.
func (ix *index) conflict(keys [][]value, seq uint64) []value {
	if !ix.unique {
		return nil
	}
	for _, k := range keys {
		var taken bool
		ix.tree.Ascend(entry{keys: k, bound: -1}, func(e entry) bool {
			same := equalKeys(e.keys, k)
			if same && e.slot.seq == seq {
				return true
			}
			taken = same
			return false
		})
		if taken {
			return k
		}
	}
	return nil
}

func (ix *index) add(at *slot, keys [][]value) {
	ix.multikey = ix.multikey || len(keys) > 1
	for _, k := range keys {
		ix.tree.Set(entry{keys: ownedKeys(k), slot: at})
	}
}

func (ix *index) remove(at *slot, keys [][]value) {
	for _, k := range keys {
		ix.tree.Delete(entry{keys: k, slot: at})
	}
}

// ownedKeys copies keys out of the document they alias, which an entry may outlive.
func ownedKeys(keys []value) []value {
	size := 0
	for _, k := range keys {
		size += len(k.Data)
	}
	buffer := make([]byte, 0, size)
	owned := make([]value, len(keys))
	for i, k := range keys {
		start := len(buffer)
		buffer = append(buffer, k.Data...)
		owned[i] = value{Type: k.Type, Data: buffer[start:len(buffer):len(buffer)]}
	}
	return owned
}

func sameKeys(a, b [][]value) bool {
	return slices.EqualFunc(a, b, func(x, y []value) bool { return slices.EqualFunc(x, y, identical) })
}

// duplicate is MongoDB's error for a key that is taken.
func (ix *index) duplicate(ns string, key []value) *Error {
	start, pattern := bsoncore.AppendDocumentStart(nil)
	vstart, values := bsoncore.AppendDocumentStart(nil)
	parts := make([]string, len(key))
	for i, c := range ix.columns {
		pattern = bsoncore.AppendInt32Element(pattern, c.path.String(), int32(c.sign))
		values = bsoncore.AppendValueElement(values, c.path.String(), key[i])
		parts[i] = c.path.String() + ": " + shellString(key[i])
	}
	pattern, _ = bsoncore.AppendDocumentEnd(pattern, start)
	values, _ = bsoncore.AppendDocumentEnd(values, vstart)
	e := errorf(codeDuplicateKey, "E11000 duplicate key error collection: %s index: %s dup key: { %s }", ns, ix.name, strings.Join(parts, ", "))
	e.keyPattern, e.keyValue = pattern, values
	return e
}

// shellString prints a value the way MongoDB's own messages do.
func shellString(v value) string {
	switch v.Type {
	case bsontype.String:
		return strconv.Quote(v.StringValue())
	case bsontype.ObjectID:
		return "ObjectId('" + v.ObjectID().Hex() + "')"
	case bsontype.Int32, bsontype.Int64:
		n, _ := integer(v)
		return strconv.FormatInt(n, 10)
	case bsontype.Double:
		return strconv.FormatFloat(v.Double(), 'g', -1, 64)
	case bsontype.DateTime:
		return "new Date(" + strconv.FormatInt(v.DateTime(), 10) + ")"
	case bsontype.Null:
		return "null"
	case bsontype.Boolean:
		return strconv.FormatBool(v.Boolean())
	default:
		return v.String()
	}
}

// indexFields are the options of an index that are understood; v, background and ns change nothing.
var indexFields = []string{"name", "key", "unique", "sparse", "expireAfterSeconds", "partialFilterExpression", "v", "background", "ns", "hidden"}

// parseIndex reads an index definition; the same form serves the wire, the journal and the snapshot.
func parseIndex(d document) (indexSpec, error) {
	spec := indexSpec{}
	it := iterate(d)
	for {
		key, v, ok := it.next()
		if !ok {
			break
		}
		switch key {
		case "key":
			if v.Type != bsontype.EmbeddedDocument {
				return spec, errorf(codeTypeMismatch, "The field 'key' must be an object, but got %s", typeName(v.Type))
			}
			spec.key = slices.Clone(document(v.Data))
		case "name":
			if v.Type != bsontype.String {
				return spec, errorf(codeTypeMismatch, "The field 'name' must be a string, but got %s", typeName(v.Type))
			}
			spec.name = strings.Clone(v.StringValue())
		case "unique":
			spec.unique = truthy(v)
		case "sparse":
			spec.sparse = truthy(v)
		case "expireAfterSeconds":
			n, ok := integer(v)
			if !ok || n < 0 || n > 1<<31-1 {
				return spec, errorf(codeCannotCreateIndex, "TTL index 'expireAfterSeconds' option must be within an acceptable range, try a number from 0 to 2147483647")
			}
			spec.ttl, spec.expires = true, time.Duration(n)*time.Second
		case "partialFilterExpression":
			if v.Type != bsontype.EmbeddedDocument {
				return spec, errorf(codeTypeMismatch, "The field 'partialFilterExpression' must be an object, but got %s", typeName(v.Type))
			}
			f, err := compileFilter(slices.Clone(document(v.Data)))
			if err != nil {
				return spec, err
			}
			spec.partial = f
		case "v", "background", "ns":
		case "hidden":
			if truthy(v) {
				return spec, errorf(codeNotImplemented, "hidden indexes are not supported by the embedded server")
			}
		case "collation", "wildcardProjection", "weights", "default_language", "storageEngine", "textIndexVersion", "2dsphereIndexVersion", "bits", "min", "max":
			return spec, errorf(codeNotImplemented, "the index option '%s' is not supported by the embedded server", key)
		default:
			return spec, errorf(codeInvalidIndexSpec, "The field '%s' is not valid for an index specification. Specification: %s", key, d)
		}
	}
	return spec, spec.check()
}

func (s *indexSpec) check() error {
	if s.key == nil {
		return errorf(codeFailedToParse, "The 'key' field is a required property of an index specification")
	}
	if s.name == "" {
		return errorf(codeFailedToParse, "The 'name' field is a required property of an index specification")
	}
	it := iterate(s.key)
	for {
		name, v, ok := it.next()
		if !ok {
			break
		}
		if v.Type == bsontype.String {
			return errorf(codeNotImplemented, "an index of type %s is not supported by the embedded server", v)
		}
		n, isInt := integer(v)
		if !isNumber(v.Type) || isInt && n == 0 {
			return errorf(codeCannotCreateIndex, "Values in v:2 index key pattern cannot be of type %s. Only numbers > 0, numbers < 0, and strings are allowed.", typeName(v.Type))
		}
		if name == "" || isOperator(name) || strings.Contains(name, "$**") {
			return errorf(codeCannotCreateIndex, "Index key contains an illegal field name: '%s'", name)
		}
		sign := 1
		if compare(v, fromNumber(int32(0))) < 0 {
			sign = -1
		}
		s.columns = append(s.columns, column{path: parsePath(name), sign: sign})
	}
	if len(s.columns) == 0 {
		return errorf(codeCannotCreateIndex, "Index keys cannot be an empty object")
	}
	if s.ttl && len(s.columns) > 1 {
		return errorf(codeCannotCreateIndex, "TTL indexes are single-field indexes, compound indexes do not support TTL")
	}
	if s.sparse && s.partial != nil {
		return errorf(codeCannotCreateIndex, "cannot mix \"partialFilterExpression\" and \"sparse\" options")
	}
	return nil
}

// document writes the definition as listIndexes shows it.
func (s *indexSpec) document() document {
	start, d := bsoncore.AppendDocumentStart(nil)
	d = bsoncore.AppendInt32Element(d, "v", 2)
	d = bsoncore.AppendDocumentElement(d, "key", s.key)
	d = bsoncore.AppendStringElement(d, "name", s.name)
	if s.unique && s.name != "_id_" {
		d = bsoncore.AppendBooleanElement(d, "unique", true)
	}
	if s.sparse {
		d = bsoncore.AppendBooleanElement(d, "sparse", true)
	}
	if s.ttl {
		d = bsoncore.AppendInt32Element(d, "expireAfterSeconds", int32(s.expires/time.Second))
	}
	if s.partial != nil {
		d = bsoncore.AppendDocumentElement(d, "partialFilterExpression", s.partial.source)
	}
	d, _ = bsoncore.AppendDocumentEnd(d, start)
	return d
}
