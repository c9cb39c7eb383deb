package gateway_test

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/coder/websocket"

	"storefront/internal/errs"
	"storefront/router/gateway"
)

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

// A subscription that begins while its sign-in is renewed goes on with the new one.
func TestSignInIsRenewedWhileASubscriptionBegins(t *testing.T) {
	t.Parallel()
	soon := time.Now().Add(time.Second)
	h := newHouse(t, func(c *gateway.Config) { c.Auth = &people{expiry: map[string]time.Time{"Bearer ada": soon}} })
	c, left := h.signedIn(t, "ada"), h.signedIn(t, "ada")
	arrived, goOn := make(chan struct{}), make(chan struct{})
	h.orders.mu.Lock()
	h.orders.onRead = func() { close(arrived); <-goOn }
	h.orders.mu.Unlock()
	c.subscribe("1", watchO1)
	<-arrived
	c.say(`{"type":"ping","payload":{"authorization":"Bearer ada/2"}}`)
	c.expect("pong", "")
	close(goOn)
	c.expect("next", "PLACED")
	left.closed(4403)
	h.change("o1", "ada", "PAID", 2)
	c.expect("next", "PAID")
}

// away cannot find out who anybody is.
type away struct{}

func (away) Authenticate(context.Context, http.Header) (*gateway.Identity, error) {
	return nil, errs.New(errs.Unavailable, "Nobody can sign in at the moment.")
}

// Clients do not come back by themselves after 4500, and do after 1013.
func TestWebSocketSignInIsAway(t *testing.T) {
	t.Parallel()
	h := newHouse(t, func(c *gateway.Config) { c.Auth = away{} })
	c := h.dial(t)
	c.say(`{"type":"connection_init"}`)
	c.closed(websocket.StatusTryAgainLater)
}
