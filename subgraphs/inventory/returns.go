package inventory

import (
	"context"
	"slices"

	"storefront/events"
	"storefront/internal/outbox"
)

// Return is goods of a sale that come back.
type Return struct {
	ID    string            `bson:"id"`
	Lines []ReservationLine `bson:"lines"`
}

// Return puts lines of a sold order on stock again, once per return. A return that is heard of before
// the sale is committed waits for that.
func (s *Service) Return(ctx context.Context, e events.OrderLinesReturned) error {
	back := Return{ID: e.ReturnID}
	for _, l := range e.Lines {
		back.Lines = add(back.Lines, l.SKU, l.Quantity)
	}
	r, err := s.store.UpdateReservation(ctx, e.ID, func(r *Reservation) ([]outbox.Event, error) {
		known := slices.Contains(r.Returns, back.ID) || slices.ContainsFunc(r.Waiting, func(w Return) bool { return w.ID == back.ID })
		if known || r.Status == Released || r.Status == Rejected || r.Step == releaseStep || r.Step == restockStep {
			return nil, nil
		}
		r.Waiting = append(r.Waiting, back)
		if r.Status == Committed {
			r.Step = returnStep
		}
		return nil, nil
	})
	if err != nil || r.Step != returnStep {
		return err
	}
	return s.finish(ctx, r)
}

// returned notes that these are on stock again.
func (r *Reservation) returned(done []Return) {
	for _, back := range done {
		if slices.Contains(r.Returns, back.ID) {
			continue
		}
		r.Returns = append(r.Returns, back.ID)
		r.Waiting = slices.DeleteFunc(r.Waiting, func(w Return) bool { return w.ID == back.ID })
		back.count(r.Lines)
	}
}

// count notes on a sale's lines what comes back, and says where that goes. Returns are counted in the order in
// which they wait, so everybody who counts one says the same.
func (back Return) count(lines []ReservationLine) Units {
	units := Units{}
	for _, l := range back.Lines {
		sold := &ReservationLine{} // of a SKU that was not sold nothing is known
		if i := slices.IndexFunc(lines, func(s ReservationLine) bool { return s.SKU == l.SKU }); i >= 0 {
			sold = &lines[i]
		}
		units[l.SKU] = sold.back(l.Quantity)
		sold.Returned += l.Quantity
	}
	return units
}

// back says into which warehouses the next n units of a sale go: those that they were taken from, in the order
// in which Take took them. What nobody noted goes into the default one.
func (l ReservationLine) back(n int) map[string]int {
	before, to := Take(l.From, l.Returned), Take(l.From, l.Returned+n)
	for w, units := range before {
		if to[w] -= units; to[w] == 0 {
			delete(to, w)
		}
	}
	if rest := n - sum(to); rest > 0 {
		to[DefaultWarehouse] += rest
	}
	return to
}

// sold is what a cancellation takes back.
func (r Reservation) sold() Units {
	units := Units{}
	for _, l := range r.Lines {
		if n := l.Quantity - l.Returned; n > 0 {
			units[l.SKU] = l.back(n)
		}
	}
	return units
}
