package gateway

// Which headers a connection_init gives, where browsers can give none: GraphQL servers and clients agree on its
// payload's members, or those of its member "headers".

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"golang.org/x/net/http/httpguts"
)

// DefaultInitHeaders are those that a connection_init may set: what the gateway itself reads of clients, and
// languages. Any other one may be what proxies write, and take out of requests.
func DefaultInitHeaders() []string {
	names := []string{"Authorization", "Accept-Language", costHeader}
	for _, pair := range clientHeaders {
		names = append(names, pair[:]...)
	}
	return names
}

// IsInitHeader reports whether a header may be one of Config.InitHeaders: no header of one connection, and none in
// which proxies say where a request comes from.
func IsInitHeader(name string) bool {
	name = http.CanonicalHeaderKey(name)
	return httpguts.ValidHeaderFieldName(name) && !slices.Contains(hopByHop[:], name) &&
		name != "Forwarded" && name != "X-Real-Ip" && !strings.HasPrefix(name, "X-Forwarded-")
}

// headersIn are the headers that a payload, a JSON object, gives of those that it may. Null is nothing. A value that
// can be no header's is not passed over: who means to sign in would go on as a guest.
func headersIn(payload []byte, may []string) (h http.Header, wrong string) {
	h = http.Header{}
	take := func(name, value []byte) error {
		header, text := http.CanonicalHeaderKey(string(name)), ""
		switch {
		case !slices.Contains(may, header) || string(value) == "null":
		case !textOf(value, &text) || !httpguts.ValidHeaderFieldValue(text):
			wrong = cmp.Or(wrong, fmt.Sprintf("Invalid message received: %s must be a string on one line", strings.ToLower(header)))
		default:
			h.Set(header, text)
		}
		return nil
	}
	var nested []byte
	err := members(payload, func(name, value []byte) error {
		if string(name) == "headers" {
			nested = value
			return nil
		}
		return take(name, value)
	})
	if err == nil && nested != nil && string(nested) != "null" {
		err = members(nested, take) // they come before the others
	}
	if err != nil {
		wrong = cmp.Or(wrong, "Invalid message received")
	}
	return h, wrong
}

// layHeaders adds what a connection_init gives to the headers of the request that opened its socket. What these say
// stays as it is, since proxies may have said it, but for a sign-in and languages, which are the client's own.
func layHeaders(h, given http.Header) {
	for name, values := range given {
		if _, there := h[name]; !there || name == "Authorization" || name == "Accept-Language" {
			h[name] = values
		}
	}
}
