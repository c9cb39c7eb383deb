package server

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"sync"
)

// Bound is how many connections of one client may be open: otherwise one could hold all that a process may have. What a
// handler has taken (http.Hijacker) counts no longer. The zero value bounds nobody.
type Bound struct {
	Most int
	Of   func(netip.Addr) string // whose an address is; "" for one that is not bounded
}

// bounded counts connections. Those beyond the bound get status 429 for an answer, and beyond twice as many none.
type bounded struct {
	Bound
	mu   sync.Mutex
	open map[string]int
}

// on makes a server count, and refuse.
func (b Bound) on(s *http.Server) {
	if b.Most <= 0 || b.Of == nil {
		return
	}
	c := &bounded{Bound: b, open: map[string]int{}}
	s.ConnContext, s.ConnState, s.Handler = c.enter, c.changed, c.refusing(s.Handler)
}

// refusedKey is in the context of connections that are too many.
type refusedKey struct{}

func (b *bounded) enter(ctx context.Context, conn net.Conn) context.Context {
	who := b.owner(conn)
	if who == "" {
		return ctx
	}
	b.mu.Lock()
	b.open[who]++
	n := b.open[who]
	b.mu.Unlock()
	if n > 2*b.Most {
		_ = conn.Close()
	}
	if n > b.Most {
		return context.WithValue(ctx, refusedKey{}, true)
	}
	return ctx
}

func (b *bounded) changed(conn net.Conn, state http.ConnState) {
	if state != http.StateClosed && state != http.StateHijacked {
		return
	}
	who := b.owner(conn)
	if who == "" {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.open[who]--; b.open[who] == 0 {
		delete(b.open, who)
	}
}

func (b *bounded) owner(conn net.Conn) string {
	at, err := netip.ParseAddrPort(conn.RemoteAddr().String())
	if err != nil {
		return ""
	}
	return b.Of(at.Addr().Unmap())
}

func (b *bounded) refusing(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Context().Value(refusedKey{}) == nil {
			next.ServeHTTP(w, r)
			return
		}
		w.Header().Set("Connection", "close")
		w.Header().Set("Retry-After", "1")
		http.Error(w, fmt.Sprintf("this network has %d connections open already; close some first", b.Most), http.StatusTooManyRequests)
	})
}
