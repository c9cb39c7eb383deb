package mongo_test

import (
	"context"
	"log/slog"
	"time"

	"storefront/events"
	"storefront/subgraphs/inventory"
)

// hooked is a store with something in the way of a service that is slow or dies there.
type hooked struct {
	inventory.Store
	before func()                      // holding
	after  func()                      // holding
	commit func(do func() error) error // in the place of it
	forget func() error                // in the place of it
}

func (h *hooked) Hold(ctx context.Context, orderID string, lines []inventory.ReservationLine) ([]events.Shortage, error) {
	if h.before != nil {
		h.before()
	}
	missing, err := h.Store.Hold(ctx, orderID, lines)
	if h.after != nil {
		h.after()
	}
	return missing, err
}

func (h *hooked) Commit(ctx context.Context, orderID string, lines []inventory.ReservationLine) (units inventory.Units, err error) {
	if h.commit == nil {
		return h.Store.Commit(ctx, orderID, lines)
	}
	err = h.commit(func() error {
		var err error
		units, err = h.Store.Commit(ctx, orderID, lines)
		return err
	})
	return units, err
}

func (h *hooked) Forget(ctx context.Context, orderID string, skus []string) error {
	if h.forget == nil {
		return h.Store.Forget(ctx, orderID, skus)
	}
	return h.forget()
}

// over is another instance of the service, on that store.
func (s *shop) over(store inventory.Store) *inventory.Service {
	return inventory.New(inventory.Config{Store: store, Now: time.Now, Log: slog.New(slog.DiscardHandler)})
}
