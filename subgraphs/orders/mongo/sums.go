package mongo

import (
	"context"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"storefront/internal/mongodb"
	"storefront/subgraphs/orders"
)

// Sums is what all orders together say of stock and money.
type Sums struct {
	Statuses map[string]string // of each order, by id
	Open     int               // orders that are not final
	Sold     map[string]int    // units by SKU: of orders that were paid and not cancelled, less what came back
	Waiting  map[string]int    // units by SKU of orders on their way to being paid
	Money    map[string]Money  // by currency, minor units
}

// Money is what orders say should have been taken, and should have gone back. What a cancelled order had
// paid counts on both sides.
type Money struct{ Captured, Refunded int64 }

// Sums reads every order: for checks, not for requests.
func (s *Store) Sums(ctx context.Context) (Sums, error) {
	sums := Sums{Statuses: map[string]string{}, Sold: map[string]int{}, Waiting: map[string]int{}, Money: map[string]Money{}}
	cursor, err := s.orders.Collection().Find(ctx, bson.D{}, options.Find().SetProjection(bson.D{
		{Key: "status", Value: 1}, {Key: "reached", Value: 1}, {Key: "lines", Value: 1}, {Key: "total", Value: 1},
		{Key: "refunded", Value: 1}, {Key: "returns", Value: 1}}))
	if err != nil {
		return sums, mongodb.Wrap(err, "sum orders")
	}
	defer cursor.Close(ctx)
	for cursor.Next(ctx) {
		var o orders.Order
		if err := cursor.Decode(&o); err != nil {
			return sums, mongodb.Wrap(err, "sum orders")
		}
		sums.add(o)
	}
	return sums, mongodb.Wrap(cursor.Err(), "sum orders")
}

func (s *Sums) add(o orders.Order) {
	s.Statuses[o.ID] = string(o.Status)
	if !o.Status.Final() {
		s.Open++
	}
	m := s.Money[o.Total.Currency]
	switch reached := o.Reached; {
	case o.Status == orders.StatusRejected:
	case o.Status == orders.StatusCancelled:
		m.Captured += o.Refunded.Amount
		m.Refunded += o.Refunded.Amount
	case reached == orders.StatusPaid || reached == orders.StatusPreparing || reached == orders.StatusShipped || reached == orders.StatusDelivered:
		m.Captured += o.Total.Amount
		returned := int64(0)
		for _, r := range o.Returns {
			returned += r.Refund.Amount
		}
		// Staff may have given back more than returns ask for, and never more than was paid.
		m.Refunded += max(min(returned, o.Total.Amount), o.Refunded.Amount)
		for _, l := range o.Lines {
			s.Sold[l.SKU] += l.Quantity - l.Returned
		}
	default:
		for _, l := range o.Lines {
			s.Waiting[l.SKU] += l.Quantity
		}
	}
	s.Money[o.Total.Currency] = m
}
