package main

import (
	"fmt"
	"math"
	"math/rand/v2"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// source makes random values over few fields and few contents, so that they meet. It is one client's.
type source struct {
	*rand.Rand
	client string // what every key of the client begins with
	ids    int    // how many ids a collection has at most
}

func newSource(seed uint64, client int) *source {
	return &source{Rand: rand.New(rand.NewPCG(seed, uint64(client))), client: fmt.Sprintf("c%d", client), ids: 16}
}

func pick[T any](s *source, list ...T) T { return list[s.IntN(len(list))] }

// chance is true in so many of a hundred.
func (s *source) chance(percent int) bool { return s.IntN(100) < percent }

func e(key string, value any) bson.E { return bson.E{Key: key, Value: value} }

var epoch = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func (s *source) date() any {
	return bson.NewDateTimeFromTime(epoch.Add(time.Duration(s.IntN(6)) * time.Hour))
}

func (s *source) number() any {
	return pick[any](s, int32(0), int32(1), int32(2), int32(-3), int32(7), int32(math.MaxInt32), int64(0), int64(1), int64(2), int64(-3),
		int64(1)<<40, int64(1)<<53+1, int64(math.MaxInt64), 0.0, 1.0, 2.0, 2.5, -0.5, 7.0, 1e15)
}

func (s *source) word() string {
	return pick(s, "", "a", "b", "B", "ab", "é", "e\u0301", "漢字", "\U0001F600", "a.b", "$a", "a b", "x\x1fy", "ß", "Z", "10", "9")
}

func (s *source) binary() any {
	return pick[any](s, bson.Binary{Data: []byte{}}, bson.Binary{Data: []byte{0}}, bson.Binary{Data: []byte{1, 2}}, bson.Binary{Subtype: 4, Data: make([]byte, 16)},
		bson.Binary{Subtype: 128, Data: []byte{1, 2}}, bson.Binary{Data: []byte{255}})
}

func (s *source) scalar() any {
	switch s.IntN(12) {
	case 0:
		return nil
	case 1:
		return s.chance(50)
	case 2, 3:
		return s.date()
	case 4:
		return s.binary()
	case 5:
		return pick[any](s, bson.ObjectID{}, bson.ObjectID{11: 1})
	case 6, 7, 8:
		return s.number()
	default:
		return s.word()
	}
}

// value is anything, nested no deeper than depth.
func (s *source) value(depth int) any {
	if depth > 0 {
		switch s.IntN(6) {
		case 0:
			return s.list(depth - 1)
		case 1:
			return s.nested(depth - 1)
		}
	}
	return s.scalar()
}

// list has an element at least: FerretDB sorts an empty one otherwise (deviations.go), so those come only in
// fields that nothing is sorted by.
func (s *source) list(depth int) bson.A {
	list := bson.A{}
	for range 1 + s.IntN(3) {
		list = append(list, s.value(depth))
	}
	return list
}

func (s *source) nested(depth int) bson.D {
	d := bson.D{}
	for _, k := range []string{"x", "y", "z"} {
		if s.chance(60) {
			d = append(d, e(k, s.value(depth)))
		}
	}
	if s.chance(20) { // not always in the order of names
		d = append(d, e("b", s.value(depth)), e("a", s.value(depth)))
	}
	return d
}

func (s *source) id() any { return fmt.Sprintf("%s-%02d", s.client, s.IntN(s.ids)) }

// key is a value of an unique index: few, so that some are taken.
func (s *source) key() any { return fmt.Sprintf("%s.k%d", s.client, s.IntN(10)) }

func (s *source) sku() any { return pick[any](s, "s1", "s2", "s3", "s4", "漢") }

func (s *source) entry() bson.D {
	return bson.D{e("id", pick(s, "e1", "e2", "e3", "e4")), e("data", s.value(1))}
}

// line is one element of items.
func (s *source) line() any {
	d := bson.D{e("sku", s.sku())}
	if s.chance(80) {
		d = append(d, e("q", s.number()))
	}
	if s.chance(50) {
		d = append(d, e("at", s.date()))
	}
	return d
}

func some(s *source, most int, make func() any) bson.A {
	list := bson.A{}
	for range s.IntN(most + 1) {
		list = append(list, make())
	}
	return list
}

// field is one field of the generator's documents: what a store would keep in it. Now and then it holds
// anything else, null, or is not there.
type field struct {
	name string
	make func(s *source) any
}

var fields = []field{
	{"key", (*source).key},
	{"version", func(s *source) any { return pick[any](s, int32(1), int32(2), int32(3), int64(2), 2.0) }},
	{"n", (*source).number},
	{"status", func(s *source) any { return pick(s, "NEW", "PAID", "DONE", "ä") }},
	{"open", func(s *source) any { return s.chance(60) }},
	{"at", (*source).date},
	{"due", (*source).date},
	{"tags", func(s *source) any { return some(s, 4, func() any { return s.scalar() }) }},
	{"items", func(s *source) any { return some(s, 3, s.line) }},
	{"holds", func(s *source) any {
		d := bson.D{}
		for _, k := range []string{"o1", "o2", "o3"} {
			if s.chance(40) {
				d = append(d, e(k, s.number()))
			}
		}
		return d
	}},
	{"outbox", func(s *source) any { return some(s, 3, func() any { return s.entry() }) }},
	{"m", func(s *source) any { return s.nested(2) }},
	{"a", func(s *source) any { return s.value(2) }},
	{"text", func(s *source) any { return s.word() }},
	{"bin", (*source).binary},
}

// body is a document without its _id.
func (s *source) body() bson.D {
	d := bson.D{e("owner", s.client)}
	for _, f := range fields {
		switch n := s.IntN(100); {
		case n < 35: // not there
		case n < 40:
			d = append(d, e(f.name, nil))
		case n < 44 && f.name != "key":
			d = append(d, e(f.name, s.value(2)))
		default:
			d = append(d, e(f.name, f.make(s)))
		}
	}
	if s.chance(10) {
		s.Shuffle(len(d)-1, func(i, j int) { d[i+1], d[j+1] = d[j+1], d[i+1] })
	}
	return d
}

func (s *source) document() bson.D { return append(bson.D{e("_id", s.id())}, s.body()...) }

// path is a field or a place below one, and what would fit there.
type path struct {
	name string
	kind string // number, date, array, lines, entries or any
}

var paths = []path{
	{"n", "number"}, {"version", "number"}, {"holds.o1", "number"}, {"holds.o2", "number"}, {"m.x", "number"}, {"items.0.q", "number"},
	{"at", "date"}, {"due", "date"},
	{"tags", "array"}, {"m.y", "array"}, {"items", "lines"}, {"outbox", "entries"},
	{"a", "any"}, {"m", "any"}, {"m.y.z", "any"}, {"m.new.deep", "any"}, {"status", "any"}, {"text", "any"}, {"open", "any"}, {"holds", "any"},
	{"holds.o3", "any"}, {"a.x", "any"}, {"a.0", "any"}, {"tags.1", "any"}, {"bin", "any"}, {"key", "key"}, {"items.1.at", "date"},
}

// place picks a path of one of the kinds, or, seldom, any path at all.
func (s *source) place(kinds ...string) path {
	for {
		p := pick(s, paths...)
		if len(kinds) == 0 || s.chance(2) {
			return p
		}
		for _, k := range kinds {
			if p.kind == k {
				return p
			}
		}
	}
}

// fitting is a value for the path, seldom any other.
func (s *source) fitting(p path) any {
	if p.kind != "key" && s.chance(8) {
		return s.value(2)
	}
	switch p.kind {
	case "number":
		return s.number()
	case "date":
		return s.date()
	case "array":
		return some(s, 4, func() any { return s.scalar() })
	case "lines":
		return some(s, 3, s.line)
	case "entries":
		return some(s, 3, func() any { return s.entry() })
	case "key":
		return s.key()
	}
	for _, f := range fields {
		if f.name == p.name {
			return f.make(s)
		}
	}
	return s.value(1)
}
