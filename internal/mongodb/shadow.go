package mongodb

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
)

// View says which documents of a collection, and what of them, were made by events alone, and so have to
// come out again when the events are read again.
type View struct {
	Collection string
	Fields     []string          // top-level fields that belong to it, the others are somebody else's; nil: the whole document
	Except     map[string]string // fields that may differ, "a" or "a.b", and why
	// Absent says of a document that it is as good as none: events did not make it, or took it back. Nil: none is.
	Absent func(doc map[string]any) bool
	// Own documents are written by the service first, and events tell of it: one of which no event tells is
	// left alone, and so is one that has something to publish still.
	Own bool
}

// Shadow compares a service's database with one beside it that was built anew, and carries over what
// differs. It knows documents, not what is in them.
type Shadow struct {
	Live    *mongo.Database
	Scratch *mongo.Database
}

// Difference is one document that is not the same in both databases.
type Difference struct {
	View View
	ID   string
	Kind DifferenceKind
	Says []string // what differs, field by field

	live bson.Raw // as it was read; nil when there is none
}

// DifferenceKind says how the live database differs from the one that was built anew.
type DifferenceKind string

// The kinds.
const (
	Changed DifferenceKind = "changed"
	Missing DifferenceKind = "missing" // not in the live database
	Extra   DifferenceKind = "extra"   // only in the live database
)

func (d Difference) String() string {
	text := fmt.Sprintf("%s %s is %s", d.View.Collection, d.ID, d.Kind)
	if len(d.Says) > 0 {
		text += ": " + strings.Join(d.Says, "; ")
	}
	return text
}

// Copy puts the live documents of a view's collection into the scratch database.
func (s Shadow) Copy(ctx context.Context, v View) error {
	cursor, err := s.Live.Collection(v.Collection).Find(ctx, bson.D{}, options.Find().SetProjection(bson.D{{Key: "outbox", Value: 0}, {Key: "outboxSince", Value: 0}}))
	if err != nil {
		return Wrap(err, "read %s", v.Collection)
	}
	defer cursor.Close(ctx)
	var batch []any
	write := func() error {
		if len(batch) == 0 {
			return nil
		}
		_, err := s.Scratch.Collection(v.Collection).InsertMany(ctx, batch)
		batch = nil
		return Wrap(err, "copy %s", v.Collection)
	}
	for cursor.Next(ctx) {
		if batch = append(batch, slices.Clone(cursor.Current)); len(batch) == 500 {
			if err := write(); err != nil {
				return err
			}
		}
	}
	return errors.Join(Wrap(cursor.Err(), "read %s", v.Collection), write())
}

// Compare goes through both databases side by side. It returns how many documents there are on either
// side, and all that differ; each, unless nil, is called after every so many documents.
func (s Shadow) Compare(ctx context.Context, v View, each func(documents int)) (documents int, list []Difference, err error) {
	live, err := walk(ctx, s.Live.Collection(v.Collection))
	if err != nil {
		return 0, nil, err
	}
	defer live.close(ctx)
	scratch, err := walk(ctx, s.Scratch.Collection(v.Collection))
	if err != nil {
		return 0, nil, err
	}
	defer scratch.close(ctx)
	for live.doc != nil || scratch.doc != nil {
		var d Difference
		var counts bool
		switch l, r := live.id, scratch.id; {
		case scratch.doc == nil || live.doc != nil && l < r:
			d, counts, err = v.difference(l, live.doc, nil)
			err = errors.Join(err, live.next(ctx))
		case live.doc == nil || r < l:
			d, counts, err = v.difference(r, nil, scratch.doc)
			err = errors.Join(err, scratch.next(ctx))
		default:
			d, counts, err = v.difference(l, live.doc, scratch.doc)
			err = errors.Join(err, live.next(ctx), scratch.next(ctx))
		}
		if err != nil {
			return documents, list, err
		}
		if d.Kind != "" {
			list = append(list, d)
		}
		if counts {
			if documents++; each != nil && documents%500 == 0 {
				each(500)
			}
		}
	}
	return documents, list, nil
}

// Count is about how many documents of a view the live database has.
func (s Shadow) Count(ctx context.Context, v View) (int, error) {
	n, err := s.Live.Collection(v.Collection).EstimatedDocumentCount(ctx)
	return int(n), Wrap(err, "count %s", v.Collection)
}

// Outcome is what became of a difference.
type Outcome string

// The outcomes.
const (
	Equal     Outcome = "equal"     // by now it is none
	Replaced  Outcome = "replaced"  //
	LeftAlone Outcome = "left"      // the document is the service's own, and no event tells of it
	Overtaken Outcome = "overtaken" // the live document has changed meanwhile, or is about to tell of a change
)

// Pending reports whether the live document is ahead of its events: it is the service's own, and has
// something to publish still.
func (d Difference) Pending() bool {
	_, err := d.live.LookupErr("outboxSince")
	return d.View.Own && d.live != nil && err == nil
}

// Again looks at one difference again; ok is false when it is none any more: the scratch database has come
// to what the live document was, or the live document to what the scratch database holds.
func (s Shadow) Again(ctx context.Context, d Difference) (now Difference, ok bool, err error) {
	scratch, err := one(ctx, s.Scratch.Collection(d.View.Collection), d.ID)
	if err != nil {
		return d, true, err
	}
	if now, _, err = d.View.difference(d.ID, d.live, scratch); err != nil || now.Kind == "" {
		return now, false, err
	}
	live, err := one(ctx, s.Live.Collection(d.View.Collection), d.ID)
	if err != nil {
		return d, true, err
	}
	now, _, err = d.View.difference(d.ID, live, scratch)
	return now, now.Kind != "", err
}

// one reads a document, nil when there is none.
func one(ctx context.Context, c *mongo.Collection, id string) (bson.Raw, error) {
	raw, err := c.FindOne(ctx, bson.D{{Key: "_id", Value: id}}).Raw()
	if errors.Is(err, mongo.ErrNoDocuments) {
		return nil, nil
	}
	return raw, Wrap(err, "read %s %s", c.Name(), id)
}

// Mend makes a live document what it is in the scratch database, if it is still as it was when the
// difference was found. What the scratch database holds must by then take in every event that the live
// document could have known when it was read.
func (s Shadow) Mend(ctx context.Context, d Difference) (Outcome, error) {
	scratch, err := one(ctx, s.Scratch.Collection(d.View.Collection), d.ID)
	if err != nil {
		return Overtaken, err
	}
	now, _, err := d.View.difference(d.ID, d.live, scratch)
	if err != nil {
		return Overtaken, err
	}
	switch {
	case now.Kind == "":
		return Equal, nil
	case d.Pending():
		return Overtaken, nil
	case d.View.Own && now.Kind == Extra:
		return LeftAlone, nil
	}
	replaced, err := s.replace(ctx, now, scratch)
	if mongo.IsDuplicateKeyError(err) { // somebody made it meanwhile, or has what must be unique
		err = nil
	}
	if err != nil || !replaced {
		return Overtaken, Wrap(err, "replace %s %s", d.View.Collection, d.ID)
	}
	return Replaced, nil
}

// replace writes on the condition that the live document is as it was read.
func (s Shadow) replace(ctx context.Context, d Difference, scratch bson.Raw) (bool, error) {
	c := s.Live.Collection(d.View.Collection)
	if d.live == nil {
		_, err := c.InsertOne(ctx, without(scratch, "outbox", "outboxSince", "changedSince"))
		return err == nil, err
	}
	unchanged := d.View.unchanged(d.ID, d.live)
	if d.Kind == Extra && scratch == nil && d.View.Fields == nil {
		res, err := c.DeleteOne(ctx, unchanged)
		return err == nil && res.DeletedCount == 1, err
	}
	res, err := c.UpdateOne(ctx, unchanged, d.View.change(d.live, scratch))
	return err == nil && res.MatchedCount == 1, err
}

// walker reads a collection in the order of its ids.
type walker struct {
	cursor *mongo.Cursor
	doc    bson.Raw // nil at the end
	id     string
}

func walk(ctx context.Context, c *mongo.Collection) (*walker, error) {
	cursor, err := c.Find(ctx, bson.D{}, options.Find().SetSort(bson.D{{Key: "_id", Value: 1}}))
	if err != nil {
		return nil, Wrap(err, "read %s", c.Name())
	}
	w := &walker{cursor: cursor}
	return w, w.next(ctx)
}

func (w *walker) next(ctx context.Context) error {
	w.doc, w.id = nil, ""
	if !w.cursor.Next(ctx) {
		return Wrap(w.cursor.Err(), "compare documents")
	}
	w.doc = slices.Clone(w.cursor.Current)
	w.id, _ = w.doc.Lookup("_id").StringValueOK()
	return nil
}

func (w *walker) close(ctx context.Context) { w.cursor.Close(context.WithoutCancel(ctx)) }
