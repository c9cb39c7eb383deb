package gateway_test

import (
	"net/http"
	"testing"
	"time"

	"storefront/router/gateway"
)

// lateKey finds out what subgraphs answer a caller no sooner than a condition holds.
type lateKey struct {
	tokens
	until func() bool
}

func (k lateKey) ShareKey(*gateway.Identity, http.Header) string {
	for deadline := time.Now().Add(10 * time.Second); !k.until() && time.Now().Before(deadline); {
		time.Sleep(time.Millisecond)
	}
	return "one"
}

// A sign-in that is good for as long as clocks may differ, and runs out while its subscription begins, ends that
// subscription and nothing else.
func TestSignInEndsWhileASubscriptionBegins(t *testing.T) {
	t.Parallel()
	h := newHouse(t, func(c *gateway.Config) {
		o := c.Observer.(*observer)
		c.Auth = tokens{expiry: time.Now().Add(-time.Second)}
		c.Headers = lateKey{until: func() bool { return o.count("expired") > 0 }}
	})
	for range 2 {
		s := h.stream(t, watchO1, "Authorization", "Bearer ada")
		s.expect("next", "UNAUTHENTICATED")
		s.expect("complete", "")
	}
	staff := h.stream(t, watchO1, "Authorization", "Bearer staff")
	staff.expect("next", "PLACED")
	h.change("o1", "ada", "PAID", 2)
	staff.expect("next", "PAID")
}
