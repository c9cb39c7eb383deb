package mongodb

// Filters as they come, made into expressions.

import (
	"go.mongodb.org/mongo-driver/bson/bsontype"
)

// compileFilter reads a filter whole, so that a wrong operator is an error even when no document is met.
func compileFilter(source document) (*filter, error) {
	if source == nil {
		return &filter{root: andExpr{}}, nil
	}
	root, err := compileQuery(source, 0)
	if err != nil {
		return nil, err
	}
	return &filter{source: source, root: root}, nil
}

func compileQuery(query document, depth int) (expr, error) {
	if depth > 100 {
		return nil, errorf(codeBadValue, "exceeded depth limit of 100 when parsing the filter")
	}
	all := andExpr{}
	it := iterate(query)
	for {
		key, v, ok := it.next()
		if !ok {
			return all, nil
		}
		if isOperator(key) {
			e, err := compileTopLevel(key, v, depth)
			if err != nil {
				return nil, err
			}
			if e != nil {
				all = append(all, e)
			}
			continue
		}
		p := parsePath(key)
		if ops, ok := isExpression(v); ok {
			es, err := compileOperators(p, ops, depth+1)
			if err != nil {
				return nil, err
			}
			all = append(all, es...)
			continue
		}
		e, err := comparison("$eq", p, v)
		if err != nil {
			return nil, err
		}
		all = append(all, e)
	}
}

func compileTopLevel(op string, v value, depth int) (expr, error) {
	switch op {
	case "$and", "$or", "$nor":
		list, err := clauses(op, v, depth)
		if err != nil {
			return nil, err
		}
		switch op {
		case "$and":
			return andExpr(list), nil
		case "$or":
			return orExpr(list), nil
		default:
			return notExpr{orExpr(list)}, nil
		}
	case "$comment":
		return nil, nil
	case "$expr", "$where", "$text", "$jsonSchema", "$alwaysTrue", "$alwaysFalse", "$sampleRate":
		return nil, errorf(codeNotImplemented, "%s is not supported by the embedded server", op)
	default:
		return nil, errorf(codeBadValue, "unknown top level operator: %s. If you have a field name that starts with a '$' symbol, consider using $getField or $setField.", op)
	}
}

func clauses(op string, v value, depth int) ([]expr, error) {
	if v.Type != bsontype.Array {
		return nil, errorf(codeBadValue, "%s argument must be an array", op)
	}
	var list []expr
	it := iterate(v.Data)
	for {
		_, item, ok := it.next()
		if !ok {
			break
		}
		if item.Type != bsontype.EmbeddedDocument {
			return nil, errorf(codeBadValue, "$or/$and/$nor entries need to be full objects")
		}
		e, err := compileQuery(item.Data, depth+1)
		if err != nil {
			return nil, err
		}
		list = append(list, e)
	}
	if len(list) == 0 {
		return nil, errorf(codeBadValue, "$and/$or/$nor must be a nonempty array")
	}
	return list, nil
}

// compileOperators reads {$gt: 1, $lt: 5} on a path.
func compileOperators(p path, ops document, depth int) ([]expr, error) {
	if depth > 100 {
		return nil, errorf(codeBadValue, "exceeded depth limit of 100 when parsing the filter")
	}
	var list []expr
	it := iterate(ops)
	for {
		op, v, ok := it.next()
		if !ok {
			return list, nil
		}
		e, err := compileOperator(p, op, v, depth)
		if err != nil {
			return nil, err
		}
		list = append(list, e)
	}
}

func compileOperator(p path, op string, v value, depth int) (expr, error) {
	switch op {
	case "$eq", "$gt", "$gte", "$lt", "$lte":
		return comparison(op, p, v)
	case "$ne":
		if v.Type == bsontype.Regex {
			return nil, errorf(codeBadValue, "Can't have regex as arg to $ne.")
		}
		e, err := comparison("$eq", p, v)
		return notExpr{e}, err
	case "$in", "$nin":
		e, err := membership(op, p, v)
		if err != nil || op == "$in" {
			return e, err
		}
		return notExpr{e}, nil
	case "$exists":
		e := &predicate{path: p, expand: true, op: "$exists", arg: v, pass: func(v value) bool { return !isMissing(v) }}
		if truthy(v) {
			return e, nil
		}
		return notExpr{e}, nil
	case "$not":
		inner, ok := isExpression(v)
		if !ok {
			if v.Type == bsontype.Regex {
				return nil, errorf(codeNotImplemented, "regular expressions are not supported by the embedded server")
			}
			if v.Type == bsontype.EmbeddedDocument && len(v.Data) == 5 {
				return nil, errorf(codeBadValue, "$not cannot be empty")
			}
			return nil, errorf(codeBadValue, "$not needs a regex or a document")
		}
		list, err := compileOperators(p, inner, depth+1)
		return notExpr{andExpr(list)}, err
	case "$size":
		n, ok := integer(v)
		if !ok {
			return nil, errorf(codeFailedToParse, "Failed to parse $size. Expected an integer: $size: %s", v)
		}
		if n < 0 {
			return nil, errorf(codeFailedToParse, "Failed to parse $size. Expected a non-negative number in: $size: %s", v)
		}
		return &predicate{path: p, op: op, arg: v, pass: func(v value) bool {
			return v.Type == bsontype.Array && int64(count(v.Data)) == n
		}}, nil
	case "$type":
		return compileType(p, v)
	case "$all":
		return compileAll(p, v, depth)
	case "$elemMatch":
		return compileElemMatch(p, v, depth)
	case "$mod", "$bitsAllSet", "$bitsAllClear", "$bitsAnySet", "$bitsAnyClear":
		return lungoPredicate(p, op, v)
	case "$regex", "$options", "$geoWithin", "$geoIntersects", "$near", "$nearSphere", "$expr", "$jsonSchema":
		return nil, errorf(codeNotImplemented, "%s is not supported by the embedded server", op)
	default:
		return nil, errorf(codeBadValue, "unknown operator: %s", op)
	}
}

func count(array []byte) int {
	n := 0
	it := iterate(array)
	for {
		if _, _, ok := it.next(); !ok {
			return n
		}
		n++
	}
}

// comparison compiles $eq and the ranges: they hold between values of one class only.
func comparison(op string, p path, arg value) (expr, error) {
	switch arg.Type {
	case bsontype.Regex:
		if op == "$eq" {
			return nil, errorf(codeNotImplemented, "regular expressions are not supported by the embedded server")
		}
		return nil, errorf(codeBadValue, "Can't have RegEx as arg to predicate over field '%s'.", p)
	case bsontype.Undefined:
		return nil, errorf(codeBadValue, "cannot compare to undefined")
	}
	return &predicate{path: p, expand: true, op: op, arg: arg, pass: comparer(op, arg)}, nil
}

func comparer(op string, arg value) func(value) bool {
	c := class(arg.Type)
	if op == "$eq" {
		return func(v value) bool {
			if v.Type == bsontype.Undefined {
				return c == class(bsontype.Null)
			}
			return class(v.Type) == c && compare(v, arg) == 0
		}
	}
	equal := op == "$gte" || op == "$lte"
	switch arg.Type {
	case bsontype.Null:
		return func(v value) bool { return equal && class(v.Type) == c }
	case bsontype.MinKey, bsontype.MaxKey:
		// These two compare with every value that is there.
		return func(v value) bool { return !isMissing(v) && inRange(op, compare(v, arg)) }
	}
	if isNaN(arg) {
		return func(v value) bool { return equal && isNaN(v) }
	}
	return func(v value) bool {
		return class(v.Type) == c && !isNaN(v) && inRange(op, compare(v, arg))
	}
}

func inRange(op string, c int) bool {
	switch op {
	case "$gt":
		return c > 0
	case "$gte":
		return c >= 0
	case "$lt":
		return c < 0
	default:
		return c <= 0
	}
}

func membership(op string, p path, arg value) (expr, error) {
	if arg.Type != bsontype.Array {
		return nil, errorf(codeBadValue, "%s needs an array", op)
	}
	var items []value
	null := false
	it := iterate(arg.Data)
	for {
		_, item, ok := it.next()
		if !ok {
			break
		}
		if _, operators := isExpression(item); operators {
			return nil, errorf(codeBadValue, "cannot nest $ under %s", op)
		}
		switch item.Type {
		case bsontype.Regex:
			return nil, errorf(codeNotImplemented, "regular expressions are not supported by the embedded server")
		case bsontype.Undefined:
			return nil, errorf(codeBadValue, "%s cannot contain undefined", op)
		}
		null = null || item.Type == bsontype.Null
		items = append(items, item)
	}
	set := newValueSet(items)
	return &predicate{path: p, expand: true, op: "$in", arg: arg, pass: func(v value) bool {
		if isMissing(v) || v.Type == bsontype.Undefined {
			return null
		}
		return set.has(v)
	}}, nil
}

func compileType(p path, arg value) (expr, error) {
	wanted := map[bsontype.Type]bool{}
	number := false
	one := func(v value) error {
		if v.Type == bsontype.String {
			name := v.StringValue()
			if name == "number" {
				number = true
				return nil
			}
			t, ok := typeByName(name)
			if !ok {
				return errorf(codeBadValue, "Unknown type name alias: %s", name)
			}
			wanted[t] = true
			return nil
		}
		n, ok := integer(v)
		if !ok {
			return errorf(codeTypeMismatch, "type must be represented as a number or a string")
		}
		t, ok := typeByNumber(n)
		if !ok {
			return errorf(codeBadValue, "Invalid numerical type code: %d", n)
		}
		wanted[t] = true
		return nil
	}
	if arg.Type == bsontype.Array {
		if len(arg.Data) == 5 {
			return nil, errorf(codeFailedToParse, "$type must match at least one type")
		}
		it := iterate(arg.Data)
		for {
			_, item, ok := it.next()
			if !ok {
				break
			}
			if err := one(item); err != nil {
				return nil, err
			}
		}
	} else if err := one(arg); err != nil {
		return nil, err
	}
	return &predicate{path: p, expand: true, op: "$type", arg: arg, pass: func(v value) bool {
		return !isMissing(v) && (wanted[v.Type] || number && isNumber(v.Type))
	}}, nil
}
