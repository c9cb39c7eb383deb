// Package partners keeps what a shop has agreed with its partners: how much each may ask, and the keys that
// its programs sign in with beside OIDC.
//
// A partner is known by its client id, the same as in OIDC and in what it has published. It is one document
// in MongoDB; a router reads it through a cache of a few seconds. Enter at NewStore.
package partners

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/expirable"
	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"storefront/internal/errs"
	"storefront/internal/mongodb"
	"storefront/internal/outbox"
	"storefront/internal/ratelimit"
)

// Partner is one client and what was agreed with it.
type Partner struct {
	Name       string               `bson:"_id"`
	Version    int                  `bson:"version"`
	Limits     Limits               `bson:"limits"`
	Operations []OperationLimits    `bson:"operations,omitempty"`
	Scopes     []string             `bson:"scopes,omitempty"`   // that its keys carry
	Priority   string               `bson:"priority,omitempty"` // of its operations under overload: critical, normal or low; "" is normal
	Keys       []Key                `bson:"keys,omitempty"`
	Used       map[string]time.Time `bson:"used,omitempty"` // when each key was last seen, by id, to a minute
}

// Limits are rates as ratelimit.ParseRate reads them; "" is the router's default.
type Limits struct {
	Requests string `bson:"requests,omitempty"`
	Cost     string `bson:"cost,omitempty"` // in units of operation cost
}

// OperationLimits hold for one published operation, beside those of the partner.
type OperationLimits struct {
	ID     string `bson:"id"`
	Limits `bson:",inline"`
}

// Identity implements mongodb.Aggregate.
func (p *Partner) Identity() (id string, version *int) { return p.Name, &p.Version }

// Store keeps partners. Its reads by Find and ByKey are at most cacheTTL old.
type Store struct {
	all   *mongodb.Aggregates[Partner, *Partner]
	now   func() time.Time
	names *expirable.LRU[string, Partner]
	keys  *expirable.LRU[string, holder] // by hash

	mu   sync.Mutex
	seen map[string]time.Time // when the use of a key was last written down
}

const (
	cacheTTL  = 3 * time.Second // a key that is revoked, or a limit that is changed, works no longer than that
	cacheSize = 10_000
)

// NewStore makes the index and returns the store.
func NewStore(ctx context.Context, db *mongo.Database, now func() time.Time) (*Store, error) {
	s := &Store{
		all:   mongodb.NewAggregates[Partner, *Partner](db.Collection("partners"), "", now),
		now:   now,
		names: expirable.NewLRU[string, Partner](cacheSize, nil, cacheTTL),
		keys:  expirable.NewLRU[string, holder](cacheSize, nil, cacheTTL),
		seen:  map[string]time.Time{},
	}
	return s, mongodb.EnsureIndexes(ctx, s.all.Collection(), mongodb.Index{Name: "keys", Keys: []string{"keys.hash"}})
}

// Find returns what is agreed with a client; the zero agreement where nothing is.
func (s *Store) Find(ctx context.Context, name string) (Partner, error) {
	if p, ok := s.names.Get(name); ok {
		return p, nil
	}
	p, err := s.all.Get(ctx, name)
	if errs.Is(err, errs.NotFound) {
		p, err = Partner{Name: name}, nil
	}
	if err == nil {
		s.names.Add(name, p)
	}
	return p, err
}

// List returns every partner by name.
func (s *Store) List(ctx context.Context) ([]Partner, error) {
	return s.all.Find(ctx, bson.D{}, options.Find().SetSort(bson.D{{Key: "_id", Value: 1}}))
}

// Set changes a partner's agreement, and makes the partner where there is none.
func (s *Store) Set(ctx context.Context, name string, change func(*Partner)) (Partner, error) {
	return s.change(ctx, name, func(p *Partner) error {
		change(p)
		return p.check()
	})
}

func (s *Store) change(ctx context.Context, name string, change func(*Partner) error) (Partner, error) {
	p, err := s.all.Upsert(ctx, name, func(p *Partner, _ bool) ([]outbox.Event, error) {
		p.Name = name
		return nil, change(p)
	})
	s.names.Remove(name)
	return p, err
}

// OperationLimits are those of one operation's own.
func (p *Partner) OperationLimits(id string) Limits {
	for _, o := range p.Operations {
		if o.ID == id {
			return o.Limits
		}
	}
	return Limits{}
}

// SetOperation is for Set: it gives one operation limits of its own, or none when both are "".
func (p *Partner) SetOperation(id string, limits Limits) {
	for i, o := range p.Operations {
		if o.ID == id {
			p.Operations = append(p.Operations[:i:i], p.Operations[i+1:]...)
			break
		}
	}
	if limits != (Limits{}) {
		p.Operations = append(p.Operations, OperationLimits{id, limits})
	}
}

// check refuses what a router could not use.
func (p *Partner) check() error {
	var wrong []error
	if !slices.Contains([]string{"", "critical", "normal", "low"}, p.Priority) {
		wrong = append(wrong, errs.New(errs.BadInput, "the priority %q is none of critical, normal and low", p.Priority))
	}
	for _, l := range append([]OperationLimits{{"", p.Limits}}, p.Operations...) {
		for _, rate := range []string{l.Requests, l.Cost} {
			if rate == "" {
				continue
			}
			if _, err := ratelimit.ParseRate(rate); err != nil {
				wrong = append(wrong, err)
			}
		}
	}
	return errors.Join(wrong...)
}
