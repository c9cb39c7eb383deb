package mongo_test

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"testing"
	"time"

	"storefront/internal/errs"
	"storefront/subgraphs/shipping"
	"storefront/subgraphs/shipping/carrier"
)

var errCut = errors.New("the line is cut")

// line is the way to the carrier. A call by a name in cut is made, and its answer lost; one by a name in
// away does not arrive.
type line struct {
	*carrier.Simulated
	cut, away map[string]bool
	booked    map[string]shipping.Booking // what the carrier has, by tracking number
	asked     int                         // calls of Cancel that arrived
}

func (l *line) fails(call string) error {
	if l.cut[call] || l.away[call] {
		return errCut
	}
	return nil
}

func (l *line) Book(ctx context.Context, key string, p shipping.Parcel) (shipping.Booking, error) {
	if l.away["book"] {
		return shipping.Booking{}, errCut
	}
	b, err := l.Simulated.Book(ctx, key, p)
	l.booked[b.TrackingNumber] = b
	return b, errors.Join(err, l.fails("book"))
}

func (l *line) Cancel(ctx context.Context, b shipping.Booking) (bool, error) {
	if l.away["cancel"] {
		return false, errCut
	}
	l.asked++
	stays, err := l.Simulated.Cancel(ctx, b)
	return stays, errors.Join(err, l.fails("cancel"))
}

// leaves lists what the carrier takes away in the end, whatever we think of it.
func (l *line) leaves(t *testing.T, d *depot) (numbers []string) {
	t.Helper()
	d.clock.Add(int64(time.Hour))
	for number, b := range l.booked {
		if way, _, err := l.Simulated.Track(t.Context(), b); err != nil || len(way) > 0 {
			numbers = append(numbers, number)
		}
	}
	return numbers
}

func openLine(t *testing.T) (*depot, *line, context.Context) {
	d, ctx := open(t)
	now := func() time.Time { return time.Now().Add(time.Duration(d.clock.Load())) }
	l := &line{Simulated: carrier.NewSimulated(time.Minute, now), cut: map[string]bool{}, away: map[string]bool{}, booked: map[string]shipping.Booking{}}
	d.Service = shipping.New(shipping.Config{Store: d.store, Carrier: l, Now: now, Log: slog.New(slog.DiscardHandler)})
	return d, l, ctx
}

// A cancellation waits for the carrier's answer: until it is there, nothing is said and the event comes again.
func TestCancellationWaitsForTheCarrier(t *testing.T) {
	for name, fail := range map[string]func(*line, bool){
		"away":               func(l *line, on bool) { l.away["cancel"] = on },
		"its answer is lost": func(l *line, on bool) { l.cut["cancel"] = on },
	} {
		t.Run(name, func(t *testing.T) {
			d, l, ctx := openLine(t)
			for _, step := range []func(context.Context) error{d.place, d.pay} {
				if err := step(ctx); err != nil {
					t.Fatal(err)
				}
			}
			fail(l, true)
			for range 2 {
				if err := d.stop(ctx); !errs.Is(err, errs.Unavailable) {
					t.Errorf("stop: %v, want UNAVAILABLE", err)
				}
			}
			if said := d.said(t); !slices.Equal(said, []string{"created"}) {
				t.Errorf("said %v before the carrier has answered", said)
			}
			fail(l, false)
			if err := d.stop(ctx); err != nil {
				t.Fatal(err)
			}
			if said := d.said(t); !slices.Equal(said, []string{"created", "cancelled"}) {
				t.Errorf("said %v", said)
			}
			if left := l.leaves(t, d); len(left) > 0 {
				t.Errorf("%v leaves although it was cancelled", left)
			}
		})
	}
}

// A booking that was made, and of which nobody heard because the process died, is cancelled too.
func TestBookingWhoseAnswerWasLostIsCancelled(t *testing.T) {
	d, l, ctx := openLine(t)
	if err := d.place(ctx); err != nil {
		t.Fatal(err)
	}
	l.cut["book"] = true
	if err := d.pay(ctx); !errs.Is(err, errs.Unavailable) {
		t.Fatalf("pay: %v, want UNAVAILABLE", err)
	}
	if err := d.stop(ctx); !errs.Is(err, errs.Unavailable) {
		t.Errorf("stop: %v, want UNAVAILABLE while the booking is not known", err)
	}
	l.cut["book"] = false
	for _, step := range []func(context.Context) error{d.stop, d.pay, d.stop} {
		if err := step(ctx); err != nil {
			t.Fatal(err)
		}
	}
	if said := d.said(t); !slices.Equal(said, []string{"created", "cancelled", "cancelled"}) {
		t.Errorf("said %v", said)
	}
	if left := l.leaves(t, d); len(left) > 0 || len(l.booked) != 1 {
		t.Errorf("of %d bookings %v leaves although it was cancelled", len(l.booked), left)
	}
}

// What was never booked is cancelled without the carrier.
func TestNothingBookedIsCancelledAtOnce(t *testing.T) {
	d, l, ctx := openLine(t)
	l.away["cancel"], l.away["book"] = true, true
	for _, step := range []func(context.Context) error{d.place, d.stop} {
		if err := step(ctx); err != nil {
			t.Fatal(err)
		}
	}
	if said := d.said(t); !slices.Equal(said, []string{"cancelled"}) || l.asked > 0 {
		t.Errorf("said %v, the carrier was asked %d times", said, l.asked)
	}
}
