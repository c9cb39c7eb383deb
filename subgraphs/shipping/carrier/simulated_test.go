package carrier

import (
	"testing"
	"time"

	"storefront/subgraphs/shipping"
)

func TestCancel(t *testing.T) {
	t.Parallel()
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		after time.Duration
		stays bool
	}{
		"at once":                {0, true},
		"before the pickup":      {time.Minute - 1, true},
		"when it is handed over": {time.Minute, false},
		"after the delivery":     {time.Hour, false},
	} {
		now := start
		carrier := NewSimulated(time.Minute, func() time.Time { return now })
		b, err := carrier.Book(t.Context(), "shp_1", shipping.Parcel{City: "Berlin"})
		if err != nil {
			t.Fatal(err)
		}
		now = start.Add(c.after)
		for range 2 { // a repeat, though much later, gives the same answer
			if stays, err := carrier.Cancel(t.Context(), b); err != nil || stays != c.stays {
				t.Errorf("%s: stays %v, %v; want %v", name, stays, err, c.stays)
			}
			now = start.Add(24 * time.Hour)
		}
		if way, due, err := carrier.Track(t.Context(), b); err != nil || len(way) > 0 == c.stays || !due.IsZero() {
			t.Errorf("%s: tracked %v, %v, %v", name, way, due, err)
		}
		if again, err := carrier.Book(t.Context(), "shp_1", shipping.Parcel{City: "Berlin"}); err != nil || again.TrackingNumber != b.TrackingNumber {
			t.Errorf("%s: booked again it is %v, %v; want %s", name, again, err, b.TrackingNumber)
		}
	}
}
