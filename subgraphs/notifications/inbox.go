package notifications

import (
	"context"
	"strconv"

	"storefront/internal/errs"
	"storefront/internal/identity"
	"storefront/loaders/page"
)

// maxIDs bounds how many notifications one call marks by id.
const maxIDs = 200

// owners are the ids under which the caller's notifications are kept: who signs in keeps the guest's.
func owners(ctx context.Context) []string {
	who, list := identity.From(ctx), []string{}
	for _, owner := range []string{who.User, who.Guest} {
		if owner != "" {
			list = append(list, owner)
		}
	}
	return list
}

// List is the caller's own list, newest first; a visitor without a guest token has an empty one.
func (s *Service) List(ctx context.Context, unreadOnly bool, args page.Args) (*NotificationConnection, error) {
	w, err := args.Window()
	if err != nil {
		return nil, err
	}
	mine, found := owners(ctx), []Notification{}
	if len(mine) > 0 {
		if found, err = s.store.List(ctx, mine, unreadOnly, w); err != nil {
			return nil, err
		}
	}
	return &NotificationConnection{page.Of(w, found, func(n Notification) string { return page.Cursor(n.Sort) })}, nil
}

// Unread counts what the caller has not read.
func (s *Service) Unread(ctx context.Context) (int, error) {
	mine := owners(ctx)
	if len(mine) == 0 {
		return 0, nil
	}
	return s.store.Unread(ctx, mine)
}

// MarkRead marks the caller's own with these ids, all when there are none; others' are passed over. It
// returns how many stay unread.
func (s *Service) MarkRead(ctx context.Context, ids []string) (int, error) {
	if _, err := ownerOf(ctx); err != nil {
		return 0, err
	}
	if len(ids) > maxIDs {
		return 0, errs.Input([]string{"ids"}, "at most %d ids at once; leave ids out to mark all", maxIDs)
	}
	for i, one := range ids {
		if len(one) > 100 {
			return 0, errs.Input([]string{"ids", strconv.Itoa(i)}, "this is not an id of a notification")
		}
	}
	if err := s.store.MarkRead(ctx, owners(ctx), ids); err != nil {
		return 0, err
	}
	return s.Unread(ctx)
}

// Notifications returns those of ids that the caller may see, by id.
func (s *Service) Notifications(ctx context.Context, ids []string) (map[string]Notification, error) {
	found, err := s.store.Notifications(ctx, ids)
	who := identity.From(ctx)
	for one, n := range found {
		if !who.MaySee(n.Owner) || !n.Listed && !who.Staff() {
			delete(found, one)
		}
	}
	return found, err
}
