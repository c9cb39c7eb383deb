// Package operations keeps persisted operations: what partners have published under ids of theirs, and
// automatic persisted queries of everyone else.
//
// MongoDB is where published operations live, each with its signature; a small cache in the process makes
// reading them cheap. Automatic ones are in Redis only and may be forgotten: a client sends such a query
// again. Enter at NewStore; release.go is for those who publish.
package operations

import (
	"context"
	"errors"
	"time"

	"github.com/hashicorp/golang-lru/v2/expirable"
	"github.com/redis/go-redis/v9"
	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"storefront/internal/mongodb"
)

// Why an operation is not given out.
var (
	ErrNotFound = errors.New("operation not found")                    // never published, or an automatic one that was forgotten
	ErrRetired  = errors.New("operation retired")                      // it was published once
	ErrUnsigned = errors.New("operation without the shop's signature") // somebody else wrote it, or the secret was another
)

const (
	automaticTTL = 7 * 24 * time.Hour
	cacheTTL     = 10 * time.Second // what is published or retired is seen by every router within this
	cacheSize    = 10_000
	redisTimeout = 100 * time.Millisecond
)

// Store keeps operations.
type Store struct {
	published *mongo.Collection
	releases  *mongo.Collection
	key       []byte
	redis     redis.UniversalClient
	cache     *expirable.LRU[string, found]
}

// found is an operation, or why there is none.
type found struct {
	Operation
	err error
}

type document struct {
	Key         string     `bson:"_id"` // client and id
	Client      string     `bson:"client"`
	Operation   Operation  `bson:"operation"`
	Release     int        `bson:"release"` // that brought its text
	PublishedAt time.Time  `bson:"publishedAt"`
	RetiredAt   *time.Time `bson:"retiredAt,omitempty"`
	Signature   string     `bson:"signature"`
}

func (d document) published() Published {
	return Published{Client: d.Client, Operation: d.Operation, Release: d.Release, RetiredAt: d.RetiredAt}
}

// NewStore makes the indexes and returns the store. key is what published operations are signed with.
// Without r, automatic queries are kept for a few seconds only; without db, nothing is published here.
func NewStore(ctx context.Context, db *mongo.Database, r redis.UniversalClient, key []byte) (*Store, error) {
	s := &Store{redis: r, key: key, cache: expirable.NewLRU[string, found](cacheSize, nil, cacheTTL)}
	if db == nil {
		return s, nil
	}
	s.published, s.releases = db.Collection("operations"), db.Collection("operation_releases")
	return s, errors.Join(
		mongodb.EnsureIndexes(ctx, s.published, mongodb.Index{Name: "client", Keys: []string{"client", "_id"}}),
		mongodb.EnsureIndexes(ctx, s.releases, mongodb.Index{Name: "client", Keys: []string{"client", "_id"}}))
}

// Get returns what client has published under id; ErrNotFound, ErrRetired or ErrUnsigned where it may not
// be run.
func (s *Store) Get(ctx context.Context, client, id string) (query, name string, err error) {
	k := key(client, id)
	if f, ok := s.cache.Get(k); ok {
		return f.Body, f.Name, f.err
	}
	if s.published == nil {
		return "", "", ErrNotFound
	}
	var d document
	var f found
	switch err := s.published.FindOne(ctx, bson.D{{Key: "_id", Value: k}}).Decode(&d); {
	case errors.Is(err, mongo.ErrNoDocuments):
		return "", "", ErrNotFound // not remembered: anybody can think of any number of ids
	case err != nil:
		return "", "", mongodb.Wrap(err, "find operation %s", id)
	case !d.signed(s.key):
		f.err = ErrUnsigned
	case d.RetiredAt != nil:
		f.err = ErrRetired
	default:
		f.Operation = d.Operation
	}
	s.cache.Add(k, f)
	return f.Body, f.Name, f.err
}

// PutAutomatic remembers a query under its hash for a week.
func (s *Store) PutAutomatic(ctx context.Context, sha256, query string) error {
	s.cache.Add("apq:"+sha256, found{Operation: Operation{Body: query}})
	s.remember(ctx, "apq:"+sha256, query, automaticTTL)
	return nil
}

// GetAutomatic returns the query with this hash, or ErrNotFound.
func (s *Store) GetAutomatic(ctx context.Context, sha256 string) (string, error) {
	if f, ok := s.cache.Get("apq:" + sha256); ok {
		return f.Body, nil
	}
	if q, ok := s.recall(ctx, "apq:"+sha256); ok {
		s.cache.Add("apq:"+sha256, found{Operation: Operation{Body: q}})
		return q, nil
	}
	return "", ErrNotFound
}

// Redis only makes things faster: when it is away, an automatic query is sent again.
func (s *Store) remember(ctx context.Context, key, value string, ttl time.Duration) {
	if s.redis == nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, redisTimeout)
	defer cancel()
	s.redis.Set(ctx, "storefront:"+key, value, ttl)
}

func (s *Store) recall(ctx context.Context, key string) (string, bool) {
	if s.redis == nil {
		return "", false
	}
	ctx, cancel := context.WithTimeout(ctx, redisTimeout)
	defer cancel()
	v, err := s.redis.Get(ctx, "storefront:"+key).Result()
	return v, err == nil
}

func key(client, id string) string { return client + "\x1f" + id }
