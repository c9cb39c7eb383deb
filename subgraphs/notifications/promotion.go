package notifications

import (
	"context"
	"strings"
	"time"
	"unicode/utf8"

	"storefront/internal/errs"
	"storefront/internal/id"
	"storefront/internal/identity"
)

// Promotion is a message from the shop to all users who have not said that they want none.
type Promotion struct {
	ID         string     `bson:"_id"` // made of the idempotency key
	Version    int        `bson:"version"`
	Title      string     `bson:"title"`
	Text       string     `bson:"text"`
	By         string     `bson:"by"`
	CreatedAt  time.Time  `bson:"createdAt"`
	Recipients int        `bson:"recipients"` // when it was asked for
	Told       int        `bson:"told"`
	After      string     `bson:"after,omitempty"` // the last one who was told
	DueAt      *time.Time `bson:"dueAt,omitempty"` // until it is done: when somebody goes on with it
}

// Identity is the id and the version.
func (p *Promotion) Identity() (string, *int) { return p.ID, &p.Version }

const (
	promotionPage  = 200
	promotionEvery = time.Second // how often unfinished ones are looked for
	maxTitle       = 200         // characters
	maxText        = 10_000
)

// SendPromotion starts one and returns to how many people it goes. Staff only. The same key with the
// same words is the same promotion; with other words it is a Conflict.
func (s *Service) SendPromotion(ctx context.Context, title, text, idempotencyKey string) (int, error) {
	who := identity.From(ctx)
	if err := who.RequireStaff(); err != nil {
		return 0, err
	}
	title, text = strings.TrimSpace(title), strings.TrimSpace(text)
	for _, f := range []struct {
		name, value string
		most        int
	}{{"title", title, maxTitle}, {"text", text, maxText}, {"idempotencyKey", idempotencyKey, 200}} {
		if n := utf8.RuneCountInString(f.value); n == 0 || n > f.most {
			return 0, errs.Input([]string{f.name}, "%s has 1 to %d characters", f.name, f.most)
		}
	}
	if strings.ContainsAny(title, "\r\n") {
		return 0, errs.Input([]string{"title"}, "a title is one line")
	}
	n, err := s.store.CountPromotable(ctx)
	if err != nil {
		return 0, err
	}
	now := s.now().UTC().Truncate(time.Millisecond)
	p := Promotion{ID: id.Of("prm", idempotencyKey), Title: title, Text: text, By: who.User, CreatedAt: now, Recipients: n, DueAt: &now}
	added, err := s.store.InsertPromotion(ctx, &p)
	if err != nil {
		return 0, err
	}
	if !added {
		if p, err = s.store.Promotion(ctx, p.ID); err != nil {
			return 0, err
		}
		if p.Title != title || p.Text != text {
			return 0, &errs.Error{Code: errs.Conflict, Field: []string{"idempotencyKey"}, Message: "this key was used for another promotion; take a new one"}
		}
		return p.Recipients, nil
	}
	select {
	case s.promoted <- struct{}{}:
	default:
	}
	return p.Recipients, nil
}

// promote goes on with promotions that are not done, until ctx ends.
func (s *Service) promote(ctx context.Context) {
	tick := time.NewTicker(promotionEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case <-s.promoted:
		}
		now := s.now().UTC()
		p, err := s.store.ClaimPromotion(ctx, now, now.Add(lease))
		if err == nil {
			err = s.tellAll(ctx, p)
		}
		if err != nil && !errs.Is(err, errs.NotFound) && ctx.Err() == nil {
			s.log.WarnContext(ctx, "go on with a promotion", "promotion", p.ID, "error", err)
		}
	}
}

// tellAll goes through the people, page by page; where it stands is kept, and the lease renewed, with
// each page. Whoever is told twice after a crash gets one notification: its id is made of both.
func (s *Service) tellAll(ctx context.Context, p Promotion) error {
	for {
		people, err := s.store.Promotable(ctx, p.After, promotionPage)
		if err != nil {
			return err
		}
		for _, one := range people {
			if err := s.announce(ctx, newNotification(Promotional, one.ID, p.ID+"/"+one.ID, p.CreatedAt, Facts{Name: one.Name, Title: p.Title, Text: p.Text})); err != nil {
				return err
			}
		}
		done, until := len(people) < promotionPage, s.now().UTC().Add(lease)
		if p, err = s.store.UpdatePromotion(ctx, p.ID, func(p *Promotion) error {
			if p.DueAt = &until; done {
				p.DueAt = nil
			}
			if len(people) > 0 && people[len(people)-1].ID > p.After {
				p.Told, p.After = p.Told+len(people), people[len(people)-1].ID
			}
			return nil
		}); err != nil {
			return err
		}
		s.log.InfoContext(ctx, "promotion goes out", "promotion", p.ID, "told", p.Told, "of", p.Recipients, "done", done)
		if done {
			return nil
		}
	}
}
