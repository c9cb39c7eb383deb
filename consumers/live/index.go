package live

// index finds the streams that an entry matches without asking the others. A stream is in one of its
// three parts: by key when it has one, else by attribute, else in the rest.
type index struct {
	streams     set // all
	byKey       map[string]set
	byAttribute map[string]map[string]set // name, value
	rest        set
	types       map[string]int // of the streams by attribute: how many want a type; "" is any
}

type set map[*stream]struct{}

func newIndex() index {
	return index{
		streams: make(set), byKey: make(map[string]set),
		byAttribute: make(map[string]map[string]set), rest: make(set), types: make(map[string]int),
	}
}

func (x *index) add(s *stream) {
	x.streams[s] = struct{}{}
	f := s.filter
	switch {
	case f.Key != "":
		put(x.byKey, f.Key, s)
	case f.Attribute != "":
		values := x.byAttribute[f.Attribute]
		if values == nil {
			values = make(map[string]set)
			x.byAttribute[f.Attribute] = values
		}
		put(values, f.Value, s)
		x.count(f.Types, 1)
	default:
		x.rest[s] = struct{}{}
	}
}

func (x *index) remove(s *stream) {
	if _, ok := x.streams[s]; !ok {
		return
	}
	delete(x.streams, s)
	f := s.filter
	switch {
	case f.Key != "":
		drop(x.byKey, f.Key, s)
	case f.Attribute != "":
		drop(x.byAttribute[f.Attribute], f.Value, s)
		if len(x.byAttribute[f.Attribute]) == 0 {
			delete(x.byAttribute, f.Attribute)
		}
		x.count(f.Types, -1)
	default:
		delete(x.rest, s)
	}
}

func (x *index) count(types []string, n int) {
	if len(types) == 0 {
		types = []string{""}
	}
	for _, t := range types {
		if x.types[t] += n; x.types[t] == 0 {
			delete(x.types, t)
		}
	}
}

func put(m map[string]set, key string, s *stream) {
	if m[key] == nil {
		m[key] = make(set)
	}
	m[key][s] = struct{}{}
}

func drop(m map[string]set, key string, s *stream) {
	delete(m[key], s)
	if len(m[key]) == 0 {
		delete(m, key)
	}
}

// matching calls f for each stream that an entry matches. f may remove the stream.
func (x *index) matching(e *entry, f func(*stream)) {
	deliver := func(streams set) {
		for s := range streams {
			if s.matches(e) {
				f(s)
			}
		}
	}
	deliver(x.byKey[e.record.Key])
	deliver(x.rest)
	if x.types[""] == 0 && x.types[e.typ()] == 0 {
		return // nobody needs to look into it
	}
	event, ok := e.decode()
	if !ok {
		return
	}
	for name, values := range x.byAttribute {
		if value, ok := attribute(event.Data, name); ok {
			deliver(values[value])
		}
	}
}
