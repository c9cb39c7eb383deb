// Package reviews owns what people say of products: one review per person and product, its moderation,
// the verified-purchase mark that order events bring, and each product's rating.
//
// A review and its product's rating are two documents. rating.go says how the rating stays right to the
// unit through concurrency and crashes, upload.go what becomes of images. Enter at Service.
package reviews

import (
	"cmp"
	"context"
	"log/slog"
	"sync"
	"time"

	"storefront/internal/blob"
	"storefront/internal/poll"
)

// Images keeps attachments; *blob.Store is one.
type Images interface {
	// SignedPut returns where one file of contentType and at most maxBytes can be PUT, and the headers to send.
	SignedPut(ctx context.Context, key, contentType string, maxBytes int64, ttl time.Duration) (string, map[string]string, error)
	// Stat returns NotFound for a file that is not there.
	Stat(ctx context.Context, key string) (blob.Info, error)
	// SignedGet returns where the file can be read for as long as ttl.
	SignedGet(ctx context.Context, key string, ttl time.Duration) (string, error)
	// Delete removes a file; one that is not there is no error.
	Delete(ctx context.Context, key string) error
}

// Config of a Service.
type Config struct {
	Store  Store
	Images Images
	Now    func() time.Time
	Log    *slog.Logger
	// AutoPublish shows a review at once; staff can take it down later. Without it a review waits for
	// staff. Shops want it on.
	AutoPublish bool
	// UploadsPerDay is how many images a person may upload in 24 hours; 50 when 0.
	UploadsPerDay int
}

// Service holds the rules of reviews.
type Service struct {
	store         Store
	images        Images
	now           func() time.Time
	log           *slog.Logger
	autoPublish   bool
	uploadsPerDay int
}

// New returns a Service.
func New(cfg Config) *Service {
	return &Service{store: cfg.Store, images: cfg.Images, now: cfg.Now, log: cfg.Log, autoPublish: cfg.AutoPublish,
		uploadsPerDay: cmp.Or(cfg.UploadsPerDay, uploadsPerDay)}
}

// Product is what reviews knows of a product: nothing but its id.
type Product struct{ ID string }

// IsEntity marks Product as an entity of the graph.
func (Product) IsEntity() {}

const (
	sweepEvery = time.Second
	sweepAge   = 2 * time.Second // younger ones are being counted by who changed them
	sweepBatch = 200

	uploadsEvery = time.Minute
)

// Run counts reviews whose change was not counted because of a crash or an error, and deletes images that no review
// names, until ctx ends. Several may run side by side.
func (s *Service) Run(ctx context.Context) error {
	var uploads sync.WaitGroup
	defer uploads.Wait()
	uploads.Go(func() {
		poll.Every(ctx, uploadsEvery, s.log, "delete images that no review names", func(ctx context.Context) error {
			return s.SweepUploads(ctx, s.now())
		})
	})
	return poll.Every(ctx, sweepEvery, s.log, "count reviews", func(ctx context.Context) error {
		return s.Sweep(ctx, s.now().Add(-sweepAge))
	})
}

// Sweep counts what has waited since before t.
func (s *Service) Sweep(ctx context.Context, t time.Time) error {
	waiting, err := s.store.Uncounted(ctx, t, sweepBatch)
	if err != nil {
		return err
	}
	for _, r := range waiting {
		if err := s.count(ctx, r.ID, r.ProductID); err != nil {
			return err
		}
	}
	return nil
}
