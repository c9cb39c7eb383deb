package notifications

import (
	"context"
	"strings"
	"time"

	"storefront/events"
	"storefront/internal/errs"
	"storefront/internal/id"
	"storefront/internal/identity"
	"storefront/internal/postal"
	"storefront/internal/sku"
)

// Watch is a person's wish to hear when a SKU can be bought again. It is fulfilled once.
type Watch struct {
	ID        string    `bson:"_id"` // made of the SKU and the owner
	SKU       string    `bson:"sku"`
	Owner     string    `bson:"owner"`
	CreatedAt time.Time `bson:"createdAt"`

	ExpiresAt *time.Time `bson:"expiresAt,omitempty"` // a guest's only: then it is forgotten
}

const (
	maxWatches   = 200     // of one person
	maxSKU       = sku.Max // bytes
	watchesAPage = 200
)

// WatchStock keeps the caller's wish to hear when a SKU can be bought again. A repeat is no second wish; a guest's
// lasts longer by it.
func (s *Service) WatchStock(ctx context.Context, sku string) (string, error) {
	owner, err := ownerOf(ctx)
	if err != nil {
		return "", err
	}
	if sku = strings.TrimSpace(sku); sku == "" || len(sku) > maxSKU {
		return "", errs.Input([]string{"sku"}, "a SKU has 1 to %d bytes", maxSKU)
	}
	n, err := s.store.CountWatches(ctx, owner)
	if err != nil {
		return "", err
	}
	if n >= maxWatches {
		return "", errs.New(errs.TooMany, "you wait for %d articles already, which is the most we keep", n)
	}
	if who := identity.From(ctx); who.User != "" && postal.CheckEmail(nil, who.Email) == nil {
		if _, err := s.changePerson(ctx, owner, func(p *Person) {
			if p.Email == "" && p.Profile == 0 { // no event has told of this person yet
				p.Email, p.Locale, p.Name = who.Email, who.Locale, who.Name
			}
		}); err != nil {
			return "", err
		}
	}
	now := s.now().UTC().Truncate(time.Millisecond)
	return sku, s.store.InsertWatch(ctx, &Watch{ID: id.Of("bis", sku, owner), SKU: sku, Owner: owner, CreatedAt: now, ExpiresAt: expiry(owner, now)})
}

// Restocked tells those who wait for a SKU. A level from before the wish is old news.
func (s *Service) Restocked(ctx context.Context, e events.StockLevelChanged) error {
	if e.Available <= 0 {
		return nil
	}
	for {
		waiting, err := s.store.Watches(ctx, e.SKU, e.At, watchesAPage)
		if err != nil {
			return err
		}
		for _, w := range waiting {
			about := w.ID + "/" + w.CreatedAt.Format(time.RFC3339Nano) // the same person may wait again later
			n := newNotification(BackInStock, w.Owner, about, e.At, Facts{SKU: w.SKU})
			n.ExpiresAt = expiry(w.Owner, n.CreatedAt)
			if err := s.announce(ctx, n); err != nil {
				return err
			}
			if err := s.store.RemoveWatch(ctx, w.ID); err != nil {
				return err
			}
		}
		if len(waiting) < watchesAPage {
			return nil
		}
	}
}
