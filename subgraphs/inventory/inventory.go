// Package inventory owns stock: what is on hand per SKU and warehouse, what is held for orders, and what
// can still be sold. It never oversells: a unit is held by one conditional update of the SKU's document.
//
// Enter at Service: Reserve, Confirm, Commit and Release are one order's way; Adjust is staff's.
package inventory

import (
	"context"
	"log/slog"
	"time"
)

// DefaultWarehouse is where stock lies when nobody says otherwise.
const DefaultWarehouse = "main"

// Config of a Service.
type Config struct {
	Store Store
	Now   func() time.Time
	Log   *slog.Logger
	TTL   time.Duration // how long goods are held before the payment is authorized; 15 minutes when 0
}

// Service holds the rules of stock.
type Service struct {
	store Store
	now   func() time.Time
	log   *slog.Logger
	ttl   time.Duration
}

// New returns a Service.
func New(cfg Config) *Service {
	if cfg.TTL == 0 {
		cfg.TTL = 15 * time.Minute
	}
	return &Service{store: cfg.Store, now: cfg.Now, log: cfg.Log, ttl: cfg.TTL}
}

// Run gives back the goods of reservations that ran out, until ctx ends. Several may run side by side.
func (s *Service) Run(ctx context.Context) error {
	tick := time.NewTicker(500 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		ids, err := s.store.Expired(ctx, s.now(), 100)
		for _, id := range ids {
			if err == nil {
				err = s.Expire(ctx, id)
			}
		}
		if err != nil && ctx.Err() == nil {
			s.log.WarnContext(ctx, "release expired reservations", "error", err)
		}
	}
}
