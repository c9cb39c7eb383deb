package replay

import (
	"bufio"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"io"
	"os"
	"path/filepath"
	"sync"

	"storefront/internal/errs"
)

// record is what became of one invoice so far. Later lines of the file add to earlier ones.
type record struct {
	Invoice string       `json:"invoice"`
	Cart    string       `json:"cart,omitempty"`    // written before the order is placed
	Order   string       `json:"order,omitempty"`   // written after
	Returns []takingBack `json:"returns,omitempty"` // decided; written before the first is asked for
	Done    bool         `json:"done,omitempty"`    // nothing is left to do
}

// takingBack is the part of a cancellation that falls on one order.
type takingBack struct {
	Order string `json:"order"`
	Lines []Line `json:"lines"`
}

// journal remembers what was begun, so that the same command goes on after a stop of any kind. It is an
// append-only file; a torn last line is passed over. It is safe for concurrent use.
type journal struct {
	mu      sync.Mutex
	file    *os.File
	records map[string]record
}

func openJournal(path string) (*journal, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, errs.Wrap(errs.BadInput, err, "cannot make the folder for the replay's journal")
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return nil, errs.Wrap(errs.BadInput, err, "cannot open the replay's journal")
	}
	j := &journal{file: f, records: map[string]record{}}
	in := bufio.NewReader(f)
	for {
		line, err := in.ReadBytes('\n')
		var r record
		if err == nil && json.Unmarshal(line, &r) == nil {
			j.merge(r)
		}
		if err == io.EOF {
			if len(line) > 0 { // torn: what follows begins a line of its own
				if _, err := f.Write([]byte("\n")); err != nil {
					return nil, fmt.Errorf("mend journal: %w", err)
				}
			}
			return j, nil
		}
		if err != nil {
			return nil, fmt.Errorf("read journal: %w", err)
		}
	}
}

func (j *journal) merge(r record) {
	known := j.records[r.Invoice]
	known.Invoice = r.Invoice
	if r.Cart != "" {
		known.Cart = r.Cart
	}
	if r.Order != "" {
		known.Order = r.Order
	}
	if r.Returns != nil {
		known.Returns = r.Returns
	}
	known.Done = known.Done || r.Done
	j.records[r.Invoice] = known
}

func (j *journal) of(invoice string) record {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.records[invoice]
}

func (j *journal) write(r record) error {
	line, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("encode journal: %w", err)
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if _, err := j.file.Write(append(line, '\n')); err != nil {
		return fmt.Errorf("write journal: %w", err)
	}
	j.merge(r)
	return nil
}

func (j *journal) close() error { return j.file.Close() }

func hashOf(s string) uint64 {
	h := fnv.New64a()
	h.Write([]byte(s))
	return h.Sum64()
}
