package gateway

// Who is at the other end of a socket: at its beginning, renewed, taken back.

import (
	"fmt"
	"net/http"
	"time"

	"github.com/coder/websocket"

	"storefront/internal/errs"
)

// expires closes the connection when the sign-in ends; the zero time is never.
func (s *socket) expires(at time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.expiry != nil {
		s.expiry.Stop()
		s.expiry = nil
	}
	if !at.IsZero() {
		s.expiry = time.AfterFunc(time.Until(at), func() { s.close(closeForbidden, "Forbidden: the sign-in has expired") })
	}
}

// initialize answers connection_init; false ends the connection.
func (s *socket) initialize(m wsMessage) bool {
	s.mu.Lock()
	s.inits++
	again := s.inits > 1
	s.mu.Unlock()
	if again {
		s.close(closeManyInits, "Too many initialisation requests")
		return false
	}
	c := s.who() // nobody else knows it yet
	if len(m.Payload) > 0 && string(m.Payload) != "null" {
		given, wrong := headersIn(m.Payload, s.g.cfg.InitHeaders)
		if wrong != "" {
			s.close(closeBadRequest, wrong)
			return false
		}
		layHeaders(c.header, given)
	}
	if f := s.g.authenticate(s.ctx, c); f != nil {
		s.close(closeCode(f), closeReason(f))
		return false
	}
	s.mu.Lock()
	s.ready = true
	s.mu.Unlock()
	s.g.rights.add(s)
	return s.write(wsMessage{Type: "connection_ack"})
}

// closeCode is how the connection of one who is not let in ends. Clients do not come back by themselves after
// closeInternal.
func closeCode(f *failure) websocket.StatusCode {
	switch {
	case f.status == http.StatusServiceUnavailable:
		return websocket.StatusTryAgainLater
	case f.status >= http.StatusInternalServerError:
		return closeInternal
	}
	return closeForbidden
}

func closeReason(f *failure) string {
	switch errs.Code(f.code()) {
	case errs.Internal:
		return "Internal server error"
	case errs.Forbidden, errs.Unauthenticated:
		return fmt.Sprintf("Forbidden: %s", f.errors[0].Message)
	}
	return f.errors[0].Message
}

// revoke ends the connection of one who is not let in any more.
func (s *socket) revoke(why *failure) { s.close(closeForbidden, closeReason(why)) }

// renew takes a new sign-in from a ping whose payload has an authorization, so that the connection and its
// subscriptions go on when the old one expires. It must be the same person's. ok is false when the
// connection has been closed for it.
func (s *socket) renew(m wsMessage) (renewed, ok bool) {
	if len(m.Payload) == 0 || m.Payload[0] != '{' {
		return false, true
	}
	given, wrong := headersIn(m.Payload, []string{"Authorization"})
	if wrong != "" {
		s.close(closeBadRequest, wrong)
		return false, false
	}
	authorization := given.Get("Authorization")
	old := s.who()
	if authorization == "" || old.id == nil {
		return false, true
	}
	next := *old
	next.header = old.header.Clone()
	next.header.Set("Authorization", authorization)
	if f := s.g.authenticate(s.ctx, &next); f != nil {
		s.close(closeCode(f), closeReason(f))
		return false, false
	}
	if next.id.ID != old.id.ID || !sameRights(next.id, old.id) {
		s.close(closeForbidden, "Forbidden: a sign-in is renewed for the same person and rights only")
		return false, false
	}
	s.mu.Lock()
	s.caller = &next
	var feeds []*feed
	for _, op := range s.running {
		if op.feed != nil {
			feeds = append(feeds, op.feed)
		}
	}
	s.mu.Unlock()
	for _, f := range feeds {
		f.is(&next)
	}
	return true, true
}
