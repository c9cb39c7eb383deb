package mongodb

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.mongodb.org/mongo-driver/bson/bsontype"
	"go.mongodb.org/mongo-driver/x/bsonx/bsoncore"
)

// openStore reads the folder's newest snapshot and the journals after it. dir "" keeps all in memory.
func openStore(dir string, limit int64, logger *slog.Logger) (*store, error) {
	s := &store{dir: dir, logger: logger, collections: map[string]*collection{}, release: func() {}}
	if dir == "" {
		return s, nil
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("open data folder %s: %w; make it writable or choose another folder", dir, err)
	}
	release, err := lockDir(dir)
	if err != nil {
		return nil, err
	}
	s.release = release
	if err := s.load(limit); err != nil {
		release()
		return nil, err
	}
	return s, nil
}

func (s *store) load(limit int64) error {
	began := time.Now()
	snapshots, journals, err := generations(s.dir)
	if err != nil {
		return fmt.Errorf("read data folder %s: %w; make it readable or choose another folder", s.dir, err)
	}
	l := &loading{collections: map[string]*loadingCollection{}}
	first := uint64(1)
	if len(snapshots) > 0 {
		first = snapshots[len(snapshots)-1]
		if err := l.snapshot(snapshotPath(s.dir, first), first); err != nil {
			return err
		}
	}
	journals = slices.DeleteFunc(journals, func(gen uint64) bool { return gen < first })
	for i, gen := range journals {
		if gen != first+uint64(i) {
			return damaged(journalPath(s.dir, first+uint64(i)), errors.New("it is missing"))
		}
	}
	if len(snapshots) > 0 && len(journals) == 0 { // a snapshot's journal is begun before it
		return damaged(journalPath(s.dir, first), errors.New("it is missing"))
	}
	j := &journal{dir: s.dir, limit: limit, full: make(chan struct{}, 1), gen: first}
	for i, gen := range journals {
		name := journalPath(s.dir, gen)
		size, err := readFile(name, journalMagic, gen, l.apply)
		last := i == len(journals)-1
		if errors.Is(err, errTorn) && last {
			if err := s.cut(name, size); err != nil {
				return err
			}
		} else if err != nil {
			return damaged(name, err)
		}
		j.gen, j.size = gen, size
	}
	if len(journals) == 0 {
		j.file, err = createJournal(s.dir, j.gen)
		j.size = fileHead
	} else {
		j.file, err = os.OpenFile(journalPath(s.dir, j.gen), os.O_RDWR, 0)
	}
	if err != nil {
		return fmt.Errorf("open journal: %w; make the data folder %s writable or choose another", err, s.dir)
	}
	s.journal = j
	if err := l.finish(s); err != nil {
		j.close()
		return damaged(journalPath(s.dir, j.gen), err)
	}
	removeBefore(s.dir, first)
	s.logger.Info("database loaded", "collections", len(s.collections), "documents", l.records(), "took", time.Since(began).Round(time.Millisecond))
	return nil
}

// cut removes what a crash left behind the last whole record.
func (s *store) cut(name string, size int64) error {
	info, err := os.Stat(name)
	if err != nil {
		return err
	}
	s.logger.Warn("journal ends in an incomplete record, as after a crash; it was never answered and is cut off",
		"file", filepath.Base(name), "bytes", info.Size()-size)
	if err := os.Truncate(name, size); err != nil {
		return fmt.Errorf("cut journal: %w", err)
	}
	return nil
}

func damaged(name string, err error) error {
	return fmt.Errorf("data file %s is damaged (%w): put it back from a backup, or start over with --fresh", name, err)
}

// generations lists the snapshots and journals of a folder, ascending, and removes unfinished snapshots.
func generations(dir string) (snapshots, journals []uint64, err error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, nil, err
	}
	for _, e := range entries {
		kind, number, _ := strings.Cut(e.Name(), "-")
		gen, err := strconv.ParseUint(number, 10, 64)
		switch {
		case strings.HasSuffix(e.Name(), ".tmp"):
			if err := os.Remove(filepath.Join(dir, e.Name())); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return nil, nil, err
			}
		case err != nil:
		case kind == "snapshot":
			snapshots = append(snapshots, gen)
		case kind == "journal":
			journals = append(journals, gen)
		}
	}
	slices.Sort(snapshots)
	slices.Sort(journals)
	return snapshots, journals, nil
}

func removeBefore(dir string, gen uint64) {
	snapshots, journals, err := generations(dir)
	if err != nil {
		return // they are read again, and again ignored, at the next start
	}
	for _, g := range snapshots {
		if g < gen {
			os.Remove(snapshotPath(dir, g))
		}
	}
	for _, g := range journals {
		if g < gen {
			os.Remove(journalPath(dir, g))
		}
	}
}

// loading gathers the last word on each record; indexes are built when all is read, so an order of
// changes that a snapshot overtook cannot trip over a unique index on the way.
type loading struct {
	collections map[string]*loadingCollection
}

type loadingCollection struct {
	docs    map[uint64]document
	indexes []indexSpec
}

func (l *loading) collection(ns string) *loadingCollection {
	c := l.collections[ns]
	if c == nil {
		c = &loadingCollection{docs: map[uint64]document{}}
		l.collections[ns] = c
	}
	return c
}

func (l *loading) records() int {
	n := 0
	for _, c := range l.collections {
		n += len(c.docs)
	}
	return n
}

func (l *loading) apply(payload []byte) error {
	ns, ok := field(payload, "ns").StringValueOK()
	if !ok {
		return errors.New("a change without a collection")
	}
	it := iterate(payload)
	for {
		key, v, ok := it.next()
		if !ok {
			return nil
		}
		switch key {
		case "ns":
		case "ops":
			c := l.collection(ns)
			ops := iterate(v.Data)
			for {
				_, op, ok := ops.next()
				if !ok {
					break
				}
				seq, _ := integer(field(op.Data, "s"))
				if d := field(op.Data, "d"); isMissing(d) {
					delete(c.docs, uint64(seq))
				} else {
					c.docs[uint64(seq)] = slices.Clone(document(d.Data))
				}
			}
		case "create":
			l.collection(ns)
		case "drop":
			delete(l.collections, ns)
		case "index":
			spec, err := parseIndex(slices.Clone(v.Data))
			if err != nil {
				return err
			}
			c := l.collection(ns)
			c.dropIndex(spec.name)
			c.indexes = append(c.indexes, spec)
		case "dropIndex":
			l.collection(ns).dropIndex(v.StringValue())
		default:
			return fmt.Errorf("a change of unknown kind %q; it was written by a newer version", key)
		}
	}
}

func (c *loadingCollection) dropIndex(name string) {
	c.indexes = slices.DeleteFunc(c.indexes, func(s indexSpec) bool { return s.name == name })
}

func (l *loading) finish(s *store) error {
	for ns, lc := range l.collections {
		c := newCollection(strings.Clone(ns), s.journal)
		seqs := make([]uint64, 0, len(lc.docs))
		for seq := range lc.docs {
			seqs = append(seqs, seq)
		}
		slices.Sort(seqs)
		for _, seq := range seqs {
			doc := lc.docs[seq]
			r := &record{seq: seq, doc: doc, slot: &slot{seq: seq}}
			r.slot.now = r
			c.records.Load(seq, r)
			c.size += int64(len(doc))
			c.last = seq
		}
		for _, spec := range lc.indexes {
			c.indexes = append(c.indexes, newIndex(spec))
		}
		for _, ix := range c.indexes {
			if err := c.build(ix); err != nil {
				return fmt.Errorf("collection %s: %w", ns, err)
			}
		}
		s.collections[c.ns] = c
	}
	return nil
}

// snapshot reads a snapshot file, which must be whole up to its closing record.
func (l *loading) snapshot(name string, gen uint64) error {
	whole := false
	_, err := readFile(name, snapshotMagic, gen, func(payload []byte) error {
		if !isMissing(field(payload, "end")) {
			whole = true
			return nil
		}
		return l.apply(payload)
	})
	if err == nil && !whole {
		err = errors.New("its end is missing")
	}
	if err != nil {
		return damaged(name, err)
	}
	return nil
}

// endPayload closes a snapshot.
var endPayload = bsoncore.BuildDocument(nil, bsoncore.AppendValueElement(nil, "end", value{Type: bsontype.Boolean, Data: []byte{1}}))
