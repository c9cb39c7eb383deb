package hostile

import (
	"context"
)

// Transport is a way in which a router takes requests.
type Transport struct {
	Name string
	// Open makes a client of the router at url, which begins with http. It goes through what comes before the
	// first request.
	Open func(ctx context.Context, url string) (Client, error)
	// As is the case as this transport has it: what does not fit in is to be refused for its size. False when it
	// cannot be sent this way at all.
	As func(c Case) (Case, bool)
}

// Client sends one request at a time.
type Client interface {
	// Ask reads the answer to its end. After an error, and after a request that was too large, the client can only
	// be closed.
	Ask(ctx context.Context, c Case) (Answer, error)
	Close() error
}

// Transports are all that the router has. Batches have to be allowed.
func Transports() []Transport {
	same := func(c Case) (Case, bool) { return c, true }
	over := func(h HTTP) func(context.Context, string) (Client, error) {
		return func(_ context.Context, url string) (Client, error) { return newHTTP(url, h), nil }
	}
	return []Transport{
		{"POST", over(HTTP{Accept: jsonResponse}), same},
		{"GET", over(HTTP{Accept: jsonResponse, Get: true}), asGet},
		{"batch", over(HTTP{Accept: "application/json", Batch: true}), same},
		{"multipart", over(HTTP{Accept: "multipart/mixed;incrementalSpec=v0.2"}), same},
		{"multipart subscription", over(HTTP{Accept: "multipart/mixed;boundary=graphql;subscriptionSpec=1.0," + jsonResponse}), same},
		{"SSE", over(HTTP{Accept: eventStream}), same},
		{"SSE, single connection", openSingle, same},
		{"WebSocket", openSocket, same},
	}
}

// The media types that clients ask for.
const (
	jsonResponse = "application/graphql-response+json, application/json;q=0.9"
	eventStream  = "text/event-stream"
)
