package live

// index finds the watches that an entry matches without asking the others. A watch is in one of its three
// parts for each of its filters: by key when that has one, else by attribute, else in the rest.
type index struct {
	all         set
	byKey       map[string]set
	byAttribute map[string]map[string]set // name, value
	rest        set
	types       map[string]int // of the filters by attribute: how many want a type; "" is any
	anywhere    int            // watches that need more than one partition
}

type set map[*watch]struct{}

func newIndex() index {
	return index{
		all: make(set), byKey: make(map[string]set),
		byAttribute: make(map[string]map[string]set), rest: make(set), types: make(map[string]int),
	}
}

func (x *index) add(w *watch) {
	x.all[w] = struct{}{}
	if len(w.partitions) > 1 {
		x.anywhere++
	}
	for _, f := range w.filters {
		switch {
		case f.Key != "":
			put(x.byKey, f.Key, w)
		case f.Attribute != "":
			values := x.byAttribute[f.Attribute]
			if values == nil {
				values = make(map[string]set)
				x.byAttribute[f.Attribute] = values
			}
			put(values, f.Value, w)
			x.count(f.Types, 1)
		default:
			x.rest[w] = struct{}{}
		}
	}
}

func (x *index) remove(w *watch) {
	if _, ok := x.all[w]; !ok {
		return
	}
	delete(x.all, w)
	if len(w.partitions) > 1 {
		x.anywhere--
	}
	for _, f := range w.filters {
		switch {
		case f.Key != "":
			drop(x.byKey, f.Key, w)
		case f.Attribute != "":
			drop(x.byAttribute[f.Attribute], f.Value, w)
			if len(x.byAttribute[f.Attribute]) == 0 {
				delete(x.byAttribute, f.Attribute)
			}
			x.count(f.Types, -1)
		default:
			delete(x.rest, w)
		}
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

func put(m map[string]set, key string, w *watch) {
	if m[key] == nil {
		m[key] = make(set)
	}
	m[key][w] = struct{}{}
}

func drop(m map[string]set, key string, w *watch) {
	delete(m[key], w)
	if len(m[key]) == 0 {
		delete(m, key)
	}
}

// offer gives an entry to each watch that it matches.
func (x *index) offer(e *entry) {
	to := func(watches set) {
		for w := range watches {
			w.offer(e)
		}
	}
	to(x.byKey[e.record.Key])
	to(x.rest)
	if x.types[""] == 0 && x.types[e.typ()] == 0 {
		return // nobody needs to look into it
	}
	event, ok := e.decode()
	if !ok {
		return
	}
	for name, values := range x.byAttribute {
		if value, ok := attribute(event.Data, name); ok {
			to(values[value])
		}
	}
}
