package gateway_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"storefront/router/gateway"
)

// TestStreamsOverTLS: events reach a client over HTTP/2 and, on a connection taken from the server, over HTTP/1.1, also
// when nothing has come for longer than one message may take.
func TestStreamsOverTLS(t *testing.T) {
	h := newHouse(t, func(c *gateway.Config) { c.WriteTimeout, c.Heartbeat = 500*time.Millisecond, 1200*time.Millisecond })
	server := httptest.NewUnstartedServer(h.gw.Handler())
	server.EnableHTTP2 = true
	server.StartTLS()
	t.Cleanup(server.Close)
	roots := x509.NewCertPool()
	roots.AddCert(server.Certificate())
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	version := 1
	publish := func() string {
		version++
		h.orders.set(order{ID: "o1", Customer: "ada", Status: "PAID", Version: version})
		h.broker.publish("order-events", gateway.Event{ID: "e" + string(rune('0'+version)), Type: "OrderPaid", Key: "o1",
			Data: map[string]any{"id": "o1", "customerId": "ada", "status": "PAID", "version": version}})
		return `"version":` + string(rune('0'+version))
	}
	for _, c := range []struct {
		name, accept, protocol, heartbeat string
		h2                                bool
	}{
		{"SSE", "text/event-stream", "HTTP/2.0", "id: ", true}, {"SSE", "text/event-stream", "HTTP/1.1", "id: ", false},
		{"multipart", "multipart/mixed;subscriptionSpec=1.0", "HTTP/2.0", "{}", true}, {"multipart", "multipart/mixed;subscriptionSpec=1.0", "HTTP/1.1", "{}", false},
	} {
		transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}, ForceAttemptHTTP2: c.h2}
		r, _ := http.NewRequestWithContext(ctx, http.MethodPost, server.URL+"/graphql", strings.NewReader(`{"query":"subscription { orderStatus(orderId: \"o1\") { version } }"}`))
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Accept", c.accept)
		r.Header.Set("Authorization", "Bearer ada")
		res, err := (&http.Client{Transport: transport}).Do(r)
		if err != nil {
			t.Fatal(err)
		}
		if res.Proto != c.protocol {
			t.Errorf("%s goes over %s, not %s", c.name, res.Proto, c.protocol)
		}
		lines := bufio.NewScanner(res.Body)
		until := func(text string) {
			t.Helper()
			for lines.Scan() {
				if strings.Contains(lines.Text(), text) {
					return
				}
			}
			t.Fatalf("%s over %s ends without %s: %v", c.name, c.protocol, text, lines.Err())
		}
		until(`"version"`)
		until(c.heartbeat)
		until(publish())
		res.Body.Close()
		transport.CloseIdleConnections()
	}
	over := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, NextProtos: []string{"http/1.1"}}}}
	conn, _, err := websocket.Dial(ctx, strings.Replace(server.URL, "https", "wss", 1)+"/graphql", &websocket.DialOptions{Subprotocols: []string{"graphql-transport-ws"}, HTTPClient: over})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.CloseNow()
	socket := &client{t, conn, ctx}
	socket.say(`{"type":"connection_init","payload":{"Authorization":"Bearer ada"}}`)
	socket.expect("connection_ack", "")
	socket.subscribe("1", `subscription { orderStatus(orderId: "o1") { version } }`)
	socket.expect("next", `"version"`)
	socket.expect("next", publish())
}
