package main

import (
	"slices"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// What the stores ask by: equality, $ne, $in, ranges, $exists and $size on fields, on fields of array
// elements and on keys of maps, and an $or of such.
var asked = []path{
	{"status", "any"}, {"version", "number"}, {"n", "number"}, {"at", "date"}, {"due", "date"}, {"open", "any"}, {"key", "key"}, {"text", "any"}, {"bin", "any"},
	{"tags", "element"}, {"items.sku", "sku"}, {"items.q", "number"}, {"items.at", "date"}, {"outbox.id", "entry"}, {"outbox", "size"}, {"items", "size"},
	{"holds.o1", "number"}, {"holds.o2", "number"}, {"m.x", "number"}, {"m.y", "any"}, {"a", "any"}, {"a.x", "any"}, {"m.y.z", "any"}, {"a.0", "any"}, {"items.0.q", "number"},
}

// operand is what a field is compared with.
func (s *source) operand(p path) any {
	if s.chance(6) {
		return nil
	}
	switch p.kind {
	case "element":
		return s.scalar()
	case "sku":
		return s.sku()
	case "entry":
		return pick(s, "e1", "e2", "e3", "e4")
	case "size":
		return s.value(1)
	}
	return s.fitting(p)
}

func (s *source) condition(p path) any {
	if p.kind == "size" && s.chance(70) {
		return bson.D{e("$size", pick[any](s, int32(0), int32(1), int64(2)))}
	}
	operand := func() any { return s.operand(p) }
	list := func() bson.A { return append(some(s, 3, operand), operand()) }
	switch s.IntN(12) {
	case 0:
		return bson.D{e("$ne", operand())}
	case 1, 2:
		return bson.D{e("$in", list())}
	case 3, 4:
		return bson.D{e("$exists", s.chance(70))}
	case 5, 6, 7:
		return bson.D{e(pick(s, "$gt", "$gte", "$lt", "$lte"), operand())}
	case 8:
		return bson.D{e("$gte", operand()), e("$lt", operand())}
	case 9:
		return bson.D{e("$eq", operand())}
	default:
		return operand()
	}
}

// conditions adds up to most conditions, each on a field of its own.
func (s *source) conditions(filter bson.D, most int) bson.D {
	for range min(most, pick(s, 0, 0, 1, 1, 2, 3)) {
		p := pick(s, asked...)
		if !slices.ContainsFunc(filter, func(x bson.E) bool { return x.Key == p.name }) {
			filter = append(filter, e(p.name, s.condition(p)))
		}
	}
	return filter
}

// mine matches documents of this client only.
func (s *source) mine(most int) bson.D {
	filter := bson.D{e("owner", s.client)}
	if s.chance(30) {
		filter = bson.D{e("_id", bson.D{e("$in", some(s, 6, s.id))}), filter[0]}
	} else if s.chance(20) {
		filter = append(filter, e("_id", bson.D{e(pick(s, "$gt", "$lt", "$gte", "$lte"), s.id())}))
	}
	filter = s.conditions(filter, most)
	if s.chance(12) {
		filter = append(filter, e("$or", bson.A{s.conditions(bson.D{e("n", s.condition(path{"n", "number"}))}, 1), s.conditions(bson.D{}, 2)}))
	}
	return filter
}

// one matches the document with an id, if it fulfils up to most conditions.
func (s *source) one(most int) (filter bson.D, id any) {
	id = s.id()
	return s.conditions(bson.D{e("_id", id)}, most), id
}

// order sorts by up to two fields; the id makes it total, for MongoDB promises no order among equals.
func (s *source) order() bson.D {
	direction := func() any { return pick[any](s, int32(1), int32(-1)) }
	sort := bson.D{}
	for range s.IntN(3) {
		f := pick(s, "n", "at", "due", "status", "version", "key", "text", "holds.o1")
		if !slices.ContainsFunc(sort, func(x bson.E) bool { return x.Key == f }) {
			sort = append(sort, e(f, direction()))
		}
	}
	if len(sort) == 0 && s.chance(40) { // may be an array, of which a sort may have one
		sort = append(sort, e(pick(s, "a", "bin"), direction()))
	}
	return append(sort, e("_id", direction()))
}

// projection keeps or leaves out a few fields.
func (s *source) projection() bson.D {
	names := []string{"n", "tags", "items", "items.sku", "outbox", "holds", "holds.o1", "m.x", "m.y", "a", "a.x", "status", "at"}
	keep, projection := pick[any](s, int32(1), true), bson.D{}
	if s.chance(40) {
		keep = pick[any](s, int32(0), false)
	}
	s.Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
	for _, n := range names[:s.IntN(4)] {
		if !slices.ContainsFunc(projection, func(x bson.E) bool { return overlap(x.Key, n) }) {
			projection = append(projection, e(n, keep))
		}
	}
	switch {
	case s.chance(15):
		projection = append(projection, e("_id", int32(0)))
	case s.chance(15):
		projection = bson.D{e("_id", int32(1))}
	}
	return projection
}

func overlap(a, b string) bool {
	return a == b || len(a) > len(b) && a[:len(b)+1] == b+"." || len(b) > len(a) && b[:len(a)+1] == a+"."
}
