package gateway_test

import (
	"strings"
	"testing"
	"time"
)

// What a caller has changed is in what it asks for then, also while an equal query from before is under way at the
// subgraph.
func TestNobodyJoinsWhatWasAskedBeforeAMutation(t *testing.T) {
	h := newHouse(t, nil)
	reading, hold := make(chan struct{}), make(chan struct{})
	h.orders.mu.Lock()
	h.orders.onRead = func() { close(reading); <-hold }
	h.orders.mu.Unlock()
	ask := func() chan string {
		answer := make(chan string, 1)
		go func() {
			answer <- h.post(`{"query":"{ order(id: \"o1\") { note } }"}`, "Authorization", "Bearer ada").body
		}()
		return answer
	}
	before := ask()
	<-reading
	h.post(`{"query":"mutation { setNote(id: \"o1\", note: \"second\") { id } }"}`, "Authorization", "Bearer ada")
	select {
	case got := <-ask():
		if !strings.Contains(got, "second") {
			t.Errorf("asked after the mutation, it is %s", got)
		}
	case <-time.After(10 * time.Second):
		t.Error("what is asked after the mutation waits for what was asked before")
	}
	close(hold)
	if got := <-before; !strings.Contains(got, "first") {
		t.Errorf("asked before the mutation, it is %s", got)
	}
}
