package mongodb

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"storefront/internal/errs"
	"storefront/internal/outbox"
)

// Aggregate is a document with an identity and a version. Its struct has bson tags `_id` and `version`.
type Aggregate[T any] interface {
	*T
	// Identity returns the document's id and where its version is kept. Stores set the version: 1 when
	// inserted, one more with every change.
	Identity() (id string, version *int)
}

// Aggregates keeps the aggregates of one collection, each with its outbox. A change and the events it
// causes are one atomic write of one document.
type Aggregates[T any, P Aggregate[T]] struct {
	c       *mongo.Collection
	source  string // CloudEvents source
	now     func() time.Time
	written chan string
}

// NewAggregates returns the aggregates of c. Call EnsureIndexes before use.
func NewAggregates[T any, P Aggregate[T]](c *mongo.Collection, source string, now func() time.Time) *Aggregates[T, P] {
	return &Aggregates[T, P]{c: c, source: source, now: now, written: make(chan string, 4096)}
}

// Collection is for queries and conditional updates of a service's own; Entries gives those their events.
func (a *Aggregates[T, P]) Collection() *mongo.Collection { return a.c }

// EnsureIndexes makes the service's indexes and the outbox's own.
func (a *Aggregates[T, P]) EnsureIndexes(ctx context.Context, indexes ...Index) error {
	return EnsureIndexes(ctx, a.c, append(indexes, Index{
		Name: "outbox", Keys: []string{"outboxSince"},
		Partial: bson.D{{Key: "outboxSince", Value: bson.D{{Key: "$exists", Value: true}}}},
	})...)
}

// Get returns one aggregate; NotFound when there is none.
func (a *Aggregates[T, P]) Get(ctx context.Context, id string) (T, error) {
	var t T
	err := a.c.FindOne(ctx, bson.D{{Key: "_id", Value: id}}).Decode(&t)
	return t, Wrap(err, "get %s %s", a.c.Name(), id)
}

// GetMany returns those of ids that exist, by id.
func (a *Aggregates[T, P]) GetMany(ctx context.Context, ids []string) (map[string]T, error) {
	list, err := a.Find(ctx, bson.D{{Key: "_id", Value: bson.D{{Key: "$in", Value: ids}}}})
	if err != nil {
		return nil, err
	}
	found := make(map[string]T, len(list))
	for _, t := range list {
		id, _ := P(&t).Identity()
		found[id] = t
	}
	return found, nil
}

// Find returns what matches filter; use options.Find() for sort and limit.
func (a *Aggregates[T, P]) Find(ctx context.Context, filter bson.D, opts ...options.Lister[options.FindOptions]) ([]T, error) {
	cursor, err := a.c.Find(ctx, filter, opts...)
	if err != nil {
		return nil, Wrap(err, "find %s", a.c.Name())
	}
	list := []T{}
	return list, Wrap(cursor.All(ctx, &list), "find %s", a.c.Name())
}

// FindOne returns the first match; NotFound when there is none.
func (a *Aggregates[T, P]) FindOne(ctx context.Context, filter bson.D, opts ...options.Lister[options.FindOneOptions]) (T, error) {
	var t T
	err := a.c.FindOne(ctx, filter, opts...).Decode(&t)
	return t, Wrap(err, "find %s", a.c.Name())
}

// Insert writes a new aggregate and its events. A duplicate gives *Duplicate with the index's name.
// Not safe to repeat blindly: a repeat after an unknown outcome may find its own first try.
func (a *Aggregates[T, P]) Insert(ctx context.Context, t *T, events ...outbox.Event) error {
	id, version := P(t).Identity()
	*version = 1
	doc, err := fields(t)
	if err != nil {
		return err
	}
	if len(events) > 0 {
		entries, now, err := a.Entries(ctx, events...)
		if err != nil {
			return err
		}
		doc = append(doc, bson.E{Key: "outbox", Value: entries}, bson.E{Key: "outboxSince", Value: now})
	}
	if _, err := a.c.InsertOne(ctx, doc); err != nil {
		if mongo.IsDuplicateKeyError(err) {
			return &Duplicate{Index: indexOf(err), cause: err}
		}
		return Wrap(err, "insert %s %s", a.c.Name(), id)
	}
	if len(events) > 0 {
		a.Wake(id)
	}
	return nil
}

// Put writes an aggregate as it is, its version too, whatever was there. It is for databases that are
// built anew from events: nobody else writes there, and nothing is published.
func (a *Aggregates[T, P]) Put(ctx context.Context, t *T) error {
	id, _ := P(t).Identity()
	_, err := a.c.ReplaceOne(ctx, bson.D{{Key: "_id", Value: id}}, t, options.Replace().SetUpsert(true))
	return Wrap(err, "put %s %s", a.c.Name(), id)
}

// Update changes one aggregate: it reads, calls change, and writes only if nobody else has written
// meanwhile, else it begins again; so change may run several times and must not act on the world.
// change returns the events that the change causes. An error from it changes nothing and is returned
// as it is. When nothing differs and there are no events, nothing is written.
func (a *Aggregates[T, P]) Update(ctx context.Context, id string, change func(*T) ([]outbox.Event, error)) (T, error) {
	return a.update(ctx, id, false, func(t *T, _ bool) ([]outbox.Event, error) { return change(t) })
}

// Upsert is Update for an aggregate that may not be there yet: exists says whether it was. When it was
// not, t is the zero value and change must fill it in, its id included.
func (a *Aggregates[T, P]) Upsert(ctx context.Context, id string, change func(t *T, exists bool) ([]outbox.Event, error)) (T, error) {
	return a.update(ctx, id, true, change)
}

func (a *Aggregates[T, P]) update(ctx context.Context, id string, create bool, change func(*T, bool) ([]outbox.Event, error)) (T, error) {
	var zero T
	for try := 0; ; try++ {
		raw, err := a.c.FindOne(ctx, bson.D{{Key: "_id", Value: id}}).Raw()
		exists := !errors.Is(err, mongo.ErrNoDocuments)
		if err != nil && (exists || !create) {
			return zero, Wrap(err, "get %s %s", a.c.Name(), id)
		}
		var t T
		if exists {
			if err := bson.Unmarshal(raw, &t); err != nil {
				return zero, fmt.Errorf("decode %s %s: %w", a.c.Name(), id, err)
			}
		}
		events, err := change(&t, exists)
		if err != nil {
			return zero, err
		}
		var done bool
		if exists {
			done, err = a.save(ctx, id, raw, &t, events)
		} else {
			err = a.Insert(ctx, &t, events...)
			d, duplicate := errors.AsType[*Duplicate](err)
			if done = err == nil; duplicate && d.Index == "_id_" {
				err = nil // somebody else made it meanwhile
			}
		}
		if err != nil {
			return zero, err
		}
		if done {
			return t, nil
		}
		if try == maxTries {
			return zero, errs.New(errs.Unavailable, "too many at once are changing this; try again")
		}
		select {
		case <-time.After(rand.N(time.Duration(min(try+1, 16)) * time.Millisecond)):
		case <-ctx.Done():
			return zero, ctx.Err()
		}
	}
}

// maxTries bounds how often an update that others overtake begins again.
const maxTries = 200

// save writes what differs between the document as read and t, on the condition that the version is
// still the one that was read. It reports false when it is not.
func (a *Aggregates[T, P]) save(ctx context.Context, id string, before bson.Raw, t *T, events []outbox.Event) (bool, error) {
	_, version := P(t).Identity()
	read := int(before.Lookup("version").AsInt64())
	*version = read
	after, err := bson.Marshal(t)
	if err != nil {
		return false, fmt.Errorf("encode %s %s: %w", a.c.Name(), id, err)
	}
	set, unset, err := difference(before, after)
	if err != nil {
		return false, err
	}
	if len(set) == 0 && len(unset) == 0 && len(events) == 0 {
		return true, nil
	}
	*version = read + 1
	update := bson.D{{Key: "$set", Value: append(set, bson.E{Key: "version", Value: *version})}}
	if len(unset) > 0 {
		update = append(update, bson.E{Key: "$unset", Value: unset})
	}
	if len(events) > 0 {
		entries, now, err := a.Entries(ctx, events...)
		if err != nil {
			return false, err
		}
		update = append(update, Push(entries, now)...)
	}
	res, err := a.c.UpdateOne(ctx, bson.D{{Key: "_id", Value: id}, {Key: "version", Value: read}}, update)
	if err != nil {
		if mongo.IsDuplicateKeyError(err) {
			return false, &Duplicate{Index: indexOf(err), cause: err}
		}
		return false, Wrap(err, "update %s %s", a.c.Name(), id)
	}
	if res.MatchedCount == 1 && len(events) > 0 {
		a.Wake(id)
	}
	return res.MatchedCount == 1, nil
}

// difference lists the top-level fields to set and to unset, so that an update writes no more than it
// changes and leaves the outbox to itself.
func difference(before, after bson.Raw) (set, unset bson.D, err error) {
	old, err := before.Elements()
	if err != nil {
		return nil, nil, fmt.Errorf("read document: %w", err)
	}
	now, err := after.Elements()
	if err != nil {
		return nil, nil, fmt.Errorf("read document: %w", err)
	}
	had := make(map[string]bson.RawValue, len(old))
	for _, e := range old {
		had[e.Key()] = e.Value()
	}
	for _, e := range now {
		was, ok := had[e.Key()]
		delete(had, e.Key())
		if e.Key() == "_id" || e.Key() == "version" || ok && was.Type == e.Value().Type && bytes.Equal(was.Value, e.Value().Value) {
			continue
		}
		set = append(set, bson.E{Key: e.Key(), Value: e.Value()})
	}
	for _, e := range old {
		key := e.Key()
		if _, gone := had[key]; gone && key != "outbox" && key != "outboxSince" && key != "_id" && key != "version" {
			unset = append(unset, bson.E{Key: key, Value: ""})
		}
	}
	return set, unset, nil
}

func fields(t any) (bson.D, error) {
	b, err := bson.Marshal(t)
	if err != nil {
		return nil, fmt.Errorf("encode %T: %w", t, err)
	}
	elements, err := bson.Raw(b).Elements()
	if err != nil {
		return nil, fmt.Errorf("encode %T: %w", t, err)
	}
	doc := make(bson.D, 0, len(elements)+2)
	for _, e := range elements {
		doc = append(doc, bson.E{Key: e.Key(), Value: e.Value()})
	}
	return doc, nil
}

// Duplicate says that a unique index already holds such a document.
type Duplicate struct {
	Index string // its name; "_id_" for the id itself
	cause error
}

func (d *Duplicate) Error() string { return "duplicate in index " + d.Index + ": " + d.cause.Error() }
func (d *Duplicate) Unwrap() error { return d.cause }

// indexOf reads the index's name from the server's message: "... index: NAME dup key: ..." of MongoDB and
// Amazon DocumentDB, "... Index 'NAME'" of FerretDB.
func indexOf(err error) string {
	if _, rest, ok := strings.Cut(err.Error(), " index: "); ok {
		name, _, _ := strings.Cut(rest, " ")
		return name
	}
	_, rest, _ := strings.Cut(err.Error(), " Index '")
	name, _, _ := strings.Cut(rest, "'")
	return name
}
