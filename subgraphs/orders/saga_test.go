package orders

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"storefront/events"
	"storefront/internal/money"
	"storefront/internal/outbox"
)

var t0 = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// sagaEvent is one thing that may happen to an order.
type sagaEvent struct {
	name  string
	topic string
	apply func(*Order) []outbox.Event
}

var (
	reserved   = sagaEvent{"StockReserved", "inventory", func(o *Order) []outbox.Event { return o.stockReserved(time.Time{}, t0) }}
	rejected   = sagaEvent{"StockRejected", "inventory", func(o *Order) []outbox.Event { return o.stockRejected(nil, t0) }}
	action     = sagaEvent{"PaymentActionRequired", "payment", func(o *Order) []outbox.Event { return o.actionRequired(t0) }}
	processed  = sagaEvent{"PaymentProcessed", "payment", func(o *Order) []outbox.Event { return o.paymentProcessed(t0) }}
	failed     = sagaEvent{"PaymentFailed", "payment", func(o *Order) []outbox.Event { return o.paymentFailed("declined", t0) }}
	expired    = sagaEvent{"PaymentVoided", "payment", func(o *Order) []outbox.Event { return o.reservationExpired(t0) }}
	refunded   = sagaEvent{"PaymentRefunded", "payment", func(o *Order) []outbox.Event { o.paymentRefunded(money.New(5, "EUR"), 0, t0); return nil }}
	created    = sagaEvent{"ShipmentCreated", "shipment", func(o *Order) []outbox.Event { return o.shipmentCreated(t0) }}
	inTransit  = sagaEvent{"ShipmentInTransit", "shipment", func(o *Order) []outbox.Event { return o.shipmentInTransit(t0) }}
	delivered  = sagaEvent{"ShipmentDelivered", "shipment", func(o *Order) []outbox.Event { return o.shipmentDelivered(t0) }}
	stopped    = sagaEvent{"ShipmentCancelled", "shipment", func(o *Order) []outbox.Event { return o.shipmentCancelled(t0) }}
	refused    = sagaEvent{"ShipmentCancellationRefused", "shipment", func(o *Order) []outbox.Event { return o.cancellationRefused(t0) }}
	cancelling = sagaEvent{"orderCancel", "customer", func(o *Order) []outbox.Event {
		list, _ := o.requestCancel("CUSTOMER_REQUEST: changed my mind", t0)
		return list
	}}
)

func placedOrder() *Order {
	o := &Order{ID: "ord_1", Owner: "usr_1", Reached: StatusPlaced, Refunded: money.New(0, "EUR")}
	o.become(StatusPlaced, "", t0)
	o.Version = 1
	return o
}

// TestTransitions states for each status what each event makes of it. "-" leaves it as it is.
func TestTransitions(t *testing.T) {
	columns := []sagaEvent{reserved, rejected, action, processed, failed, expired, refunded, created, inTransit, delivered, stopped, refused, cancelling}
	const (
		pla, res, act, pai, pre = StatusPlaced, StatusReserved, StatusActionRequired, StatusPaid, StatusPreparing
		shi, del, ing, can, rej = StatusShipped, StatusDelivered, StatusCancelling, StatusCancelled, StatusRejected
		___                     = OrderStatus("")
	)
	table := []struct {
		from []sagaEvent
		is   OrderStatus
		to   []OrderStatus
	}{
		//                                reserved reject action process failed expire refund create transit deliver stopped refuse cancel
		{nil, pla, []OrderStatus{res, rej, act, pai, can, can, ___, pre, shi, del, ___, ___, ing}},
		{[]sagaEvent{reserved}, res, []OrderStatus{___, ___, act, pai, can, can, ___, pre, shi, del, ___, ___, ing}},
		{[]sagaEvent{action}, act, []OrderStatus{___, ___, ___, pai, can, can, ___, pre, shi, del, ___, ___, ing}},
		{[]sagaEvent{processed}, pai, []OrderStatus{___, ___, ___, ___, ___, ___, ___, pre, shi, del, ___, ___, ing}},
		{[]sagaEvent{created}, pre, []OrderStatus{___, ___, ___, ___, ___, ___, ___, ___, shi, del, ___, ___, ing}},
		{[]sagaEvent{inTransit}, shi, []OrderStatus{___, ___, ___, ___, ___, ___, ___, ___, ___, del, ___, ___, ___}},
		{[]sagaEvent{delivered}, del, []OrderStatus{___, ___, ___, ___, ___, ___, ___, ___, ___, ___, ___, ___, ___}},
		{[]sagaEvent{cancelling}, ing, []OrderStatus{___, rej, ___, ___, can, can, ___, ___, shi, del, can, shi, ___}},
		{[]sagaEvent{processed, cancelling}, ing, []OrderStatus{___, ___, ___, ___, ___, ___, ___, ___, shi, del, can, shi, ___}},
		{[]sagaEvent{cancelling, processed}, ing, []OrderStatus{___, ___, ___, ___, ___, ___, ___, ___, shi, del, can, shi, ___}},
		{[]sagaEvent{cancelling, stopped}, can, []OrderStatus{___, ___, ___, ___, ___, ___, ___, ___, ___, ___, ___, ___, ___}},
		{[]sagaEvent{cancelling, refused}, shi, []OrderStatus{___, ___, ___, ___, ___, ___, ___, ___, ___, del, ___, ___, ___}},
		{[]sagaEvent{failed}, can, []OrderStatus{___, ___, ___, ___, ___, ___, ___, ___, ___, ___, ___, ___, ___}},
		{[]sagaEvent{rejected}, rej, []OrderStatus{___, ___, ___, ___, ___, ___, ___, ___, ___, ___, ___, ___, ___}},
	}
	for _, row := range table {
		for i, e := range columns {
			o := placedOrder()
			for _, before := range row.from {
				before.apply(o)
			}
			if o.Status != row.is {
				t.Fatalf("%v leads to %s, want %s", names(row.from), o.Status, row.is)
			}
			steps := len(o.History)
			emitted := e.apply(o)
			want := row.to[i]
			changed := want != ___
			if !changed {
				want = row.is
			}
			if o.Status != want {
				t.Errorf("%s + %s is %s, want %s", row.is, e.name, o.Status, want)
			}
			if (len(emitted) > 0) != changed || (len(o.History) > steps) != changed {
				t.Errorf("%s + %s: %d events and %d steps of history for a change that is %v", row.is, e.name, len(emitted), len(o.History)-steps, changed)
			}
			if again := e.apply(o); len(again) > 0 {
				t.Errorf("%s + %s twice: the repeat emitted %d events", row.is, e.name, len(again))
			}
			if (o.Status == can || o.Status == rej) && (o.Reason == nil || *o.Reason == "") {
				t.Errorf("%s + %s is %s without a reason", row.is, e.name, o.Status)
			}
		}
	}
}

// TestStandingStill says what becomes of an order that hears nothing, in each status.
func TestStandingStill(t *testing.T) {
	held := sagaEvent{"StockReserved", "inventory", func(o *Order) []outbox.Event { return o.stockReserved(t0.Add(15*time.Minute), t0) }}
	asked := func(more ...string) string {
		return strings.Join(append([]string{"storefront.order.stalled"}, more...), " ")
	}
	const placed, stop = "storefront.order.placed", "storefront.order.cancellation_requested"
	for name, tt := range map[string]struct {
		before  []sagaEvent
		looks   []time.Duration // when Watch has something to do, from the last event on; then the order is left alone
		says    string          // at each of them
		reason  string          // of the last entry
		history int             // entries after those of before
		ends    OrderStatus
	}{
		"inventory is silent": {nil,
			[]time.Duration{1 * time.Minute, 3 * time.Minute, 7 * time.Minute, 15 * time.Minute, 31 * time.Minute},
			asked(placed), "RESUMED: nothing heard from inventory since 2026-03-01T12:00:00Z, asked 5 times", 1, StatusPlaced},
		"payments is silent": {[]sagaEvent{held}, []time.Duration{1 * time.Minute},
			asked(placed), "RESUMED: nothing heard from payments since 2026-03-01T12:00:00Z, asked again", 1, StatusReserved},
		"the customer may take their time": {[]sagaEvent{action, held}, []time.Duration{16 * time.Minute, 18 * time.Minute},
			asked(placed), "RESUMED: nothing heard from payments since 2026-03-01T12:00:00Z, asked 2 times", 1, StatusActionRequired},
		"shipping is silent": {[]sagaEvent{processed},
			[]time.Duration{1 * time.Minute, 3 * time.Minute, 7 * time.Minute, 15 * time.Minute, 31 * time.Minute, 63 * time.Minute, 123 * time.Minute, 183 * time.Minute},
			asked(placed), "RESUMED: nothing heard from shipping since 2026-03-01T12:00:00Z, asked 8 times", 1, StatusPaid},
		"nobody answers the cancellation": {[]sagaEvent{reserved, cancelling},
			[]time.Duration{1 * time.Minute, 3 * time.Minute, 7 * time.Minute, 15 * time.Minute, 31 * time.Minute, 63 * time.Minute, 123 * time.Minute},
			asked(stop), "RESUMED: nothing heard from shipping since 2026-03-01T12:00:00Z, asked 7 times", 1, StatusCancelling},
		"the carrier takes its days": {[]sagaEvent{inTransit}, []time.Duration{7 * 24 * time.Hour, 14 * 24 * time.Hour},
			asked(), "RESUMED: nothing heard from the carrier since 2026-03-01T12:00:00Z, asked 2 times", 1, StatusShipped},
		"delivered": {[]sagaEvent{delivered}, nil, "", "", 0, StatusDelivered},
		"cancelled": {[]sagaEvent{failed}, nil, "", "PAYMENT_FAILED: declined", 0, StatusCancelled},
	} {
		t.Run(name, func(t *testing.T) {
			o := placedOrder()
			for _, e := range tt.before {
				e.apply(o)
			}
			steps := len(o.History)
			for _, at := range tt.looks {
				if early := o.stalled(time.Minute, t0.Add(at-time.Second)); len(early) > 0 {
					t.Fatalf("%s: one second early something is said", at)
				}
				list := o.stalled(time.Minute, t0.Add(at))
				if got := wireNames(list); got != tt.says {
					t.Fatalf("%s: said %q, want %q", at, got, tt.says)
				}
				if again := o.stalled(time.Minute, t0.Add(at)); len(again) > 0 {
					t.Fatalf("%s: a second instance says it again", at)
				}
			}
			last := o.History[len(o.History)-1]
			said := ""
			if last.Reason != nil {
				said = *last.Reason
			}
			if o.Status != tt.ends || last.Status != tt.ends || said != tt.reason || len(o.History) != steps+tt.history {
				t.Errorf("%s after %d entries; the last says %s %q; want %s after %d, %q", o.Status, len(o.History), last.Status, said, tt.ends, steps+tt.history, tt.reason)
			}
			if due := o.due(time.Minute); (due == nil) != o.Status.Final() {
				t.Errorf("%s is looked at next at %v", o.Status, due)
			}
		})
	}
}

// TestSilenceEndsAnUnpaidOrder: an order that was resumed in vain is called off, the way every cancellation
// goes; one that moves on meanwhile begins to count anew.
func TestSilenceEndsAnUnpaidOrder(t *testing.T) {
	for _, before := range [][]sagaEvent{nil, {reserved}, {reserved, action}} {
		o, now := placedOrder(), t0
		for _, e := range before {
			e.apply(o)
		}
		was := o.Status
		wait := func() []outbox.Event {
			now = *o.due(time.Minute)
			return o.stalled(time.Minute, now)
		}
		for range maxResumed {
			wait()
		}
		if o.Status != was || now != t0.Add(31*time.Minute) {
			t.Fatalf("%s has become %s by %s", was, o.Status, now)
		}
		if got := wireNames(wait()); got != "storefront.order.status_changed storefront.order.cancellation_requested" || o.Status != StatusCancelling {
			t.Errorf("%s that nobody answers is %s, and says %s", was, o.Status, got)
		}
		wait() // shipping is silent too
		if got := wireNames(o.shipmentCancelled(now)); o.Status != StatusCancelled || got != "storefront.order.status_changed storefront.order.cancelled" {
			t.Errorf("%s and stopped is %s, and says %s", was, o.Status, got)
		}
		want := "STALLED: nothing heard from " + was.awaited() + " since 2026-03-01T12:00:00Z, asked 5 times"
		var reasons []string
		for _, h := range o.History[len(before)+1:] {
			reasons = append(reasons, *h.Reason)
		}
		if *o.Reason != want || len(reasons) != 4 || !strings.HasPrefix(reasons[0], "RESUMED: ") || reasons[1] != want || !strings.HasPrefix(reasons[2], "RESUMED: ") || reasons[3] != want {
			t.Errorf("%s was cancelled because %q, with the history %q", was, *o.Reason, reasons)
		}
	}
	o := placedOrder()
	for range maxResumed {
		o.stalled(time.Minute, *o.due(time.Minute))
	}
	reserved.apply(o)
	if o.stalled(time.Minute, *o.due(time.Minute)); o.Status != StatusReserved || o.Resumed != 1 {
		t.Errorf("an order that moved on is %s, resumed %d times", o.Status, o.Resumed)
	}
}

func wireNames(list []outbox.Event) string {
	names := make([]string, len(list))
	for i, e := range list {
		names[i] = e.EventType()
	}
	return strings.Join(names, " ")
}

// TestInterleavings plays each outcome's events in random interleavings: each topic's own order is kept,
// and a stretch of a topic may be delivered again. However they come, the order ends the same.
func TestInterleavings(t *testing.T) {
	outcomes := []struct {
		name   string
		events []sagaEvent
		final  []OrderStatus
	}{
		{"delivered", []sagaEvent{reserved, processed, created, inTransit, inTransit, delivered}, []OrderStatus{StatusDelivered}},
		{"3-D Secure", []sagaEvent{reserved, action, processed, created, inTransit, delivered}, []OrderStatus{StatusDelivered}},
		{"rejected", []sagaEvent{rejected, stopped}, []OrderStatus{StatusRejected}},
		{"declined", []sagaEvent{reserved, failed, stopped}, []OrderStatus{StatusCancelled}},
		{"expired", []sagaEvent{reserved, action, expired, stopped}, []OrderStatus{StatusCancelled}},
		{"cancelled in time", []sagaEvent{reserved, cancelling, processed, stopped, refunded}, []OrderStatus{StatusCancelled}},
		{"cancelled after booking", []sagaEvent{reserved, processed, created, cancelling, stopped, refunded}, []OrderStatus{StatusCancelled}},
		{"cancelled too late", []sagaEvent{reserved, processed, cancelling, created, inTransit, refused, delivered}, []OrderStatus{StatusDelivered}},
		{"cancelled while declined", []sagaEvent{reserved, cancelling, failed, stopped}, []OrderStatus{StatusCancelled}},
		// Both answers are true at once, and the one heard first is final: nothing is shipped, nothing charged.
		{"cancelled while rejected", []sagaEvent{cancelling, rejected, stopped}, []OrderStatus{StatusCancelled, StatusRejected}},
	}
	for _, tt := range outcomes {
		t.Run(tt.name, func(t *testing.T) {
			random := rand.New(rand.NewPCG(1, 2))
			for range 3000 {
				order := interleave(random, tt.events)
				o, asked := placedOrder(), false
				finals := 0
				for _, e := range order {
					if (e.name == stopped.name || e.name == refused.name) && slices.ContainsFunc(tt.events, func(e sagaEvent) bool { return e.name == cancelling.name }) && !asked {
						cancelling.apply(o) // shipping answers a request, so the request came before
					}
					asked = asked || e.name == cancelling.name || o.Status == StatusCancelling
					for _, out := range e.apply(o) {
						switch out.(type) {
						case events.OrderCancelled, events.OrderRejected:
							finals++
						}
					}
				}
				if !slices.Contains(tt.final, o.Status) {
					t.Fatalf("%v end in %s, want %v", names(order), o.Status, tt.final)
				}
				if finals > 1 || (finals == 1) != (o.Status != StatusDelivered) {
					t.Fatalf("%v announce %d ends, and end in %s", names(order), finals, o.Status)
				}
			}
		})
	}
}

// interleave merges the topics of list at random; sometimes a topic goes back a little and comes again.
func interleave(random *rand.Rand, list []sagaEvent) []sagaEvent {
	topics := map[string][]sagaEvent{}
	var keys []string
	for _, e := range list {
		if topics[e.topic] == nil {
			keys = append(keys, e.topic)
		}
		topics[e.topic] = append(topics[e.topic], e)
	}
	position := map[string]int{}
	var merged []sagaEvent
	for len(keys) > 0 {
		i := random.IntN(len(keys))
		key := keys[i]
		merged = append(merged, topics[key][position[key]])
		position[key]++
		if random.IntN(4) == 0 {
			position[key] = random.IntN(position[key])
		}
		if position[key] == len(topics[key]) {
			keys = slices.Delete(keys, i, i+1)
		}
	}
	return merged
}

func names(list []sagaEvent) []string {
	out := make([]string, len(list))
	for i, e := range list {
		out[i] = e.name
	}
	return out
}

func TestSpread(t *testing.T) {
	for _, tt := range []struct {
		total   int64
		weights []int64
		want    string
	}{
		{100, []int64{666, 333}, "[67 33]"},
		{1, []int64{1, 1, 1}, "[1 0 0]"},
		{2, []int64{1, 0, 1, 1}, "[1 0 1 0]"},
		{999, []int64{333, 333, 333}, "[333 333 333]"},
		{maxTotal, []int64{maxTotal, maxTotal}, "[50000000000000 50000000000000]"},
		{0, []int64{0, 0}, "[0 0]"},
	} {
		if got := fmt.Sprint(spread(tt.total, tt.weights)); got != tt.want {
			t.Errorf("spread %d over %v is %s, want %s", tt.total, tt.weights, got, tt.want)
		}
	}
	random := rand.New(rand.NewPCG(3, 4))
	for range 1000 {
		weights := make([]int64, random.IntN(50)+1)
		var sum int64
		for i := range weights {
			weights[i] = random.Int64N(100_000)
			sum += weights[i]
		}
		total := random.Int64N(sum + 1)
		var parts int64
		for i, p := range spread(total, weights) {
			parts += p
			if p < 0 || p > weights[i] {
				t.Fatalf("%d of %d is taken off a line of %d", p, total, weights[i])
			}
		}
		if parts != total {
			t.Fatalf("spread %d over %v adds up to %d", total, weights, parts)
		}
	}
}

func TestReturnsAddUp(t *testing.T) {
	for total := int64(0); total < 60; total++ {
		o := &Order{ID: "ord_1", Status: StatusDelivered, Total: money.New(total, "EUR"),
			Lines: []OrderLine{{SKU: "A", Quantity: 7, Total: money.New(total, "EUR")}}}
		var sum int64
		for i, n := range []int{2, 1, 3, 1} {
			list, err := o.returnLines([]ReturnLineInput{{Sku: "A", Quantity: n}}, "", fmt.Sprint("key", i), t0)
			if err != nil {
				t.Fatal(err)
			}
			refund := list[0].(events.OrderLinesReturned).Refund.Amount
			if refund < 0 {
				t.Fatalf("%d pieces of 7 for %d refund %d", n, total, refund)
			}
			sum += refund
		}
		if sum != total {
			t.Fatalf("7 pieces for %d are refunded %d", total, sum)
		}
		if _, err := o.returnLines([]ReturnLineInput{{Sku: "A", Quantity: 1}}, "", "more", t0); err == nil {
			t.Fatal("an 8th of 7 pieces was returned")
		}
	}
}

// Lines of one SKU are one line of what is told: the refund and the goods that come back are of both.
func TestReturnOfASKUInTwoLinesIsTheirSum(t *testing.T) {
	o := &Order{ID: "ord_1", Status: StatusPaid, Total: money.New(300, "EUR"),
		Lines: []OrderLine{{SKU: "A", Quantity: 3, Total: money.New(300, "EUR")}}}
	list, err := o.returnLines([]ReturnLineInput{{Sku: "A", Quantity: 1}, {Sku: "A", Quantity: 1}}, "", "key", t0)
	if err != nil {
		t.Fatal(err)
	}
	back := list[0].(events.OrderLinesReturned)
	if len(back.Lines) != 1 || back.Lines[0].Quantity != 2 || back.Refund.Amount != 200 || o.Lines[0].Returned != 2 {
		t.Errorf("told %+v with %d returned, want one line of 2 and a refund of 200", back, o.Lines[0].Returned)
	}
	if _, err := o.returnLines([]ReturnLineInput{{Sku: "A", Quantity: 1}, {Sku: "A", Quantity: 1}}, "", "more", t0); err == nil {
		t.Error("more came back than was sold")
	}
}

// What went back follows payments, also when it came back, however often and late each of it is told.
func TestRefundedIsWhatPaymentsSaidLast(t *testing.T) {
	type told struct {
		sum     int64
		version int
	}
	for name, c := range map[string]struct {
		told []told
		want int64
	}{
		"grows":                            {[]told{{300, 1}, {1000, 2}}, 1000},
		"came back":                        {[]told{{300, 1}, {0, 2}}, 0},
		"came back, the refund told again": {[]told{{300, 1}, {0, 2}, {300, 1}}, 0},
		"came back, went again":            {[]told{{300, 1}, {0, 2}, {300, 3}, {0, 2}}, 300},
		"before there were versions":       {[]told{{300, 0}, {1000, 0}, {300, 0}}, 1000},
		"versions came in between":         {[]told{{300, 0}, {0, 1}, {300, 0}}, 0},
	} {
		o, again := placedOrder(), &Order{}
		for _, e := range c.told {
			o.paymentRefunded(money.New(e.sum, "EUR"), e.version, t0)
			sum := events.Money{Amount: e.sum, Currency: "EUR"}
			again.Retell(events.PaymentRefunded{OrderID: o.ID, Refunded: sum, Version: e.version})
			again.Retell(events.PaymentRefundFailed{OrderID: o.ID, Refunded: sum, Version: e.version})
		}
		if o.Refunded.Amount != c.want || again.Refunded.Amount != c.want {
			t.Errorf("%s: %v, retold %v; want %d", name, o.Refunded, again.Refunded, c.want)
		}
	}
}
