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
