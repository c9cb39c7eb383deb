package live

// window is the most recent entries of a topic, in the order they were read.
type window struct {
	limit, byteLimit int

	entries []*entry // those before start have left
	start   int
	bytes   int
	ids     map[string]struct{} // of the events in the window
}

func newWindow(limit, byteLimit int) window {
	return window{limit: limit, byteLimit: byteLimit, ids: map[string]struct{}{}}
}

// add puts an entry in, says in it whether its event is in the window already, and calls left for each
// entry that makes room.
func (w *window) add(e *entry, left func(*entry)) {
	if id := e.id(); id != "" {
		if _, e.repeated = w.ids[id]; !e.repeated {
			w.ids[id] = struct{}{}
		}
	}
	w.entries = append(w.entries, e)
	w.bytes += e.size()
	for w.len() > 1 && (w.len() > w.limit || w.bytes > w.byteLimit) {
		old := w.entries[w.start]
		w.entries[w.start] = nil
		w.start++
		w.bytes -= old.size()
		if !old.repeated {
			delete(w.ids, old.id())
		}
		left(old)
	}
	if w.start > len(w.entries)/2 {
		kept := copy(w.entries, w.entries[w.start:])
		clear(w.entries[kept:])
		w.entries, w.start = w.entries[:kept], 0
	}
}

func (w *window) len() int { return len(w.entries) - w.start }

func (w *window) each(f func(*entry)) {
	for _, e := range w.entries[w.start:] {
		f(e)
	}
}
