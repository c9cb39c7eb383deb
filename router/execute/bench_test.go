package execute_test

import (
	"context"
	"path/filepath"
	"sync"
	"testing"

	"golang.org/x/tools/txtar"

	"storefront/router/execute"
	"storefront/router/execute/transport"
	"storefront/router/operation"
	"storefront/router/planner"
)

// recorder answers a request that it has seen before as it was answered then.
type recorder struct {
	execute.Transport
	answers sync.Map
}

func (r *recorder) Do(ctx context.Context, req *execute.SubgraphRequest) ([]byte, error) {
	key := [3]string{req.Subgraph, req.Query, string(req.Variables)}
	if body, ok := r.answers.Load(key); ok {
		return body.([]byte), nil
	}
	body, err := r.Transport.Do(ctx, req)
	if err == nil {
		r.answers.Store(key, body)
	}
	return body, err
}

// BenchmarkJoined measures everything but the network: a response of 96 KB joined of the answers of
// four subgraphs, in which few entities stand at many places.
func BenchmarkJoined(b *testing.B) {
	archive, err := txtar.ParseFile(filepath.Join("testdata", "bench", "joined.txtar"))
	if err != nil {
		b.Fatal(err)
	}
	h := openHouse(b, archive)
	urls := map[string]string{}
	for name, s := range h.subgraphs {
		urls[name] = s.URL
	}
	reach, err := transport.New(transport.To(urls), transport.Options{})
	if err != nil {
		b.Fatal(err)
	}
	query := archive.Files[len(archive.Files)-1].Data
	op, errs := operation.Prepare(h.sg, string(query), "", operation.DefaultLimits())
	if errs != nil {
		b.Fatal(errs)
	}
	p, err := planner.Plan(h.sg, op)
	if err != nil {
		b.Fatal(err)
	}
	e := execute.New(h.sg, &recorder{Transport: reach}, execute.Options{})
	prepared := e.Prepare(p)
	b.ReportAllocs()
	for b.Loop() {
		r := e.Execute(context.Background(), prepared, nil, nil)
		if len(r.Errors) > 0 || len(r.Data) < 80_000 {
			b.Fatalf("%d bytes, errors %v", len(r.Data), r.Errors)
		}
		r.Release()
	}
}
