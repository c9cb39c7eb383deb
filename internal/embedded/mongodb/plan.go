package mongodb

import (
	"slices"

	"go.mongodb.org/mongo-driver/bson/bsontype"
)

// maxPoints bounds how many places of an index one query looks up when $in lists multiply.
const maxPoints = 10_000

// scan is how a query reads a collection: the whole of it (no index), or spans of an index.
type scan struct {
	ix      *index
	spans   []span
	reverse bool
	ordered int // how many of the sort's columns the walk already follows
	score   int
	any     []scan // the branches of an $or, instead of an index of its own
}

// span is the part of an index between two places.
type span struct{ from, to entry }

// conjuncts lists the predicates that every match fulfils, and the $or clauses beside them.
func conjuncts(e expr, preds []*predicate, ors []orExpr) ([]*predicate, []orExpr) {
	switch e := e.(type) {
	case andExpr:
		for _, inner := range e {
			preds, ors = conjuncts(inner, preds, ors)
		}
	case *predicate:
		preds = append(preds, e)
	case orExpr:
		if len(e) == 1 {
			return conjuncts(e[0], preds, ors)
		}
		ors = append(ors, e)
	}
	return preds, ors
}

// plan chooses the scan. Equality counts most, then an order that saves sorting, then a range; the
// _id and other unique keys win outright. The filter is still tested on every record the scan meets.
func (c *collection) plan(root expr, sort []column) scan {
	preds, ors := conjuncts(root, nil, nil)
	best := scan{}
	for _, ix := range c.indexes {
		if s := ix.scanFor(preds, sort); s.score > best.score {
			best = s
		}
	}
	if best.score >= 90 {
		return best
	}
	for _, or := range ors {
		branches := make([]scan, 0, len(or))
		for _, e := range or {
			s := c.plan(e, nil)
			if s.score == 0 {
				break
			}
			branches = append(branches, s)
		}
		if len(branches) == len(or) {
			return scan{any: branches, score: 50}
		}
	}
	return best
}

func (ix *index) scanFor(preds []*predicate, sort []column) scan {
	if !ix.covers(preds) {
		return scan{}
	}
	s := scan{ix: ix}
	prefixes := [][]value{nil}
	single := true // every column so far is fixed to one value
	k := 0
	for ; k < len(ix.columns); k++ {
		points := pointsFor(preds, ix.columns[k].path)
		if points == nil || len(points)*len(prefixes) > max(maxPoints, len(points)) {
			break
		}
		s.score += 100
		if len(points) > 1 {
			single = false
			s.score -= 10
		}
		next := make([][]value, 0, len(points)*len(prefixes))
		for _, prefix := range prefixes {
			for _, v := range points {
				next = append(next, append(slices.Clone(prefix), v))
			}
		}
		prefixes = next
	}
	if k == len(ix.columns) && ix.unique {
		s.score += 5000
	}
	var low, high *entry
	if k < len(ix.columns) {
		low, high = ix.bounds(preds, ix.columns[k])
		if low != nil {
			s.score += 30
		}
	}
	if single && !ix.multikey {
		s.ordered, s.reverse = ix.follows(sort, preds, k)
		if s.ordered > 0 {
			s.score += 40
		}
	}
	if s.score == 0 && (ix.partial != nil || ix.sparse) {
		s.score = 10 // smaller than the collection
	}
	for _, prefix := range prefixes {
		sp := span{entry{keys: prefix, bound: -1}, entry{keys: prefix, bound: 1}}
		if low != nil {
			sp = span{low.under(prefix), high.under(prefix)}
		}
		s.spans = append(s.spans, sp)
	}
	return s
}

func (e *entry) under(prefix []value) entry {
	out := *e
	out.keys = append(slices.Clone(prefix), e.keys...)
	return out
}

// pointsFor returns the values a column may have by $eq or $in, nil when neither fixes it. An array is
// no such value: its elements are in the index, it is not.
func pointsFor(preds []*predicate, p path) []value {
	var best []value
	for _, pred := range preds {
		if !slices.Equal(pred.path, p) {
			continue
		}
		var points []value
		switch pred.op {
		case "$eq":
			points = []value{pred.arg}
		case "$in":
			points = newValueSet(items(pred.arg))
		default:
			continue
		}
		if slices.ContainsFunc(points, func(v value) bool { return v.Type == bsontype.Array }) {
			continue
		}
		if slices.ContainsFunc(points, func(v value) bool { return v.Type == bsontype.Null }) {
			points = append(points, value{Type: bsontype.Undefined})
		}
		if points == nil {
			points = []value{}
		}
		if best == nil || len(points) < len(best) {
			best = points
		}
	}
	return best
}

// bounds returns the places a range on the column starts and ends at, in the index's direction.
func (ix *index) bounds(preds []*predicate, c column) (from, to *entry) {
	var low, high *predicate
	for _, p := range preds {
		if !slices.Equal(p.path, c.path) {
			continue
		}
		switch p.arg.Type {
		case bsontype.Array, bsontype.Null, bsontype.MinKey, bsontype.MaxKey, bsontype.Undefined:
			continue
		}
		switch p.op {
		case "$gt", "$gte":
			if low == nil {
				low = p
			}
		case "$lt", "$lte":
			if high == nil {
				high = p
			}
		}
	}
	if low != nil && high != nil && (ix.multikey || class(low.arg.Type) != class(high.arg.Type)) {
		high = nil // each bound may be met by another element
	}
	if low == nil && high == nil {
		return nil, nil
	}
	sign := int8(c.sign)
	end := func(p *predicate, side int8) *entry {
		if p == nil {
			other := low
			if other == nil {
				other = high
			}
			return &entry{keys: []value{other.arg}, bound: side * sign, classOnly: true}
		}
		if p.op == "$gte" || p.op == "$lte" {
			return &entry{keys: []value{p.arg}, bound: side * sign}
		}
		return &entry{keys: []value{p.arg}, bound: -side * sign}
	}
	lowEnd, highEnd := end(low, -1), end(high, 1)
	if c.sign < 0 {
		return highEnd, lowEnd
	}
	return lowEnd, highEnd
}

// follows tells how many columns of the sort a walk gives from column k on, and in which direction.
func (ix *index) follows(sort []column, preds []*predicate, k int) (n int, reverse bool) {
	at := k
	for _, s := range sort {
		fixed := slices.ContainsFunc(ix.columns[:k], func(c column) bool { return slices.Equal(c.path, s.path) })
		if fixed {
			n++
			continue
		}
		if at == len(ix.columns) || !slices.Equal(ix.columns[at].path, s.path) {
			return n, reverse
		}
		against := ix.columns[at].sign != s.sign
		if at > k && against != reverse {
			return n, reverse
		}
		reverse = against
		at++
		n++
	}
	return n, reverse
}

// covers reports whether the index holds every record the predicates may match.
func (ix *index) covers(preds []*predicate) bool {
	if ix.sparse {
		exists := slices.ContainsFunc(preds, func(p *predicate) bool {
			return requiresField(p) && slices.ContainsFunc(ix.columns, func(c column) bool { return slices.Equal(c.path, p.path) })
		})
		if !exists {
			return false
		}
	}
	if ix.partial == nil {
		return true
	}
	return impliedBy(ix.partial.root, preds)
}

func impliedBy(e expr, preds []*predicate) bool {
	switch e := e.(type) {
	case andExpr:
		for _, inner := range e {
			if !impliedBy(inner, preds) {
				return false
			}
		}
		return true
	case orExpr:
		return slices.ContainsFunc(e, func(inner expr) bool { return impliedBy(inner, preds) })
	case *predicate:
		return slices.ContainsFunc(preds, func(p *predicate) bool { return slices.Equal(p.path, e.path) && implies(p, e) })
	default:
		return false
	}
}

// requiresField reports whether p matches only records that have its field.
func requiresField(p *predicate) bool {
	switch p.op {
	case "$exists", "$size", "$type", "$elemMatch", "$mod":
		return true
	case "$in":
		return !slices.ContainsFunc(items(p.arg), func(v value) bool { return v.Type == bsontype.Null })
	case "$eq", "$gt", "$gte", "$lt", "$lte":
		return p.arg.Type != bsontype.Null
	default:
		return false
	}
}

// implies reports whether every record that meets p meets want, both on one path.
func implies(p, want *predicate) bool {
	if p.op == want.op && identical(p.arg, want.arg) {
		return true
	}
	switch want.op {
	case "$exists":
		return requiresField(p)
	case "$eq", "$gt", "$gte", "$lt", "$lte", "$in", "$type":
		if p.arg.Type == bsontype.Array && p.op != "$in" {
			return false
		}
		switch p.op {
		case "$eq":
			return want.pass(p.arg)
		case "$in":
			all := items(p.arg)
			return len(all) > 0 && !slices.ContainsFunc(all, func(v value) bool { return v.Type == bsontype.Array || !want.pass(v) })
		case "$gt", "$gte":
			return (want.op == "$gt" || want.op == "$gte") && class(p.arg.Type) == class(want.arg.Type) &&
				(want.pass(p.arg) || p.op == "$gt" && compare(p.arg, want.arg) == 0)
		case "$lt", "$lte":
			return (want.op == "$lt" || want.op == "$lte") && class(p.arg.Type) == class(want.arg.Type) &&
				(want.pass(p.arg) || p.op == "$lt" && compare(p.arg, want.arg) == 0)
		}
	}
	return false
}
