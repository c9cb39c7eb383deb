package mongodb

import (
	"slices"
	"strconv"
	"time"

	"go.mongodb.org/mongo-driver/bson/bsontype"
	"go.mongodb.org/mongo-driver/x/bsonx/bsoncore"
)

// push is $push with its modifiers, which apply in the order position, sort, slice.
type push struct {
	name     string
	each     []value
	position *int64
	slice    *int64
	sort     func(a, b value) int
}

func compilePush(name string, arg value) (func(time.Time) change, error) {
	p := &push{name: name}
	if arg.Type != bsontype.EmbeddedDocument || isMissing(field(arg.Data, "$each")) {
		p.each = []value{arg}
		return fixed(p.apply), nil
	}
	it := iterate(arg.Data)
	for {
		key, v, ok := it.next()
		if !ok {
			return fixed(p.apply), nil
		}
		var err error
		switch key {
		case "$each":
			if v.Type != bsontype.Array {
				return nil, errorf(codeBadValue, "The argument to $each in $push must be an array but it was of type: %s", typeName(v.Type))
			}
			p.each = items(v)
		case "$position":
			p.position, err = pushInteger(key, v)
		case "$slice":
			p.slice, err = pushInteger(key, v)
		case "$sort":
			p.sort, err = pushOrder(v)
		default:
			err = errorf(codeBadValue, "Unrecognized clause in $push: %s", key)
		}
		if err != nil {
			return nil, err
		}
	}
}

func pushInteger(name string, v value) (*int64, error) {
	n, ok := integer(v)
	if !ok {
		return nil, errorf(codeBadValue, "The value for %s must be an integer value but was given type: %s", name, typeName(v.Type))
	}
	return &n, nil
}

func pushOrder(spec value) (func(a, b value) int, error) {
	if spec.Type != bsontype.EmbeddedDocument {
		n, ok := integer(spec)
		if !ok || n != 1 && n != -1 {
			return nil, errorf(codeBadValue, "The $sort element value must be either 1 or -1")
		}
		return func(a, b value) int { return int(n) * compare(a, b) }, nil
	}
	columns, err := compileSort(spec.Data)
	if err != nil {
		return nil, err
	}
	if len(columns) == 0 {
		return nil, errorf(codeBadValue, "The $sort pattern is empty when it should be a set of fields.")
	}
	at := func(v value, p path) value {
		if v.Type != bsontype.EmbeddedDocument {
			return nullValue
		}
		return get(v.Data, p)
	}
	return func(a, b value) int {
		for _, c := range columns {
			if r := compare(at(a, c.path), at(b, c.path)); r != 0 {
				return c.sign * r
			}
		}
		return 0
	}, nil
}

func (p *push) apply(old value) (value, bool, error) {
	if old.Type == bsontype.Array && p.position == nil && p.slice == nil && p.sort == nil {
		if len(p.each) == 0 {
			return old, false, nil
		}
		return appendItems(old, p.each), true, nil
	}
	list, err := arrayOf("$push", p.name, old)
	if err != nil {
		return missing, false, err
	}
	at := len(list)
	if p.position != nil {
		switch n := *p.position; {
		case n < 0:
			at = max(0, len(list)+int(max(n, -int64(len(list)))))
		case n < int64(len(list)):
			at = int(n)
		}
	}
	list = slices.Insert(list, at, p.each...)
	if p.sort != nil {
		slices.SortStableFunc(list, p.sort)
	}
	if p.slice != nil {
		switch n := *p.slice; {
		case n >= 0:
			list = list[:min(n, int64(len(list)))]
		default:
			list = list[max(0, int64(len(list))+n):]
		}
	}
	next := arrayValue(list)
	// MongoDB counts as a change whatever adds, sorts or cuts off, though the array may be as it was.
	return next, len(p.each) > 0 || p.sort != nil || !identical(old, next), nil
}

// appendItems adds to the end of an array without taking it apart.
func appendItems(array value, add []value) value {
	size := len(array.Data)
	for _, v := range add {
		size += len(v.Data) + 10
	}
	out := make([]byte, len(array.Data)-1, size)
	copy(out, array.Data)
	n := count(array.Data)
	for i, v := range add {
		out = append(out, byte(v.Type))
		out = strconv.AppendInt(out, int64(n+i), 10)
		out = append(out, 0)
		out = append(out, v.Data...)
	}
	out, _ = bsoncore.AppendDocumentEnd(out, 0)
	return value{Type: bsontype.Array, Data: out}
}
