package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"storefront/consumers"
	"storefront/events"
	"storefront/internal/kafka"
)

// How much the failure tests do: a little in go test; STOREFRONT_TEST_FAILURES=1 does all that is promised,
// and takes a quarter of an hour.
func promised(all, little int) int {
	if os.Getenv("STOREFRONT_TEST_FAILURES") != "" {
		return all
	}
	return little
}

// seconds is promised for times.
func seconds(all, little int) time.Duration {
	return time.Duration(promised(all, little)) * time.Second
}

// sellOn puts goods on sale in a cluster, and sends buyers in.
func (c *cluster) trade(t *testing.T, buyersAtOnce, units int, seed uint64, cards ...string) *buyers {
	t.Helper()
	var skus []string
	for i := range 4 {
		skus = append(skus, fmt.Sprint("TRADE-", i))
	}
	c.sell(t, units, skus...)
	b := newBuyers(c.house, skus)
	b.pause, b.patience = 300*time.Millisecond, 2*time.Minute // a machine of two cores has to follow
	if len(cards) > 0 {
		b.cards = cards
	}
	b.start(t.Context(), buyersAtOnce, rand.New(rand.NewPCG(seed, 1)))
	return b
}

// Processes die with kill -9 the moment an order reaches a step, each kind of process at each kind of step.
func TestServiceKilledAtEachStep(t *testing.T) {
	c := startCluster(t, "--carrier-step", "100ms", "--reservation-ttl", "20s")
	steps := []events.Event{events.OrderPlaced{}, events.StockReserved{}, events.PaymentAuthorized{}, events.StockConfirmed{},
		events.PaymentProcessed{}, events.ShipmentCreated{}, events.ShipmentDelivered{}, events.OrderCancellationRequested{}}
	victims := []string{"orders", "inventory", "payments", "shipping", "notifications", "router"}
	units := 1000
	b := c.trade(t, 4, units, 2026)
	seen := make(chan string, 1000)
	for _, topic := range []string{events.OrderTopic, events.InventoryTopic, events.PaymentTopic, events.ShipmentTopic} {
		r, err := (kafka.Config{Brokers: c.named.Brokers, Namespace: c.named.KafkaNamespace}).OpenReader(t.Context(), topic, kafka.Start{})
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		go func() {
			for record := range r.Records() {
				select {
				case seen <- record.Header(events.HeaderType):
				default:
				}
			}
		}()
	}
	kills := promised(200, 16)
	for n := range kills {
		step, victim := steps[n%len(steps)], victims[(n+n/len(steps))%len(victims)]
		for len(seen) > 0 {
			<-seen
		}
		waiting := time.After(3 * time.Second) // a step that no order takes just now is left out
	wait:
		for {
			select {
			case name := <-seen:
				if name == step.EventType() {
					break wait
				}
			case <-waiting:
				break wait
			}
		}
		c.kill(victim)
		c.run(victim)
	}
	b.stop()
	t.Logf("%d orders placed over %d kills", b.count(), kills)
	if b.count() < kills/2 {
		t.Errorf("only %d orders were placed over %d kills", b.count(), kills)
	}
	b.audit(t, units)
}

// The brokers are away under load: orders are accepted all the time, and all are done soon after.
func TestBrokerAway(t *testing.T) {
	c := startCluster(t, "--carrier-step", "100ms", "--reservation-ttl", "10m")
	units := 100_000
	b := c.trade(t, 4, units, 7, "tok_visa", "tok_visa", "tok_visa", "tok_declined")
	eventually(t, "the first orders", func() (string, bool) { return strconv.Itoa(b.count()), b.count() > 5 })
	before := b.count()
	c.away("kafka", seconds(60, 5))
	during := b.count() - before
	b.stop()
	back := time.Now()
	if during < 5 {
		t.Errorf("%d orders were accepted while the brokers were away", during)
	}
	b.audit(t, units)
	t.Logf("%d orders accepted meanwhile; all final %s after the brokers' return", during, time.Since(back).Round(time.Second))
}

// Instances of services join, leave and die under load. Nothing is lost, nothing is done twice, and an
// order's events are written in their order, each once.
func TestRebalances(t *testing.T) {
	c := startCluster(t, "--carrier-step", "100ms", "--reservation-ttl", "20s")
	units := 100_000
	b := c.trade(t, 4, units, 11, "tok_visa", "tok_visa", "tok_visa", "tok_declined")
	random := rand.New(rand.NewPCG(11, 2))
	var guests []string // instances beside the first ones
	for n := range promised(20, 6) {
		switch action := random.IntN(3); {
		case action == 0 || len(guests) < 2:
			service := []string{"orders", "inventory", "shipping", "notifications"}[random.IntN(4)]
			guests = append(guests, c.join(service, n))
		default:
			i := random.IntN(len(guests))
			name := guests[i]
			guests = slices.Delete(guests, i, i+1)
			if action == 1 {
				c.leave(name)
			} else {
				c.kill(name)
			}
		}
		select {
		case <-time.After(1500 * time.Millisecond):
		case <-t.Context().Done():
		}
	}
	b.stop()
	b.audit(t, units)

	last, ids := map[string]int{}, map[string]bool{}
	config := kafka.Config{Brokers: c.named.Brokers, Namespace: c.named.KafkaNamespace}
	err := consumers.ReadAll(t.Context(), config, events.OrderTopic, kafka.Start{Oldest: true}, func(r *kafka.Record) error {
		e, err := events.Decode(r.Header(events.HeaderType), r.Value)
		changed, is := e.(events.OrderStatusChanged)
		if err != nil || !is {
			return err
		}
		if id := r.Header(events.HeaderID); ids[id] {
			t.Logf("event %s of %s was written again, as after a death between publishing and noting it", id, r.Key)
			return nil
		}
		ids[r.Header(events.HeaderID)] = true
		if changed.Version <= last[r.Key] {
			t.Errorf("order %s: version %d came after %d", r.Key, changed.Version, last[r.Key])
		}
		last[r.Key] = changed.Version
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(last) != b.count() {
		t.Errorf("events of %d orders, %d were placed", len(last), b.count())
	}
}

// The document database is away, then Redis.
func TestDatabaseAway(t *testing.T) {
	c := startCluster(t, "--carrier-step", "100ms", "--reservation-ttl", "10m")
	units := 100_000
	b := c.trade(t, 4, units, 9, "tok_visa", "tok_visa", "tok_visa", "tok_declined")
	eventually(t, "the first orders", func() (string, bool) { return strconv.Itoa(b.count()), b.count() > 5 })

	if err := c.servers["redis"].stop(); err != nil {
		t.Fatal(err)
	}
	before, began := b.count(), time.Now()
	select {
	case <-time.After(seconds(60, 4)):
	case <-t.Context().Done():
	}
	without, took := b.count()-before, time.Since(began)
	if err := c.servers["redis"].start(); err != nil {
		t.Fatal(err)
	}
	if without < 3 {
		t.Errorf("%d orders were placed in %s without Redis; it may cost speed only", without, took)
	}

	if err := c.servers["mongodb"].stop(); err != nil {
		t.Fatal(err)
	}
	long := time.After(seconds(20, 3))
	visitor := c.guest()
	eventually(t, "a visitor is told that the database is away", func() (string, bool) {
		_, err := visitor.fill("EUR", line("TRADE-0", 1))
		return fmt.Sprint(err), err != nil && strings.Contains(err.Error(), "try again")
	})
	<-long
	if err := c.servers["mongodb"].start(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the shop works again", func() (string, bool) {
		_, err := visitor.fill("EUR", line("TRADE-0", 1))
		return fmt.Sprint(err), err == nil
	})
	b.stop()
	b.audit(t, units)
	t.Logf("%d orders in %s without Redis; %d orders in all", without, took.Round(time.Second), b.count())
}

// within is eventually with another patience.
func within(t *testing.T, patience time.Duration, what string, check func() (saw string, ok bool)) {
	t.Helper()
	deadline := time.Now().Add(patience)
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for {
		saw, ok := check()
		switch {
		case ok:
			return
		case time.Now().After(deadline):
			t.Fatalf("%s: not after %s; last seen: %.2000s", what, patience, saw)
		}
		select {
		case <-tick.C:
		case <-t.Context().Done():
			t.Fatalf("%s: %v", what, t.Context().Err())
		}
	}
}
