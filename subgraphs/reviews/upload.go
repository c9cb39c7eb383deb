package reviews

// A person asks for an address, puts an image there, and names its key in a review. Each step may be the last, so
// every image is looked at a day later: one that no review names by then is deleted.

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"storefront/internal/errs"
	"storefront/internal/id"
	"storefront/internal/identity"
)

const (
	uploadTTL     = 15 * time.Minute
	uploadsDay    = 24 * time.Hour // in which a person's uploads are counted, and before an image is looked at
	uploadsPerDay = 50             // of one person, unless configured
)

// Uploads are one person's images that are still to be looked at.
type Uploads struct {
	ID      string     `bson:"_id"` // usr_...
	Version int        `bson:"version"`
	Files   []Upload   `bson:"files"`
	DueAt   *time.Time `bson:"dueAt,omitempty"` // when the first of Files is looked at
}

// Upload is one image.
type Upload struct {
	Key      string    `bson:"key"`
	IssuedAt time.Time `bson:"issuedAt"` // zero: a review had it, and gave it up
	LookAt   time.Time `bson:"lookAt"`
	Reviews  []string  `bson:"reviews,omitempty"` // ids of those that may name it
	Doomed   bool      `bson:"doomed,omitempty"`  // it is being deleted: no review may name it any more
}

// Identity is the id and the version.
func (u *Uploads) Identity() (string, *int) { return u.ID, &u.Version }

// issue counts one more address; TooMany when there were most within a day.
func (u *Uploads) issue(key string, most int, now time.Time) error {
	var times []time.Time
	for _, f := range u.Files {
		if f.IssuedAt.After(now.Add(-uploadsDay)) {
			times = append(times, f.IssuedAt)
		}
	}
	if len(times) >= most {
		slices.SortFunc(times, time.Time.Compare)
		free := times[len(times)-most].Add(uploadsDay)
		return errs.New(errs.TooMany, "a person may upload %d images in a day; the next one from %s on", most, free.Format(time.RFC3339))
	}
	u.Files = append(u.Files, Upload{Key: key, IssuedAt: now, LookAt: now.Add(uploadsDay)})
	u.settle()
	return nil
}

// keep lets a review name its images, and puts off the look at those and at what it gives up. It fails for one that
// is neither an upload of the last day nor the review's already.
func (u *Uploads) keep(reviewID string, before, after []ReviewAttachment, now time.Time) error {
	for i, a := range after {
		at := u.find(a.Key)
		if at < 0 && slices.Contains(before, a) {
			continue
		}
		if at < 0 || u.Files[at].Doomed {
			return errs.Input([]string{"input", "attachments", strconv.Itoa(i)}, "no review named this image within a day, so it is gone; upload it again")
		}
		u.Files[at].later(reviewID, now)
	}
	for _, b := range before {
		if slices.Contains(after, b) {
			continue
		}
		at := u.find(b.Key)
		if at < 0 {
			at = len(u.Files)
			u.Files = append(u.Files, Upload{Key: b.Key})
		}
		u.Files[at].later(reviewID, now)
	}
	u.settle()
	return nil
}

func (f *Upload) later(reviewID string, now time.Time) {
	if f.LookAt = now.Add(uploadsDay); !slices.Contains(f.Reviews, reviewID) {
		f.Reviews = append(f.Reviews, reviewID)
	}
}

// due reports whether the time has come to look at an image.
func (f Upload) due(now time.Time) bool { return !f.LookAt.After(now) }

// look forgets those due that a review names, which are the review's from now on, and dooms the others.
func (u *Uploads) look(named map[string]bool, now time.Time) {
	u.Files = slices.DeleteFunc(u.Files, func(f Upload) bool { return f.due(now) && !f.Doomed && named[f.Key] })
	for i, f := range u.Files {
		u.Files[i].Doomed = f.Doomed || f.due(now)
	}
	u.settle()
}

// forget drops those that are deleted.
func (u *Uploads) forget() {
	u.Files = slices.DeleteFunc(u.Files, func(f Upload) bool { return f.Doomed })
	u.settle()
}

func (u *Uploads) find(key string) int {
	return slices.IndexFunc(u.Files, func(f Upload) bool { return f.Key == key })
}

// settle works out DueAt.
func (u *Uploads) settle() {
	u.DueAt = nil
	for _, f := range u.Files {
		if u.DueAt == nil || f.LookAt.Before(*u.DueAt) {
			u.DueAt = &f.LookAt
		}
	}
}

// ReviewUpload is where to PUT an image.
type ReviewUpload struct {
	Key       string
	URL       string
	Headers   []ReviewUploadHeader // to be sent with the PUT, as they are
	ExpiresAt time.Time
}

// ReviewUploadHeader is one header of a request.
type ReviewUploadHeader struct{ Name, Value string }

// CreateUpload signs an address for an image of the caller's. TooMany after as many in a day as a person may.
func (s *Service) CreateUpload(ctx context.Context, contentType string, byteSize int) (*ReviewUpload, error) {
	who := identity.From(ctx)
	if err := who.RequireUser(); err != nil {
		return nil, err
	}
	ending, ok := attachmentTypes[contentType]
	if !ok {
		return nil, errs.Input([]string{"contentType"}, "an image is image/png, image/jpeg, image/webp or image/gif")
	}
	if byteSize < 1 || byteSize > MaxAttachmentBytes {
		return nil, errs.Input([]string{"byteSize"}, "an image has between 1 and %d bytes", MaxAttachmentBytes)
	}
	now := s.now().UTC().Truncate(time.Millisecond)
	up := &ReviewUpload{Key: folder(who.User) + strings.ToLower(id.Token()) + ending, ExpiresAt: now.Add(uploadTTL)}
	if _, err := s.store.UpsertUploads(ctx, who.User, func(u *Uploads) error { return u.issue(up.Key, s.uploadsPerDay, now) }); err != nil {
		return nil, err
	}
	url, headers, err := s.images.SignedPut(ctx, up.Key, contentType, int64(byteSize), uploadTTL)
	if err != nil {
		return nil, err
	}
	up.URL, up.Headers = url, make([]ReviewUploadHeader, 0, len(headers))
	for name, value := range headers {
		up.Headers = append(up.Headers, ReviewUploadHeader{name, value})
	}
	slices.SortFunc(up.Headers, func(a, b ReviewUploadHeader) int { return strings.Compare(a.Name, b.Name) })
	return up, nil
}

// keepUploads notes which images a review is going to name, before it does: from then on they are not deleted for a
// day, and what looks at them later finds the review.
func (s *Service) keepUploads(ctx context.Context, reviewID string, after []ReviewAttachment) error {
	r, err := s.store.Review(ctx, reviewID)
	if err != nil && !errs.Is(err, errs.NotFound) {
		return err
	}
	if slices.Equal(r.Attachments, after) || len(r.Attachments)+len(after) == 0 {
		return nil
	}
	now := s.now().UTC().Truncate(time.Millisecond)
	_, err = s.store.UpsertUploads(ctx, identity.From(ctx).User, func(u *Uploads) error { return u.keep(reviewID, r.Attachments, after, now) })
	return err
}

// SweepUploads deletes the images that were to be looked at before now, unless a review names them. They are doomed
// first and forgotten last, so that no review takes one that goes, and a crash in between leaves none behind.
func (s *Service) SweepUploads(ctx context.Context, now time.Time) error {
	due, err := s.store.DueUploads(ctx, now, sweepBatch)
	if err != nil {
		return err
	}
	for _, u := range due {
		named, err := s.named(ctx, u, now)
		if err != nil {
			return err
		}
		if u, err = s.store.UpsertUploads(ctx, u.ID, func(u *Uploads) error { u.look(named, now); return nil }); err != nil {
			return err
		}
		for _, f := range u.Files {
			if !f.Doomed {
				continue
			}
			if err := s.images.Delete(ctx, f.Key); err != nil {
				return err
			}
		}
		if _, err = s.store.UpsertUploads(ctx, u.ID, func(u *Uploads) error { u.forget(); return nil }); err != nil {
			return err
		}
	}
	return nil
}

// named are the keys of those due that a review names.
func (s *Service) named(ctx context.Context, u Uploads, now time.Time) (map[string]bool, error) {
	var ids []string
	for _, f := range u.Files {
		if f.due(now) {
			ids = append(ids, f.Reviews...)
		}
	}
	found, err := s.store.Reviews(ctx, ids)
	named := map[string]bool{}
	for _, r := range found {
		for _, a := range r.Attachments {
			named[a.Key] = true
		}
	}
	return named, err
}

// folder is where a person's images are. Its name does not tell whose it is: it is in addresses that all may read.
func folder(user string) string { return "private/reviews/" + id.Of("usr", user) + "/" }
