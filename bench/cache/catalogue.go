package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync"
	"time"
)

// catalogueQuery is that of README.md, with the keys that clients with a cache of their own select.
const catalogueQuery = `query Catalogue($words: String!, $first: Int!) {
  productSearch(query: $words, first: $first) {
    totalCount
    nodes {
      id
      title
      priceRange { min { decimal currency } }
      rating { average count }
      availability { inStock available }
      variants { sku price { decimal } availability { available } shippingEstimate(country: "DE") { price { decimal } latest } }
    }
  }
}`

const smallestQuery = `query Smallest($words: String!, $first: Int!) { __typename a: productSearch(query: $words, first: $first) @skip(if: true) { totalCount } }`

var web = &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: 256}}

// ask sends a query as a visitor and returns the answer's data.
func ask(ctx context.Context, router, query string, variables map[string]any) (json.RawMessage, error) {
	body, err := json.Marshal(map[string]any{"query": query, "variables": variables})
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, router+"/graphql", bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "application/json")
	res, err := web.Do(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		return nil, err
	}
	var out struct {
		Data   json.RawMessage
		Errors []any
	}
	if err := json.Unmarshal(text, &out); err != nil || len(out.Errors) > 0 {
		return nil, fmt.Errorf("the router answered %.300s", text)
	}
	return out.Data, nil
}

func ready(ctx context.Context, router string) bool {
	data, err := ask(ctx, router, `{ productSearch(first: 1) { totalCount } }`, nil)
	return err == nil && !bytes.Contains(data, []byte(`"totalCount":0`))
}

// catalogue measures the shops in turns.
func catalogue(ctx context.Context, o options, without, with *shop) error {
	measured := []struct {
		name, query string
		shop        *shop
	}{
		{"catalogue query without the cache", catalogueQuery, without},
		{"catalogue query with the cache", catalogueQuery, with},
		{"the smallest query, which asks no subgraph", smallestQuery, with}, // what keeping whole responses could reach at most
	}
	var took [3][]time.Duration
	for round := range o.rounds + 1 { // the first warms up
		for i, m := range measured {
			list, err := load(ctx, o, m.shop, m.query)
			if err != nil {
				return err
			}
			if round > 0 {
				took[i] = append(took[i], list...)
			}
		}
	}
	rate := func(list []time.Duration) float64 {
		return float64(len(list)) / (o.round.Seconds() * float64(o.rounds))
	}
	for i, m := range measured {
		report(m.name, took[i])
		fmt.Printf("%60s %.0f requests/s\n", "", rate(took[i]))
	}
	fmt.Printf("ratio of requests/s, with to without: %.2f\n", rate(took[1])/rate(took[0]))
	return nil
}

// load sends catalogue queries that differ, so that few are under way twice.
func load(ctx context.Context, o options, s *shop, query string) ([]time.Duration, error) {
	words := []string{"", "lamp", "chair", "shirt", "tea", "desk", "blue", "cotton"}
	until := time.Now().Add(o.round)
	var mu sync.Mutex
	var all []time.Duration
	var failed error
	var clients sync.WaitGroup
	for c := range o.clients {
		clients.Go(func() {
			var took []time.Duration
			var err error
			for i := c * 7; time.Now().Before(until) && err == nil; i++ {
				began := time.Now()
				_, err = ask(ctx, s.Router, query, map[string]any{"words": words[i%len(words)], "first": 3 + i/len(words)%8})
				took = append(took, time.Since(began))
			}
			mu.Lock()
			defer mu.Unlock()
			all = append(all, took...)
			if err != nil {
				failed = err
			}
		})
	}
	clients.Wait()
	return all, failed
}

func report(what string, took []time.Duration) {
	if len(took) == 0 {
		return
	}
	slices.Sort(took)
	at := func(p float64) time.Duration { return took[min(len(took)-1, int(p*float64(len(took))))] }
	fmt.Printf("%-60s %6d  p50 %8s  p99 %8s  worst %8s\n", what, len(took),
		at(.5).Round(10*time.Microsecond), at(.99).Round(10*time.Microsecond), took[len(took)-1].Round(10*time.Microsecond))
}
