package reviews

import (
	"context"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"storefront/events"
	"storefront/internal/errs"
	"storefront/internal/identity"
	"storefront/internal/outbox"
)

// Limits of a review.
const (
	MaxTitle           = 120  // characters
	MaxText            = 5000 // characters
	MaxNote            = 1000 // characters
	MaxAttachments     = 5
	MaxAttachmentBytes = 10 << 20
	readTTL            = time.Hour
	anonymous          = "Anonymous"
)

// ReviewInput is a review as a person sends it.
type ReviewInput struct {
	ProductID   string
	Rating      int
	Title       *string
	Text        *string
	Attachments []string // keys of the person's own uploads
}

// draft is a checked input.
type draft struct {
	author      string
	rating      int
	title, text *string
	attachments []ReviewAttachment
}

// attachmentTypes maps the content types that may be uploaded to the endings of their keys.
var attachmentTypes = map[string]string{"image/png": ".png", "image/jpeg": ".jpg", "image/webp": ".webp", "image/gif": ".gif"}

var productForm = regexp.MustCompile(`^prd_[0-9A-Za-z_-]{1,60}$`)

// Submit writes the caller's review of a product, in place of the one there is. The same again changes
// nothing.
func (s *Service) Submit(ctx context.Context, in ReviewInput) (*Review, error) {
	who := identity.From(ctx)
	if err := who.RequireUser(); err != nil {
		return nil, err
	}
	d, err := s.check(ctx, who, in)
	if err != nil {
		return nil, err
	}
	reviewID, now := ReviewID(who.User, in.ProductID), events.Now(s.now).At
	if err := s.keepUploads(ctx, reviewID, d.attachments); err != nil {
		return nil, err
	}
	if _, err := s.store.UpsertReview(ctx, reviewID, func(r *Review, exists bool) ([]outbox.Event, error) {
		if !exists {
			*r = Review{ID: reviewID, ProductID: in.ProductID, Owner: who.User}
		}
		r.submit(d, s.autoPublish, now)
		return nil, nil
	}); err != nil {
		return nil, err
	}
	s.countNow(ctx, reviewID, in.ProductID)
	// After the review is written, so that either this or the event that comes meanwhile sees the other.
	if bought, err := s.store.Bought(ctx, who.User, in.ProductID); err != nil {
		return nil, err
	} else if bought {
		if err := s.verify(ctx, reviewID); err != nil {
			return nil, err
		}
	}
	r, err := s.store.Review(ctx, reviewID)
	return &r, err
}

// countNow lets the caller see their stars in the rating at once; when it fails, the sweep does it.
func (s *Service) countNow(ctx context.Context, reviewID, productID string) {
	if err := s.count(ctx, reviewID, productID); err != nil && ctx.Err() == nil {
		s.log.WarnContext(ctx, "count review", "review", reviewID, "error", err)
	}
}

// Delete takes the caller's review away, with its images; staff may take away any. The images go first, so that a
// repeat finds those that are left.
func (s *Service) Delete(ctx context.Context, reviewID string) error {
	who := identity.From(ctx)
	if err := who.RequireUser(); err != nil {
		return err
	}
	before, err := s.store.Review(ctx, reviewID)
	if err != nil {
		return notFound(err, reviewID)
	}
	if who.MaySee(before.Owner) {
		for _, a := range before.Attachments {
			if err := s.images.Delete(ctx, a.Key); err != nil {
				return errs.Wrap(errs.Unavailable, err, "the images cannot be deleted at the moment; try again soon")
			}
		}
	}
	now := events.Now(s.now).At
	r, err := s.store.UpdateReview(ctx, reviewID, func(r *Review) ([]outbox.Event, error) {
		if r.Status == deleted || !who.MaySee(r.Owner) {
			return nil, errs.New(errs.NotFound, "no review")
		}
		r.erase(now)
		return nil, nil
	})
	if err != nil {
		return notFound(err, reviewID)
	}
	s.countNow(ctx, reviewID, r.ProductID)
	return nil
}

// Moderate publishes a review, rejects it or lets it wait. Staff only.
func (s *Service) Moderate(ctx context.Context, reviewID string, status ReviewStatus, note *string) (*Review, error) {
	if err := identity.From(ctx).RequireStaff(); err != nil {
		return nil, err
	}
	if note != nil && utf8.RuneCountInString(*note) > MaxNote {
		return nil, errs.Input([]string{"note"}, "a note has at most %d characters", MaxNote)
	}
	if !slices.Contains([]ReviewStatus{Pending, Published, Rejected}, status) {
		return nil, errs.Input([]string{"status"}, "a review is PENDING, PUBLISHED or REJECTED")
	}
	now := events.Now(s.now)
	r, err := s.store.UpdateReview(ctx, reviewID, func(r *Review) ([]outbox.Event, error) {
		if r.Status == deleted {
			return nil, errs.New(errs.NotFound, "no review")
		}
		return r.moderate(status, note, now), nil
	})
	if err != nil {
		return nil, notFound(err, reviewID)
	}
	s.countNow(ctx, reviewID, r.ProductID)
	return &r, nil
}

func (s *Service) check(ctx context.Context, who identity.Identity, in ReviewInput) (draft, error) {
	d := draft{author: strings.TrimSpace(who.Name), rating: in.Rating, title: trimmed(in.Title), text: trimmed(in.Text), attachments: []ReviewAttachment{}}
	if d.author == "" {
		d.author = anonymous
	}
	switch {
	case !productForm.MatchString(in.ProductID):
		return d, errs.Input([]string{"input", "productId"}, "this is not the id of a product; it looks like prd_...")
	case in.Rating < 1 || in.Rating > 5:
		return d, errs.Input([]string{"input", "rating"}, "a rating is from 1 to 5 stars")
	case d.title != nil && utf8.RuneCountInString(*d.title) > MaxTitle:
		return d, errs.Input([]string{"input", "title"}, "a title has at most %d characters", MaxTitle)
	case d.text != nil && utf8.RuneCountInString(*d.text) > MaxText:
		return d, errs.Input([]string{"input", "text"}, "a text has at most %d characters", MaxText)
	case len(in.Attachments) > MaxAttachments:
		return d, errs.Input([]string{"input", "attachments"}, "a review has at most %d attachments", MaxAttachments)
	}
	for i, key := range in.Attachments {
		a, err := s.attachment(ctx, who, key, []string{"input", "attachments", strconv.Itoa(i)})
		if err != nil {
			return d, err
		}
		if !slices.Contains(d.attachments, a) {
			d.attachments = append(d.attachments, a)
		}
	}
	return d, nil
}

// attachment looks at what the caller uploaded.
func (s *Service) attachment(ctx context.Context, who identity.Identity, key string, field []string) (ReviewAttachment, error) {
	a := ReviewAttachment{Key: key}
	name, own := strings.CutPrefix(key, folder(who.User))
	if !own || name == "" || strings.Contains(name, "/") {
		return a, errs.Input(field, "this is not the key of an upload of yours; take it from reviewAttachmentUploadCreate")
	}
	info, err := s.images.Stat(ctx, key)
	if errs.Is(err, errs.NotFound) {
		return a, errs.Input(field, "nothing was uploaded under this key yet; PUT the image first")
	} else if err != nil {
		return a, err
	}
	if a.ContentType = info.ContentType; attachmentTypes[a.ContentType] == "" || info.Size > MaxAttachmentBytes {
		return a, errs.Input(field, "an attachment is a PNG, JPEG, WebP or GIF image of at most %d bytes", MaxAttachmentBytes)
	}
	return a, nil
}

// AttachmentURL is where an attachment can be read for an hour by whom it is told to: what staff have taken down is
// told to nobody any more.
func (s *Service) AttachmentURL(ctx context.Context, a ReviewAttachment) (string, error) {
	return s.images.SignedGet(ctx, a.Key, readTTL)
}

func trimmed(p *string) *string {
	if p == nil {
		return nil
	}
	s := strings.TrimSpace(*p)
	if s == "" {
		return nil
	}
	return &s
}

func notFound(err error, reviewID string) error {
	if !errs.Is(err, errs.NotFound) {
		return err
	}
	return &errs.Error{Code: errs.NotFound, Message: "there is no review " + reviewID, Field: []string{"id"}}
}
