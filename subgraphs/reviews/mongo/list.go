package mongo

import (
	"context"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"storefront/subgraphs/reviews"
)

// order is one part of a sort: a field and its direction.
type order struct {
	field     string
	direction int
	at        func(reviews.Position) any
}

// orders are the parts of each sort, as the indexes have them.
func orders(sort reviews.ReviewSort) []order {
	byRating := func(d int) order { return order{"rating", d, func(p reviews.Position) any { return p.Rating }} }
	byTime := func(d int) []order {
		return []order{
			{"createdAt", d, func(p reviews.Position) any { return p.CreatedAt }},
			{"_id", d, func(p reviews.Position) any { return p.ID }},
		}
	}
	switch sort {
	case reviews.RatingDesc:
		return append([]order{byRating(-1)}, byTime(-1)...)
	case reviews.RatingAsc:
		return append([]order{byRating(1)}, byTime(-1)...)
	case reviews.Oldest:
		return byTime(1)
	default:
		return byTime(-1)
	}
}

// ListReviews implements reviews.Store.
func (s *Store) ListReviews(ctx context.Context, l reviews.List) ([]reviews.Review, error) {
	parts := orders(l.Sort)
	if l.Backward {
		for i := range parts {
			parts[i].direction = -parts[i].direction
		}
	}
	filter, sort := bson.D{{Key: "status", Value: l.Status}}, bson.D{}
	if l.ProductID != "" {
		filter = append(bson.D{{Key: "productId", Value: l.ProductID}}, filter...)
	}
	for _, p := range parts {
		sort = append(sort, bson.E{Key: p.field, Value: p.direction})
	}
	if l.After.ID != "" {
		filter = append(filter, beyond(parts, l.After)...)
	}
	return s.reviews.Find(ctx, filter, options.Find().SetSort(sort).SetLimit(int64(l.Size)+1))
}

// beyond is what comes after p: later in the first part, or equal there and later in the second, and so
// on. The bound on the first part alone is for the index.
func beyond(parts []order, p reviews.Position) bson.D {
	var ways bson.A
	var same bson.D
	for _, o := range parts {
		later := append(bson.D{}, same...)
		ways = append(ways, append(later, bson.E{Key: o.field, Value: bson.D{{Key: operator(o), Value: o.at(p)}}}))
		same = append(same, bson.E{Key: o.field, Value: o.at(p)})
	}
	first := parts[0]
	return bson.D{{Key: first.field, Value: bson.D{{Key: operator(first) + "e", Value: first.at(p)}}}, {Key: "$or", Value: ways}}
}

func operator(o order) string {
	if o.direction < 0 {
		return "$lt"
	}
	return "$gt"
}
