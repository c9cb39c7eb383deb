package mongodb

import (
	"slices"

	"go.mongodb.org/mongo-driver/bson/bsontype"
)

// query is what find, count and the others share.
type query struct {
	filter      *filter
	sort        []column
	skip, limit int64
}

func parseQueryFields(d document, filterName string) (query, error) {
	var q query
	f, err := objectField(d, filterName)
	if err != nil {
		return q, err
	}
	if q.filter, err = compileFilter(f); err != nil {
		return q, err
	}
	order, err := objectField(d, "sort")
	if err != nil {
		return q, err
	}
	if q.sort, err = compileSort(order); err != nil {
		return q, err
	}
	if q.skip, err = integerField(d, "skip", 0); err != nil {
		return q, err
	}
	if q.limit, err = integerField(d, "limit", 0); err != nil {
		return q, err
	}
	if q.skip < 0 {
		return q, errorf(51024, "BSON field 'skip' value must be >= 0, actual value '%d'", q.skip)
	}
	return q, nil
}

// run returns the matching records of a collection, none when it does not exist.
func (s *Server) run(ns string, q query) ([]*record, error) {
	var found []*record
	err := s.store.read(ns, func(c *collection) error {
		if c != nil {
			found = c.find(q.filter, q.sort, q.skip, q.limit)
		}
		return nil
	})
	return found, err
}

func (s *Server) find(req *request) (document, error) {
	ns, err := req.namespace()
	if err != nil {
		return nil, err
	}
	q, err := parseQueryFields(req.body, "filter")
	if err != nil {
		return nil, err
	}
	if q.limit < 0 {
		return nil, errorf(51024, "BSON field 'limit' value must be >= 0, actual value '%d'", q.limit)
	}
	batch, err := integerField(req.body, "batchSize", firstBatch)
	if err != nil {
		return nil, err
	}
	if batch < 0 {
		return nil, errorf(51024, "BSON field 'batchSize' value must be >= 0, actual value '%d'", batch)
	}
	single := truthy(field(req.body, "singleBatch"))
	spec, err := objectField(req.body, "projection")
	if err != nil {
		return nil, err
	}
	project, err := compileProjection(slices.Clone(spec))
	if err != nil {
		return nil, err
	}
	found, err := s.run(ns, q)
	if err != nil {
		return nil, err
	}
	c := &cursor{ns: ns, records: found, project: project}
	b := newObject()
	b.document("cursor", c.batch("firstBatch", batch, 0, func(c *cursor) int64 {
		if single {
			return 0
		}
		return s.cursors.add(c)
	}))
	return b.ok(), nil
}

func (s *Server) getMore(req *request) (document, error) {
	it := iterate(req.body)
	_, v, _ := it.next()
	id, ok := v.Int64OK()
	if !ok {
		return nil, errorf(codeTypeMismatch, "BSON field 'getMore.getMore' is the wrong type '%s', expected type 'long'", typeName(v.Type))
	}
	name, _ := field(req.body, "collection").StringValueOK()
	batch, err := integerField(req.body, "batchSize", 0)
	if err != nil {
		return nil, err
	}
	if batch <= 0 {
		batch = -1
	}
	c := s.cursors.take(id)
	if c == nil {
		return nil, errorf(codeCursorNotFound, "cursor id %d not found", id)
	}
	if c.ns != req.db+"."+name {
		s.cursors.give(id, c)
		return nil, errorf(codeUnauthorized, "Requested getMore on namespace '%s.%s', but cursor belongs to a different namespace %s", req.db, name, c.ns)
	}
	b := newObject()
	b.document("cursor", c.batch("nextBatch", batch, id, func(c *cursor) int64 {
		s.cursors.give(id, c)
		return id
	}))
	return b.ok(), nil
}

func (s *Server) killCursors(req *request) (document, error) {
	list := field(req.body, "cursors")
	if list.Type != bsontype.Array {
		return nil, errorf(codeTypeMismatch, "BSON field 'killCursors.cursors' is the wrong type '%s', expected type 'array'", typeName(list.Type))
	}
	var killed, unknown []value
	for _, v := range items(list) {
		id, ok := v.Int64OK()
		if ok && s.cursors.take(id) != nil {
			killed = append(killed, v)
		} else {
			unknown = append(unknown, v)
		}
	}
	b := newObject()
	b.value("cursorsKilled", arrayValue(killed))
	b.value("cursorsNotFound", arrayValue(unknown))
	b.value("cursorsAlive", arrayValue(nil))
	b.value("cursorsUnknown", arrayValue(nil))
	return b.ok(), nil
}

func (s *Server) count(req *request) (document, error) {
	ns, err := req.namespace()
	if err != nil {
		return nil, err
	}
	q, err := parseQueryFields(req.body, "query")
	if err != nil {
		return nil, err
	}
	q.limit = max(q.limit, -q.limit) // MongoDB takes either sign here
	n, err := s.countMatches(ns, q)
	if err != nil {
		return nil, err
	}
	b := newObject()
	b.int32("n", int32(n))
	return b.ok(), nil
}

func (s *Server) countMatches(ns string, q query) (int64, error) {
	var n int64
	err := s.store.read(ns, func(c *collection) error {
		switch {
		case c == nil:
		case q.filter.isEmpty():
			n = max(0, int64(c.records.Len())-q.skip)
			if q.limit > 0 {
				n = min(n, q.limit)
			}
		default:
			n = int64(len(c.find(q.filter, nil, q.skip, q.limit)))
		}
		return nil
	})
	return n, err
}

func (s *Server) distinct(req *request) (document, error) {
	ns, err := req.namespace()
	if err != nil {
		return nil, err
	}
	key, ok := field(req.body, "key").StringValueOK()
	if !ok {
		return nil, errorf(codeTypeMismatch, "BSON field 'distinct.key' must be a string")
	}
	if key == "" || isOperator(key) {
		return nil, errorf(codeBadValue, "distinct needs the name of a field, not '%s'", key)
	}
	q, err := parseQueryFields(req.body, "query")
	if err != nil {
		return nil, err
	}
	found, err := s.run(ns, q)
	if err != nil {
		return nil, err
	}
	p := parsePath(key)
	var all []value
	for _, r := range found {
		walk(r.doc, p, false, func(v value) bool {
			switch {
			case v.Type == bsontype.Array:
				all = append(all, items(v)...)
			case !isMissing(v):
				all = append(all, v)
			}
			return false
		})
	}
	b := newObject()
	b.value("values", arrayValue(newValueSet(all)))
	return b.ok(), nil
}

// aggregate runs the one pipeline countDocuments sends: $match, $skip, $limit, $group with a $sum of 1.
func (s *Server) aggregate(req *request) (document, error) {
	ns, err := req.namespace()
	if err != nil {
		return nil, err
	}
	stages, err := req.documents("pipeline")
	if err != nil {
		return nil, err
	}
	q := query{}
	if q.filter, err = compileFilter(nil); err != nil {
		return nil, err
	}
	unsupported := errorf(codeNotImplemented, "the embedded server runs no pipeline but $match, $skip, $limit and a $group that counts, in this order")
	place, counted := 0, ""
	var id value
	for _, stage := range stages {
		it := iterate(stage)
		name, arg, _ := it.next()
		if _, _, more := it.next(); more || name == "" {
			return nil, errorf(40323, "A pipeline stage specification object must contain exactly one field.")
		}
		at := slices.Index([]string{"", "$match", "$skip", "$limit", "$group"}, name)
		switch {
		case at < 0 && slices.Contains(knownStages, name):
			return nil, unsupported
		case at < 0:
			return nil, errorf(codeUnknownStage, "Unrecognized pipeline stage name: '%s'", name)
		case at <= place:
			return nil, unsupported
		}
		place = at
		switch name {
		case "$match":
			if arg.Type != bsontype.EmbeddedDocument {
				return nil, errorf(15959, "the match filter must be an expression in an object")
			}
			if q.filter, err = compileFilter(arg.Data); err != nil {
				return nil, err
			}
		case "$skip", "$limit":
			n, ok := integer(arg)
			if !ok || n < 0 || name == "$limit" && n == 0 {
				return nil, errorf(15957, "the argument of %s must be a positive number", name)
			}
			if name == "$skip" {
				q.skip = n
			} else {
				q.limit = n
			}
		case "$group":
			if id, counted, err = countingGroup(arg); err != nil {
				return nil, err
			}
			if counted == "" {
				return nil, unsupported
			}
		}
	}
	if counted == "" {
		return nil, unsupported
	}
	n, err := s.countMatches(ns, q)
	if err != nil {
		return nil, err
	}
	c := &cursor{ns: ns}
	if n > 0 {
		row := newObject()
		row.value("_id", id)
		row.int32(counted, int32(n))
		c.records = []*record{{doc: row.end()}}
	}
	b := newObject()
	b.document("cursor", c.batch("firstBatch", -1, 0, func(*cursor) int64 { return 0 }))
	return b.ok(), nil
}

var knownStages = []string{
	"$addFields", "$bucket", "$bucketAuto", "$changeStream", "$collStats", "$count", "$densify", "$documents", "$facet",
	"$fill", "$geoNear", "$graphLookup", "$indexStats", "$lookup", "$merge", "$out", "$project", "$redact",
	"$replaceRoot", "$replaceWith", "$sample", "$set", "$setWindowFields", "$sort", "$sortByCount", "$unionWith",
	"$unset", "$unwind",
}

// countingGroup reads {_id: constant, name: {$sum: 1}}; name is empty for any other group.
func countingGroup(arg value) (id value, name string, err error) {
	if arg.Type != bsontype.EmbeddedDocument {
		return missing, "", errorf(15947, "a group's fields must be specified in an object")
	}
	id = field(arg.Data, "_id")
	if isMissing(id) {
		return missing, "", errorf(15955, "a group specification must include an _id")
	}
	if !isNumber(id.Type) && id.Type != bsontype.Null || count(arg.Data) != 2 {
		return missing, "", nil
	}
	it := iterate(arg.Data)
	for {
		key, v, ok := it.next()
		if !ok {
			return id, name, nil
		}
		if key == "_id" {
			continue
		}
		if v.Type != bsontype.EmbeddedDocument || count(v.Data) != 1 {
			return missing, "", nil
		}
		if n, ok := integer(field(v.Data, "$sum")); ok && n == 1 {
			name = key
		}
	}
}
