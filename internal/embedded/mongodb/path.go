package mongodb

import (
	"strconv"
	"strings"

	"go.mongodb.org/mongo-driver/bson/bsontype"
)

// path is a dotted field name, split.
type path []string

func parsePath(s string) path { return strings.Split(s, ".") }

func (p path) String() string { return strings.Join(p, ".") }

// arrayIndex reads a path component that may be a position in an array: digits without a leading zero.
func arrayIndex(s string) (int, bool) {
	if s == "" || len(s) > 9 || s[0] == '0' && len(s) > 1 {
		return 0, false
	}
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return 0, false
		}
	}
	n, err := strconv.Atoi(s)
	return n, err == nil
}

// walk yields the values a predicate on p looks at, in the way of MongoDB's BSONElementIterator:
// arrays on the way are searched for documents (and by position); an array at the end yields, when
// expand is set, each element and then itself. A document without the field yields missing once; an
// array on the way without documents yields nothing. walk stops and returns true when fn does.
func walk(doc []byte, p path, expand bool, fn func(value) bool) bool {
	v := field(doc, p[0])
	if isMissing(v) {
		return fn(missing)
	}
	if len(p) == 1 {
		if v.Type == bsontype.Array && expand {
			it := iterate(v.Data)
			for {
				_, item, ok := it.next()
				if !ok {
					break
				}
				if fn(item) {
					return true
				}
			}
		}
		return fn(v)
	}
	switch v.Type {
	case bsontype.EmbeddedDocument:
		return walk(v.Data, p[1:], expand, fn)
	case bsontype.Array:
		return walkArray(v.Data, p[1:], expand, fn)
	default:
		return fn(missing)
	}
}

func walkArray(array []byte, p path, expand bool, fn func(value) bool) bool {
	position, positional := arrayIndex(p[0])
	it := iterate(array)
	for i := 0; ; i++ {
		_, item, ok := it.next()
		if !ok {
			return false
		}
		if item.Type == bsontype.EmbeddedDocument && walk(item.Data, p, expand, fn) {
			return true
		}
		if !positional || position != i {
			continue
		}
		switch {
		case len(p) == 1:
			if fn(item) {
				return true
			}
		case item.Type == bsontype.EmbeddedDocument:
			if walk(item.Data, p[1:], expand, fn) {
				return true
			}
		case item.Type == bsontype.Array:
			if walkArray(item.Data, p[1:], expand, fn) {
				return true
			}
		}
	}
}

// keysAt lists the values an index on p holds for doc: one per array element, null for a missing
// field, undefined for an empty array. An array inside of an array is a value as it is.
func keysAt(doc []byte, p path, keys []value) []value {
	start := len(keys)
	walk(doc, p, false, func(v value) bool {
		switch {
		case isMissing(v):
			keys = append(keys, nullValue)
		case v.Type == bsontype.Array && len(v.Data) <= 5:
			keys = append(keys, value{Type: bsontype.Undefined})
		case v.Type == bsontype.Array:
			it := iterate(v.Data)
			for {
				_, item, ok := it.next()
				if !ok {
					break
				}
				keys = append(keys, item)
			}
		default:
			keys = append(keys, v)
		}
		return false
	})
	if len(keys) == start {
		keys = append(keys, nullValue)
	}
	return keys
}
