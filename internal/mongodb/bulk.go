package mongodb

import (
	"context"

	"go.mongodb.org/mongo-driver/v2/mongo"
)

// bulkMost is how many writes are sent in one command.
const bulkMost = 100

// Bulk sends writes in their order, few at a time. They must go from document to document in the order of
// their ids: FerretDB makes each command one transaction of PostgreSQL, which locks every document to its
// end, so that two bulks which share two documents in different orders wait for each other until one of
// them fails. That order has all of them wait in line instead, and not for long.
func Bulk(ctx context.Context, c *mongo.Collection, writes []mongo.WriteModel) (*mongo.BulkWriteResult, error) {
	all := &mongo.BulkWriteResult{}
	for len(writes) > 0 {
		n := min(bulkMost, len(writes))
		r, err := c.BulkWrite(ctx, writes[:n])
		if r != nil {
			all.MatchedCount += r.MatchedCount
			all.ModifiedCount += r.ModifiedCount
			all.UpsertedCount += r.UpsertedCount
		}
		if err != nil {
			return all, err
		}
		writes = writes[n:]
	}
	return all, nil
}
