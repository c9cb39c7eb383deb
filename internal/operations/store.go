package operations

import (
	"context"
	"errors"
	"time"

	"github.com/hashicorp/golang-lru/v2/expirable"
	"github.com/redis/go-redis/v9"
	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"storefront/internal/mongodb"
)

// ErrNotFound says that nothing was published under an id, or that an automatic query was forgotten.
var ErrNotFound = errors.New("operation not found")

const (
	automaticTTL = 7 * 24 * time.Hour
	cacheTTL     = 10 * time.Second // a newly published operation is seen by every router within this
	cacheSize    = 10_000
	redisTimeout = 100 * time.Millisecond
)

// Store keeps operations.
type Store struct {
	published *mongo.Collection
	redis     redis.UniversalClient
	cache     *expirable.LRU[string, Operation]
}

type document struct {
	Key         string    `bson:"_id"` // client and id
	Client      string    `bson:"client"`
	Operation   Operation `bson:"operation"`
	PublishedAt time.Time `bson:"publishedAt"`
}

// NewStore makes the index and returns the store. Without r, automatic queries are kept for a few seconds
// only and published ones are read from MongoDB more often; without db, nothing can be published here.
func NewStore(ctx context.Context, db *mongo.Database, r redis.UniversalClient) (*Store, error) {
	cache := expirable.NewLRU[string, Operation](cacheSize, nil, cacheTTL)
	if db == nil {
		return &Store{nil, r, cache}, nil
	}
	s := &Store{db.Collection("operations"), r, cache}
	return s, mongodb.EnsureIndexes(ctx, s.published, mongodb.Index{Name: "client", Keys: []string{"client", "_id"}})
}

// Publish writes a client's operations. An operation that was published before under the same id is
// replaced. It reports how many are new and how many differ from before.
func (s *Store) Publish(ctx context.Context, client string, list []Operation, now time.Time) (added, changed int, err error) {
	for _, o := range list {
		k := key(client, o.ID)
		res, err := s.published.ReplaceOne(ctx, bson.D{{Key: "_id", Value: k}}, document{k, client, o, now.UTC()}, options.Replace().SetUpsert(true))
		if err != nil {
			return added, changed, mongodb.Wrap(err, "publish operation %s", o.ID)
		}
		if res.UpsertedCount == 1 {
			added++
		} else {
			changed++
		}
		s.remember(ctx, "op:"+k, o.Name+"\x00"+o.Body, 0)
	}
	return added, changed, nil
}

// Get returns what client has published under id.
func (s *Store) Get(ctx context.Context, client, id string) (query, name string, err error) {
	k := key(client, id)
	if o, ok := s.cache.Get(k); ok {
		return o.Body, o.Name, nil
	}
	if v, ok := s.recall(ctx, "op:"+k); ok {
		for i := range len(v) {
			if v[i] == 0 {
				s.cache.Add(k, Operation{Name: v[:i], Body: v[i+1:]})
				return v[i+1:], v[:i], nil
			}
		}
	}
	if s.published == nil {
		return "", "", ErrNotFound
	}
	var d document
	switch err := s.published.FindOne(ctx, bson.D{{Key: "_id", Value: k}}).Decode(&d); {
	case errors.Is(err, mongo.ErrNoDocuments):
		return "", "", ErrNotFound
	case err != nil:
		return "", "", mongodb.Wrap(err, "find operation %s", id)
	}
	s.cache.Add(k, d.Operation)
	s.remember(ctx, "op:"+k, d.Operation.Name+"\x00"+d.Operation.Body, 0)
	return d.Operation.Body, d.Operation.Name, nil
}

// PutAutomatic remembers a query under its hash for a week.
func (s *Store) PutAutomatic(ctx context.Context, sha256, query string) error {
	s.cache.Add("apq:"+sha256, Operation{Body: query})
	s.remember(ctx, "apq:"+sha256, query, automaticTTL)
	return nil
}

// GetAutomatic returns the query with this hash, or ErrNotFound.
func (s *Store) GetAutomatic(ctx context.Context, sha256 string) (string, error) {
	if o, ok := s.cache.Get("apq:" + sha256); ok {
		return o.Body, nil
	}
	if q, ok := s.recall(ctx, "apq:"+sha256); ok {
		s.cache.Add("apq:"+sha256, Operation{Body: q})
		return q, nil
	}
	return "", ErrNotFound
}

// Redis only makes things faster: when it is away, reading goes to MongoDB and writing is left out.
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
