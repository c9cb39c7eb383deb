package main

import (
	"fmt"
	"slices"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// operation is one command, as it is sent to both servers.
type operation struct {
	command bson.D
	ids     []any // the documents to look at afterwards, when it writes
	whole   bool  // it may write any of the client's documents
	anyRow  bool  // MongoDB promises no order of the documents it answers
}

func (o operation) name() string { return o.command[0].Key }

// next makes a command. Those that change indexes are for a collection that one client has for itself.
func (s *source) next(collection string, own bool) operation {
	on := func(name string, more ...bson.E) bson.D { return append(bson.D{e(name, collection)}, more...) }
	switch n := s.IntN(100); {
	case n < 10:
		return s.insert(on)
	case n < 38:
		update, id := s.statement(false)
		return operation{command: on("update", e("updates", bson.A{update})), ids: []any{id}}
	case n < 43:
		return s.bulk(on)
	case n < 47:
		filter := s.mine(2)
		update, arrays := s.update()
		return operation{command: on("update", e("updates", bson.A{with(bson.D{e("q", filter), e("u", update), e("multi", true)}, arrays)})), whole: true}
	case n < 52:
		return s.remove(on)
	case n < 60:
		return s.modify(on)
	case n < 64:
		return s.count(on)
	case n < 66 && own:
		return s.indexes(on)
	case n < 67:
		return operation{command: on("listIndexes"), anyRow: true}
	default:
		return s.find(on)
	}
}

type on = func(name string, more ...bson.E) bson.D

func (s *source) insert(on on) operation {
	var docs bson.A
	var ids []any
	for range pick(s, 1, 1, 1, 1, 3, 5) {
		d := s.document()
		docs, ids = append(docs, d), append(ids, d[0].Value)
	}
	command := on("insert", e("documents", docs))
	if s.chance(40) {
		command = append(command, e("ordered", s.chance(40)))
	}
	return operation{command: command, ids: ids}
}

// statement is an update of one document by its id, with conditions, an upsert or a replacement.
func (s *source) statement(bulk bool) (bson.D, any) {
	conditions := 2
	upsert := s.chance(25)
	if upsert {
		conditions = s.IntN(2)
	}
	filter, id := s.one(conditions)
	if s.chance(12) {
		statement := bson.D{e("q", filter), e("u", s.body())}
		if s.chance(20) {
			statement[1].Value = append(bson.D{e("_id", pick(s, id, id, s.id()))}, s.body()...)
		}
		if upsert || !bulk {
			statement = append(statement, e("upsert", upsert))
		}
		return statement, id
	}
	update, arrays := s.update()
	if upsert {
		update = s.owned(update)
	}
	statement := with(bson.D{e("q", filter), e("u", update)}, arrays)
	if upsert {
		statement = append(statement, e("upsert", true))
	}
	return statement, id
}

// owned makes what an upsert inserts the client's.
func (s *source) owned(update bson.D) bson.D {
	for i, x := range update {
		if x.Key == "$setOnInsert" {
			update[i].Value = append(x.Value.(bson.D), e("owner", s.client))
			return update
		}
	}
	return append(update, e("$setOnInsert", bson.D{e("owner", s.client)}))
}

func with(statement bson.D, arrayFilters bson.A) bson.D {
	if arrayFilters == nil {
		return statement
	}
	return append(statement, e("arrayFilters", arrayFilters))
}

func (s *source) bulk(on on) operation {
	var list bson.A
	var ids []any
	for range 2 + s.IntN(4) {
		statement, id := s.statement(true)
		list, ids = append(list, statement), append(ids, id)
	}
	return operation{command: on("update", e("updates", list), e("ordered", s.chance(40))), ids: ids}
}

func (s *source) remove(on on) operation {
	var list bson.A
	for range pick(s, 1, 1, 2, 3) {
		filter, _ := s.one(1)
		limit := pick[any](s, int32(1), int32(0))
		if s.chance(15) {
			filter, limit = s.mine(3), int32(0)
		}
		list = append(list, bson.D{e("q", filter), e("limit", limit)})
	}
	return operation{command: on("delete", e("deletes", list), e("ordered", s.chance(50))), whole: true}
}

func (s *source) modify(on on) operation {
	filter, id := s.one(2)
	op := operation{ids: []any{id}}
	if s.chance(40) {
		filter, op.whole = s.mine(2), true
	}
	op.command = on("findAndModify", e("query", filter))
	if op.whole {
		op.command = append(op.command, e("sort", s.order()))
	}
	if s.chance(10) {
		op.command = append(op.command, e("remove", true))
	} else {
		upsert := !op.whole && s.chance(20)
		if s.chance(10) {
			op.command = append(op.command, e("update", s.body()))
		} else {
			update, arrays := s.update()
			if upsert {
				update = s.owned(update)
			}
			op.command = with(append(op.command, e("update", update)), arrays)
		}
		if upsert {
			op.command = append(op.command, e("upsert", true))
		}
		if s.chance(60) {
			op.command = append(op.command, e("new", s.chance(80)))
		}
	}
	if s.chance(20) {
		op.command = append(op.command, e("fields", s.projection()))
	}
	return op
}

func (s *source) count(on on) operation {
	group := bson.D{e("_id", int32(1)), e("n", bson.D{e("$sum", int32(1))})}
	return operation{command: on("aggregate", e("pipeline", bson.A{bson.D{e("$match", s.mine(2))}, bson.D{e("$group", group)}}), e("cursor", bson.D{}))}
}

func (s *source) find(on on) operation {
	filter := s.mine(3)
	if s.chance(30) {
		filter, _ = s.one(2)
	}
	op := operation{command: on("find", e("filter", filter)), anyRow: true}
	if s.chance(60) {
		op.anyRow = false
		op.command = append(op.command, e("sort", s.order()))
		if s.chance(50) {
			op.command = append(op.command, e("limit", pick[any](s, int64(1), int64(2), int32(3), int64(5))))
		}
	}
	if s.chance(30) {
		op.command = append(op.command, e("projection", s.projection()))
	}
	if s.chance(30) {
		op.command = append(op.command, e("batchSize", pick[any](s, int32(1), int32(2), int32(3))))
	}
	return op
}

// columns are the keys of the indexes that are made and dropped.
var columns = []bson.D{
	{e("key", int32(1))}, {e("n", int32(1))}, {e("tags", int32(1))}, {e("items.sku", int32(1))}, {e("due", int32(1))}, {e("a", int32(-1))},
	{e("owner", int32(1)), e("key", int32(1))}, {e("status", int32(1)), e("_id", int32(-1))}, {e("owner", int32(1)), e("tags", int32(1))},
	{e("status", int32(1)), e("n", int32(-1)), e("at", int32(1))}, {e("m.x", int32(1))}, {e("bin", int32(1))},
}

func exists(field string) bson.D { return bson.D{e(field, bson.D{e("$exists", true)})} }

func (s *source) index() bson.D {
	n := s.IntN(len(columns))
	d := bson.D{e("key", columns[n]), e("name", fmt.Sprintf("i%d", n))}
	if s.chance(8) {
		d[1].Value = fmt.Sprintf("i%d", s.IntN(len(columns)))
	}
	// FerretDB lets a unique index that runs downwards have null twice; the stores have none.
	if s.chance(50) && !slices.ContainsFunc(columns[n], func(x bson.E) bool { return x.Value == int32(-1) }) {
		d = append(d, e("unique", true))
	}
	if s.chance(35) {
		d = append(d, e("partialFilterExpression", pick(s, exists(columns[n][0].Key), bson.D{e("open", true)})))
	} else if n == 4 && s.chance(30) {
		d = append(d, e("expireAfterSeconds", int32(1<<31-1)))
	}
	return d
}

func (s *source) indexes(on on) operation {
	if s.chance(45) {
		name := fmt.Sprintf("i%d", s.IntN(len(columns)))
		return operation{command: on("dropIndexes", e("index", pick[any](s, name, name, name, "*")))}
	}
	list := bson.A{s.index()}
	if s.chance(20) {
		list = append(list, s.index())
	}
	return operation{command: on("createIndexes", e("indexes", list))}
}
