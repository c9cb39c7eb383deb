// Package carrier is the built-in simulated carrier: it takes every parcel, picks it up after one step
// and delivers it after another. Its answers are made of the booking alone, so it goes on after a restart as
// if nothing had happened. Only which bookings it cancelled it has to remember, and does as long as it runs.
package carrier

import (
	"context"
	"strings"
	"sync"
	"time"

	"storefront/internal/id"
	"storefront/subgraphs/shipping"
)

// Simulated is the carrier.
type Simulated struct {
	step time.Duration
	now  func() time.Time

	mu   sync.Mutex
	stay map[string]bool // tracking numbers of cancelled bookings
}

// NewSimulated returns a carrier whose parcels are picked up one step after the booking and delivered
// after two.
func NewSimulated(step time.Duration, now func() time.Time) *Simulated {
	return &Simulated{step: step, now: now, stay: map[string]bool{}}
}

// Name is what customers read.
func (*Simulated) Name() string { return "Parcel Express" }

// Book takes a parcel; the same key gives the same tracking number.
func (c *Simulated) Book(_ context.Context, key string, p shipping.Parcel) (shipping.Booking, error) {
	now := c.now().UTC().Truncate(time.Millisecond)
	return shipping.Booking{
		TrackingNumber: "PX" + strings.TrimPrefix(id.Of("t", key), "t_")[:14],
		BookedAt:       now, EstimatedAt: now.Add(2 * c.step), City: p.City,
	}, nil
}

// Cancel keeps a parcel that was not picked up yet.
func (c *Simulated) Cancel(_ context.Context, b shipping.Booking) (bool, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if b.BookedAt.Add(c.step).After(c.now()) {
		c.stay[b.TrackingNumber] = true
	}
	return c.stay[b.TrackingNumber], nil
}

// Track tells what has happened by now.
func (c *Simulated) Track(_ context.Context, b shipping.Booking) ([]shipping.TrackingEvent, time.Time, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.stay[b.TrackingNumber] {
		return nil, time.Time{}, nil
	}
	way := []shipping.TrackingEvent{
		{Status: shipping.InTransit, Location: "Sorting centre", At: b.BookedAt.Add(c.step)},
		{Status: shipping.Delivered, Location: b.City, At: b.BookedAt.Add(2 * c.step)},
	}
	now := c.now()
	for i, e := range way {
		if e.At.After(now) {
			return way[:i], e.At, nil
		}
	}
	return way, time.Time{}, nil
}
