package gateway

// Subscriptions as responses in parts, as Apollo's clients ask for them:
// https://www.apollographql.com/docs/graphos/routing/operations/subscriptions/multipart-protocol

import (
	"slices"
	"strings"
)

const subscriptionPartsType = mediaParts + `;subscriptionSpec="1.0";boundary="graphql"`

// takesSubscriptionParts reports whether the client names that format.
func takesSubscriptionParts(accept []string) bool {
	if !slices.ContainsFunc(accept, func(v string) bool { return strings.Contains(strings.ToLower(v), "subscriptionspec") }) {
		return false // as nearly always
	}
	for _, r := range parseAccept(strings.Join(accept, ",")) {
		if r.name == mediaParts && r.params["subscriptionspec"] == "1.0" && r.q > 0 {
			return true
		}
	}
	return false
}

// subscriptionParts is a carrier.
type subscriptionParts struct {
	output
	opened bool
}

func parts(to output) carrier { return &subscriptionParts{output: to} }

// Clients take the headers and an empty part for the beginning.
func (o *subscriptionParts) open() error { return o.part([]byte("{}"), false) }

func (o *subscriptionParts) next(m *message) error {
	return o.part(append(append([]byte(`{"payload":`), m.body...), '}'), false)
}

// Nothing in this format carries a cursor but a result.
func (o *subscriptionParts) alive(string) error { return o.part([]byte("{}"), false) }

func (o *subscriptionParts) failed(response []byte) error {
	return o.part(append([]byte(`{"payload":null,`), response[1:]...), true)
}

func (o *subscriptionParts) complete() error { return o.part(nil, true) }

func (o *subscriptionParts) elsewhere(cursor string) error {
	f := drainingFailure()
	if cursor != "" {
		f.errors[0].Extensions["cursor"] = cursor
	}
	return o.failed(encode(nil, f.errors, nil))
}

// part writes one part and the boundary behind it, so that the client need not wait for the next to know
// that it is whole.
func (o *subscriptionParts) part(body []byte, last bool) error {
	var b []byte
	if !o.opened {
		o.opened = true
		b = append(b, "--graphql"...)
	}
	if body != nil {
		b = append(b, "\r\ncontent-type: application/json\r\n\r\n"...)
		b = append(b, body...)
		b = append(b, "\r\n--graphql"...)
	}
	if last {
		b = append(b, "--\r\n"...)
	}
	return o.write(b)
}
