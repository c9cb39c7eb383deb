package gateway_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"storefront/internal/hostile"
	"storefront/router/compose"
	"storefront/router/execute/transport"
	"storefront/router/gateway"
	"storefront/router/supergraph"
)

// TestHostileRequestsGetOneClearAnswer sends every hostile request over HTTP and over WebSocket, each
// beside a client that sends a plain query, which has to be answered all the time.
func TestHostileRequestsGetOneClearAnswer(t *testing.T) {
	t.Parallel()
	url := hostileRouter(t)
	ctx, cancel := context.WithCancel(t.Context())
	var beside sync.WaitGroup
	answered := 0
	beside.Go(func() {
		for ctx.Err() == nil {
			a, err := hostile.Post(context.WithoutCancel(ctx), http.DefaultClient, url, hostile.Plain())
			if wrong := hostile.Plain().Fits(a); err != nil || wrong != "" {
				t.Errorf("the plain query beside: %v %s", err, wrong)
				return
			}
			answered++
		}
	})
	cases := hostile.Cases()
	for _, c := range cases {
		a, err := hostile.Post(t.Context(), http.DefaultClient, url, c)
		if err != nil {
			t.Fatal(err)
		}
		if wrong := c.Fits(a); wrong != "" {
			t.Errorf("%s, over HTTP: %s", c.Name, wrong)
		}
		s, err := hostile.Dial(t.Context(), url)
		if err != nil {
			t.Fatal(err)
		}
		if a, err = s.Ask(t.Context(), c); err != nil {
			t.Fatal(err)
		}
		if wrong := c.Fits(a); wrong != "" {
			t.Errorf("%s, over WebSocket: %s", c.Name, wrong)
		}
		_ = s.Close()
	}
	cancel()
	beside.Wait()
	if answered < len(cases) {
		t.Errorf("%d plain queries were answered beside %d hostile ones", answered, len(cases))
	}
}

func hostileRouter(t *testing.T) (url string) {
	t.Helper()
	router := httptest.NewServer(hostileGateway(t).Handler())
	t.Cleanup(router.Close)
	return router.URL + "/graphql"
}

func hostileGateway(t testing.TB) *gateway.Gateway {
	t.Helper()
	subgraph := httptest.NewServer(hostile.Subgraph())
	t.Cleanup(subgraph.Close)
	made, mistakes := compose.Compose([]compose.Subgraph{{Name: "hostile", URL: subgraph.URL, SDL: hostile.SDL()}})
	if len(mistakes) > 0 {
		t.Fatal(mistakes)
	}
	sg, err := supergraph.Parse(made.SupergraphSDL)
	if err != nil {
		t.Fatal(err)
	}
	reach, err := transport.New(transport.To(map[string]string{"hostile": subgraph.URL}), transport.Options{})
	if err != nil {
		t.Fatal(err)
	}
	g, err := gateway.New(gateway.Config{Supergraph: sg, Transport: reach})
	if err != nil {
		t.Fatal(err)
	}
	return g
}
