package payments

import (
	"flag"
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"storefront/internal/money"
	"storefront/internal/outbox"
)

var update = flag.Bool("update", false, "rewrite testdata")

type happening struct {
	name string
	do   func(*Payment, time.Time) []outbox.Event
}

func fact(f func(*Payment)) func(*Payment, time.Time) []outbox.Event {
	return func(p *Payment, _ time.Time) []outbox.Event { f(p); return nil }
}

func says(status ChargeStatus, refunds ...ChargeRefund) func(*Payment, time.Time) []outbox.Event {
	return func(p *Payment, now time.Time) []outbox.Event {
		return p.apply(Charge{ID: "ch", Status: status, ActionURL: "http://bank.test", Code: "CARD_DECLINED", Message: "No.", Refunds: refunds}, now)
	}
}

func happenings() []happening {
	return []happening{
		{"OrderPlaced", fact(func(p *Payment) { p.place("usr_1", money.New(1000, "EUR"), "tok") })},
		{"StockReserved", fact((*Payment).hold)},
		{"StockConfirmed", fact((*Payment).confirm)},
		{"StockReleased", fact(func(p *Payment) { p.callOff(ReservationExpired) })},
		{"OrderCancelled", fact(func(p *Payment) { p.callOff(Cancelled) })},
		{"OrderLinesReturned", func(p *Payment, now time.Time) []outbox.Event {
			p.addRefund(p.key("return:1"), money.New(300, "EUR"), "damaged", now)
			return nil
		}},
		{"gateway: action required", says(ChargeActionRequired)},
		{"gateway: authorized", says(ChargeAuthorized)},
		{"gateway: captured", says(ChargeCaptured)},
		{"gateway: voided", says(ChargeVoided)},
		{"gateway: failed", says(ChargeFailed)},
		{"gateway: processing", says(ChargeProcessing)},
		{"gateway: return refunded", says("", ChargeRefund{ID: "re", Key: "pay_1:return:1", Status: RefundSucceeded})},
		{"gateway: return refused", says("", ChargeRefund{Key: "pay_1:return:1", Status: RefundFailed})},
		{"gateway: return came back", says("", ChargeRefund{ID: "re", Key: "pay_1:return:1", Status: RefundFailed})},
		{"staff: retry", func(p *Payment, now time.Time) []outbox.Event {
			if r := p.refund("pay_1:return:1"); r != nil {
				_ = p.retryRefund(r.ID, now) // what is refused changes nothing
			}
			return nil
		}},
		{"gateway: retry refunded", says("", ChargeRefund{ID: "re_2", Key: "pay_1:retry-1:return:1", Status: RefundSucceeded})},
		{"gateway: retry refused", says("", ChargeRefund{Key: "pay_1:retry-1:return:1", Status: RefundFailed})},
		{"gateway: refused one made after all", says("", ChargeRefund{ID: "re", Key: "pay_1:return:1", Amount: money.New(300, "EUR"), Status: RefundSucceeded})},
		{"gateway: 400 refunded there", says("", ChargeRefund{ID: "re_there", Amount: money.New(400, "EUR"), Status: RefundSucceeded})},
		{"gateway: another charge", func(p *Payment, now time.Time) []outbox.Event {
			return p.apply(Charge{ID: "ch_other", Status: ChargeCaptured, Refunds: []ChargeRefund{{ID: "re", Key: "pay_1:return:1", Status: RefundSucceeded}}}, now)
		}},
		{"gateway: rest refunded", says("", ChargeRefund{ID: "re", Key: "pay_1:cancel", Status: RefundSucceeded})},
	}
}

// ways lead to every state a payment can be in, by the names of what happened.
var ways = []string{
	"",
	"OrderPlaced",
	"StockReserved",
	"OrderPlaced, StockReserved",
	"OrderPlaced, StockReserved, OrderCancelled",
	"OrderPlaced, StockReserved, gateway: action required",
	"OrderPlaced, StockReserved, gateway: action required, StockReleased",
	"OrderPlaced, StockReserved, gateway: authorized",
	"OrderPlaced, StockReserved, gateway: authorized, StockConfirmed",
	"OrderPlaced, StockReserved, gateway: authorized, StockConfirmed, OrderCancelled",
	"OrderPlaced, StockReserved, gateway: authorized, StockReleased",
	"OrderPlaced, StockReserved, gateway: authorized, StockConfirmed, gateway: captured",
	"OrderPlaced, StockReserved, gateway: authorized, StockConfirmed, gateway: captured, OrderLinesReturned",
	"OrderPlaced, StockReserved, gateway: authorized, StockConfirmed, gateway: captured, OrderLinesReturned, gateway: return refunded",
	"OrderPlaced, StockReserved, gateway: authorized, StockConfirmed, gateway: captured, OrderLinesReturned, gateway: return refused",
	"OrderPlaced, StockReserved, gateway: authorized, StockConfirmed, gateway: captured, OrderLinesReturned, gateway: return refused, staff: retry",
	"OrderPlaced, StockReserved, gateway: authorized, StockConfirmed, gateway: captured, OrderLinesReturned, gateway: return came back, staff: retry, gateway: retry refunded",
	"OrderPlaced, StockReserved, gateway: authorized, StockConfirmed, gateway: captured, OrderLinesReturned, gateway: return refused, OrderCancelled, gateway: rest refunded",
	"OrderPlaced, StockReserved, gateway: authorized, StockConfirmed, gateway: captured, gateway: 400 refunded there",
	"OrderPlaced, StockReserved, gateway: authorized, StockConfirmed, gateway: captured, OrderCancelled",
	"OrderPlaced, StockReserved, gateway: failed",
	"OrderPlaced, StockReserved, gateway: authorized, StockReleased, gateway: voided",
}

// TestEveryEventInEveryState holds what each event does in each state against testdata/transitions.txt,
// and that a repeat does nothing.
func TestEveryEventInEveryState(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	happen := func(p *Payment, h happening) string {
		var said []string
		for _, e := range append(h.do(p, now), p.decide(now)...) {
			said = append(said, strings.TrimPrefix(reflect.TypeOf(e).Name(), "Payment"))
		}
		return strings.Join(said, " ")
	}
	byName := map[string]happening{}
	for _, h := range happenings() {
		byName[h.name] = h
	}
	var out strings.Builder
	for _, way := range ways {
		build := func() *Payment {
			p := &Payment{ID: "pay_1", OrderID: "ord_1", Status: Pending}
			for name := range strings.SplitSeq(way, ", ") {
				if way != "" {
					happen(p, byName[name])
				}
			}
			return p
		}
		fmt.Fprintf(&out, "-- %s: %s --\n", way, state(build()))
		for _, h := range happenings() {
			p := build()
			was := state(p)
			said := happen(p, h)
			is := state(p)
			again := happen(p, h)
			if again != "" || state(p) != is {
				t.Errorf("%s, then %s twice: said %q and went from %s to %s", way, h.name, again, is, state(p))
			}
			if p.Status == Captured && !p.StockConfirmed && (p.CalledOff == "" || p.Intent == nil || p.Intent.Step != StepRefund) {
				t.Errorf("%s, %s: captured without confirmed stock", way, h.name)
			}
			if is != was || said != "" {
				fmt.Fprintf(&out, "%-35s %s\n", h.name, strings.TrimSpace(is+"  "+said))
			}
		}
		out.WriteByte('\n')
	}
	const file = "testdata/transitions.txt"
	if *update {
		if err := os.WriteFile(file, []byte(out.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if string(want) != out.String() {
		t.Errorf("transitions differ from %s; after a wanted change run with -update. Now:\n%s", file, out.String())
	}
}

func state(p *Payment) string {
	s := string(p.Status)
	if p.Intent != nil {
		s += " asks " + strings.TrimPrefix(p.Intent.Key, "pay_1:")
	}
	if p.CalledOff != "" {
		s += " off"
	}
	for _, r := range p.Refunds {
		s += fmt.Sprintf(" [%d %s]", r.Amount.Amount, r.Status)
	}
	return s
}
