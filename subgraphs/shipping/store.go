package shipping

import (
	"context"
	"time"

	"storefront/internal/outbox"
)

// Store keeps shipments. Every method is safe to repeat; a change and its events are one write.
type Store interface {
	// Update changes one atomically; change may run more than once. NotFound when there is none.
	Update(ctx context.Context, id string, change func(*Shipment) ([]outbox.Event, error)) (Shipment, error)
	// Upsert is Update for one that may not be there yet.
	Upsert(ctx context.Context, id string, change func(s *Shipment, exists bool) ([]outbox.Event, error)) (Shipment, error)
	// Shipments returns those that exist, by id.
	Shipments(ctx context.Context, ids []string) (map[string]Shipment, error)
	// Due lists shipments whose carrier is to be asked by t, the longest waiting first.
	Due(ctx context.Context, t time.Time, limit int) ([]Shipment, error)
}
