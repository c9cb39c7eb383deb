// Package orders owns carts, discount codes and orders: what a customer chose, what it costs now, and
// what became of it.
//
// It keeps prices in a read model of its own, fed by product-events, and never asks another service. An
// order is one aggregate: placeOrder writes it once, together with OrderPlaced; after that it moves only
// by the events of inventory, payments and shipping (saga.go), each of which may come twice and in any
// order. Enter at New; the GraphQL side is in graph, the store in mongo.
package orders

import (
	"log/slog"
	"time"

	"storefront/internal/quote"
)

// Config is what the service needs.
type Config struct {
	Store           Store
	Quotes          *quote.Signer // opens the shipping rates that shipping signed
	Now             func() time.Time
	Log             *slog.Logger
	DefaultCurrency string        // of carts that name none; EUR when empty
	DefaultLocale   string        // of orders whose customer's is not known; en-GB when empty
	StuckAfter      time.Duration // how long an order may wait for another service before it is resumed; 1 min when 0
	OnStuck         func(n int)   // told at every look how many orders stood still; may be nil
}

// Service is the orders service. It is safe for concurrent use, and several may share one store.
type Service struct {
	store           Store
	quotes          *quote.Signer
	clock           func() time.Time
	log             *slog.Logger
	defaultCurrency string
	defaultLocale   string
	stuckAfter      time.Duration
	onStuck         func(n int)
}

// New returns the service.
func New(c Config) *Service {
	s := &Service{
		store: c.Store, quotes: c.Quotes, clock: c.Now, log: c.Log,
		defaultCurrency: c.DefaultCurrency, defaultLocale: c.DefaultLocale,
		stuckAfter: c.StuckAfter, onStuck: c.OnStuck,
	}
	if s.defaultCurrency == "" {
		s.defaultCurrency = "EUR"
	}
	if s.defaultLocale == "" {
		s.defaultLocale = "en-GB"
	}
	if s.stuckAfter == 0 {
		s.stuckAfter = time.Minute
	}
	if s.onStuck == nil {
		s.onStuck = func(int) {}
	}
	return s
}

// now is the clock in UTC and to the millisecond, as databases keep it.
func (s *Service) now() time.Time { return s.clock().UTC().Truncate(time.Millisecond) }
