package main

import (
	"net/http"
	"strings"
	"testing"

	"github.com/coder/websocket"
)

// Pages that somebody develops on this machine may call a shop that `up` runs, by HTTP and by WebSocket; no others.
func TestPagesOfOtherOrigins(t *testing.T) {
	t.Parallel()
	h := theShop(t)
	for origin, allowed := range map[string]bool{"http://localhost:5173": true, "http://127.0.0.1:3000": true, "https://evil.example": false, "http://localhost.evil.example:80": false, "null": false} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodOptions, h.url+"/graphql", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Origin", origin)
		req.Header.Set("Access-Control-Request-Method", http.MethodPost)
		req.Header.Set("Access-Control-Request-Headers", "authorization,content-type,x-graphql-event-stream-token")
		res, err := browser.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if got := res.Header.Get("Access-Control-Allow-Origin"); (got == origin) != allowed || !allowed && got != "" {
			t.Errorf("%s is answered that %q may", origin, got)
		}
		conn, _, err := websocket.Dial(t.Context(), strings.Replace(h.url, "http", "ws", 1)+"/graphql",
			&websocket.DialOptions{Subprotocols: []string{"graphql-transport-ws"}, HTTPHeader: http.Header{"Origin": {origin}}})
		if (err == nil) != allowed {
			t.Errorf("a socket of %s: %v", origin, err)
		}
		if err == nil {
			_ = conn.CloseNow()
		}
	}
}
