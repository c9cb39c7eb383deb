package mongo

import (
	"context"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"storefront/internal/mongodb"
	"storefront/subgraphs/inventory"
)

// Sums is what the warehouse says of each SKU and of each order.
type Sums struct {
	Items        map[string]Item
	Reservations map[string]inventory.ReservationStatus // by order id
	Sold         map[string]int                         // units by SKU of committed reservations, less what came back
	Held         map[string]int                         // units by SKU of reservations that hold goods
}

// Item is one SKU, in units.
type Item struct {
	Received  int // sum of adjustments
	OnHand    int
	Available int
	Held      int
}

// Sums reads all stock, adjustments and reservations: for checks, not for requests.
func (s *Store) Sums(ctx context.Context) (Sums, error) {
	sums := Sums{Items: map[string]Item{}, Reservations: map[string]inventory.ReservationStatus{}, Sold: map[string]int{}, Held: map[string]int{}}
	if err := s.sumReservations(ctx, &sums); err != nil {
		return sums, err
	}
	if err := s.sumAdjustments(ctx, &sums); err != nil {
		return sums, err
	}
	cursor, err := s.stock.Find(ctx, bson.D{}, options.Find().SetProjection(bson.D{
		{Key: "available", Value: 1}, {Key: "levels", Value: 1}, {Key: "holds", Value: 1}}))
	if err != nil {
		return sums, mongodb.Wrap(err, "sum stock")
	}
	defer cursor.Close(ctx)
	for cursor.Next(ctx) {
		var item inventory.StockItem
		if err := cursor.Decode(&item); err != nil {
			return sums, mongodb.Wrap(err, "sum stock")
		}
		sum := sums.Items[item.SKU]
		sum.OnHand, sum.Available, sum.Held = item.OnHand(), item.Available, item.Reserved()
		sums.Items[item.SKU] = sum
	}
	return sums, mongodb.Wrap(cursor.Err(), "sum stock")
}

func (s *Store) sumAdjustments(ctx context.Context, sums *Sums) error {
	cursor, err := s.adjustments.Find(ctx, bson.D{}, options.Find().SetProjection(bson.D{{Key: "sku", Value: 1}, {Key: "delta", Value: 1}}))
	if err != nil {
		return mongodb.Wrap(err, "sum adjustments")
	}
	defer cursor.Close(ctx)
	for cursor.Next(ctx) {
		var a inventory.StockAdjustment
		if err := cursor.Decode(&a); err != nil {
			return mongodb.Wrap(err, "sum adjustments")
		}
		item := sums.Items[a.SKU]
		item.Received += a.Delta
		sums.Items[a.SKU] = item
	}
	return mongodb.Wrap(cursor.Err(), "sum adjustments")
}

func (s *Store) sumReservations(ctx context.Context, sums *Sums) error {
	cursor, err := s.reservations.Collection().Find(ctx, bson.D{}, options.Find().SetProjection(
		bson.D{{Key: "status", Value: 1}, {Key: "lines", Value: 1}}))
	if err != nil {
		return mongodb.Wrap(err, "sum reservations")
	}
	defer cursor.Close(ctx)
	for cursor.Next(ctx) {
		var r inventory.Reservation
		if err := cursor.Decode(&r); err != nil {
			return mongodb.Wrap(err, "sum reservations")
		}
		sums.Reservations[r.OrderID] = r.Status
		for _, l := range r.Lines {
			switch r.Status {
			case inventory.Committed:
				sums.Sold[l.SKU] += l.Quantity - l.Returned
			case inventory.Reserved, inventory.Confirmed:
				sums.Held[l.SKU] += l.Quantity
			}
		}
	}
	return mongodb.Wrap(cursor.Err(), "sum reservations")
}
