// Package payments owns the money of an order: it is authorized once the goods are held, captured only
// once they are confirmed, voided when they are not, and refunded when they come back.
//
// Every step at the gateway is decided and written before the gateway is called, has an idempotency key
// made of the payment's id and the step, and is written again with its outcome. Whoever finds a step
// without outcome asks the gateway; nobody guesses. Enter at Service: Place, Hold, Confirm, Release,
// Cancel and Return are what the saga tells, Receive is the gateway's voice, Run settles what was cut off.
package payments

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"time"

	"storefront/internal/errs"
	"storefront/internal/poll"
)

// Config of a Service.
type Config struct {
	Store     Store
	Gateway   Gateway
	Now       func() time.Time
	Log       *slog.Logger
	PublicURL string // where a customer's browser reaches HTTP, without a slash at the end

	RefundFailed func() // is told of each refund that failed for good, for metrics; nil tells nobody

	Timeout time.Duration // of one call to the gateway; 10 s when 0
	Calls   int           // to the gateway at once; 32 when 0
	Lease   time.Duration // after which a step without outcome is looked at by Run; 5 s when 0
}

// Service holds the rules of payments.
type Service struct {
	store   Store
	gateway Gateway
	now     func() time.Time
	log     *slog.Logger
	public  string
	timeout time.Duration
	lease   time.Duration
	calls   chan struct{}

	refundFailed func()
}

// New returns a Service.
func New(cfg Config) *Service {
	if cfg.Timeout == 0 {
		cfg.Timeout = 10 * time.Second
	}
	if cfg.Calls == 0 {
		cfg.Calls = 32
	}
	if cfg.Lease == 0 {
		cfg.Lease = 5 * time.Second // calls with one key are one call, so a slow one may be repeated
	}
	if cfg.RefundFailed == nil {
		cfg.RefundFailed = func() {}
	}
	return &Service{store: cfg.Store, gateway: cfg.Gateway, now: cfg.Now, log: cfg.Log, timeout: cfg.Timeout, lease: cfg.Lease,
		public: strings.TrimRight(cfg.PublicURL, "/"), calls: make(chan struct{}, cfg.Calls), refundFailed: cfg.RefundFailed}
}

const (
	pollEvery = 500 * time.Millisecond
	pollBatch = 200
	pollers   = 16
)

// Run settles steps that were cut off and looks after payments that wait for a customer, until ctx ends.
// Several may run side by side.
func (s *Service) Run(ctx context.Context) error {
	return poll.Every(ctx, pollEvery, s.log, "find payments to settle", s.Settle)
}

// Settle looks once at every payment that is due: Run's work, for one round.
func (s *Service) Settle(ctx context.Context) error {
	due, err := s.store.Due(ctx, s.now(), pollBatch)
	if err != nil {
		return err
	}
	var wg sync.WaitGroup
	gate := make(chan struct{}, pollers)
	for _, p := range due {
		gate <- struct{}{}
		wg.Go(func() {
			defer func() { <-gate }()
			if err := s.settle(ctx, p.ID); err != nil && ctx.Err() == nil {
				s.log.WarnContext(ctx, "settle payment", "payment", p.ID, "error", err)
			}
		})
	}
	wg.Wait()
	return nil
}

// call makes one call to the gateway: bounded in number and in time, and so is the wait for its turn, lest
// a gateway that hangs hold up every event there is.
func (s *Service) call(ctx context.Context, f func(context.Context) error) error {
	turn := time.NewTimer(s.timeout)
	defer turn.Stop()
	select {
	case s.calls <- struct{}{}:
		defer func() { <-s.calls }()
	case <-turn.C:
		return errs.New(errs.Unavailable, "too many payments at once; try again")
	case <-ctx.Done():
		return errs.Wrap(errs.Unavailable, ctx.Err(), "too many payments at once; try again")
	}
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	return f(ctx)
}
