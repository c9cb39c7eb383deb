// Package graph is payments' part of the graph.
package graph

import (
	"context"
	"log/slog"
	"net/http"

	"storefront/internal/gql"
	"storefront/internal/money"
	"storefront/loaders"
	"storefront/loaders/page"
	"storefront/subgraphs/payments"
	"storefront/subgraphs/payments/graph/gen"
)

// Handler serves the subgraph. Callers wrap it so that only the router reaches it.
func Handler(s *payments.Service, log *slog.Logger) http.Handler {
	schema := gen.NewExecutableSchema(gen.Config{Resolvers: root{s}})
	return gql.Handler(schema, log, func(ctx context.Context) context.Context {
		return context.WithValue(ctx, loaderKey{}, loaders.New(s.Payments, loaders.Options{}))
	})
}

type loaderKey struct{}

func loader(ctx context.Context) *loaders.Loader[string, payments.Payment] {
	return ctx.Value(loaderKey{}).(*loaders.Loader[string, payments.Payment])
}

type root struct{ payments *payments.Service }

func (r root) Query() gen.QueryResolver       { return query{r.payments} }
func (r root) Mutation() gen.MutationResolver { return mutation{r.payments} }
func (r root) Entity() gen.EntityResolver     { return entity{} }
func (r root) Payment() gen.PaymentResolver   { return payment{} }

type query struct{ payments *payments.Service }

func (q query) PaymentConfiguration(context.Context) (*payments.PaymentConfiguration, error) {
	return q.payments.Configuration(), nil
}

func (query) Payment(ctx context.Context, id string) (*payments.Payment, error) {
	p, ok, err := loader(ctx).Load(ctx, id)
	if !ok {
		return nil, err
	}
	return &p, err
}

func (q query) PaymentsWithFailedRefunds(ctx context.Context, first *int, after *string, last *int, before *string) (*payments.PaymentConnection, error) {
	return q.payments.FailedRefunds(ctx, page.Args{First: first, After: after, Last: last, Before: before})
}

type mutation struct{ payments *payments.Service }

func (m mutation) PaymentRefund(ctx context.Context, id string, amount *money.Money, reason, key string) (*gen.PaymentPayload, error) {
	p, err := m.payments.Refund(ctx, id, amount, reason, key)
	userErrors, err := gql.UserErrors(err)
	return &gen.PaymentPayload{Payment: p, UserErrors: userErrors}, err
}

func (m mutation) PaymentRefundRetry(ctx context.Context, id, refundID string) (*gen.PaymentPayload, error) {
	p, err := m.payments.RetryRefund(ctx, id, refundID)
	userErrors, err := gql.UserErrors(err)
	return &gen.PaymentPayload{Payment: p, UserErrors: userErrors}, err
}

type entity struct{}

// FindOrder tells an order's payment to those who may see it; to others it is null.
func (entity) FindOrder(ctx context.Context, reps []gen.OrderRepresentation) ([]*gen.Order, error) {
	ids := make([]string, len(reps))
	for i, r := range reps {
		ids[i] = payments.PaymentID(*r.ID)
	}
	found, err := many(ctx, ids)
	list := make([]*gen.Order, len(reps))
	for i, r := range reps {
		list[i] = &gen.Order{ID: *r.ID, Payment: found[i]}
	}
	return list, err
}

func (entity) FindPayment(ctx context.Context, reps []gen.PaymentRepresentation) ([]*payments.Payment, error) {
	ids := make([]string, len(reps))
	for i, r := range reps {
		ids[i] = *r.ID
	}
	return many(ctx, ids)
}

// many keeps the order of ids; nil for what is not there, or not the caller's to see.
func many(ctx context.Context, ids []string) ([]*payments.Payment, error) {
	list := make([]*payments.Payment, len(ids))
	values, found, err := loader(ctx).LoadMany(ctx, ids)
	for i, ok := range found {
		if ok {
			list[i] = &values[i]
		}
	}
	return list, err
}

type payment struct{}

func (payment) Order(_ context.Context, p *payments.Payment) (*gen.Order, error) {
	return &gen.Order{ID: p.OrderID, Payment: p}, nil
}
