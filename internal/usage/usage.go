// Package usage keeps who uses which fields of the graph, so that the last users of a deprecated one are known.
//
// A router adds up in memory what it is told of each request (Recorder) and writes the sums to MongoDB once a
// minute: one document for each day, client and operation, with the operation's fields, and one for each name of an
// input's field or an enum's value in its variables, which differ from run to run. Nothing waits for that,
// and what cannot be written is tried again and then given up. Enter at NewStore, NewRecorder and Store.Users.
package usage

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"storefront/internal/mongodb"
)

// Other stands for clients and operations of which there were too many to tell apart.
const Other = "other"

// Use is that a client has run an operation so many times, the last time at Last.
type Use struct {
	Client, Version string // as the client names itself, or a partner's name; "" for one that says nothing
	Operation, ID   string // its name, and the id it is stored under or the hash of its text
	Fields          []string
	Input           bool // the one field was named by variables
	Count           int64
	Last            time.Time
}

// User is a Use of one field, summed up over days.
type User struct {
	Field     string    `json:"field"`
	Client    string    `json:"client"`
	Version   string    `json:"version"`
	Operation string    `json:"operation"`
	ID        string    `json:"id"`
	Count     int64     `json:"count"`
	Last      time.Time `json:"last"`
}

type document struct {
	ID          string    `bson:"_id"`
	Day         time.Time `bson:"day"`
	Client      string    `bson:"client"`
	Version     string    `bson:"version"`
	Operation   string    `bson:"operation"`
	OperationID string    `bson:"operationId"`
	Fields      []string  `bson:"fields"` // as Type.field, Type.field(argument:), Input.field and Enum.VALUE
	Count       int64     `bson:"count"`
	Last        time.Time `bson:"last"`
	ExpiresAt   time.Time `bson:"expiresAt"`
}

// Store keeps uses for a time.
type Store struct {
	c    *mongo.Collection
	keep time.Duration
}

// NewStore makes the indexes and returns the store. What is added is kept for so long.
func NewStore(ctx context.Context, db *mongo.Database, keep time.Duration) (*Store, error) {
	s := &Store{db.Collection("usage"), keep}
	return s, mongodb.EnsureIndexes(ctx, s.c,
		mongodb.Index{Name: "fields", Keys: []string{"fields", "day"}},
		mongodb.Index{Name: "expiry", Keys: []string{"expiresAt"}, Expire: time.Second})
}

// Add adds uses up with those of the same day. When it fails, the first done of them have been added.
func (s *Store) Add(ctx context.Context, uses []Use) (done int, err error) {
	slices.SortStableFunc(uses, func(a, b Use) int { return cmp.Compare(key(a), key(b)) })
	writes := make([]mongo.WriteModel, len(uses))
	for i, u := range uses {
		day := u.Last.UTC().Truncate(24 * time.Hour)
		writes[i] = mongo.NewUpdateOneModel().SetUpsert(true).SetFilter(bson.D{{Key: "_id", Value: key(u)}}).SetUpdate(bson.D{
			{Key: "$inc", Value: bson.D{{Key: "count", Value: u.Count}}},
			{Key: "$max", Value: bson.D{{Key: "last", Value: u.Last.UTC()}}},
			{Key: "$setOnInsert", Value: bson.D{
				{Key: "day", Value: day}, {Key: "client", Value: u.Client}, {Key: "version", Value: u.Version},
				{Key: "operation", Value: u.Operation}, {Key: "operationId", Value: u.ID}, {Key: "fields", Value: u.Fields},
				{Key: "expiresAt", Value: day.Add(24*time.Hour + s.keep)}}}})
	}
	r, err := mongodb.Bulk(ctx, s.c, writes)
	if err != nil {
		return int(r.MatchedCount + r.UpsertedCount), mongodb.Wrap(err, "write usage")
	}
	return len(uses), nil
}

// key is the id of a use's document. A use of "other", or by variables, has one field, which makes the difference there.
func key(u Use) string {
	parts := []string{u.Last.UTC().Format(time.DateOnly), u.Client, u.Version, u.Operation, u.ID}
	if (u.ID == Other || u.Input) && len(u.Fields) == 1 {
		parts = append(parts, u.Fields[0])
	}
	return strings.Join(parts, "\x1f")
}

// Users are those who have used any of these fields since a day, each field's last user first.
func (s *Store) Users(ctx context.Context, fields []string, since time.Time) ([]User, error) {
	found, err := s.c.Find(ctx, bson.D{
		{Key: "fields", Value: bson.D{{Key: "$in", Value: fields}}},
		{Key: "day", Value: bson.D{{Key: "$gte", Value: since.UTC().Truncate(24 * time.Hour)}}}},
		options.Find().SetSort(bson.D{{Key: "_id", Value: 1}}))
	if err != nil {
		return nil, mongodb.Wrap(err, "find usage")
	}
	defer found.Close(ctx)
	wanted := map[string]bool{}
	for _, f := range fields {
		wanted[f] = true
	}
	type who struct{ field, client, version, operation, id string }
	sums := map[who]*User{}
	var users []*User
	for found.Next(ctx) {
		var d document
		if err := found.Decode(&d); err != nil {
			return nil, mongodb.Wrap(err, "read usage")
		}
		for _, f := range d.Fields {
			if !wanted[f] {
				continue
			}
			w := who{f, d.Client, d.Version, d.Operation, d.OperationID}
			u := sums[w]
			if u == nil {
				u = &User{Field: f, Client: d.Client, Version: d.Version, Operation: d.Operation, ID: d.OperationID}
				sums[w], users = u, append(users, u)
			}
			u.Count += d.Count
			if d.Last.After(u.Last) {
				u.Last = d.Last.UTC()
			}
		}
	}
	if err := found.Err(); err != nil {
		return nil, mongodb.Wrap(err, "read usage")
	}
	slices.SortStableFunc(users, func(a, b *User) int { return cmp.Or(cmp.Compare(a.Field, b.Field), b.Last.Compare(a.Last)) })
	out := make([]User, len(users))
	for i, u := range users {
		out[i] = *u
	}
	return out, nil
}
