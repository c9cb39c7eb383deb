package mongo_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"storefront/subgraphs/payments"
)

// TestOrderOfArrivalDoesNotMatter holds back our own answer of each step and lets it come, or get lost,
// before, between and after two webhooks, a round of Settle and the order's next event, in every order.
func TestOrderOfArrivalDoesNotMatter(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		step   string // whose answer is held back
		before func(o string) []any
		begin  func(o string) any
		next   func(o string) any
		ends   string
	}{
		{"authorize", func(o string) []any { return []any{placed(o, "tok_visa", 1000)} },
			func(o string) any { return reserved(o) }, func(o string) any { return confirmed(o) },
			"CAPTURED, refunded 0.00 EUR, said authorized processed"},
		{"authorize", func(o string) []any { return []any{placed(o, "tok_declined", 1000)} },
			func(o string) any { return reserved(o) }, func(o string) any { return cancelled(o) },
			"FAILED, refunded 0.00 EUR, said failed"},
		{"capture", func(o string) []any { return []any{placed(o, "tok_visa", 1000), reserved(o)} },
			func(o string) any { return confirmed(o) }, func(o string) any { return returned(o, "ret_1", 300) },
			"CAPTURED, refunded 3.00 EUR, said authorized processed refunded"},
		{"capture", func(o string) []any { return []any{placed(o, "tok_visa", 1000), reserved(o)} },
			func(o string) any { return confirmed(o) }, func(o string) any { return cancelled(o) },
			"CAPTURED, refunded 10.00 EUR, said authorized processed refunded"},
		{"void", func(o string) []any { return []any{placed(o, "tok_visa", 1000), reserved(o)} },
			func(o string) any { return expired(o) }, func(o string) any { return confirmed(o) },
			"VOIDED, refunded 0.00 EUR, said authorized voided"},
		{"void", func(o string) []any { return []any{placed(o, "tok_3ds", 1000), reserved(o)} },
			func(o string) any { return cancelled(o) }, func(o string) any { return expired(o) },
			"VOIDED, refunded 0.00 EUR, said action_required voided"},
		{"refund", func(o string) []any { return []any{placed(o, "tok_visa", 1000), reserved(o), confirmed(o)} },
			func(o string) any { return returned(o, "ret_1", 300) }, func(o string) any { return cancelled(o) },
			"CAPTURED, refunded 10.00 EUR, said authorized processed refunded refunded"},
	} {
		t.Run(c.step, func(t *testing.T) {
			t.Parallel()
			s := newTill(t)
			for i, way := range permutations("answer", "webhook", "webhook again", "settle", "next") {
				if slices.Index(way, "webhook again") < slices.Index(way, "webhook") {
					continue // is the same as the other way round
				}
				for _, lost := range []bool{false, true} {
					o := fmt.Sprintf("ord_%d%v", i, lost)
					s.gateway.set(nil)
					s.tell(t, c.before(o)...)
					charged, release := make(chan struct{}), make(chan error)
					held := false
					s.gateway.set(func(step, _ string, call func() error) error {
						if step != c.step || held {
							return call()
						}
						held = true // the calls until it is are one after another
						err := call()
						close(charged)
						if answer := <-release; answer != nil {
							return answer
						}
						return err
					})
					begun := make(chan struct{})
					go func() {
						defer close(begun)
						if err := tell(t.Context(), s.Service, c.begin(o)); err != nil {
							t.Error(err)
						}
					}()
					<-charged
					for _, happens := range way {
						switch happens {
						case "answer":
							var answer error
							if lost {
								answer = errLost
							}
							release <- answer
							<-begun
						case "settle":
							s.settle(t)
						case "next":
							s.tell(t, c.next(o))
						default:
							s.webhook(t, o)
						}
					}
					s.settle(t)
					p := s.payment(t, o)
					if got := ended(p, s.said(t, o)); got != c.ends || p.Intent != nil || p.DueAt != nil {
						t.Errorf("%v, answer lost %v: %s, intent %v, due %v; want %s", way, lost, got, p.Intent, p.DueAt, c.ends)
					}
				}
			}
			s.agree(t)
		})
	}
}

func ended(p payments.Payment, said []string) string {
	return fmt.Sprintf("%s, refunded %s, said %s", p.Status, p.Refunded(), strings.Join(said, " "))
}

// settle lets the time pass in which others leave a step alone, and looks at what is due.
func (s *till) settle(t *testing.T) {
	t.Helper()
	s.clock.Add(int64(10 * time.Second))
	if err := s.Settle(t.Context()); err != nil {
		t.Error(err)
	}
}

// webhook brings what the gateway sends after a change; it knows the charge, even if we do not yet.
func (s *till) webhook(t *testing.T, order string) {
	t.Helper()
	id := payments.PaymentID(order)
	c, err := s.ledger.Lookup(t.Context(), id+":authorize")
	if err != nil {
		t.Error(err)
		return
	}
	header, body := s.ledger.Sign(id, c.ID)
	if err := s.Receive(t.Context(), header, body); err != nil {
		t.Error(err)
	}
}

// permutations lists every order of the items.
func permutations(items ...string) [][]string {
	if len(items) == 0 {
		return [][]string{nil}
	}
	var list [][]string
	for i, first := range items {
		rest := append(append([]string{}, items[:i]...), items[i+1:]...)
		for _, p := range permutations(rest...) {
			list = append(list, append([]string{first}, p...))
		}
	}
	return list
}
