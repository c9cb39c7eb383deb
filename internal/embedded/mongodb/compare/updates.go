package main

import (
	"slices"
	"strings"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// update is an update of the operators that the stores use; filters are its array filters. Paths that
// meet, operands that do not fit and changes of the _id are in it now and then.
func (s *source) update() (update bson.D, filters bson.A) {
	var taken []string
	add := func(op string, p path, arg any) {
		if slices.ContainsFunc(taken, func(t string) bool { return overlap(t, p.name) || mixed(t, p.name) }) && !s.chance(3) {
			return
		}
		taken = append(taken, p.name)
		i := slices.IndexFunc(update, func(x bson.E) bool { return x.Key == op })
		if i < 0 {
			update = append(update, e(op, bson.D{}))
			i = len(update) - 1
		}
		update[i].Value = append(update[i].Value.(bson.D), e(p.name, arg))
	}
	for range 1 + s.IntN(3) {
		switch s.IntN(10) {
		case 0, 1:
			p := s.place()
			add("$set", p, s.fitting(p))
		case 2:
			add("$unset", s.place(), "")
		case 3, 4:
			arg := pick[any](s, int32(1), int32(-2), int32(1), int64(1), 1.0, 0.5, int64(1)<<40)
			add("$inc", s.place("number"), arg)
		case 5:
			p := s.place("date", "number")
			add(pick(s, "$min", "$min", "$max"), p, s.fitting(p))
		case 6:
			add("$push", s.place("array", "lines", "entries"), s.pushed())
		case 7:
			p, arg := s.pulled()
			add("$pull", p, arg)
		case 8:
			p := s.place()
			add("$setOnInsert", p, s.fitting(p))
		default:
			if filters == nil {
				var p path
				var op string
				var arg any
				op, p, arg, filters = s.filtered()
				add(op, p, arg)
			}
		}
	}
	switch {
	case s.chance(1):
		add("$set", path{name: "_id"}, s.id())
	case len(update) == 0:
		update = bson.D{e("$set", bson.D{e("open", true)})}
	}
	used := slices.ContainsFunc(taken, func(t string) bool {
		return slices.Contains([]string{"items.$[i].at", "items.$[i].q", "items.$[i]"}, t)
	})
	if !used {
		filters = nil
	}
	s.Shuffle(len(update), func(i, j int) { update[i], update[j] = update[j], update[i] })
	return update, filters
}

// mixed: elements of items by array filters and by position, which one update may not take.
func mixed(a, b string) bool {
	return strings.HasPrefix(a, "items.") && strings.HasPrefix(b, "items.") && strings.Contains(a, "$[") != strings.Contains(b, "$[")
}

func (s *source) pushed() any {
	if s.chance(35) {
		return pick[any](s, s.entry(), s.line(), s.scalar())
	}
	each := append(some(s, 2, func() any { return s.scalar() }), s.entry())
	d := bson.D{e("$each", each)}
	if s.chance(50) {
		d = append(d, e("$slice", pick[any](s, int32(-2), int32(-100), int32(-1), int32(2), int64(-3))))
	}
	return d
}

func (s *source) pulled() (path, any) {
	switch s.IntN(5) {
	case 0:
		return path{name: "outbox"}, bson.D{e("id", bson.D{e("$in", some(s, 3, func() any { return pick(s, "e1", "e2", "e3", "e4") }))})}
	case 1:
		return path{name: "items"}, bson.D{e("sku", s.sku())}
	case 2:
		return path{name: "items"}, bson.D{e("q", bson.D{e(pick(s, "$gte", "$lt", "$ne"), s.number())})}
	case 3:
		return path{name: "tags"}, bson.D{e("$in", some(s, 3, func() any { return s.scalar() }))}
	default:
		return path{name: pick(s, "tags", "tags", "items", "outbox", "m")}, s.scalar()
	}
}

// filtered changes the elements of items that an array filter picks.
func (s *source) filtered() (op string, p path, arg any, filters bson.A) {
	filters = bson.A{bson.D{e("i.sku", s.sku())}}
	if s.chance(30) {
		filters = bson.A{bson.D{e("i.q", bson.D{e(pick(s, "$gte", "$lt", "$ne"), s.number())})}}
	}
	switch s.IntN(4) {
	case 0:
		return "$set", path{"items.$[i].at", "date"}, s.date(), filters
	case 1:
		return "$inc", path{"items.$[i].q", "number"}, pick[any](s, int32(1), int32(-1), 0.5), filters
	case 2:
		return "$set", path{"items.$[i]", "any"}, s.line(), filters
	default:
		return "$unset", path{"items.$[i].at", "date"}, "", filters
	}
}
