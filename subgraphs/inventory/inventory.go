// Package inventory owns stock: what is on hand per SKU and warehouse, what is held for orders, and what
// can still be sold. It never oversells: a unit is held by one conditional update of the SKU's document.
//
// Enter at Service: Reserve, Confirm, Commit and Release are one order's way; Adjust is staff's.
package inventory

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"storefront/internal/poll"
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

const (
	sweepEvery  = 500 * time.Millisecond
	sweepBatch  = 200
	sweepRounds = 50 // of a batch each, at one sweep
	sweepers    = 8  // reservations at the same time
)

// Run gives back the goods of reservations that ran out, and finishes stock work that a crash cut off,
// until ctx ends. Several may run side by side: all of it is safe to do twice.
func (s *Service) Run(ctx context.Context) error {
	return poll.Every(ctx, sweepEvery, s.log, "sweep reservations", s.Sweep)
}

// Sweep is one round of Run: it goes on until nothing is left that ran out. One reservation that cannot be
// given back holds up no other.
func (s *Service) Sweep(ctx context.Context) error {
	for range sweepRounds {
		ids, err := s.store.Expired(ctx, s.now(), sweepBatch)
		if err != nil {
			return err
		}
		if err := each(ids, func(id string) error { return s.Expire(ctx, id) }); err != nil {
			return err
		}
		if len(ids) < sweepBatch {
			break
		}
	}
	unfinished, err := s.store.Unfinished(ctx, sweepBatch)
	if err != nil {
		return err
	}
	return each(unfinished, func(r Reservation) error { return s.finish(ctx, r) })
}

// each does something with all of list, several at the same time, and returns all errors.
func each[T any](list []T, do func(T) error) error {
	failed := make([]error, len(list))
	gate := make(chan struct{}, sweepers)
	var wg sync.WaitGroup
	for i, one := range list {
		gate <- struct{}{}
		wg.Go(func() {
			defer func() { <-gate }()
			failed[i] = do(one)
		})
	}
	wg.Wait()
	return errors.Join(failed...)
}
