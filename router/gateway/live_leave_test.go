package gateway_test

import (
	"sync"
	"testing"

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
