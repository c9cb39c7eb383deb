package mongodb

import (
	"log/slog"
	"slices"
	"strings"
	"sync"

	"go.mongodb.org/mongo-driver/bson/bsontype"
	"go.mongodb.org/mongo-driver/x/bsonx/bsoncore"
)

// idIndexDocument defines the index every collection has.
var idIndexDocument = bsoncore.BuildDocument(nil,
	bsoncore.BuildDocumentElement(nil, "key", bsoncore.AppendInt32Element(nil, "_id", 1)),
	bsoncore.AppendStringElement(nil, "name", "_id_"))

var trueValue = value{Type: bsontype.Boolean, Data: []byte{1}}

// store is the catalogue of collections over one folder. Its lock guards the catalogue only; lock
// order is store, collection, journal.
type store struct {
	dir     string
	logger  *slog.Logger
	journal *journal // nil without a folder
	release func()   // gives the folder's lock back

	mu          sync.RWMutex
	collections map[string]*collection // by namespace

	compaction sync.Mutex
}

func splitNamespace(ns string) (db, name string) {
	db, name, _ = strings.Cut(ns, ".")
	return db, name
}

func checkNamespace(db, name string) error {
	if db == "" || len(db) > 63 || strings.ContainsAny(db, "/\\. \"$*<>:|?\x00") {
		return errorf(codeInvalidNamespace, "Invalid database name: '%s'", db)
	}
	if name == "" || strings.ContainsAny(name, "$\x00") || strings.HasPrefix(name, ".") || strings.HasSuffix(name, ".") || len(name) > 200 || strings.HasPrefix(name, "system.") {
		return errorf(codeInvalidNamespace, "Invalid collection name: '%s'", name)
	}
	return nil
}

func (s *store) lookup(ns string) *collection {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.collections[ns]
}

// create returns the collection, made now when it was not there (made is true then).
func (s *store) create(ns string) (c *collection, made bool, err error) {
	if c := s.lookup(ns); c != nil {
		return c, false, nil
	}
	if err := checkNamespace(splitNamespace(ns)); err != nil {
		return nil, false, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if c := s.collections[ns]; c != nil {
		return c, false, nil
	}
	if err := s.log(catalogPayload(ns, "create", trueValue)); err != nil {
		return nil, false, err
	}
	c = newCollection(strings.Clone(ns), s.journal)
	s.collections[c.ns] = c
	return c, true, nil
}

func (s *store) log(payload []byte) error {
	if s.journal == nil {
		return nil
	}
	if err := s.journal.append(payload); err != nil {
		return errorf(codeInternalError, "write journal: %s", err)
	}
	return nil
}

// read runs fn with the collection locked for reading; c is nil when it does not exist.
func (s *store) read(ns string, fn func(c *collection) error) error {
	for {
		c := s.lookup(ns)
		if c == nil {
			return fn(nil)
		}
		c.mu.RLock()
		if c.dropped {
			c.mu.RUnlock()
			continue
		}
		defer c.mu.RUnlock()
		return fn(c)
	}
}

// write runs fn with the collection locked for writing, made first when it does not exist, and
// commits what fn changed. Changes before an error fn returns stay, as in MongoDB's bulk writes.
func (s *store) write(ns string, fn func(w *write) error) error {
	for {
		c, _, err := s.create(ns)
		if err != nil {
			return err
		}
		done, err := c.write(fn)
		if done {
			return err
		}
	}
}

// change is write for a command that does not create its collection: fn gets nil when there is none.
func (s *store) change(ns string, fn func(w *write) error) error {
	for {
		c := s.lookup(ns)
		if c == nil {
			return fn(nil)
		}
		done, err := c.write(fn)
		if done {
			return err
		}
	}
}

// write runs fn under the lock; done is false when the collection was dropped before.
func (c *collection) write(fn func(w *write) error) (done bool, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.dropped {
		return false, nil
	}
	w := c.begin()
	err = fn(w)
	if failed := w.commit(); failed != nil {
		return true, failed
	}
	return true, err
}

// drop removes a collection; false when there is none.
func (s *store) drop(ns string) (*collection, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.collections[ns]
	if c == nil {
		return nil, nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := s.log(catalogPayload(ns, "drop", trueValue)); err != nil {
		return nil, err
	}
	c.dropped = true
	delete(s.collections, ns)
	return c, nil
}

// list returns the collections of db in order of name; of every database when db is empty.
func (s *store) list(db string) []*collection {
	s.mu.RLock()
	defer s.mu.RUnlock()
	var all []*collection
	for ns, c := range s.collections {
		if d, _ := splitNamespace(ns); db == "" || d == db {
			all = append(all, c)
		}
	}
	slices.SortFunc(all, func(a, b *collection) int { return strings.Compare(a.ns, b.ns) })
	return all
}

// createIndexes adds indexes to the locked collection c: all that are not there yet, or none when one of
// them cannot be made.
func (s *store) createIndexes(c *collection, specs []indexSpec) error {
	all := slices.Clone(c.indexes)
	for _, spec := range specs {
		there, err := findIndex(c.indexes, spec)
		if err != nil {
			return err
		}
		if there {
			continue
		}
		if twice, err := findIndex(all[len(c.indexes):], spec); err != nil {
			return err
		} else if twice {
			return errorf(codeIndexAlreadyExists, "Identical index already exists: %s", spec.name)
		}
		if len(all) >= 64 {
			return errorf(codeCannotCreateIndex, "add index fails, too many indexes for %s", c.ns)
		}
		all = append(all, newIndex(spec))
	}
	added := all[len(c.indexes):]
	for _, ix := range added {
		if err := c.build(ix); err != nil {
			return err
		}
	}
	for i, ix := range added {
		if err := s.log(catalogPayload(c.ns, "index", docValue(ix.document()))); err != nil {
			c.indexes = all[: len(c.indexes)+i : len(c.indexes)+i] // as the journal has it
			return err
		}
	}
	c.indexes = all
	return nil
}

// findIndex reports whether there is such an index; one that is in its way is an error.
func findIndex(indexes []*index, spec indexSpec) (bool, error) {
	definition := spec.document()
	for _, have := range indexes {
		// What tells two indexes apart; of those alike in all of it there is one.
		same := identical(docValue(have.key), docValue(spec.key)) && samePartial(have.partial, spec.partial) &&
			have.unique == spec.unique && have.sparse == spec.sparse
		switch {
		case have.name == "_id_" && len(spec.columns) == 1 && spec.columns[0].path.String() == "_id":
			return true, nil
		case have.name == spec.name && identical(docValue(have.document()), docValue(definition)):
			return true, nil
		case have.name == spec.name && same:
			return false, errorf(codeIndexOptionsConflict, "An equivalent index already exists with the same name but different options. Requested index: %s, existing index: %s", definition, have.document())
		case have.name == spec.name:
			return false, errorf(codeIndexKeySpecsConflict, "An existing index has the same name as the requested index. When index names are not specified, they are auto generated and can cause conflicts. Please refer to our documentation. Requested index: %s, existing index: %s", definition, have.document())
		case same:
			return false, errorf(codeIndexOptionsConflict, "Index already exists with a different name: %s", have.name)
		}
	}
	return false, nil
}

func samePartial(a, b *filter) bool {
	if a == nil || b == nil {
		return a == b
	}
	return identical(docValue(a.source), docValue(b.source))
}

func (s *store) dropIndex(c *collection, name string) error {
	at := slices.IndexFunc(c.indexes, func(ix *index) bool { return ix.name == name })
	if at < 0 {
		return errorf(codeIndexNotFound, "index not found with name [%s]", name)
	}
	if at == 0 {
		return errorf(codeInvalidOptions, "cannot drop _id index")
	}
	if err := s.log(catalogPayload(c.ns, "dropIndex", stringValue(name))); err != nil {
		return err
	}
	c.indexes = slices.Delete(slices.Clone(c.indexes), at, at+1)
	return nil
}
