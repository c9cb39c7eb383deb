package mongodb

import (
	"slices"
	"strconv"
	"strings"

	"go.mongodb.org/mongo-driver/bson/bsontype"
	"go.mongodb.org/mongo-driver/x/bsonx/bsoncore"
)

// projection is a compiled find projection: a tree of the named fields, all to keep or all to leave out.
type projection struct {
	include bool
	id      bool // keep _id
	root    *projected
	elems   []projectedElement
}

type projected struct {
	kids  map[string]*projected
	leaf  bool
	slice *[2]int64 // skip (negative: from the end) and limit of $slice
}

// projectedElement is $elemMatch: the first element that matches, added after the other fields.
type projectedElement struct {
	name string
	pass func(value) bool
}

// compileProjection returns nil for an empty projection. spec must outlive the projection.
func compileProjection(spec document) (*projection, error) {
	if len(spec) <= 5 {
		return nil, nil
	}
	c := &projectionCompiler{p: &projection{id: true, root: &projected{}}}
	if err := c.fields(spec, nil, 0); err != nil {
		return nil, err
	}
	if c.mode == 0 && c.idNamed && c.p.id && !c.sliced {
		c.mode = 1
	}
	c.p.include = c.mode == 1
	return c.p, nil
}

type projectionCompiler struct {
	p       *projection
	mode    int // 1 includes, -1 excludes, 0 not known yet
	idNamed bool
	sliced  bool
}

func (c *projectionCompiler) fields(spec document, prefix path, depth int) error {
	it := iterate(spec)
	for {
		key, v, ok := it.next()
		if !ok {
			return nil
		}
		p := append(slices.Clone(prefix), parsePath(key)...)
		if slices.ContainsFunc(p, func(s string) bool { return strings.HasPrefix(s, "$") }) {
			return errorf(codeNotImplemented, "the projection '%s' is not supported by the embedded server", p)
		}
		if slices.Contains(p, "") {
			return errorf(40353, "FieldPath must not end with a '.' or hold an empty name: '%s'", p)
		}
		switch {
		case v.Type == bsontype.EmbeddedDocument && len(v.Data) > 5:
			it := iterate(v.Data)
			op, arg, _ := it.next()
			if !isOperator(op) {
				if depth > maxDepth {
					return errorf(codeOverflow, "the projection is nested too deeply")
				}
				if err := c.fields(v.Data, p, depth+1); err != nil {
					return err
				}
				continue
			}
			if err := c.operator(p, op, arg); err != nil {
				return err
			}
		case isNumber(v.Type) || v.Type == bsontype.Boolean:
			if err := c.flag(p, truthy(v)); err != nil {
				return err
			}
		default:
			return errorf(codeNotImplemented, "a projection to a computed value ('%s') is not supported by the embedded server", p)
		}
	}
}

func (c *projectionCompiler) flag(p path, include bool) error {
	if len(p) == 1 && p[0] == "_id" {
		c.p.id, c.idNamed = include, true
		return nil
	}
	mode := -1
	if include {
		mode = 1
	}
	if c.mode == -mode {
		if include {
			return errorf(codeProjectionMixInclude, "Cannot do inclusion on field %s in exclusion projection", p)
		}
		return errorf(codeProjectionMixExclude, "Cannot do exclusion on field %s in inclusion projection", p)
	}
	c.mode = mode
	n, err := c.node(p)
	if err != nil {
		return err
	}
	n.leaf = true
	return nil
}

func (c *projectionCompiler) operator(p path, op string, arg value) error {
	switch op {
	case "$slice":
		var window [2]int64
		if n, ok := integer(arg); ok {
			window = [2]int64{0, n}
			if n < 0 {
				window = [2]int64{n, -n}
			}
		} else if arg.Type == bsontype.Array && count(arg.Data) == 2 {
			list := items(arg)
			skip, ok1 := integer(list[0])
			limit, ok2 := integer(list[1])
			if !ok1 || !ok2 || limit <= 0 {
				return errorf(28724, "First argument to $slice must be an integer, second a positive one: %s", arg)
			}
			window = [2]int64{skip, limit}
		} else {
			return errorf(28667, "Invalid $slice syntax. The given syntax %s did not match the find() syntax", arg)
		}
		n, err := c.node(p)
		if err != nil {
			return err
		}
		n.leaf, n.slice, c.sliced = true, &window, true
		return nil
	case "$elemMatch":
		if len(p) > 1 {
			return errorf(31275, "Cannot use $elemMatch projection on a nested field: '%s'", p)
		}
		if arg.Type != bsontype.EmbeddedDocument {
			return errorf(31274, "elemMatch: Invalid argument, object required, but got %s", typeName(arg.Type))
		}
		if c.mode == -1 {
			return errorf(codeProjectionMixInclude, "Cannot do inclusion on field %s in exclusion projection", p)
		}
		c.mode = 1
		pass, err := elemMatcher(arg, 0)
		if err != nil {
			return err
		}
		c.p.elems = append(c.p.elems, projectedElement{p[0], pass})
		return nil
	default:
		return errorf(codeNotImplemented, "the projection operator '%s' is not supported by the embedded server", op)
	}
}

func (c *projectionCompiler) node(p path) (*projected, error) {
	n := c.p.root
	for _, name := range p {
		if n.leaf {
			return nil, errorf(codeProjectionPathCollision, "Path collision at %s", p)
		}
		if n.kids == nil {
			n.kids = map[string]*projected{}
		}
		if n.kids[name] == nil {
			n.kids[name] = &projected{}
		}
		n = n.kids[name]
	}
	if n.leaf || n.kids != nil {
		return nil, errorf(codeProjectionPathCollision, "Path collision at %s", p)
	}
	return n, nil
}

// apply returns the projected document; doc itself is not changed.
func (p *projection) apply(doc document) document {
	if p == nil {
		return doc
	}
	start, out := bsoncore.AppendDocumentStart(make([]byte, 0, 256))
	it := iterate(doc)
	for {
		key, v, ok := it.next()
		if !ok {
			break
		}
		if key == "_id" && p.root.kids["_id"] == nil {
			if p.id {
				out = bsoncore.AppendValueElement(out, key, v)
			}
			continue
		}
		out = p.element(out, p.root, key, v)
	}
	for _, e := range p.elems {
		if v := field(doc, e.name); v.Type == bsontype.Array {
			if i := firstElement(v.Data, e.pass); i >= 0 {
				out = bsoncore.AppendValueElement(out, e.name, arrayValue(items(v)[i:i+1]))
			}
		}
	}
	out, _ = bsoncore.AppendDocumentEnd(out, start)
	return out
}

func (p *projection) element(out []byte, n *projected, key string, v value) []byte {
	kid := n.kids[key]
	switch {
	case kid == nil:
		if p.include {
			return out
		}
	case kid.slice != nil:
		if v.Type == bsontype.Array {
			v = sliced(v, kid.slice[0], kid.slice[1])
		}
	case kid.leaf:
		if !p.include {
			return out
		}
	case v.Type == bsontype.EmbeddedDocument || v.Type == bsontype.Array:
		v = p.container(kid, v)
	case p.include:
		return out
	}
	return bsoncore.AppendValueElement(out, key, v)
}

// container projects below a document, or below each document of an array.
func (p *projection) container(n *projected, v value) value {
	start, out := bsoncore.AppendDocumentStart(nil)
	it := iterate(v.Data)
	for i := 0; ; {
		key, item, ok := it.next()
		if !ok {
			break
		}
		if v.Type == bsontype.EmbeddedDocument {
			out = p.element(out, n, key, item)
			continue
		}
		switch {
		case item.Type == bsontype.EmbeddedDocument || item.Type == bsontype.Array:
			item = p.container(n, item)
		case p.include:
			continue
		}
		out = bsoncore.AppendValueElement(out, strconv.Itoa(i), item)
		i++
	}
	out, _ = bsoncore.AppendDocumentEnd(out, start)
	return value{Type: v.Type, Data: out}
}

func sliced(array value, skip, limit int64) value {
	list := items(array)
	n := int64(len(list))
	if skip < 0 {
		skip = max(0, n+skip)
	}
	skip = min(skip, n)
	return arrayValue(list[skip : skip+min(limit, n-skip)])
}
