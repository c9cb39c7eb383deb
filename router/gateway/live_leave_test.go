package gateway_test

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"storefront/router/gateway"
)

// Who subscribes while a group that is behind is being cut off gets the changes that come from then on.
func TestNobodyJoinsAGroupThatIsCutOff(t *testing.T) {
	t.Parallel()
	var late *lateEnd
	h := newHouse(t, func(c *gateway.Config) {
		late = &lateEnd{observer: c.Observer.(*observer), at: make(chan struct{}), goOn: make(chan struct{})}
		c.Observer, c.Headers = late, nil
	})
	h.orders.set(order{ID: "o1", Status: "PLACED", Version: 1})
	const watch = `subscription { orderStatus(orderId: "o1") { version note } }`
	for range 2 {
		c := h.signedIn(t, "staff")
		c.subscribe("1", watch)
		c.expect("next", `"version":1,`)
	}
	arrived, goOn := make(chan struct{}), make(chan struct{})
	letGo := sync.OnceFunc(func() { close(goOn); close(late.goOn) })
	defer letGo()
	h.orders.mu.Lock()
	h.orders.onRead = func() { close(arrived); <-goOn }
	h.orders.mu.Unlock()
	version := 2
	h.broker.publish("order-events", event("o1", "ada", "PAID", version))
	<-arrived
	for range 10_001 { // more than a group keeps waiting
		version++
		h.broker.publish("order-events", event("o1", "ada", "PAID", version))
	}
	<-late.at // the first of the two is told; the other one is in the group still
	c := h.signedIn(t, "staff")
	c.subscribe("1", watch)
	c.expect("next", `"version":1,`)
	letGo()
	h.broker.publish("order-events", event("o1", "ada", "PAID", version+1))
	c.expect("next", `"version":10004,`)
}

// A subscriber that is refused while it joins, and while the supergraph is replaced, leaves its group once: those
// who stay in it go on.
func TestRefusedWhileJoiningLeavesOnce(t *testing.T) {
	t.Parallel()
	who := &people{refused: map[string]bool{}}
	h := newHouse(t, func(c *gateway.Config) { c.Auth, c.Recheck = who, time.Millisecond })
	staff := h.signedIn(t, "staff")
	staff.subscribe("1", watchO1)
	staff.expect("next", "PLACED")
	arrived, goOn := make(chan struct{}), make(chan struct{})
	h.orders.mu.Lock()
	h.orders.onRead = func() { close(arrived); <-goOn }
	h.orders.mu.Unlock()
	var joining sync.WaitGroup
	joining.Go(func() {
		h.post(`{"query":`+mustJSON(watchO1)+`}`, "Accept", "text/event-stream", "Authorization", "Bearer ada")
	})
	<-arrived
	who.mu.Lock()
	who.refused["Bearer ada"] = true
	who.mu.Unlock()
	eventually(t, "ada is refused", func() bool { return h.observed.count("refused") == 1 })
	var closed atomic.Int64
	h.replace(h.urls, &closed, more...)
	close(goOn)
	joining.Wait()
	h.change("o1", "ada", "PAID", 2)
	staff.expect("next", "PAID")
}
