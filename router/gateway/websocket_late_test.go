package gateway_test

import "testing"

// What a client has ended says nothing any more: its id may be another operation's.
func TestWebSocketSaysNothingOfWhatWasEnded(t *testing.T) {
	t.Parallel()
	h := newHouse(t, nil)
	c := h.signedIn(t, "ada")
	arrived, goOn := make(chan struct{}), make(chan struct{})
	defer close(goOn)
	h.orders.mu.Lock()
	h.orders.onRead = func() { close(arrived); <-goOn }
	h.orders.mu.Unlock()
	c.subscribe("1", watchO1)
	<-arrived // its state is being read
	c.say(`{"id":"1","type":"complete"}`)
	c.subscribe("1", `{ whoami }`)
	c.expect("next", `{"data":{"whoami":"ada"}}`)
	c.expect("complete", "")
}
