package mongodb

import (
	"slices"
	"strings"

	"go.mongodb.org/mongo-driver/bson/bsontype"
)

// createCollection makes an empty collection; capped, clustered and validated ones are refused by the
// check of unknown fields.
func (s *Server) createCollection(req *request) (document, error) {
	ns, err := req.namespace()
	if err != nil {
		return nil, err
	}
	_, made, err := s.store.create(ns)
	if err != nil {
		return nil, err
	}
	if !made {
		return nil, errorf(codeNamespaceExists, "Collection %s already exists.", ns)
	}
	return newObject().ok(), nil
}

func (s *Server) drop(req *request) (document, error) {
	ns, err := req.namespace()
	if err != nil {
		return nil, err
	}
	c, err := s.store.drop(ns)
	if err != nil {
		return nil, err
	}
	b := newObject()
	if c != nil {
		s.cursors.forget(ns)
		b.int32("nIndexesWas", int32(len(c.indexes)))
		b.string("ns", ns)
	}
	return b.ok(), nil
}

func (s *Server) dropDatabase(req *request) (document, error) {
	for _, c := range s.store.list(req.db) {
		if _, err := s.store.drop(c.ns); err != nil {
			return nil, err
		}
		s.cursors.forget(c.ns)
	}
	b := newObject()
	b.string("dropped", req.db)
	return b.ok(), nil
}

func (s *Server) createIndexes(req *request) (document, error) {
	ns, err := req.namespace()
	if err != nil {
		return nil, err
	}
	list, err := req.documents("indexes")
	if err != nil {
		return nil, err
	}
	if len(list) == 0 {
		return nil, errorf(codeBadValue, "Must specify at least one index to create")
	}
	var specs []indexSpec
	for _, d := range list {
		spec, err := parseIndex(slices.Clone(d))
		if err != nil {
			return nil, err
		}
		specs = append(specs, spec)
	}
	_, made, err := s.store.create(ns)
	if err != nil {
		return nil, err
	}
	before, after := 0, 0
	err = s.store.write(ns, func(w *write) error {
		before = len(w.c.indexes)
		if err := s.store.createIndexes(w.c, specs); err != nil {
			return err
		}
		after = len(w.c.indexes)
		return nil
	})
	if err != nil {
		return nil, err
	}
	b := newObject()
	b.int32("numIndexesBefore", int32(before))
	b.int32("numIndexesAfter", int32(after))
	b.bool("createdCollectionAutomatically", made)
	if before == after {
		b.string("note", "all indexes already exist")
	}
	return b.ok(), nil
}

func (s *Server) dropIndexes(req *request) (document, error) {
	ns, err := req.namespace()
	if err != nil {
		return nil, err
	}
	before := 0
	err = s.store.change(ns, func(w *write) error {
		if w == nil {
			return errorf(codeNamespaceNotFound, "ns not found %s", ns)
		}
		before = len(w.c.indexes)
		names, err := w.c.indexNames(field(req.body, "index"))
		if err != nil {
			return err
		}
		for _, name := range names {
			if err := s.store.dropIndex(w.c, name); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	b := newObject()
	b.int32("nIndexesWas", int32(before))
	return b.ok(), nil
}

// indexNames resolves the index argument of dropIndexes: a name, "*", a key, or a list of names.
func (c *collection) indexNames(v value) ([]string, error) {
	switch v.Type {
	case bsontype.String:
		if v.StringValue() != "*" {
			return []string{v.StringValue()}, nil
		}
		var names []string
		for _, ix := range c.indexes[1:] {
			names = append(names, ix.name)
		}
		return names, nil
	case bsontype.EmbeddedDocument:
		for _, ix := range c.indexes {
			if compare(docValue(ix.key), v) == 0 {
				return []string{ix.name}, nil
			}
		}
		return nil, errorf(codeIndexNotFound, "can't find index with key: %s", v)
	case bsontype.Array:
		var names []string
		for _, item := range items(v) {
			name, ok := item.StringValueOK()
			if !ok {
				return nil, errorf(codeTypeMismatch, "dropIndexes takes the names of indexes")
			}
			if !slices.ContainsFunc(c.indexes, func(ix *index) bool { return ix.name == name }) {
				return nil, errorf(codeIndexNotFound, "index not found with name [%s]", name)
			}
			names = append(names, name)
		}
		return names, nil
	default:
		return nil, errorf(codeTypeMismatch, "BSON field 'dropIndexes.index' is the wrong type '%s'", typeName(v.Type))
	}
}

func (s *Server) listIndexes(req *request) (document, error) {
	ns, err := req.namespace()
	if err != nil {
		return nil, err
	}
	var rows []document
	err = s.store.read(ns, func(c *collection) error {
		if c == nil {
			return errorf(codeNamespaceNotFound, "ns does not exist: %s", ns)
		}
		for _, ix := range c.indexes {
			rows = append(rows, ix.document())
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return cursorReply(ns, rows), nil
}

func (s *Server) listCollections(req *request) (document, error) {
	spec, err := objectField(req.body, "filter")
	if err != nil {
		return nil, err
	}
	f, err := compileFilter(spec)
	if err != nil {
		return nil, err
	}
	nameOnly := truthy(field(req.body, "nameOnly"))
	var rows []document
	for _, c := range s.store.list(req.db) {
		_, name := splitNamespace(c.ns)
		row := newObject()
		row.string("name", name)
		row.string("type", "collection")
		if !nameOnly {
			row.document("options", newObject().end())
			info := newObject()
			info.bool("readOnly", false)
			row.document("info", info.end())
			row.document("idIndex", c.indexes[0].document())
		}
		if d := row.end(); f.match(d) {
			rows = append(rows, d)
		}
	}
	return cursorReply(req.db+".$cmd.listCollections", rows), nil
}

func (s *Server) listDatabases(req *request) (document, error) {
	spec, err := objectField(req.body, "filter")
	if err != nil {
		return nil, err
	}
	f, err := compileFilter(spec)
	if err != nil {
		return nil, err
	}
	nameOnly := truthy(field(req.body, "nameOnly"))
	var rows []document
	var total int64
	for all := s.store.list(""); len(all) > 0; {
		db, _ := splitNamespace(all[0].ns)
		var size int64
		n := 0
		for ; n < len(all) && strings.HasPrefix(all[n].ns, db+"."); n++ {
			size += all[n].stats().size
		}
		all = all[n:]
		row := newObject()
		row.string("name", db)
		if !nameOnly {
			row.int64("sizeOnDisk", size)
			row.bool("empty", false)
		}
		if d := row.end(); f.match(d) {
			rows = append(rows, d)
			total += size
		}
	}
	b := newObject()
	b.documents("databases", rows)
	if !nameOnly {
		b.int64("totalSize", total)
	}
	return b.ok(), nil
}

type collectionStats struct {
	count, size int64
	indexes     int
}

func (c *collection) stats() collectionStats {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return collectionStats{int64(c.records.Len()), c.size, len(c.indexes)}
}

func (s *Server) collStats(req *request) (document, error) {
	ns, err := req.namespace()
	if err != nil {
		return nil, err
	}
	var st collectionStats
	if c := s.store.lookup(ns); c != nil {
		st = c.stats()
	}
	b := newObject()
	b.string("ns", ns)
	b.int64("count", st.count)
	b.int64("size", st.size)
	if st.count > 0 {
		b.int64("avgObjSize", st.size/st.count)
	}
	b.int32("nindexes", int32(st.indexes))
	return b.ok(), nil
}

func (s *Server) dbStats(req *request) (document, error) {
	var sum collectionStats
	all := s.store.list(req.db)
	for _, c := range all {
		st := c.stats()
		sum.count += st.count
		sum.size += st.size
		sum.indexes += st.indexes
	}
	b := newObject()
	b.string("db", req.db)
	b.int32("collections", int32(len(all)))
	b.int64("objects", sum.count)
	b.int64("dataSize", sum.size)
	b.int32("indexes", int32(sum.indexes))
	return b.ok(), nil
}
