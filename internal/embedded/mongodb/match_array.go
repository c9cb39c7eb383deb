package mongodb

// Operators on arrays.

import (
	"go.mongodb.org/mongo-driver/bson/bsontype"
)

// compileAll reads $all as MongoDB does: every entry by itself, be it a value or an $elemMatch.
func compileAll(p path, arg value, depth int) (expr, error) {
	if arg.Type != bsontype.Array {
		return nil, errorf(codeBadValue, "$all needs an array")
	}
	if len(arg.Data) == 5 {
		return constExpr(false), nil
	}
	list := andExpr{}
	elem, plain := false, false
	it := iterate(arg.Data)
	for {
		_, item, ok := it.next()
		if !ok {
			break
		}
		var e expr
		var err error
		if ops, operators := isExpression(item); operators {
			inner := field(ops, "$elemMatch")
			if isMissing(inner) {
				return nil, errorf(codeBadValue, "no $ expressions in $all")
			}
			elem = true
			e, err = compileElemMatch(p, inner, depth)
		} else {
			plain = true
			e, err = comparison("$eq", p, item)
		}
		if err != nil {
			return nil, err
		}
		if elem && plain {
			return nil, errorf(codeBadValue, "$all/$elemMatch has to be consistent")
		}
		list = append(list, e)
	}
	return list, nil
}

func compileElemMatch(p path, arg value, depth int) (expr, error) {
	if arg.Type != bsontype.EmbeddedDocument {
		return nil, errorf(codeBadValue, "$elemMatch needs an Object")
	}
	pass, err := elemMatcher(arg, depth)
	if err != nil {
		return nil, err
	}
	return &predicate{path: p, op: "$elemMatch", arg: arg, pass: func(v value) bool {
		return v.Type == bsontype.Array && firstElement(v.Data, pass) >= 0
	}}, nil
}

// elemMatcher compiles the argument of $elemMatch, and the condition of $pull: operators apply to the
// element, anything else is a query on the element as a document.
func elemMatcher(arg value, depth int) (func(value) bool, error) {
	it := iterate(arg.Data)
	first, _, _ := it.next()
	if ops, ok := isExpression(arg); ok && first != "$and" && first != "$or" && first != "$nor" && first != "$expr" && first != "$where" {
		list, err := compileOperators(path{""}, ops, depth+1)
		if err != nil {
			return nil, err
		}
		return andExpr(list).test, nil
	}
	query, err := compileQuery(arg.Data, depth+1)
	if err != nil {
		return nil, err
	}
	return func(v value) bool {
		return (v.Type == bsontype.EmbeddedDocument || v.Type == bsontype.Array) && query.match(v.Data)
	}, nil
}

func firstElement(array []byte, pass func(value) bool) int {
	it := iterate(array)
	for i := 0; ; i++ {
		_, item, ok := it.next()
		if !ok {
			return -1
		}
		if pass(item) {
			return i
		}
	}
}
