package mongodb

import (
	"math"
	"slices"
	"time"

	"github.com/256dpi/lungo/bsonkit"
	"go.mongodb.org/mongo-driver/bson/bsontype"
	"go.mongodb.org/mongo-driver/bson/primitive"
	"go.mongodb.org/mongo-driver/x/bsonx/bsoncore"
)

// updateOperators compile one field of an update operator into the change it makes.
var updateOperators = map[string]func(name string, arg value) (func(time.Time) change, error){
	"$set":         func(_ string, arg value) (func(time.Time) change, error) { return fixed(assign(arg)), nil },
	"$setOnInsert": func(_ string, arg value) (func(time.Time) change, error) { return fixed(assign(arg)), nil },
	"$unset":       func(string, value) (func(time.Time) change, error) { return fixed(remove), nil },
	"$inc":         arithmetic("$inc"),
	"$mul":         arithmetic("$mul"),
	"$min":         extreme(-1),
	"$max":         extreme(1),
	"$bit":         compileBit,
	"$currentDate": compileCurrentDate,
	"$push":        compilePush,
	"$pop":         compilePop,
	"$pull":        compilePull,
	"$pullAll":     compilePullAll,
	"$addToSet":    compileAddToSet,
	"$rename":      nil, // two operators in one; see compileRename
}

func fixed(c change) func(time.Time) change { return func(time.Time) change { return c } }

func assign(v value) change {
	return func(old value) (value, bool, error) { return v, !identical(old, v), nil }
}

func remove(old value) (value, bool, error) { return missing, !isMissing(old), nil }

func arithmetic(op string) func(string, value) (func(time.Time) change, error) {
	return func(name string, arg value) (func(time.Time) change, error) {
		if !isNumber(arg.Type) {
			verb := map[string]string{"$inc": "increment", "$mul": "multiply"}[op]
			return nil, errorf(codeTypeMismatch, "Cannot %s with non-numeric argument: {%s: %s}", verb, name, arg)
		}
		return fixed(func(old value) (value, bool, error) {
			if isMissing(old) {
				if op == "$inc" {
					return arg, true, nil
				}
				zero, err := compute(op, value{Type: bsontype.Int32, Data: []byte{0, 0, 0, 0}}, arg)
				return zero, true, err
			}
			if !isNumber(old.Type) {
				return missing, false, errorf(codeTypeMismatch, "Cannot apply %s to a value of non-numeric type. The document has the field '%s' of non-numeric type %s", op, name, typeName(old.Type))
			}
			next, err := compute(op, old, arg)
			return next, !identical(old, next), err
		}), nil
	}
}

// compute adds or multiplies as MongoDB does: int overflows into long, long overflow is an error,
// double wins over both. The arithmetic of decimals is bsonkit's.
func compute(op string, a, b value) (value, error) {
	double := a.Type == bsontype.Double || b.Type == bsontype.Double
	decimal := a.Type == bsontype.Decimal128 || b.Type == bsontype.Decimal128
	calculate := bsonkit.Add
	if op == "$mul" {
		calculate = bsonkit.Mul
	}
	switch {
	case decimal:
		for _, v := range []value{a, b} {
			if d, ok := v.Decimal128OK(); double || ok && (d.IsNaN() || d.IsInf() != 0) {
				return missing, errorf(codeNotImplemented, "%s of a decimal with a double, NaN or infinity is not supported by the embedded server", op)
			}
		}
		sum, ok := calculate(number(a), number(b)).(primitive.Decimal128)
		if hi, lo := sum.GetBytes(); !ok || hi == 0 && lo == 0 {
			return missing, errorf(codeNotImplemented, "the result of %s needs more than 34 digits, which the embedded server does not round", op)
		}
		return fromNumber(sum), nil
	case double:
		return fromNumber(calculate(number(a), number(b))), nil
	}
	x, _ := integer(a)
	y, _ := integer(b)
	var n int64
	var fits bool
	if op == "$mul" {
		n = x * y
		fits = x == 0 || n/x == y && !(x == -1 && y == math.MinInt64)
	} else {
		n = x + y
		fits = (n > x) == (y > 0)
	}
	if !fits {
		return missing, errorf(codeBadValue, "Failed to apply %s operations to current value (%s): the result does not fit into a long", op, a)
	}
	if a.Type == bsontype.Int32 && b.Type == bsontype.Int32 && n >= math.MinInt32 && n <= math.MaxInt32 {
		return fromNumber(int32(n)), nil
	}
	return fromNumber(n), nil
}

func extreme(sign int) func(string, value) (func(time.Time) change, error) {
	return func(_ string, arg value) (func(time.Time) change, error) {
		return fixed(func(old value) (value, bool, error) {
			if isMissing(old) || sign*compare(arg, old) > 0 {
				return arg, true, nil
			}
			return old, false, nil
		}), nil
	}
}

func compileBit(name string, arg value) (func(time.Time) change, error) {
	if arg.Type != bsontype.EmbeddedDocument {
		return nil, errorf(codeBadValue, "The $bit modifier is not compatible with a %s. You must pass in an embedded document: {$bit: {field: {and/or/xor: #}}", typeName(arg.Type))
	}
	type step struct {
		op      string
		operand value
	}
	var steps []step
	it := iterate(arg.Data)
	for {
		op, operand, ok := it.next()
		if !ok {
			break
		}
		if op != "and" && op != "or" && op != "xor" {
			return nil, errorf(codeBadValue, "The $bit modifier only supports 'and', 'or', and 'xor', not '%s' which is an unknown operator: {%s: %s}", op, op, operand)
		}
		if operand.Type != bsontype.Int32 && operand.Type != bsontype.Int64 {
			return nil, errorf(codeBadValue, "The $bit modifier field must be an Integer(32/64 bit); a '%s' is not supported here: {%s: %s}", typeName(operand.Type), op, operand)
		}
		steps = append(steps, step{op, operand})
	}
	if len(steps) == 0 {
		return nil, errorf(codeBadValue, "You must pass in at least one bitwise operation. The format is: {$bit: {field: {and/or/xor: #}}")
	}
	return fixed(func(old value) (value, bool, error) {
		if isMissing(old) {
			old = fromNumber(int32(0))
		} else if old.Type != bsontype.Int32 && old.Type != bsontype.Int64 {
			return missing, false, errorf(codeBadValue, "Cannot apply $bit to a value of non-integral type. The document has the field %s of non-integer type %s", name, typeName(old.Type))
		}
		long := old.Type == bsontype.Int64
		n, _ := integer(old)
		for _, s := range steps {
			m, _ := integer(s.operand)
			long = long || s.operand.Type == bsontype.Int64
			switch s.op {
			case "and":
				n &= m
			case "or":
				n |= m
			default:
				n ^= m
			}
		}
		next := fromNumber(n)
		if !long {
			next = fromNumber(int32(n))
		}
		return next, !identical(old, next), nil
	}), nil
}

func compileCurrentDate(name string, arg value) (func(time.Time) change, error) {
	kind := "date"
	if arg.Type == bsontype.EmbeddedDocument {
		t := field(arg.Data, "$type")
		if t.Type != bsontype.String || count(arg.Data) != 1 || t.StringValue() != "date" && t.StringValue() != "timestamp" {
			return nil, errorf(codeBadValue, "The '$type' string field is required to be 'date' or 'timestamp': {$currentDate: {field : {$type: 'date'}}}")
		}
		kind = t.StringValue()
	} else if arg.Type != bsontype.Boolean {
		return nil, errorf(codeBadValue, "%s is not valid type for $currentDate. Please use a boolean ('true') or a $type expression ({$type: 'timestamp/date'}).", typeName(arg.Type))
	}
	return func(now time.Time) change {
		v := value{Type: bsontype.DateTime, Data: bsoncore.AppendDateTime(nil, now.UnixMilli())}
		if kind == "timestamp" {
			v = value{Type: bsontype.Timestamp, Data: bsoncore.AppendTimestamp(nil, uint32(now.Unix()), uint32(now.Nanosecond()/1000)+1)}
		}
		return func(value) (value, bool, error) { return v, true, nil }
	}, nil
}

// arrayOf lists the elements of an array; a missing one counts as empty.
func arrayOf(op, name string, v value) ([]value, error) {
	if isMissing(v) {
		return nil, nil
	}
	if v.Type != bsontype.Array {
		return nil, errorf(codeBadValue, "The field '%s' must be an array but is of type %s (%s)", name, typeName(v.Type), op)
	}
	return items(v), nil
}

func items(array value) []value {
	list := make([]value, 0, 16)
	it := iterate(array.Data)
	for {
		_, item, ok := it.next()
		if !ok {
			return list
		}
		list = append(list, item)
	}
}

func arrayValue(list []value) value {
	n := node{array: true, kids: make([]kid, len(list))}
	for i, v := range list {
		n.kids[i].v = v
	}
	return n.value()
}

func compilePop(name string, arg value) (func(time.Time) change, error) {
	n, ok := integer(arg)
	if !ok || n != 1 && n != -1 {
		return nil, errorf(codeFailedToParse, "$pop expects 1 or -1, found: %s", arg)
	}
	return fixed(func(old value) (value, bool, error) {
		if isMissing(old) {
			return old, false, nil
		}
		if old.Type != bsontype.Array {
			return missing, false, errorf(codeTypeMismatch, "Path '%s' contains an element of non-array type '%s'", name, typeName(old.Type))
		}
		list := items(old)
		switch {
		case len(list) == 0:
			return old, false, nil
		case n == 1:
			list = list[:len(list)-1]
		default:
			list = list[1:]
		}
		return arrayValue(list), true, nil
	}), nil
}

func compilePull(_ string, arg value) (func(time.Time) change, error) {
	var pass func(value) bool
	switch {
	case arg.Type == bsontype.Regex:
		return nil, errorf(codeNotImplemented, "regular expressions are not supported by the embedded server")
	case arg.Type == bsontype.EmbeddedDocument:
		if ops, ok := isExpression(arg); ok && isMissing(field(ops, "$and")) && isMissing(field(ops, "$or")) && isMissing(field(ops, "$nor")) {
			list, err := compileOperators(path{""}, ops, 0)
			if err != nil {
				return nil, err
			}
			pass = func(v value) bool {
				return andExpr(list).match(bsoncore.BuildDocument(nil, bsoncore.AppendValueElement(nil, "", v)))
			}
			break
		}
		query, err := compileQuery(arg.Data, 0)
		if err != nil {
			return nil, err
		}
		pass = func(v value) bool { return v.Type == bsontype.EmbeddedDocument && query.match(v.Data) }
	default:
		pass = func(v value) bool { return compare(v, arg) == 0 }
	}
	return fixed(pull("$pull", pass)), nil
}

func compilePullAll(_ string, arg value) (func(time.Time) change, error) {
	if arg.Type != bsontype.Array {
		return nil, errorf(codeBadValue, "$pullAll requires an array argument but was given a %s", typeName(arg.Type))
	}
	return fixed(pull("$pullAll", newValueSet(items(arg)).has)), nil
}

func pull(op string, pass func(value) bool) change {
	return func(old value) (value, bool, error) {
		if isMissing(old) {
			return old, false, nil
		}
		if old.Type != bsontype.Array {
			return missing, false, errorf(codeBadValue, "Cannot apply %s to a non-array value", op)
		}
		list := items(old)
		kept := slices.DeleteFunc(list, pass)
		if len(kept) == len(list) {
			return old, false, nil
		}
		return arrayValue(kept), true, nil
	}
}

func compileAddToSet(name string, arg value) (func(time.Time) change, error) {
	add := []value{arg}
	if arg.Type == bsontype.EmbeddedDocument {
		it := iterate(arg.Data)
		if key, each, ok := it.next(); ok && key == "$each" {
			if each.Type != bsontype.Array {
				return nil, errorf(codeTypeMismatch, "The argument to $each in $addToSet must be an array but it was of type %s", typeName(each.Type))
			}
			if extra, v, more := it.next(); more {
				return nil, errorf(codeBadValue, "Found unexpected fields after $each in $addToSet: {%s: %s}", extra, v)
			}
			add = items(each)
		}
	}
	return fixed(func(old value) (value, bool, error) {
		list, err := arrayOf("$addToSet", name, old)
		if err != nil {
			return missing, false, err
		}
		before := len(list)
		for _, v := range add {
			if !slices.ContainsFunc(list, func(have value) bool { return compare(have, v) == 0 }) {
				list = append(list, v)
			}
		}
		if len(list) == before && !isMissing(old) {
			return old, false, nil
		}
		return arrayValue(list), true, nil
	}), nil
}
