package mongodb

import (
	"errors"
	"slices"

	"go.mongodb.org/mongo-driver/bson/bsontype"
	"go.mongodb.org/mongo-driver/x/bsonx/bsoncore"
)

// bulk gathers the outcome of a command's writes.
type bulk struct {
	n, modified int32
	upserted    []document
	errors      []document
}

// fail notes that write i failed; it returns err itself when it is not the write's own fault.
func (b *bulk) fail(i int, err error) error {
	var e *Error
	if !errors.As(err, &e) {
		return err
	}
	o := newObject()
	o.int32("index", int32(i))
	o.int32("code", e.Code)
	if e.keyPattern != nil {
		o.document("keyPattern", e.keyPattern)
		o.document("keyValue", e.keyValue)
	}
	o.string("errmsg", e.Message)
	b.errors = append(b.errors, o.end())
	return nil
}

func (b *bulk) reply(update bool) document {
	o := newObject()
	o.int32("n", b.n)
	if update {
		o.int32("nModified", b.modified)
		if len(b.upserted) > 0 {
			o.documents("upserted", b.upserted)
		}
	}
	if len(b.errors) > 0 {
		o.documents("writeErrors", b.errors)
	}
	return o.ok()
}

// each runs one write after the other; an ordered bulk stops at the first that fails.
func (b *bulk) each(list []document, ordered bool, one func(i int, d document) error) error {
	for i, d := range list {
		err := one(i, d)
		if err == nil {
			continue
		}
		if err := b.fail(i, err); err != nil {
			return err
		}
		if ordered {
			break
		}
	}
	return nil
}

func (s *Server) insert(req *request) (document, error) {
	ns, err := req.namespace()
	if err != nil {
		return nil, err
	}
	list, err := req.batch("documents")
	if err != nil {
		return nil, err
	}
	b := &bulk{}
	err = s.store.write(ns, func(w *write) error {
		return b.each(list, ordered(req.body), func(_ int, d document) error {
			doc, err := insertable(slices.Clone(d))
			if err != nil {
				return err
			}
			if err := w.insert(doc); err != nil {
				return err
			}
			b.n++
			return nil
		})
	})
	if err != nil {
		return nil, err
	}
	return b.reply(false), nil
}

var (
	updateFields = []string{"q", "u", "multi", "upsert", "arrayFilters", "hint", "collation", "c"}
	deleteFields = []string{"q", "limit", "hint", "collation"}
)

func checkStatement(kind string, d document, known []string) error {
	it := iterate(d)
	for {
		key, v, ok := it.next()
		if !ok {
			break
		}
		if !slices.Contains(known, key) {
			return errorf(codeUnknownField, "BSON field '%s.%ss.%s' is an unknown field.", kind, kind, key)
		}
		if key == "collation" {
			if err := checkCollation(v); err != nil {
				return err
			}
		}
	}
	if field(d, "q").Type != bsontype.EmbeddedDocument {
		return errorf(codeMissingField, "BSON field '%s.%ss.q' is missing but a required field", kind, kind)
	}
	return nil
}

func (s *Server) update(req *request) (document, error) {
	ns, err := req.namespace()
	if err != nil {
		return nil, err
	}
	list, err := req.batch("updates")
	if err != nil {
		return nil, err
	}
	creates := false
	for _, d := range list {
		if err := checkStatement("update", d, updateFields); err != nil {
			return nil, err
		}
		creates = creates || truthy(field(d, "upsert"))
	}
	open := s.store.change
	if creates {
		open = s.store.write
	}
	b := &bulk{}
	err = open(ns, func(w *write) error {
		return b.each(list, ordered(req.body), func(i int, d document) error { return b.update(w, i, d) })
	})
	if err != nil {
		return nil, err
	}
	return b.reply(true), nil
}

func (b *bulk) update(w *write, i int, d document) error {
	f, err := compileFilter(field(d, "q").Data)
	if err != nil {
		return err
	}
	up, err := compileUpdate(field(d, "u"), field(d, "arrayFilters"))
	if err != nil {
		return err
	}
	multi := truthy(field(d, "multi"))
	if multi && up.replacement != nil {
		return errorf(codeFailedToParse, "multi update is not supported for replacement-style update")
	}
	if w == nil {
		return nil
	}
	limit := int64(1)
	if multi {
		limit = 0
	}
	found := w.c.find(f, nil, 0, limit)
	if len(found) == 0 && truthy(field(d, "upsert")) {
		doc, err := w.upsert(f, up)
		if err != nil {
			return err
		}
		o := newObject()
		o.int32("index", int32(i))
		o.value("_id", field(doc, "_id"))
		b.n++
		b.upserted = append(b.upserted, o.end())
		return nil
	}
	var n, modified int32
	for _, r := range found {
		_, changed, err := w.apply(r, up)
		if err != nil {
			return err // what was changed before stays, and is not counted
		}
		n++
		if changed {
			modified++
		}
	}
	b.n, b.modified = b.n+n, b.modified+modified
	return nil
}

// apply updates one record and returns the document it holds then.
func (w *write) apply(r *record, up *update) (document, bool, error) {
	doc, changed, err := up.apply(r.doc, false, w.now)
	if err != nil || !changed {
		return r.doc, false, err
	}
	return doc, true, w.update(r, doc)
}

// upsert inserts what the filter's equalities and the update make, and returns it.
func (w *write) upsert(f *filter, up *update) (document, error) {
	base := &node{}
	preds, _ := conjuncts(f.root, nil, nil)
	taken := map[string]bool{}
	for _, p := range preds {
		arg := p.arg
		if p.op == "$in" {
			list := items(p.arg)
			if len(list) != 1 {
				continue
			}
			arg = list[0]
		} else if p.op != "$eq" {
			continue
		}
		name := p.path.String()
		if up.replacement != nil && name != "_id" {
			continue
		}
		for other := range taken {
			if isPrefix(parsePath(other), p.path) || isPrefix(p.path, parsePath(other)) {
				return nil, errorf(codeNotSingleValueField, "cannot infer query fields to set, path '%s' is matched twice", name)
			}
		}
		taken[name] = true
		a := applier{full: p.path, create: true, fn: assign(arg)}
		if _, err := a.at(base, 0, nil); err != nil {
			return nil, err
		}
	}
	doc, _, err := up.apply(base.append(nil), true, w.now)
	if err != nil {
		return nil, err
	}
	if doc, err = insertable(slices.Clone(doc)); err != nil {
		return nil, err
	}
	return doc, w.insert(doc)
}

func (s *Server) delete(req *request) (document, error) {
	ns, err := req.namespace()
	if err != nil {
		return nil, err
	}
	list, err := req.batch("deletes")
	if err != nil {
		return nil, err
	}
	for _, d := range list {
		if err := checkStatement("delete", d, deleteFields); err != nil {
			return nil, err
		}
	}
	b := &bulk{}
	err = s.store.change(ns, func(w *write) error {
		return b.each(list, ordered(req.body), func(_ int, d document) error {
			f, err := compileFilter(field(d, "q").Data)
			if err != nil {
				return err
			}
			limit, err := integerField(d, "limit", -1)
			if err != nil || limit != 0 && limit != 1 {
				return errorf(codeFailedToParse, "The limit field in delete objects must be 0 or 1. Got %s", field(d, "limit"))
			}
			if w == nil {
				return nil
			}
			for _, r := range w.c.find(f, nil, 0, limit) {
				w.delete(r)
				b.n++
			}
			return nil
		})
	})
	if err != nil {
		return nil, err
	}
	return b.reply(false), nil
}

// findAndModify changes or removes the first match and returns it as it was before, or after.
func (s *Server) findAndModify(req *request) (document, error) {
	ns, err := req.namespace()
	if err != nil {
		return nil, err
	}
	q, err := parseQueryFields(req.body, "query")
	if err != nil {
		return nil, err
	}
	spec, err := objectField(req.body, "fields")
	if err != nil {
		return nil, err
	}
	project, err := compileProjection(spec)
	if err != nil {
		return nil, err
	}
	remove, upsert, after := truthy(field(req.body, "remove")), truthy(field(req.body, "upsert")), truthy(field(req.body, "new"))
	u := field(req.body, "update")
	var up *update
	switch {
	case remove && !isMissing(u):
		return nil, errorf(codeFailedToParse, "Cannot specify both an update and remove=true")
	case remove && (upsert || after):
		return nil, errorf(codeFailedToParse, "Cannot specify both upsert=true or new=true and remove=true")
	case !remove && isMissing(u):
		return nil, errorf(codeFailedToParse, "Either an update or remove=true must be specified")
	case !remove:
		if up, err = compileUpdate(u, field(req.body, "arrayFilters")); err != nil {
			return nil, err
		}
	}
	last, result := newObject(), nullValue
	run := func(w *write) error {
		var found []*record
		if w != nil {
			found = w.c.find(q.filter, q.sort, 0, 1)
		}
		switch {
		case len(found) > 0 && remove:
			w.delete(found[0])
			last.int32("n", 1)
			result = docValue(found[0].doc)
		case len(found) > 0:
			doc, _, err := w.apply(found[0], up)
			if err != nil {
				return err
			}
			last.int32("n", 1)
			last.bool("updatedExisting", true)
			if result = docValue(found[0].doc); after {
				result = docValue(doc)
			}
		case upsert:
			doc, err := w.upsert(q.filter, up)
			if err != nil {
				return err
			}
			last.int32("n", 1)
			last.bool("updatedExisting", false)
			last.value("upserted", field(doc, "_id"))
			if after {
				result = docValue(doc)
			}
		default:
			last.int32("n", 0)
			if !remove {
				last.bool("updatedExisting", false)
			}
		}
		return nil
	}
	if upsert {
		err = s.store.write(ns, run)
	} else {
		err = s.store.change(ns, run)
	}
	if err != nil {
		return nil, err
	}
	if result.Type == bsontype.EmbeddedDocument {
		result.Data = project.apply(result.Data)
	}
	b := newObject()
	b.document("lastErrorObject", last.end())
	b.value("value", result)
	return b.ok(), nil
}

// cursorReply is the answer of a command whose rows fit into one batch.
func cursorReply(ns string, rows []document) document {
	start, out := bsoncore.AppendDocumentStart(nil)
	out = bsoncore.AppendInt64Element(out, "id", 0)
	out = bsoncore.AppendStringElement(out, "ns", ns)
	list := make([]value, len(rows))
	for i, row := range rows {
		list[i] = docValue(row)
	}
	out = bsoncore.AppendValueElement(out, "firstBatch", arrayValue(list))
	out, _ = bsoncore.AppendDocumentEnd(out, start)
	b := newObject()
	b.document("cursor", out)
	return b.ok()
}
