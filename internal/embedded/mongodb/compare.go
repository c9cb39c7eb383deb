package mongodb

// The order of values.

import (
	"bytes"
	"encoding/binary"
	"math"
	"strings"

	"github.com/256dpi/lungo/bsonkit"
	"go.mongodb.org/mongo-driver/bson/bsontype"
)

// class is a type's place in MongoDB's comparison order; values of one class compare by content.
func class(t bsontype.Type) int {
	switch t {
	case bsontype.MinKey:
		return -1
	case bsontype.Undefined:
		return 0
	case 0, bsontype.Null:
		return 5
	case bsontype.Double, bsontype.Int32, bsontype.Int64, bsontype.Decimal128:
		return 10
	case bsontype.String, bsontype.Symbol:
		return 15
	case bsontype.EmbeddedDocument:
		return 20
	case bsontype.Array:
		return 25
	case bsontype.Binary:
		return 30
	case bsontype.ObjectID:
		return 35
	case bsontype.Boolean:
		return 40
	case bsontype.DateTime:
		return 45
	case bsontype.Timestamp:
		return 47
	case bsontype.Regex:
		return 50
	case bsontype.DBPointer:
		return 55
	case bsontype.JavaScript:
		return 60
	case bsontype.CodeWithScope:
		return 65
	default:
		return 127
	}
}

// compare orders two values as MongoDB does: by class, then by content.
func compare(a, b value) int {
	ca, cb := class(a.Type), class(b.Type)
	if ca != cb {
		if ca < cb {
			return -1
		}
		return 1
	}
	switch ca {
	case 10:
		return compareNumbers(a, b)
	case 15:
		return bytes.Compare(a.Data[4:], b.Data[4:])
	case 20, 25:
		return compareDocuments(a.Data, b.Data, ca == 20)
	case 35, 40:
		return bytes.Compare(a.Data, b.Data)
	case 45:
		return order(a.DateTime(), b.DateTime())
	case 47:
		return order(binary.LittleEndian.Uint64(a.Data), binary.LittleEndian.Uint64(b.Data))
	case -1, 0, 5, 127:
		return 0
	case 30:
		// Length (which leads the data), then subtype, then bytes.
		if la, lb := binary.LittleEndian.Uint32(a.Data), binary.LittleEndian.Uint32(b.Data); la != lb {
			return order(la, lb)
		}
		return bytes.Compare(a.Data[4:], b.Data[4:])
	default:
		return bytes.Compare(a.Data, b.Data)
	}
}

func order[T int | int32 | int64 | uint32 | uint64 | float64](a, b T) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	default:
		return 0
	}
}

func compareNumbers(a, b value) int {
	switch {
	case a.Type == bsontype.Int32 && b.Type == bsontype.Int32:
		return order(a.Int32(), b.Int32())
	case a.Type == bsontype.Int64 && b.Type == bsontype.Int64:
		return order(a.Int64(), b.Int64())
	case a.Type == bsontype.Decimal128 || b.Type == bsontype.Decimal128:
		// bsonkit takes what is not finite beside a decimal for zero.
		if ra, rb := magnitude(a), magnitude(b); ra != finite || rb != finite {
			return order(ra, rb)
		}
	}
	return bsonkit.Compare(number(a), number(b))
}

const finite = 2

// magnitude orders the numbers that are not finite: NaN, minus infinity, the finite ones, infinity.
func magnitude(v value) int {
	var f float64
	switch v.Type {
	case bsontype.Double:
		f = v.Double()
	case bsontype.Decimal128:
		d := v.Decimal128()
		if d.IsNaN() {
			return 0
		}
		f = math.Inf(d.IsInf())
		if d.IsInf() == 0 {
			return finite
		}
	}
	switch {
	case math.IsNaN(f):
		return 0
	case math.IsInf(f, -1):
		return 1
	case math.IsInf(f, 1):
		return 3
	default:
		return finite
	}
}

// compareDocuments follows MongoDB: element by element, each by class, then (in documents) by name,
// then by content. bsonkit looks at the name before the class.
func compareDocuments(a, b []byte, names bool) int {
	ia, ib := iterate(a), iterate(b)
	for {
		ka, va, oka := ia.next()
		kb, vb, okb := ib.next()
		switch {
		case !oka && !okb:
			return 0
		case !oka:
			return -1
		case !okb:
			return 1
		}
		if c := order(class(va.Type), class(vb.Type)); c != 0 {
			return c
		}
		if names {
			if c := strings.Compare(ka, kb); c != 0 {
				return c
			}
		}
		if c := compare(va, vb); c != 0 {
			return c
		}
	}
}
