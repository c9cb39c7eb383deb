package payments

import (
	"context"
	"time"

	"storefront/internal/outbox"
	"storefront/loaders/page"
)

// Store keeps payments. Every method is safe to repeat; a change and its events are one write.
type Store interface {
	// Update changes one atomically; change may run more than once. NotFound when there is none.
	Update(ctx context.Context, id string, change func(*Payment) ([]outbox.Event, error)) (Payment, error)
	// Upsert is Update for one that may not be there yet.
	Upsert(ctx context.Context, id string, change func(p *Payment, exists bool) ([]outbox.Event, error)) (Payment, error)
	// Payments returns those that exist, by id.
	Payments(ctx context.Context, ids []string) (map[string]Payment, error)
	// Due lists payments that Settle should look at by t, the longest waiting first.
	Due(ctx context.Context, t time.Time, limit int) ([]Payment, error)
	// FailedRefunds lists a page, and one more, of payments with refunds that wait for staff, newest first.
	FailedRefunds(ctx context.Context, w page.Window) ([]Payment, error)
}

// Sums is what payments say of one currency, in minor units.
type Sums struct {
	Captured, Refunded int64
	Payments           int // captured ones
}
