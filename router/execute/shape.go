package execute

import (
	"encoding/json"
	"fmt"
	"strings"

	"storefront/router/plan"
)

// shape is the layout of the objects at one place of the tree: a slot for each key that anything in the
// plan reads or writes there. Slot 0 is the object's type, and stands for __typename.
type shape struct {
	size  int32 // slots
	slots map[string]int32
	subs  []*shape // by slot: of the objects in it; nil for leaves
}

func newShape() *shape {
	return &shape{size: 1, slots: map[string]int32{"__typename": 0}, subs: []*shape{nil}}
}

// slot returns a key's slot, and makes it when there is none.
func (s *shape) slot(key string) int32 {
	at, ok := s.slots[key]
	if !ok {
		at = s.size
		s.slots[key] = at
		s.subs = append(s.subs, nil)
		s.size++
	}
	return at
}

// sub returns the shape of the objects under a key, and makes it when there is none.
func (s *shape) sub(key string) *shape {
	at := s.slot(key)
	if s.subs[at] == nil {
		s.subs[at] = newShape()
	}
	return s.subs[at]
}

// selection is how an object of an answer is read into a block.
type selection struct {
	shape *shape
	any   *fields // whatever its type; nil when some fields are only read from objects of some types

	types []int32   // those types
	own   []*fields // for each of them
	rest  *fields   // for all other types
	all   *fields   // for an object that does not say what it is
}

// of returns the fields to read from objects of a type, 0 for unknown.
func (s *selection) of(typ int32) *fields {
	if typ == 0 {
		return s.all
	}
	for i, t := range s.types {
		if t == typ {
			return s.own[i]
		}
	}
	return s.rest
}

// fields are what is read of an object, in the order in which it was asked for.
type fields struct {
	list  []field
	index map[string]int // by name; nil when they are few
}

type field struct {
	name   string // as in the answer
	quoted string // with quotes and the colon after it
	slot   int32
	sub    *selection // nil for leaves
}

const fewFields = 12

// find returns the place of a field, -1 when there is none.
func (f *fields) find(name []byte) int {
	if f.index != nil {
		if i, ok := f.index[string(name)]; ok {
			return i
		}
		return -1
	}
	for i := range f.list {
		if f.list[i].name == string(name) {
			return i
		}
	}
	return -1
}

// selectionKey names a compiled selection: what it was made of, and the shape it fills.
type selectionKey struct {
	sources string
	into    *shape
}

// selection compiles selections that apply to the same objects, which stand where the shape tree is. The
// blocks they are read into have the shape into: the same one, or one with nothing else in it.
func (c *compiler) selection(sources []*plan.Selection, tree, into *shape) *selection {
	var id strings.Builder
	for _, s := range sources {
		fmt.Fprintf(&id, "%p ", s)
	}
	key := selectionKey{id.String(), into}
	if s := c.selections[key]; s != nil {
		return s
	}
	s := &selection{shape: into}
	c.selections[key] = s
	seen := map[string]bool{}
	conditional := false
	for _, source := range sources {
		for i := range source.Fields {
			for _, name := range source.Fields[i].On {
				conditional = true
				if typ := c.types.ids[name]; typ > 0 && !seen[name] {
					seen[name] = true
					s.types = append(s.types, typ)
				}
			}
		}
	}
	if !conditional {
		s.any = c.fields(sources, tree, into, func([]string) bool { return true })
		return s
	}
	for _, typ := range s.types {
		name := c.types.names[typ]
		s.own = append(s.own, c.fields(sources, tree, into, func(on []string) bool { return len(on) == 0 || contains(on, name) }))
	}
	s.rest = c.fields(sources, tree, into, func(on []string) bool { return len(on) == 0 })
	s.all = c.fields(sources, tree, into, func([]string) bool { return true })
	return s
}

// fields compiles those fields of selections that apply. Fields of one name are read as one.
func (c *compiler) fields(sources []*plan.Selection, tree, into *shape, applies func(on []string) bool) *fields {
	out := &fields{}
	at := map[string]int{}
	var subs [][]*plan.Selection
	for _, source := range sources {
		for i := range source.Fields {
			f := &source.Fields[i]
			if !applies(f.On) {
				continue
			}
			k, ok := at[f.Alias]
			if !ok {
				k = len(out.list)
				at[f.Alias] = k
				out.list = append(out.list, field{name: f.Alias, quoted: quoted(f.Alias) + ":", slot: into.slot(f.Key)})
				subs = append(subs, nil)
			}
			if f.Sub != nil {
				into.subs[into.slot(f.Key)] = tree.sub(f.Key)
				subs[k] = append(subs[k], f.Sub)
			} else {
				tree.slot(f.Key)
			}
		}
	}
	for k, list := range subs {
		if len(list) > 0 {
			sub := into.subs[out.list[k].slot]
			out.list[k].sub = c.selection(list, sub, sub)
		}
	}
	if len(out.list) > fewFields {
		out.index = at
	}
	return out
}

func quoted(s string) string {
	data, err := json.Marshal(s)
	if err != nil {
		return `""`
	}
	return string(data)
}

func contains(list []string, s string) bool {
	for _, x := range list {
		if x == s {
			return true
		}
	}
	return false
}
