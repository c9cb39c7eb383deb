package mongodb

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/tidwall/btree"
)

// snapshotBatch is about how many bytes of documents one record of a snapshot holds.
const snapshotBatch = 256 << 10

// compact writes a snapshot of all collections and drops the journals before it, while commands go on.
// The journal moves to its next generation first; a change made while the snapshot is written may be in
// both, which replaying it does not mind.
func (s *store) compact() error {
	s.compaction.Lock()
	defer s.compaction.Unlock()
	began := time.Now()
	gen, err := s.journal.rotate()
	if err != nil {
		return err
	}
	name := snapshotPath(s.dir, gen)
	f, err := createFile(name+".tmp", snapshotMagic, gen)
	if err != nil {
		return fmt.Errorf("create snapshot: %w", err)
	}
	w := bufio.NewWriterSize(f, 1<<20)
	for _, c := range s.list("") {
		if err = c.snapshot(w); err != nil {
			break
		}
	}
	if err == nil {
		_, err = w.Write(appendRecord(nil, endPayload))
	}
	if err == nil {
		err = w.Flush()
	}
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		err = os.Rename(name+".tmp", name)
	}
	if err == nil {
		err = syncDir(s.dir)
	}
	if err != nil {
		os.Remove(name + ".tmp")
		return fmt.Errorf("write snapshot: %w", err)
	}
	removeBefore(s.dir, gen)
	s.logger.Info("database journal compacted", "generation", gen, "took", time.Since(began).Round(time.Millisecond))
	return nil
}

func (c *collection) snapshot(w *bufio.Writer) error {
	c.mu.Lock()
	if c.dropped {
		c.mu.Unlock()
		return nil
	}
	records := c.records.Copy() // shares its nodes with the live tree; costs nothing
	indexes := c.indexes
	c.mu.Unlock()

	if _, err := w.Write(appendRecord(nil, catalogPayload(c.ns, "create", trueValue))); err != nil {
		return err
	}
	for _, ix := range indexes[1:] {
		if _, err := w.Write(appendRecord(nil, catalogPayload(c.ns, "index", docValue(ix.document())))); err != nil {
			return err
		}
	}
	return writeRecords(w, c.ns, records)
}

func writeRecords(w *bufio.Writer, ns string, records *btree.Map[uint64, *record]) error {
	var batch []recordChange
	var buffer []byte
	size := 0
	flush := func() error {
		if len(batch) == 0 {
			return nil
		}
		buffer = appendRecord(buffer[:0], changePayload(ns, batch))
		batch, size = batch[:0], 0
		_, err := w.Write(buffer)
		return err
	}
	var failed error
	records.Scan(func(_ uint64, r *record) bool {
		batch = append(batch, recordChange{new: r})
		if size += len(r.doc); size > snapshotBatch {
			failed = flush()
		}
		return failed == nil
	})
	if failed != nil {
		return failed
	}
	return flush()
}
