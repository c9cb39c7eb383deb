package mongodb

import (
	"slices"

	"github.com/256dpi/lungo/bsonkit"
	"github.com/256dpi/lungo/mongokit"
	"go.mongodb.org/mongo-driver/bson"
	"go.mongodb.org/mongo-driver/bson/bsontype"
	"go.mongodb.org/mongo-driver/bson/primitive"
)

// valueSet answers membership by MongoDB's equality in logarithmic time.
type valueSet []value

func newValueSet(items []value) valueSet {
	sorted := slices.Clone(items)
	slices.SortStableFunc(sorted, compare)
	return slices.CompactFunc(sorted, func(a, b value) bool { return compare(a, b) == 0 })
}

func (s valueSet) has(v value) bool {
	_, ok := slices.BinarySearchFunc(s, v, compare)
	return ok
}

func typeByName(name string) (bsontype.Type, bool) {
	t, ok := bsonkit.Alias2Type[name]
	return t, ok
}

func typeByNumber(n int64) (bsontype.Type, bool) {
	switch n {
	case -1:
		return bsontype.MinKey, true
	case 127:
		return bsontype.MaxKey, true
	}
	if n < 1 || n > 19 {
		return 0, false
	}
	t, ok := bsonkit.Number2Type[byte(n)]
	return t, ok
}

// toLungo decodes a value into the Go types lungo computes with; false for types it does not know.
func toLungo(v value) (any, bool) {
	switch v.Type {
	case 0, bsontype.Null:
		return nil, true
	case bsontype.Int32, bsontype.Int64, bsontype.Double, bsontype.Decimal128:
		return number(v), true
	case bsontype.String:
		return v.StringValue(), true
	case bsontype.Boolean:
		return v.Boolean(), true
	case bsontype.ObjectID:
		return v.ObjectID(), true
	case bsontype.DateTime:
		return primitive.DateTime(v.DateTime()), true
	case bsontype.Timestamp:
		t, i := v.Timestamp()
		return primitive.Timestamp{T: t, I: i}, true
	case bsontype.Binary:
		subtype, data := v.Binary()
		return primitive.Binary{Subtype: subtype, Data: data}, true
	case bsontype.Regex:
		pattern, options := v.Regex()
		return primitive.Regex{Pattern: pattern, Options: options}, true
	case bsontype.EmbeddedDocument:
		d := bson.D{}
		it := iterate(v.Data)
		for {
			k, item, ok := it.next()
			if !ok {
				return d, true
			}
			inner, ok := toLungo(item)
			if !ok {
				return nil, false
			}
			d = append(d, bson.E{Key: k, Value: inner})
		}
	case bsontype.Array:
		a := bson.A{}
		it := iterate(v.Data)
		for {
			_, item, ok := it.next()
			if !ok {
				return a, true
			}
			inner, ok := toLungo(item)
			if !ok {
				return nil, false
			}
			a = append(a, inner)
		}
	default:
		return nil, false
	}
}

// lungoPredicate tests each value on the path with one of mongokit's operators ($mod and the bit tests).
func lungoPredicate(p path, op string, arg value) (expr, error) {
	converted, ok := toLungo(arg)
	if !ok {
		return nil, errorf(codeBadValue, "%s does not take a value of type %s", op, typeName(arg.Type))
	}
	operator := mongokit.ExpressionQueryOperators[op]
	run := func(v any) error {
		return operator(mongokit.Context{}, &bson.D{{Key: "v", Value: v}}, op, "v", converted)
	}
	// The operator checks its argument when it runs; let it do so once, now.
	if err := run(int32(0)); err != nil && err != mongokit.ErrNotMatched {
		return nil, errorf(codeBadValue, "%s", err)
	}
	return &predicate{path: p, expand: true, op: op, arg: arg, pass: func(v value) bool {
		if !isNumber(v.Type) && v.Type != bsontype.Binary {
			return false
		}
		converted, ok := toLungo(v)
		return ok && run(converted) == nil
	}}, nil
}
