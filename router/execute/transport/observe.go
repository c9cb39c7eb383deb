package transport

import "time"

// Outcome is how one request to one address ended.
type Outcome string

// The outcomes.
const (
	Answered    Outcome = "answered"
	Unreachable Outcome = "unreachable" // no connection, or one that broke
	TimedOut    Outcome = "timeout"
	Unavailable Outcome = "unavailable" // status 502, 503 or 504
	Failed      Outcome = "failed"      // another status from 500 on
	Throttled   Outcome = "throttled"   // status 429
	Rejected    Outcome = "rejected"    // a status that blames this one request, without a GraphQL response
	Malformed   Outcome = "malformed"   // no GraphQL response
	TooLarge    Outcome = "too_large"   // more than MaxResponseBytes, which may be the client's wish
	Cancelled   Outcome = "cancelled"   // nobody waits for it any more
)

// failed reports whether the subgraph is to blame; the breaker counts that. What one client can bring
// about with its own request does not count, or it could take the subgraph from all others.
func (o Outcome) failed() bool {
	switch o {
	case Unreachable, TimedOut, Unavailable, Failed, Malformed:
		return true
	}
	return false
}

// again reports whether a query may be sent once more.
func (o Outcome) again() bool { return o == Unreachable || o == Unavailable || o == Throttled }

// State is what a circuit breaker is doing.
type State string

// The states.
const (
	Closed   State = "closed"
	Open     State = "open"
	HalfOpen State = "half_open"
)

// Observer is told what happens, for metrics. Names of subgraphs and addresses are those of the
// configuration. Its methods are called from many goroutines and must not block. Embed NopObserver to
// implement only some.
type Observer interface {
	InFlight(subgraph, address string, delta int)
	Attempt(subgraph, address string, o Outcome, took time.Duration)
	Retry(subgraph string, after Outcome)
	Shared(subgraph string)          // a query was answered by another's request
	Refused(subgraph, reason string) // breaker, queue: a request was not sent; budget: it was not sent again
	BreakerState(subgraph string, state State)
	AddressOut(subgraph, address string, out bool) // left out, or taken back
}

// NopObserver observes nothing.
type NopObserver struct{}

func (NopObserver) InFlight(string, string, int)                   {}
func (NopObserver) Attempt(string, string, Outcome, time.Duration) {}
func (NopObserver) Retry(string, Outcome)                          {}
func (NopObserver) Shared(string)                                  {}
func (NopObserver) Refused(string, string)                         {}
func (NopObserver) BreakerState(string, State)                     {}
func (NopObserver) AddressOut(string, string, bool)                {}
