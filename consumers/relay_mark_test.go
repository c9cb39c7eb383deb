package consumers

import (
	"testing"
	"time"

	"storefront/events"
	"storefront/internal/embedded/mongodb/mongotest"
	"storefront/internal/mongodb"
	"storefront/internal/outbox"
)

// noted is an aggregate.
type noted struct {
	ID      string `bson:"_id"`
	Version int    `bson:"version"`
}

func (n *noted) Identity() (string, *int) { return n.ID, &n.Version }

// Whoever takes entries out may be cut off before it takes the mark away. It goes all the same: a document
// with a mark counts as one that is not published, for the relay's depth and for what waits on it.
func TestRelayTakesAwayAMarkThatIsLeft(t *testing.T) {
	t.Parallel()
	b := startBroker(t)
	c := mongotest.Database(t).Collection("orders")
	store := mongodb.NewAggregates[noted](c, "/test", time.Now)
	if err := store.EnsureIndexes(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{order(1), order(2)} {
		if err := store.Insert(t.Context(), &noted{ID: id}, statusChanged(id, 1)); err != nil {
			t.Fatal(err)
		}
	}
	cut := map[string]any{"$set": map[string]any{"outbox": []any{}}}
	if _, err := c.UpdateOne(t.Context(), map[string]any{"_id": order(1)}, cut); err != nil {
		t.Fatal(err)
	}
	defer b.relay(newMemoryStore(), func(c *RelayConfig) { c.Stores = []outbox.Store{store} })()
	eventually(t, "no document is marked", func() bool {
		n, _, err := store.Depth(t.Context(), 10)
		return err == nil && n == 0
	})
	if n := len(b.read(events.OrderTopic)); n != 1 {
		t.Errorf("%d events were published, want the one that was left", n)
	}
}
