package reviews

import (
	"slices"
	"time"

	"storefront/events"
	"storefront/internal/id"
	"storefront/internal/outbox"
)

// ReviewStatus says who sees a review.
type ReviewStatus string

// A deleted review keeps its document, without words, so that its count of changes goes on.
const (
	Pending   ReviewStatus = "PENDING"
	Published ReviewStatus = "PUBLISHED"
	Rejected  ReviewStatus = "REJECTED"
	deleted   ReviewStatus = "DELETED"
)

// Review is what one person says of one product. Its id is made of both.
type Review struct {
	ID               string             `bson:"_id"`
	Version          int                `bson:"version"`
	ProductID        string             `bson:"productId"`
	Owner            string             `bson:"owner"` // usr_...
	Author           string             `bson:"author"`
	Rating           int                `bson:"rating"`
	Title            *string            `bson:"title,omitempty"`
	Text             *string            `bson:"text,omitempty"`
	Attachments      []ReviewAttachment `bson:"attachments"`
	Status           ReviewStatus       `bson:"status"`
	VerifiedPurchase bool               `bson:"verifiedPurchase,omitempty"`
	Watched          bool               `bson:"watched,omitempty"` // staff rejected it once: its next words wait for them
	Note             string             `bson:"note,omitempty"`    // staff's
	CreatedAt        time.Time          `bson:"createdAt"`
	UpdatedAt        time.Time          `bson:"updatedAt"`

	// The account with the product's rating; see rating.go.
	Seq            int        `bson:"seq"`        // grows with every change of Stars
	Counted        int        `bson:"counted"`    // stars that the rating holds of it, 0 for none
	CountedSeq     int        `bson:"countedSeq"` // the Seq that Counted is of
	UncountedSince *time.Time `bson:"uncountedSince,omitempty"`
}

// ReviewAttachment is an image by its key in the blob store.
type ReviewAttachment struct {
	Key         string `bson:"key"`
	ContentType string `bson:"contentType"`
}

// ReviewID is the id of a person's review of a product.
func ReviewID(owner, productID string) string { return id.Of("rev", owner, productID) }

// Identity is the id and the version.
func (r *Review) Identity() (string, *int) { return r.ID, &r.Version }

// IsEntity marks Review as an entity of the graph.
func (Review) IsEntity() {}

// Product is what the review is of.
func (r Review) Product() *Product { return &Product{ID: r.ProductID} }

// Stars is what the review is to give to the product's rating: 1 to 5, 0 while it is not published.
func (r Review) Stars() int {
	if r.Status == Published {
		return r.Rating
	}
	return 0
}

// submit takes over new words and stars.
func (r *Review) submit(in draft, autoPublish bool, now time.Time) {
	if r.Status != "" && r.Status != deleted && r.same(in) {
		return
	}
	before := r.Stars()
	if r.Status == "" || r.Status == deleted {
		r.CreatedAt = now
	}
	r.Author, r.Rating, r.Title, r.Text, r.Attachments, r.UpdatedAt = in.author, in.rating, in.title, in.text, in.attachments, now
	r.Status = Pending
	if autoPublish && !r.Watched {
		r.Status = Published
	}
	r.changed(before, now)
}

func (r *Review) same(in draft) bool {
	return r.Author == in.author && r.Rating == in.rating && equal(r.Title, in.title) && equal(r.Text, in.text) && slices.Equal(r.Attachments, in.attachments)
}

// moderate puts staff's decision into force.
func (r *Review) moderate(status ReviewStatus, note *string, now events.Stamp) []outbox.Event {
	if note != nil {
		r.Note = *note
	}
	r.Watched = status == Rejected || r.Watched && status != Published
	if r.Status == status {
		return nil
	}
	before := r.Stars()
	r.Status = status
	r.changed(before, now.At)
	return []outbox.Event{events.ReviewModerated{Stamp: now, ID: r.ID, ProductID: r.ProductID, Author: r.Owner, Status: string(status)}}
}

// erase takes everything that was said away.
func (r *Review) erase(now time.Time) {
	if r.Status == deleted {
		return
	}
	before := r.Stars()
	r.Author, r.Rating, r.Title, r.Text, r.Attachments, r.Note = "", 0, nil, nil, []ReviewAttachment{}, ""
	r.Status, r.UpdatedAt = deleted, now
	r.changed(before, now)
}

// changed marks the review as not counted when its stars differ from before.
func (r *Review) changed(before int, now time.Time) {
	if r.Stars() == before {
		return
	}
	r.Seq++
	if r.UncountedSince == nil {
		r.UncountedSince = &now
	}
}

func equal(a, b *string) bool { return (a == nil) == (b == nil) && (a == nil || *a == *b) }
