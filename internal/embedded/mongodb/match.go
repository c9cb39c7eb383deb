package mongodb

import (
	"strings"

	"go.mongodb.org/mongo-driver/bson/bsontype"
)

// filter is a compiled query filter. Its nodes read raw documents, in MongoDB's semantics where
// lungo's matcher differs (null against missing inside arrays, $elemMatch, $all, NaN, MinKey).
type filter struct {
	source document
	root   expr
}

// expr is a node of a filter. test asks about a single value (below $elemMatch), match about a document.
type expr interface {
	match(doc []byte) bool
	test(v value) bool
}

type (
	andExpr []expr
	orExpr  []expr
	notExpr struct{ e expr }
	// predicate asks whether some value at the path passes; the empty path means the value itself.
	predicate struct {
		path   path
		expand bool // look into an array at the end of the path
		op     string
		arg    value
		pass   func(value) bool // missing is passed as missing
	}
	constExpr bool
)

func (f *filter) match(doc []byte) bool { return f.root.match(doc) }

func (a andExpr) match(doc []byte) bool {
	for _, e := range a {
		if !e.match(doc) {
			return false
		}
	}
	return true
}

func (a andExpr) test(v value) bool {
	for _, e := range a {
		if !e.test(v) {
			return false
		}
	}
	return true
}

func (o orExpr) match(doc []byte) bool {
	for _, e := range o {
		if e.match(doc) {
			return true
		}
	}
	return false
}

func (o orExpr) test(v value) bool {
	for _, e := range o {
		if e.test(v) {
			return true
		}
	}
	return false
}

func (n notExpr) match(doc []byte) bool    { return !n.e.match(doc) }
func (n notExpr) test(v value) bool        { return !n.e.test(v) }
func (c constExpr) match([]byte) bool      { return bool(c) }
func (c constExpr) test(value) bool        { return bool(c) }
func (p *predicate) match(doc []byte) bool { return walk(doc, p.path, p.expand, p.pass) }
func (p *predicate) test(v value) bool     { return p.pass(v) }
func (f *filter) isEmpty() bool            { a, ok := f.root.(andExpr); return ok && len(a) == 0 }
func isOperator(key string) bool           { return strings.HasPrefix(key, "$") }
func isExpression(v value) (document, bool) { // {$op: ...} rather than a document to compare with
	if v.Type != bsontype.EmbeddedDocument {
		return nil, false
	}
	it := iterate(v.Data)
	key, _, ok := it.next()
	return v.Data, ok && isOperator(key) && key != "$ref" && key != "$id" && key != "$db"
}

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
