// Package graph is notifications' part of the graph: who is asking, one call of the service, the answer.
package graph

import (
	"context"
	"log/slog"
	"net/http"

	"storefront/internal/gql"
	"storefront/loaders/page"
	"storefront/subgraphs/notifications"
	"storefront/subgraphs/notifications/graph/gen"
)

// Handler serves the subgraph. Callers wrap it so that only the router reaches it.
func Handler(s *notifications.Service, log *slog.Logger) http.Handler {
	schema := gen.NewExecutableSchema(gen.Config{Resolvers: root{s}})
	return gql.Handler(schema, log, func(ctx context.Context) context.Context { return ctx })
}

type root struct{ notifications *notifications.Service }

func (r root) Query() gen.QueryResolver               { return query{r.notifications} }
func (r root) Mutation() gen.MutationResolver         { return mutation{r.notifications} }
func (r root) Entity() gen.EntityResolver             { return entity{r.notifications} }
func (r root) Notification() gen.NotificationResolver { return notification{} }
func (r root) NotificationConnection() gen.NotificationConnectionResolver {
	return connection{r.notifications}
}

type query struct{ notifications *notifications.Service }

func (q query) Notifications(ctx context.Context, unreadOnly bool, first *int, after *string, last *int, before *string) (*notifications.NotificationConnection, error) {
	return q.notifications.List(ctx, unreadOnly, page.Args{First: first, After: after, Last: last, Before: before})
}

type connection struct{ notifications *notifications.Service }

func (c connection) UnreadCount(ctx context.Context, _ *notifications.NotificationConnection) (int, error) {
	return c.notifications.Unread(ctx)
}

type notification struct{}

func (notification) Order(_ context.Context, n *notifications.Notification) (*gen.Order, error) {
	if n.OrderID == "" {
		return nil, nil
	}
	return &gen.Order{ID: n.OrderID}, nil
}

type mutation struct{ notifications *notifications.Service }

func (m mutation) NotificationPreferencesUpdate(ctx context.Context, list []notifications.NotificationPreference) (*gen.NotificationPreferencesPayload, error) {
	now, err := m.notifications.UpdatePreferences(ctx, list)
	userErrors, err := gql.UserErrors(err)
	if now == nil {
		now = []notifications.NotificationPreference{}
	}
	return &gen.NotificationPreferencesPayload{Preferences: now, UserErrors: userErrors}, err
}

func (m mutation) NotificationsMarkRead(ctx context.Context, ids []string) (*gen.NotificationsReadPayload, error) {
	unread, err := m.notifications.MarkRead(ctx, ids)
	userErrors, err := gql.UserErrors(err)
	return &gen.NotificationsReadPayload{UnreadCount: unread, UserErrors: userErrors}, err
}

func (m mutation) BackInStockSubscribe(ctx context.Context, sku string) (*gen.BackInStockPayload, error) {
	sku, err := m.notifications.WatchStock(ctx, sku)
	payload := &gen.BackInStockPayload{}
	if err == nil {
		payload.Sku = &sku
	}
	payload.UserErrors, err = gql.UserErrors(err)
	return payload, err
}

func (m mutation) PromotionSend(ctx context.Context, title, text, idempotencyKey string) (*gen.PromotionPayload, error) {
	n, err := m.notifications.SendPromotion(ctx, title, text, idempotencyKey)
	userErrors, err := gql.UserErrors(err)
	return &gen.PromotionPayload{Recipients: n, UserErrors: userErrors}, err
}

type entity struct{ notifications *notifications.Service }

func (e entity) FindNotification(ctx context.Context, reps []gen.NotificationRepresentation) ([]*notifications.Notification, error) {
	ids := make([]string, len(reps))
	for i, r := range reps {
		ids[i] = *r.ID
	}
	found, err := e.notifications.Notifications(ctx, ids)
	list := make([]*notifications.Notification, len(reps))
	for i, one := range ids {
		if n, ok := found[one]; ok {
			list[i] = &n
		}
	}
	return list, err
}

func (e entity) FindUser(ctx context.Context, reps []gen.UserRepresentation) ([]*gen.User, error) {
	ids := make([]string, len(reps))
	for i, r := range reps {
		ids[i] = *r.ID
	}
	found, err := e.notifications.PreferencesOf(ctx, ids)
	list := make([]*gen.User, len(reps))
	for i, one := range ids {
		if p, ok := found[one]; ok {
			list[i] = &gen.User{ID: one, NotificationPreferences: p}
		}
	}
	return list, err
}
