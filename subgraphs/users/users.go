// Package users owns what the shop knows of a person: the profile, the address book, wishlists. A
// profile appears with the first sign-in, from what the identity provider says; what a person has
// changed here stays as they want it.
//
// It never decides who may do what elsewhere: a caller's rights come with the token. Enter at Service.
package users

import (
	"context"
	"log/slog"
	"time"

	"storefront/events"
	"storefront/internal/identity"
	"storefront/internal/outbox"
)

// Config of a Service.
type Config struct {
	Store Store
	Now   func() time.Time
	Log   *slog.Logger
}

// Service holds the rules of profiles, addresses and wishlists.
type Service struct {
	store Store
	now   func() time.Time
	log   *slog.Logger
}

// New returns a Service.
func New(cfg Config) *Service { return &Service{store: cfg.Store, now: cfg.Now, log: cfg.Log} }

// Me is the caller's own profile, made when it is not there yet; nil for who is not signed in.
func (s *Service) Me(ctx context.Context) (*User, error) {
	if !identity.From(ctx).SignedIn() {
		return nil, nil
	}
	return s.mine(ctx, func(*User) (bool, error) { return false, nil })
}

// Users returns those of ids that the caller may see, by id: their own, which is made when it is not
// there yet; for staff all.
func (s *Service) Users(ctx context.Context, ids []string) (map[string]User, error) {
	who := identity.From(ctx)
	found, others := map[string]User{}, make([]string, 0, len(ids))
	for _, id := range ids {
		if who.SignedIn() && id == who.User {
			me, err := s.Me(ctx)
			if err != nil {
				return nil, err
			}
			found[id] = *me
		} else if who.Staff() {
			others = append(others, id)
		}
	}
	if len(others) == 0 {
		return found, nil
	}
	list, err := s.store.Users(ctx, others)
	if err != nil {
		return nil, err
	}
	for id, u := range list {
		found[id] = u
	}
	return found, nil
}

// UpdateProfile changes what is given; "" goes back to what the identity provider says.
func (s *Service) UpdateProfile(ctx context.Context, in ProfileInput) (*User, error) {
	in, err := in.check()
	if err != nil {
		return nil, err
	}
	who := identity.From(ctx)
	return s.mine(ctx, func(u *User) (bool, error) { return u.edit(in, who), nil })
}

// SetRoles replaces a person's roles, which no sign-in changes any more. Staff only.
func (s *Service) SetRoles(ctx context.Context, id string, roles []string) (*User, error) {
	if err := identity.From(ctx).RequireStaff(); err != nil {
		return nil, err
	}
	roles, err := checkRoles(roles)
	if err != nil {
		return nil, err
	}
	u, err := s.store.UpdateUser(ctx, id, func(u *User) ([]outbox.Event, error) {
		return u.updated(u.setRoles(roles), events.Now(s.now)), nil
	})
	if err != nil {
		return nil, notFound(err, "id", "person", id)
	}
	return &u, nil
}

// mine changes the caller's own profile, after bringing it up to date with the sign-in; the first time
// it is made. Nothing is written when nothing differs.
func (s *Service) mine(ctx context.Context, change func(*User) (bool, error)) (*User, error) {
	who := identity.From(ctx)
	if err := who.RequireUser(); err != nil {
		return nil, err
	}
	u, err := s.store.UpsertUser(ctx, who.User, func(u *User, exists bool) ([]outbox.Event, error) {
		now := events.Now(s.now)
		var list []outbox.Event
		if !exists {
			*u = User{ID: who.User, Roles: []string{}, Addresses: []Address{}, CreatedAt: now.At}
		}
		differs := u.signIn(who)
		if !exists {
			differs = false // UserRegistered says it
			list = append(list, events.UserRegistered{Stamp: now, ID: u.ID, Name: value(u.Name), Email: value(u.Email), Locale: value(u.Locale)})
		}
		changed, err := change(u)
		if err != nil {
			return nil, err
		}
		return append(list, u.updated(differs || changed, now)...), nil
	})
	if err != nil {
		return nil, err
	}
	return &u, nil
}
