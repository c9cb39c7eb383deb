package mongo_test

import (
	"encoding/json"
	"testing"
	"time"

	"storefront/events"
)

// A level is from when it is so, not from the first of the changes that one event tells of: who began to wait
// for the SKU in between has not heard of it yet.
func TestStockLevelIsFromItsLastChange(t *testing.T) {
	s, ctx := newShop(t)
	s.stock(t, ctx, "cup", 1)
	if err := s.Reserve(ctx, placed("ord_1", "cup", 1)); err != nil { // sold out
		t.Fatal(err)
	}
	s.clock.Add(int64(time.Hour)) // nothing is published meanwhile
	wish := time.Now().Add(time.Hour).UTC().Truncate(time.Millisecond)
	if err := s.Cancel(ctx, "ord_1", "usr_1"); err != nil {
		t.Fatal(err)
	}
	records, err := load(s.store.Outboxes()[1], ctx)
	if err != nil || len(records) != 1 {
		t.Fatalf("load: %v, %v", records, err)
	}
	var e events.StockLevelChanged
	if err := json.Unmarshal(records[0].Data, &e); err != nil {
		t.Fatal(err)
	}
	if e.Available != 1 || e.At.Before(wish) {
		t.Errorf("available %d at %s, want 1, after %s", e.Available, e.At, wish)
	}
}
