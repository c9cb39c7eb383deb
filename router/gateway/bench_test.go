package gateway_test

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"testing"

	"storefront/router/execute"
	"storefront/router/gateway"
	"storefront/router/supergraph"
)

// constant is a transport whose subgraphs always answer the same.
type constant []byte

func (c constant) Do(context.Context, *execute.SubgraphRequest) ([]byte, error) { return c, nil }

// sink is a response that goes nowhere.
type sink struct {
	header http.Header
	status int
	bytes  int
}

func (s *sink) Header() http.Header { return s.header }

func (s *sink) WriteHeader(status int) { s.status = status }

func (s *sink) Write(b []byte) (int, error) {
	s.bytes += len(b)
	return len(b), nil
}

// BenchmarkRequest measures one prepared query without the network: the request read, the operation
// found, a subgraph's answer of one entity taken, the response written.
func BenchmarkRequest(b *testing.B) {
	sg, err := supergraph.Parse(testSupergraph)
	if err != nil {
		b.Fatal(err)
	}
	gw, err := gateway.New(gateway.Config{
		Supergraph: sg, Auth: tokens{}, Headers: tokens{},
		Transport: constant(`{"data":{"order":{"id":"o1","status":"PLACED","note":"first"}}}`),
	})
	if err != nil {
		b.Fatal(err)
	}
	handler := gw.Handler()
	body := []byte(`{"query":"query One($id: ID!) {\n  order(id: $id) {\n    id\n    status\n    note\n  }\n}","operationName":"One","variables":{"id":"o1"}}`)
	b.ReportAllocs()
	for b.Loop() {
		r, err := http.NewRequest(http.MethodPost, "/graphql", io.NopCloser(bytes.NewReader(body)))
		if err != nil {
			b.Fatal(err)
		}
		r.ContentLength = int64(len(body))
		r.Header = http.Header{"Content-Type": {"application/json"}, "Accept": {"application/json"}, "Authorization": {"Bearer ada"}}
		w := &sink{header: http.Header{}}
		handler.ServeHTTP(w, r)
		if w.status != http.StatusOK || w.bytes != 63 {
			b.Fatalf("status %d, %d bytes", w.status, w.bytes)
		}
	}
}
