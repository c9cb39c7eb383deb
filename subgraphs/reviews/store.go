package reviews

import (
	"context"
	"time"

	"storefront/internal/outbox"
)

// Store keeps reviews, ratings, uploads and purchases. Every method is safe to repeat; a change and its events
// are one write of one document, and change may run more than once.
type Store interface {
	// Review returns one; NotFound when there is none.
	Review(ctx context.Context, id string) (Review, error)
	// Reviews returns those that exist, by id.
	Reviews(ctx context.Context, ids []string) (map[string]Review, error)
	// ListReviews reads a page in its direction, one more than its size where there are more.
	ListReviews(ctx context.Context, l List) ([]Review, error)
	// UpdateReview changes one; NotFound when there is none.
	UpdateReview(ctx context.Context, id string, change func(*Review) ([]outbox.Event, error)) (Review, error)
	// UpsertReview changes one that may not be there yet.
	UpsertReview(ctx context.Context, id string, change func(r *Review, exists bool) ([]outbox.Event, error)) (Review, error)
	// Uncounted lists reviews that wait to be counted since before t, the longest waiting first.
	Uncounted(ctx context.Context, t time.Time, limit int) ([]Review, error)

	// Ratings returns those that exist, by product.
	Ratings(ctx context.Context, productIDs []string) (map[string]Rating, error)
	// SaveRating writes the histogram and the mark of one review if the rating still has the version
	// that r has, 0 when it is to be new; it reports whether it did. The version grows by one.
	SaveRating(ctx context.Context, r Rating, reviewID string, events ...outbox.Event) (bool, error)
	// Unmark takes a review's mark off, unless it is of a later seq. The version stays.
	Unmark(ctx context.Context, productID, reviewID string, seq int) error

	// UpsertUploads changes what is known of a person's uploads. An error of change is returned as it is.
	UpsertUploads(ctx context.Context, owner string, change func(*Uploads) error) (Uploads, error)
	// DueUploads lists those that have images to be looked at until t, the longest waiting first.
	DueUploads(ctx context.Context, t time.Time, limit int) ([]Uploads, error)

	// UpsertPurchase changes what is known of an order.
	UpsertPurchase(ctx context.Context, orderID string, change func(p *Purchase, exists bool) ([]outbox.Event, error)) (Purchase, error)
	// Bought reports whether a customer has got a product.
	Bought(ctx context.Context, customer, productID string) (bool, error)
}
