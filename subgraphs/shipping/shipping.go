// Package shipping owns the way of a parcel: whether an address can be reached, what sending costs, the
// booking of a carrier and its tracking. It is also the one that decides whether an order can still be
// cancelled, because it alone can ask the carrier whether the parcel has left.
//
// Enter at Service: Place and Pay bring a shipment about, Stop answers a cancellation, Run follows parcels.
package shipping

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"storefront/internal/poll"
	"storefront/internal/quote"
)

// Config of a Service.
type Config struct {
	Store   Store
	Carrier Carrier
	Quotes  *quote.Signer
	Now     func() time.Time
	Log     *slog.Logger
}

// Service holds the rules of shipping.
type Service struct {
	store   Store
	carrier Carrier
	quotes  *quote.Signer
	now     func() time.Time
	log     *slog.Logger
}

// New returns a Service.
func New(cfg Config) *Service {
	return &Service{store: cfg.Store, carrier: cfg.Carrier, quotes: cfg.Quotes, now: cfg.Now, log: cfg.Log}
}

// Carrier moves parcels. An error means that the outcome is not known: the same call is made again. Calls
// with the same key are the same booking, however often they are made, also after it was cancelled.
type Carrier interface {
	Name() string
	// Book orders the pickup of a parcel.
	Book(ctx context.Context, key string, p Parcel) (Booking, error)
	// Cancel calls a booking off, and reports whether the parcel stays: true when nothing leaves any more,
	// false when it was handed over before. A repeat gives the same answer. Track tells nothing of a parcel
	// that stays.
	Cancel(ctx context.Context, b Booking) (stays bool, err error)
	// Track tells all that has happened to a parcel so far, oldest first, and when to ask again; a zero
	// time means never.
	Track(ctx context.Context, b Booking) ([]TrackingEvent, time.Time, error)
}

// Parcel is what is sent.
type Parcel struct {
	Country string
	City    string
	Method  string
	Grams   int
}

// Booking is a carrier's promise.
type Booking struct {
	TrackingNumber string    `bson:"trackingNumber"`
	BookedAt       time.Time `bson:"bookedAt"`
	EstimatedAt    time.Time `bson:"estimatedAt"`
	City           string    `bson:"city,omitempty"`
}

const (
	pollEvery = 250 * time.Millisecond
	pollBatch = 500
	pollers   = 16
)

// Run asks the carrier about parcels that are due, until ctx ends. Several may run side by side: a
// step that was noted already changes nothing.
func (s *Service) Run(ctx context.Context) error {
	return poll.Every(ctx, pollEvery, s.log, "find parcels to track", func(ctx context.Context) error {
		due, err := s.store.Due(ctx, s.now(), pollBatch)
		var wg sync.WaitGroup
		gate := make(chan struct{}, pollers)
		for _, shipment := range due {
			gate <- struct{}{}
			wg.Go(func() {
				defer func() { <-gate }()
				if err := s.Follow(ctx, shipment); err != nil && ctx.Err() == nil {
					s.log.WarnContext(ctx, "track parcel", "shipment", shipment.ID, "error", err)
				}
			})
		}
		wg.Wait()
		return err
	})
}
