package graph_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"storefront/internal/errs"
	"storefront/internal/identity"
	"storefront/subgraphs/reviews"
)

const createUpload = `mutation{reviewAttachmentUploadCreate(contentType:"image/png",byteSize:5){upload{key} userErrors{code}}}`

// upload puts an image, as a browser would, and returns its key.
func (sh *shop) upload(who identity.Identity) string {
	sh.t.Helper()
	made := sh.want(who, createUpload, nil, "")["reviewAttachmentUploadCreate"].(map[string]any)
	up, ok := made["upload"].(map[string]any)
	if !ok {
		sh.t.Fatalf("reviewAttachmentUploadCreate: %v", made)
	}
	if err := sh.images.Put(sh.t.Context(), up["key"].(string), "image/png", strings.NewReader("bytes")); err != nil {
		sh.t.Fatal(err)
	}
	return up["key"].(string)
}

func (sh *shop) later(d time.Duration) {
	sh.mu.Lock()
	defer sh.mu.Unlock()
	sh.clock = sh.clock.Add(d)
}

// has compares which images are there.
func (sh *shop) has(when string, want map[string]bool) {
	sh.t.Helper()
	for key, there := range want {
		if _, err := sh.images.Stat(sh.t.Context(), key); (err == nil) != there || err != nil && !errs.Is(err, errs.NotFound) {
			sh.t.Errorf("%s: %s gives %v, want it there: %t", when, key, err, there)
		}
	}
}

func (sh *shop) sweep(s *reviews.Service) {
	sh.t.Helper()
	if err := s.SweepUploads(sh.t.Context(), sh.now()); err != nil {
		sh.t.Fatal(err)
	}
}

// named is a review of ann's with these images.
func named(product string, keys ...string) (context.Context, reviews.ReviewInput) {
	return identity.With(context.Background(), ann), reviews.ReviewInput{ProductID: product, Rating: 5, Attachments: keys}
}

func TestUploadsOfADayAreBounded(t *testing.T) {
	t.Parallel()
	sh := newShop(t, true, plain)
	const refused = `{"reviewAttachmentUploadCreate":{"upload":null,"userErrors":[{"code":"TOO_MANY"}]}}`
	for range 50 {
		sh.want(ann, createUpload, nil, "")
	}
	sh.want(ann, createUpload, nil, refused)
	sh.upload(ben)
	_, err := sh.service.CreateUpload(identity.With(t.Context(), ann), "image/png", 5)
	if err == nil || !strings.Contains(err.Error(), "50 images") || !strings.Contains(err.Error(), "2026-03-02T12:00") {
		t.Errorf("the error is %v; it should say how many, and from when on the next", err)
	}
	sh.later(12 * time.Hour)
	sh.sweep(sh.service)
	sh.want(ann, createUpload, nil, refused)
	sh.later(12 * time.Hour)
	sh.upload(ann)
}

func TestImagesThatNoReviewNamesGo(t *testing.T) {
	t.Parallel()
	sh := newShop(t, true, plain)
	a, b, c, d := sh.upload(ann), sh.upload(ann), sh.upload(ann), sh.upload(ben)
	submit := func(product string, keys ...string) error {
		_, err := sh.service.Submit(named(product, keys...))
		return err
	}
	if err := submit("prd_1", a, b); err != nil {
		t.Fatal(err)
	}
	sh.later(23 * time.Hour)
	sh.sweep(sh.service)
	sh.has("before a day is over", map[string]bool{a: true, b: true, c: true, d: true})
	sh.later(2 * time.Hour)
	sh.sweep(sh.service)
	sh.has("after a day", map[string]bool{a: true, b: true, c: false, d: false})
	if err := submit("prd_1", c); !errs.Is(err, errs.BadInput) {
		t.Errorf("a review names an image that is gone: %v", err)
	}

	for range 2 { // an image of the review's stays with it, what it gives up goes
		if err := submit("prd_1", a); err != nil {
			t.Fatal(err)
		}
		sh.has("after the change", map[string]bool{a: true})
		sh.later(25 * time.Hour)
		sh.sweep(sh.service)
		sh.has("a day after the change", map[string]bool{a: true, b: false})
	}
	if err := submit("prd_2", a); !errs.Is(err, errs.BadInput) {
		t.Errorf("a review names another's image, long after its upload: %v", err)
	}
}

// sweepHooks let something happen in the middle of a sweep.
type sweepHooks struct {
	reviews.Store
	reviews.Images
	read, delete func() error
}

func (h *sweepHooks) Reviews(ctx context.Context, ids []string) (map[string]reviews.Review, error) {
	found, err := h.Store.Reviews(ctx, ids)
	return found, errors.Join(err, h.read())
}

func (h *sweepHooks) Delete(ctx context.Context, key string) error {
	if err := h.delete(); err != nil {
		return err
	}
	return h.Images.Delete(ctx, key)
}

// A review that is written while its image is looked at either has it for good, or is told that it is gone.
func TestReviewsWrittenDuringASweep(t *testing.T) {
	t.Parallel()
	sh := newShop(t, true, plain)
	write := func(key string, err *error) func() error {
		return func() error { _, *err = sh.service.Submit(named("prd_1", key)); return nil }
	}
	nothing := func() error { return nil }
	sweeper := func(h *sweepHooks) *reviews.Service {
		h.Store, h.Images = sh.store, sh.images
		return reviews.New(reviews.Config{Store: h, Images: h, Now: sh.now, Log: slog.New(slog.DiscardHandler)})
	}
	var wrote error
	key := sh.upload(ann)
	sh.later(25 * time.Hour)
	sh.sweep(sweeper(&sweepHooks{read: write(key, &wrote), delete: nothing}))
	sh.has(fmt.Sprintf("named before it is doomed (%v)", wrote), map[string]bool{key: wrote == nil})
	if wrote != nil {
		t.Errorf("a review in time is refused: %v", wrote)
	}

	key = sh.upload(ann)
	sh.later(25 * time.Hour)
	sh.sweep(sweeper(&sweepHooks{read: nothing, delete: write(key, &wrote)}))
	sh.has("named after it is doomed", map[string]bool{key: false})
	if e, ok := wrote.(*errs.Error); !ok || e.Code != errs.BadInput || strings.Join(e.Field, ".") != "input.attachments.0" {
		t.Errorf("a review names an image that is being deleted: %v", wrote)
	}

	key = sh.upload(ann)
	sh.later(25 * time.Hour)
	crash := sweeper(&sweepHooks{read: nothing, delete: func() error { return errors.New("the storage is away") }})
	if err := crash.SweepUploads(t.Context(), sh.now()); err == nil {
		t.Error("a sweep without storage succeeds")
	}
	sh.sweep(sh.service)
	sh.has("after another sweep", map[string]bool{key: false})
}
