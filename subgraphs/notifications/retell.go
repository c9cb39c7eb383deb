package notifications

import (
	"context"

	"storefront/internal/errs"
	"storefront/internal/outbox"
)

// Complete writes what the app's list shows of notifications that were made before their order was known,
// as the senders do with those that they mail. It is for notifications that are built anew from events,
// where nobody sends; those whose order is still not known stay as they are.
func (s *Service) Complete(ctx context.Context, list []Notification) error {
	for _, n := range list {
		to, err := s.recipient(ctx, n)
		if errs.Is(err, errs.NotFound) {
			continue
		}
		if err != nil {
			return err
		}
		if _, err := s.store.Update(ctx, n.ID, func(n *Notification) ([]outbox.Event, error) {
			s.compose(n, to)
			return nil, nil
		}); err != nil {
			return err
		}
	}
	return nil
}
