package gateway

// What the gateway asks of whoever embeds it. Nothing here names a broker, a cache or a service.

import (
	"context"
	"errors"
	"net/http"
	"time"

	"storefront/internal/live"
	"storefront/router/supergraph"
)

// Identity is who is calling, as the embedder's Authenticator found out. Nil stands for nobody.
type Identity struct {
	ID       string    // compared with a live event's owner; "" is anonymous
	Also     []string  // further owner ids this caller holds, such as a guest's id
	All      bool      // staff: may see every owner's events
	Scopes   []string  // of the caller's token, for @requiresScopes
	Rights   string    // what else policies are decided by, such as roles: a sign-in with others does not renew one
	Partner  string    // client id of a partner, who may send ids of stored operations only
	Priority Priority  // of a partner's operations, as agreed; "" is PriorityNormal
	Expiry   time.Time // when the right to be connected runs out; zero is never
	Value    any       // the embedder's own

	// Holds says whether the right to be connected still stands, for streams that are open; its Unauthenticated
	// or Forbidden ends them. Nil is until Expiry.
	Holds func(context.Context) error
}

// owners returns the owner ids the caller holds, none of them empty.
func (id *Identity) owners() []string {
	if id == nil {
		return nil
	}
	var owners []string
	for _, owner := range append([]string{id.ID}, id.Also...) {
		if owner != "" {
			owners = append(owners, owner)
		}
	}
	return owners
}

// authenticated reports whether somebody has signed in, which a guest has not: see @authenticated.
func (id *Identity) authenticated() bool { return id != nil && (id.ID != "" || id.Partner != "") }

// mayAll reports whether every owner's events may be shown.
func (id *Identity) mayAll() bool { return id != nil && id.All }

// Authenticator finds out who is calling from a request's headers. On a WebSocket those of Config.InitHeaders
// that connection_init's payload gives are added to the headers of the upgrade request.
//
// An error with a code of internal/errs is shown to the client: Unauthenticated answers 401,
// Forbidden 403, Unavailable 503. Anonymous callers, where allowed, are an Identity without an ID.
type Authenticator interface {
	Authenticate(ctx context.Context, h http.Header) (*Identity, error)
}

// PolicyDecider decides the policies that @policy names.
type PolicyDecider interface {
	// Policies returns those of names that hold for a caller. It is asked once for an operation, with all
	// the policies that its fields name, sorted; once for a subscription, when it begins. client holds the
	// client's headers. An error fails the operation, and is shown as one of Authenticate is.
	Policies(ctx context.Context, id *Identity, client http.Header, names []string) (hold []string, err error)
}

// Denial is what callers are told of fields that they may not see: the code and the message of the errors, by
// what they lack and whether they have signed in.
type Denial func(signedIn bool, lacks []*supergraph.Access) (code, message string)

// HeaderSource makes the headers of a request to a subgraph. client holds the client's headers
// without hop-by-hop ones; nothing of them is passed on unless SubgraphHeaders returns it.
type HeaderSource interface {
	SubgraphHeaders(ctx context.Context, id *Identity, subgraph string, client http.Header) http.Header
}

// Why an OperationStore has no document for an id.
var (
	ErrOperationNotFound = errors.New("operation not found")
	ErrOperationRetired  = errors.New("operation retired")            // it was published once
	ErrOperationUnsigned = errors.New("signature of operation wrong") // what is stored is not what was published
)

// OperationStore keeps persisted operations.
type OperationStore interface {
	// Get returns the document a client has published under id and the operation in it to run,
	// which may be "". client is "" for a caller who is no partner.
	Get(ctx context.Context, client, id string) (query, name string, err error)
	// PutAutomatic remembers a document of at most 16 KiB under the hex SHA-256 of its text. It may forget it again.
	PutAutomatic(ctx context.Context, sha256, query string) error
	// GetAutomatic returns the document with this SHA-256 or ErrOperationNotFound.
	GetAutomatic(ctx context.Context, sha256 string) (query string, err error)
}

// Where @live fields get their events from; see internal/live.
type (
	EventSource = live.Source
	EventFilter = live.Filter
	EventStream = live.Stream
	EventSink   = live.Sink
	EventWatch  = live.Watch
	Position    = live.Position
	Event       = live.Event
)

// RequestInfo describes a request that has been answered. Operation is chosen by the client: bound
// its values before using it as a label.
type RequestInfo struct {
	Operation string // its name, "" when it has none or was not understood
	Kind      string // query, mutation, subscription, or ""
	Transport string // http, sse or ws
	Status    int    // HTTP status, also where the transport has none of its own
	Errors    int    // number of GraphQL errors in the answer
	Duration  time.Duration

	quota *Quota // what the Limiter said of the operation
}

// Observer is told what happens, for metrics. Its methods are called from many goroutines and must
// not block. Embed NopObserver to implement only some.
type Observer interface {
	ObserveRequest(RequestInfo)
	Admitted(Priority)                                     // an operation is run
	Shed(how Priority, subgraph string)                    // it is not, since a subgraph has too much to do; "" for the router itself
	SubscribersAdd(delta int)                              // live subscriptions that are open
	EventDelivered(field string, sinceEvent time.Duration) // an event is in a client's queue
	EventWithheld(field, reason string)                    // reason: owner, version, superseded
	SubscriberEnded(field, reason string)                  // reason: slow, expired, source, draining, replaced, refused, done
	SubscriberResumed(field, outcome string)               // with a cursor; outcome: resumed, fresh, too old, refused
}

// NopObserver observes nothing.
type NopObserver struct{}

func (NopObserver) ObserveRequest(RequestInfo)           {}
func (NopObserver) Admitted(Priority)                    {}
func (NopObserver) Shed(Priority, string)                {}
func (NopObserver) SubscribersAdd(int)                   {}
func (NopObserver) EventDelivered(string, time.Duration) {}
func (NopObserver) EventWithheld(string, string)         {}
func (NopObserver) SubscriberEnded(string, string)       {}
func (NopObserver) SubscriberResumed(string, string)     {}
