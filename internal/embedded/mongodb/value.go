package mongodb

import (
	"bytes"
	"encoding/binary"
	"math"
	"strconv"
	"unsafe"

	"github.com/256dpi/lungo/bsonkit"
	"go.mongodb.org/mongo-driver/bson/bsontype"
	"go.mongodb.org/mongo-driver/bson/primitive"
	"go.mongodb.org/mongo-driver/x/bsonx/bsoncore"
)

// Documents are kept as the BSON bytes a client sent and never change once stored. value and document
// alias parts of those bytes, so reading a field of a large document copies and allocates nothing.
type (
	value    = bsoncore.Value
	document = bsoncore.Document
)

const (
	maxDocumentSize = 16 << 20
	maxDepth        = 180
)

// missing is the value of a field that is not there; its type is none BSON has.
var missing = value{}

func isMissing(v value) bool { return v.Type == 0 }

// iter walks the elements of a document or array whose bytes passed validate.
type iter struct{ rest []byte }

func iterate(doc []byte) iter {
	if len(doc) < 5 {
		return iter{}
	}
	return iter{rest: doc[4 : len(doc)-1]}
}

// next returns the next element; key aliases the document.
func (it *iter) next() (key string, v value, ok bool) {
	if len(it.rest) == 0 {
		return "", value{}, false
	}
	t := bsontype.Type(it.rest[0])
	end := bytes.IndexByte(it.rest[1:], 0)
	if end > 0 {
		key = unsafe.String(&it.rest[1], end)
	}
	it.rest = it.rest[end+2:]
	n := valueLen(t, it.rest)
	v = value{Type: t, Data: it.rest[:n:n]}
	it.rest = it.rest[n:]
	return key, v, true
}

// field returns the value of doc's field key, missing when there is none.
func field(doc []byte, key string) value {
	it := iterate(doc)
	for {
		k, v, ok := it.next()
		if !ok {
			return missing
		}
		if k == key {
			return v
		}
	}
}

// valueLen returns how many bytes of b a value of type t takes, -1 when b is too short or t unknown.
func valueLen(t bsontype.Type, b []byte) int {
	fixed, prefixed := -1, -1
	switch t {
	case bsontype.Null, bsontype.Undefined, bsontype.MinKey, bsontype.MaxKey:
		fixed = 0
	case bsontype.Boolean:
		fixed = 1
	case bsontype.Int32:
		fixed = 4
	case bsontype.Double, bsontype.DateTime, bsontype.Timestamp, bsontype.Int64:
		fixed = 8
	case bsontype.ObjectID:
		fixed = 12
	case bsontype.Decimal128:
		fixed = 16
	case bsontype.String, bsontype.JavaScript, bsontype.Symbol:
		prefixed = 4
	case bsontype.Binary:
		prefixed = 5
	case bsontype.DBPointer:
		prefixed = 16
	case bsontype.EmbeddedDocument, bsontype.Array, bsontype.CodeWithScope:
		prefixed = 0
	case bsontype.Regex:
		i := bytes.IndexByte(b, 0)
		if i < 0 {
			return -1
		}
		j := bytes.IndexByte(b[i+1:], 0)
		if j < 0 {
			return -1
		}
		return i + j + 2
	}
	n := fixed
	if prefixed >= 0 {
		if len(b) < 4 {
			return -1
		}
		size := int64(int32(binary.LittleEndian.Uint32(b)))
		if size < 0 || size > math.MaxInt32-16 {
			return -1
		}
		n = int(size) + prefixed
	}
	if n < 0 || n > len(b) {
		return -1
	}
	return n
}

// validate checks that doc is well-formed BSON to its last nested value; everything else here relies on it.
func validate(doc []byte) error { return validateDepth(doc, 0) }

func validateDepth(doc []byte, depth int) error {
	if depth > maxDepth {
		return errorf(codeOverflow, "BSON nesting exceeds the limit of %d levels", maxDepth)
	}
	if len(doc) < 5 || int(int32(binary.LittleEndian.Uint32(doc))) != len(doc) || doc[len(doc)-1] != 0 {
		return errorf(codeInvalidBSON, "invalid BSON: a document's length does not agree with its bytes")
	}
	rest := doc[4 : len(doc)-1]
	for len(rest) > 0 {
		t := bsontype.Type(rest[0])
		end := bytes.IndexByte(rest[1:], 0)
		if end < 0 {
			return errorf(codeInvalidBSON, "invalid BSON: a field name does not end")
		}
		key := rest[1 : 1+end]
		rest = rest[end+2:]
		n := valueLen(t, rest)
		if n < 0 {
			return errorf(codeInvalidBSON, "invalid BSON: field %q of type %d is cut short or of an unknown type", key, t)
		}
		data := rest[:n]
		rest = rest[n:]
		switch t {
		case bsontype.String, bsontype.JavaScript, bsontype.Symbol:
			if n < 5 || data[n-1] != 0 {
				return errorf(codeInvalidBSON, "invalid BSON: string field %q is not terminated", key)
			}
		case bsontype.CodeWithScope:
			if n < 14 {
				return errorf(codeInvalidBSON, "invalid BSON: field %q is cut short", key)
			}
		case bsontype.Boolean:
			if data[0] > 1 {
				return errorf(codeInvalidBSON, "invalid BSON: boolean field %q is neither true nor false", key)
			}
		case bsontype.EmbeddedDocument, bsontype.Array:
			if err := validateDepth(data, depth+1); err != nil {
				return err
			}
		}
	}
	return nil
}

// number turns a numeric value into the Go value bsonkit computes with; nil for other types.
func number(v value) any {
	switch v.Type {
	case bsontype.Int32:
		return v.Int32()
	case bsontype.Int64:
		return v.Int64()
	case bsontype.Double:
		return v.Double()
	case bsontype.Decimal128:
		return v.Decimal128()
	default:
		return nil
	}
}

// fromNumber is the inverse of number.
func fromNumber(n any) value {
	switch n := n.(type) {
	case int32:
		return value{Type: bsontype.Int32, Data: bsoncore.AppendInt32(nil, n)}
	case int64:
		return value{Type: bsontype.Int64, Data: bsoncore.AppendInt64(nil, n)}
	case float64:
		return value{Type: bsontype.Double, Data: bsoncore.AppendDouble(nil, n)}
	case primitive.Decimal128:
		return value{Type: bsontype.Decimal128, Data: bsoncore.AppendDecimal128(nil, n)}
	default:
		return missing
	}
}

// integer reads a whole number of any numeric type.
func integer(v value) (int64, bool) {
	switch v.Type {
	case bsontype.Int32:
		return int64(v.Int32()), true
	case bsontype.Int64:
		return v.Int64(), true
	case bsontype.Double:
		f := v.Double()
		if f != math.Trunc(f) || f < -1<<63 || f >= 1<<63 {
			return 0, false
		}
		return int64(f), true
	case bsontype.Decimal128:
		n, err := strconv.ParseInt(v.Decimal128().String(), 10, 64)
		return n, err == nil
	default:
		return 0, false
	}
}

// truthy follows MongoDB: false, null, undefined and zero are false, all else is true.
func truthy(v value) bool {
	switch v.Type {
	case 0, bsontype.Null, bsontype.Undefined:
		return false
	case bsontype.Boolean:
		return v.Boolean()
	case bsontype.Int32, bsontype.Int64, bsontype.Double, bsontype.Decimal128:
		return bsonkit.Compare(number(v), int32(0)) != 0
	default:
		return true
	}
}

func isNumber(t bsontype.Type) bool { return class(t) == 10 }

func isNaN(v value) bool {
	return v.Type == bsontype.Double && math.IsNaN(v.Double()) ||
		v.Type == bsontype.Decimal128 && v.Decimal128().IsNaN()
}

// identical reports whether two values have the same type and bytes, MongoDB's test for "no change".
func identical(a, b value) bool { return a.Type == b.Type && bytes.Equal(a.Data, b.Data) }

// typeName is MongoDB's name of a type, as its messages and $type use it.
func typeName(t bsontype.Type) string {
	if t == 0 {
		return "missing"
	}
	if name, ok := bsonkit.Type2Alias[t]; ok {
		return name
	}
	return "unknown"
}

func docValue(d []byte) value { return value{Type: bsontype.EmbeddedDocument, Data: d} }

func stringValue(s string) value {
	return value{Type: bsontype.String, Data: bsoncore.AppendString(nil, s)}
}

var nullValue = value{Type: bsontype.Null}
