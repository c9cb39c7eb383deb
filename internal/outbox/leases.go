package outbox

import (
	"context"
	"time"
)

// Shards is how many parts the documents of a service are in. Each is published by one instance at a time.
const Shards = 16

// Assignment says which instance of a service publishes the documents of which shard. An instance holds
// its shards for as long as it lives.
type Assignment struct {
	Version int                  `bson:"version"`
	Holders map[string]time.Time `bson:"holders"` // until when each instance lives
	Shards  [Shards]string       `bson:"shards"`  // the holder of each; empty for none
}

// Leases keep a service's assignment.
type Leases interface {
	// Update changes the assignment, atomically. change may run several times, and must not act on the world.
	Update(ctx context.Context, change func(*Assignment)) error
}

// Hints tell other instances that a document has something to publish, so that it does not wait for a
// sweep when the instance that wrote it does not hold its shard. They may be lost.
type Hints interface {
	// Send tells the others. It does not wait for them.
	Send(ctx context.Context, store, docID string)
	// Receive calls hear for each hint of others until ctx ends, and connects again when it has to.
	Receive(ctx context.Context, hear func(store, docID string))
}
