package mongodb

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tidwall/btree"
)

// record is one version of a stored document. It never changes; an update makes another with the same
// sequence number, so whoever holds it reads on undisturbed.
type record struct {
	seq  uint64
	doc  document
	slot *slot
}

// slot is where index entries find a record's present version, so that an update touches only the
// indexes whose keys it changes. Under the collection's lock.
type slot struct {
	seq uint64
	now *record
}

// collection holds records in the order of insertion, and its indexes; indexes[0] is the one on _id.
// Its lock makes each command atomic: writers hold it for a whole command, readers while they collect.
type collection struct {
	ns      string
	journal *journal // nil when state is kept in memory only

	mu      sync.RWMutex
	dropped bool
	records btree.Map[uint64, *record]
	last    uint64
	size    int64 // bytes of all documents
	indexes []*index

	scanned atomic.Int64 // records that queries looked at, whether they matched or not
}

func newCollection(ns string, j *journal) *collection {
	spec, err := parseIndex(idIndexDocument)
	if err != nil {
		panic(err) // idIndexDocument is a constant
	}
	spec.unique = true
	return &collection{ns: ns, journal: j, indexes: []*index{newIndex(spec)}}
}

// find returns the records that match, in the order of sort (natural order of the scan without one).
// The caller holds the lock, for reading or writing.
func (c *collection) find(f *filter, sort []column, skip, limit int64) []*record {
	s := c.plan(f.root, sort)
	enough := int64(-1) // stop after so many; -1 reads all
	if limit > 0 && (s.ordered > 0 || len(sort) == 0) {
		enough = skip + limit
	}
	full := s.ordered == len(sort)
	var found []*record
	var lastKeys []value
	looked := int64(0)
	c.each(s, func(r *record) bool {
		looked++
		if enough >= 0 && !full && int64(len(found)) >= enough {
			// Enough by the leading columns; go on only while these stay equal.
			keys := sortKeys(r.doc, sort[:s.ordered])
			if lastKeys == nil {
				lastKeys = sortKeys(found[len(found)-1].doc, sort[:s.ordered])
			}
			if !equalKeys(keys, lastKeys) {
				return false
			}
		}
		if f.match(r.doc) {
			found = append(found, r)
		}
		return !full || enough < 0 || int64(len(found)) < enough
	})
	c.scanned.Add(looked)
	if !full {
		sortRecords(found, sort)
	}
	if skip > 0 {
		found = found[min(skip, int64(len(found))):]
	}
	if limit > 0 {
		found = found[:min(limit, int64(len(found)))]
	}
	return found
}

// each yields the records of a scan, each once, until fn returns false.
func (c *collection) each(s scan, fn func(*record) bool) {
	if s.any != nil {
		seen := map[uint64]bool{}
		more := true
		for _, branch := range s.any {
			c.each(branch, func(r *record) bool {
				if !seen[r.seq] {
					seen[r.seq] = true
					more = fn(r)
				}
				return more
			})
			if !more {
				return
			}
		}
		return
	}
	if s.ix == nil || s.score == 0 {
		c.records.Scan(func(_ uint64, r *record) bool { return fn(r) })
		return
	}
	var seen map[uint64]bool
	if s.ix.multikey {
		seen = map[uint64]bool{}
	}
	more := true
	for _, sp := range s.spans {
		visit := func(e entry) bool {
			if !s.reverse && !s.ix.less(e, sp.to) || s.reverse && !s.ix.less(sp.from, e) {
				return false
			}
			if seen != nil {
				if seen[e.slot.seq] {
					return true
				}
				seen[e.slot.seq] = true
			}
			more = fn(e.slot.now)
			return more
		}
		if s.reverse {
			s.ix.tree.Descend(sp.to, visit)
		} else {
			s.ix.tree.Ascend(sp.from, visit)
		}
		if !more {
			return
		}
	}
}

// write collects the changes of one command. They are in memory at once, under the lock, and in the
// journal when commit returns; a journal that cannot be written takes them back.
type write struct {
	c       *collection
	changes []recordChange
	now     time.Time
}

// recordChange is a record's step from one version to the next; old is nil for an insert, new for a delete.
type recordChange struct{ old, new *record }

func (c *collection) begin() *write { return &write{c: c, now: time.Now()} }

// insert stores doc, which must come from insertable and be nobody else's bytes.
func (w *write) insert(doc document) error {
	return w.put(nil, &record{seq: w.c.last + 1, doc: doc})
}

func (w *write) update(old *record, doc document) error {
	return w.put(old, &record{seq: old.seq, doc: doc})
}

func (w *write) put(old, next *record) error {
	c := w.c
	keys := make([][][]value, len(c.indexes))
	for i, ix := range c.indexes {
		k, err := ix.keys(next.doc)
		if err != nil {
			return err
		}
		if old != nil {
			if before, _ := ix.keys(old.doc); sameKeys(before, k) {
				continue // the entries there are stay
			}
		}
		if taken := ix.conflict(k, next.seq); taken != nil {
			return ix.duplicate(c.ns, taken)
		}
		keys[i] = k
		if k == nil {
			keys[i] = [][]value{}
		}
	}
	if old == nil {
		next.slot = &slot{seq: next.seq}
	} else {
		next.slot = old.slot
	}
	c.replace(old, next, keys)
	w.changes = append(w.changes, recordChange{old, next})
	return nil
}

func (w *write) delete(old *record) {
	w.c.replace(old, nil, nil)
	w.changes = append(w.changes, recordChange{old, nil})
}

// commit writes the changes to the journal, before anything is answered.
func (w *write) commit() error {
	if len(w.changes) == 0 || w.c.journal == nil {
		return nil
	}
	err := w.c.journal.append(changePayload(w.c.ns, w.changes))
	if err == nil {
		return nil
	}
	for _, ch := range slices.Backward(w.changes) {
		w.c.replace(ch.new, ch.old, nil)
	}
	w.changes = nil
	return errorf(codeInternalError, "write journal: %s", err)
}

// replace puts next in old's place; either may be nil. keys are next's keys in each index, nil in the
// indexes that stay as they are; without keys every index is gone through.
func (c *collection) replace(old, next *record, keys [][][]value) {
	for i, ix := range c.indexes {
		if keys != nil && keys[i] == nil {
			continue
		}
		if old != nil {
			k, _ := ix.keys(old.doc) // it was in this index, so it has keys
			ix.remove(old.slot, k)
		}
		switch {
		case next == nil:
		case keys != nil:
			ix.add(next.slot, keys[i])
		default:
			k, _ := ix.keys(next.doc)
			ix.add(next.slot, k)
		}
	}
	if old != nil {
		c.size -= int64(len(old.doc))
	}
	if next == nil {
		c.records.Delete(old.seq)
		return
	}
	next.slot.now = next
	c.records.Set(next.seq, next)
	c.size += int64(len(next.doc))
	c.last = max(c.last, next.seq)
}

// build fills a new index from the records there are: sorted first, which loads the tree fastest.
func (c *collection) build(ix *index) error {
	entries := make([]entry, 0, c.records.Len())
	var failed error
	c.records.Scan(func(_ uint64, r *record) bool {
		keys, err := ix.keys(r.doc)
		if err != nil {
			failed = err
			return false
		}
		ix.multikey = ix.multikey || len(keys) > 1
		for _, k := range keys {
			entries = append(entries, entry{keys: ownedKeys(k), slot: r.slot})
		}
		return true
	})
	if failed != nil {
		return failed
	}
	slices.SortFunc(entries, ix.order)
	for i, e := range entries {
		if i > 0 && ix.unique && entries[i-1].slot != e.slot && equalKeys(entries[i-1].keys, e.keys) {
			return ix.duplicate(c.ns, e.keys)
		}
		ix.tree.Load(e)
	}
	return nil
}
