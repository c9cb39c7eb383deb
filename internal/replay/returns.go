package replay

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"storefront/internal/importer"
)

// payable is how long a cancellation waits for the order it takes from to be paid.
const payable = 5 * time.Minute

// ledger knows what each customer was sold by this replay and has not brought back.
type ledger struct {
	mu    sync.Mutex
	lists map[string][]*sale // by customer, in the order of the file
}

type sale struct {
	index int
	order string
	left  map[string]int // by SKU
}

func newLedger() *ledger { return &ledger{lists: map[string][]*sale{}} }

// add notes an order. The invoices of one customer come in the order of the file.
func (l *ledger) add(i Invoice, order string) {
	if i.Customer == "" {
		return
	}
	s := &sale{index: i.Index, order: order, left: map[string]int{}}
	for _, line := range i.Lines {
		s.left[line.SKU] += line.Quantity
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lists[i.Customer] = append(l.lists[i.Customer], s)
}

// before returns the customer's sales before an invoice that have some of a SKU left, the latest first.
func (l *ledger) before(i Invoice, sku string) []*sale {
	l.mu.Lock()
	defer l.mu.Unlock()
	var found []*sale
	list := l.lists[i.Customer]
	for n := len(list) - 1; n >= 0; n-- {
		if list[n].index < i.Index && list[n].left[sku] > 0 {
			found = append(found, list[n])
		}
	}
	return found
}

func (l *ledger) take(s *sale, sku string, most int) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := min(most, s.left[sku])
	s.left[sku] -= n
	return n
}

// taken notes what a journal says was taken.
func (l *ledger) taken(i Invoice, list []takingBack) {
	for _, t := range list {
		for _, line := range t.Lines {
			for _, s := range l.before(i, line.SKU) {
				if s.order == t.Order {
					l.take(s, line.SKU, line.Quantity)
				}
			}
		}
	}
}

// takeBack returns the lines of a cancellation to the customer's earlier orders, the latest first. What
// falls on which order is written down before it is asked for, so that a repeat asks the same.
func (r *run) takeBack(ctx context.Context, i Invoice) error {
	known := r.journal.of(i.Number)
	switch {
	case len(i.Lines) == 0:
		return nil // said by the reader
	case i.Customer == "":
		r.skip(i, i.Number, "a cancellation that names no customer: there are no earlier orders to take from")
		return nil
	}
	list := known.Returns
	if list != nil {
		r.sold.taken(i, list)
	} else {
		var err error
		if list, err = r.allot(ctx, i); err != nil {
			return err
		}
		if len(list) == 0 {
			return nil
		}
		if err := r.journal.write(record{Invoice: i.Number, Returns: list}); err != nil {
			return err
		}
	}
	for _, t := range list {
		if err := r.giveBack(ctx, i, t, known.Done); err != nil {
			return err
		}
	}
	return r.journal.write(record{Invoice: i.Number, Done: true})
}

// allot finds the orders that a cancellation's lines fall on.
func (r *run) allot(ctx context.Context, i Invoice) ([]takingBack, error) {
	var list []takingBack
	at := map[string]int{}
	bounded, cancel := context.WithTimeout(ctx, payable)
	defer cancel()
	for _, line := range i.Lines {
		open, dead := line.Quantity, false
		for _, s := range r.sold.before(i, line.SKU) {
			now, err := r.tracker.wait(bounded, s.order, func(s state) bool { return s.final() || s.paid() })
			if err != nil && (ctx.Err() != nil || !errors.Is(err, context.DeadlineExceeded)) {
				return nil, err
			}
			if !now.paid() {
				dead = true
				continue
			}
			n := r.sold.take(s, line.SKU, open)
			if n == 0 {
				continue
			}
			k, ok := at[s.order]
			if !ok {
				k = len(list)
				at[s.order] = k
				list = append(list, takingBack{Order: s.order})
			}
			list[k].Lines = append(list[k].Lines, Line{SKU: line.SKU, Quantity: n})
			if open -= n; open == 0 {
				break
			}
		}
		what := i.Number + " " + line.SKU
		switch {
		case open == 0:
		case open < line.Quantity:
			r.skip(i, what, "a part of what is taken back is in no earlier order of the customer that was paid")
		case dead:
			r.skip(i, what, "the customer's earlier orders of it were rejected or cancelled: nothing to take back")
		default:
			r.skip(i, what, "no earlier order of the customer in this replay holds it")
		}
	}
	return list, nil
}

// giveBack asks the shop to take the lines back. done says that an earlier run did so.
func (r *run) giveBack(ctx context.Context, i Invoice, t takingBack, done bool) error {
	units := 0
	for _, l := range t.Lines {
		units += l.Quantity
	}
	if !done {
		var answer struct {
			OrderLinesReturn struct {
				UserErrors []importer.UserError `json:"userErrors"`
			} `json:"orderLinesReturn"`
		}
		err := r.cfg.Staff.DoPatiently(ctx, patience, `mutation Return($order: ID!, $lines: [ReturnLineInput!]!, $reason: String!, $key: String!) {
  orderLinesReturn(id: $order, lines: $lines, reason: $reason, idempotencyKey: $key) { userErrors { field message } }
}`, map[string]any{"order": t.Order, "lines": t.Lines, "reason": "cancelled by invoice " + i.Number, "key": i.Number + "-" + t.Order}, nil, &answer)
		if err != nil {
			return fmt.Errorf("return lines: %w", err)
		}
		if wrong := problem(answer.OrderLinesReturn.UserErrors); wrong != "" {
			r.skip(i, i.Number, "the shop takes nothing back: %s", wrong)
			return nil
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.result.Returns++
	r.result.ReturnedUnits += units
	return nil
}
