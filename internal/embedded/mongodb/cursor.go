package mongodb

import (
	"math/rand/v2"
	"strconv"
	"sync"
	"time"

	"go.mongodb.org/mongo-driver/x/bsonx/bsoncore"
)

const (
	cursorTimeout = 10 * time.Minute
	maxCursors    = 10_000
	firstBatch    = 101      // documents, unless the client says otherwise
	batchBytes    = 16 << 20 // of documents in one answer
)

// cursor is what is left of a result. It holds records, which do not change, so it needs no lock on
// the collection and sees the result as it was when the command ran.
type cursor struct {
	ns      string
	records []*record
	project *projection
	used    time.Time
}

// cursors are the open cursors of a server.
type cursors struct {
	mu   sync.Mutex
	open map[int64]*cursor
}

// batch builds the cursor part of an answer: up to n documents (n < 0: as many as fit).
func (c *cursor) batch(key string, n int64, id int64, keep func(*cursor) int64) document {
	size := 256
	for i, r := range c.records {
		if n >= 0 && int64(i) >= n || size > batchBytes {
			break
		}
		size += len(r.doc) + 12
	}
	start, out := bsoncore.AppendDocumentStart(make([]byte, 0, size))
	list, out := bsoncore.AppendArrayElementStart(out, key)
	begin, i := len(out), 0
	for ; i < len(c.records) && (n < 0 || int64(i) < n); i++ {
		doc := c.project.apply(c.records[i].doc)
		if i > 0 && len(out)-begin+len(doc) > batchBytes {
			break
		}
		out = append(out, 0x03)
		out = strconv.AppendInt(out, int64(i), 10)
		out = append(out, 0)
		out = append(out, doc...)
	}
	out, _ = bsoncore.AppendArrayEnd(out, list)
	c.records = c.records[i:]
	if len(c.records) == 0 {
		id = 0
	} else {
		id = keep(c)
	}
	out = bsoncore.AppendInt64Element(out, "id", id)
	out = bsoncore.AppendStringElement(out, "ns", c.ns)
	out, _ = bsoncore.AppendDocumentEnd(out, start)
	return out
}

// add keeps a cursor; when there are too many, the one unused for longest goes.
func (cs *cursors) add(c *cursor) int64 {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	if len(cs.open) >= maxCursors {
		var oldest int64
		for id, other := range cs.open {
			if oldest == 0 || other.used.Before(cs.open[oldest].used) {
				oldest = id
			}
		}
		delete(cs.open, oldest)
	}
	id := rand.Int64N(1<<62) + 1
	for cs.open[id] != nil {
		id++
	}
	c.used = time.Now()
	cs.open[id] = c
	return id
}

// take removes a cursor to read from it; give puts it back under its id.
func (cs *cursors) take(id int64) *cursor {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	c := cs.open[id]
	delete(cs.open, id)
	return c
}

func (cs *cursors) give(id int64, c *cursor) {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	c.used = time.Now()
	cs.open[id] = c
}

// expire closes the cursors nobody has read since before.
func (cs *cursors) expire(before time.Time) {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	for id, c := range cs.open {
		if c.used.Before(before) {
			delete(cs.open, id)
		}
	}
}

// forget closes the cursors on a collection that is gone.
func (cs *cursors) forget(ns string) {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	for id, c := range cs.open {
		if c.ns == ns {
			delete(cs.open, id)
		}
	}
}
