package transport_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	oteltrace "go.opentelemetry.io/otel/trace"

	"storefront/internal/telemetry"
	"storefront/router/execute/transport"
)

// written are the lines of a log.
func written(t *testing.T, log *bytes.Buffer) (lines []map[string]any) {
	t.Helper()
	for line := range strings.Lines(log.String()) {
		var l map[string]any
		if err := json.Unmarshal([]byte(line), &l); err != nil {
			t.Fatalf("%v in %s", err, line)
		}
		lines = append(lines, l)
	}
	return lines
}

// TestLog: whoever runs the router reads why a subgraph's requests fail, once in a while and not more.
func TestLog(t *testing.T) {
	var log bytes.Buffer
	var status atomic.Int32
	s := answering(t, func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(int(status.Load()))
		fmt.Fprint(w, `{"data":{}}`)
	})
	world := newWorld()
	opts := world.options()
	opts.Logger = telemetry.NewLogger(&log, "info")
	tr := reach(t, opts, func(s *transport.Subgraph) {
		s.Retry.Attempts = 0
		s.Breaker = transport.Breaker{Failures: 0.9, MinRequests: 60, Window: time.Minute, Pause: time.Second}
	}, s.URL)
	ctx := oteltrace.ContextWithSpanContext(t.Context(), oteltrace.NewSpanContext(oteltrace.SpanContextConfig{TraceID: oteltrace.TraceID{1}, SpanID: oteltrace.SpanID{2}}))
	do := func(n int, answer int) {
		status.Store(int32(answer))
		for range n {
			r := query()
			r.Header.Set("X-Request-Id", "r-7")
			r.Header.Set("Authorization", "Bearer hunter2")
			_, _ = tr.Do(ctx, r)
		}
	}
	do(1, 200)
	do(40, 500)
	do(1, 503)
	lines := written(t, &log)
	if len(lines) != 2 {
		t.Fatalf("41 failures of two kinds are %d lines:\n%s", len(lines), &log)
	}
	for i, reason := range []string{"status 500", "status 503"} {
		want := map[string]any{"level": "WARN", "msg": "a request to a subgraph failed", "subgraph": "s", "address": s.URL,
			"kind": map[int]string{0: "failed", 1: "unavailable"}[i], "reason": reason, "request_id": "r-7", "trace_id": oteltrace.TraceID{1}.String()}
		for key, value := range want {
			if lines[i][key] != value {
				t.Errorf("%s is %v, want %v, in %v", key, lines[i][key], value, lines[i])
			}
		}
	}
	world.pass(time.Minute)
	log.Reset()
	do(1, 500)
	if lines = written(t, &log); len(lines) != 1 || lines[0]["repeated"] != 39.0 {
		t.Errorf("after a minute: %s", &log)
	}
	log.Reset()
	do(100, 500) // opens the breaker, and nothing is told of the requests that are not sent
	for range 3 {
		world.pass(time.Second)
		do(1, 500) // a trial
	}
	world.pass(time.Second)
	do(1, 200)
	if lines = written(t, &log); len(lines) != 2 || lines[0]["msg"] != "a subgraph failed too often and is left alone" || lines[1]["msg"] != "a subgraph answers again" {
		t.Errorf("the breaker's lines:\n%s", &log)
	}
	if strings.Contains(log.String(), "hunter2") {
		t.Errorf("a token is in the log")
	}
}

// TestLogReasons: each says what happened, in words, and nothing of what the subgraph sent.
func TestLogReasons(t *testing.T) {
	const private = "Ada Brandt"
	for _, c := range []struct {
		name, kind, reason string
		answer             http.HandlerFunc
	}{
		{"no answer", "timeout", "no answer in time", func(_ http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body) // only then is the connection watched
			<-r.Context().Done()
		}},
		{"a page", "malformed", "status 200, with 10 bytes that are no GraphQL response", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, private) }},
		{"too large", "too_large", "an answer of more than 500 bytes", func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprint(w, `{"data":"`+strings.Repeat(private, 100)+`"}`)
		}},
		{"no HTTP", "malformed", `"..." is no HTTP/1.1 status line`, func(w http.ResponseWriter, _ *http.Request) {
			conn, _, _ := w.(http.Hijacker).Hijack()
			fmt.Fprint(conn, private+"\r\n\r\n")
			conn.Close()
		}},
		{"not allowed", "rejected", "status 403", func(w http.ResponseWriter, _ *http.Request) { http.Error(w, private, http.StatusForbidden) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			var log bytes.Buffer
			opts := newWorld().options()
			opts.Logger = telemetry.NewLogger(&log, "info")
			tr := reach(t, opts, func(s *transport.Subgraph) {
				s.Retry.Attempts, s.MaxResponseBytes, s.Timeout = 0, 500, 200*time.Millisecond
			}, answering(t, c.answer).URL)
			if _, err := tr.Do(context.Background(), query()); err == nil {
				t.Fatal("no error")
			}
			lines := written(t, &log)
			if len(lines) != 1 || lines[0]["kind"] != c.kind || !strings.Contains(lines[0]["reason"].(string), c.reason) {
				t.Errorf("want %s: %s in\n%s", c.kind, c.reason, &log)
			}
			if strings.Contains(log.String(), private) {
				t.Errorf("the log tells whom it is about: %s", &log)
			}
		})
	}
	t.Run("nobody there", func(t *testing.T) {
		var log bytes.Buffer
		opts := newWorld().options()
		opts.Logger = telemetry.NewLogger(&log, "info")
		s := answering(t, nil)
		s.Close()
		tr := reach(t, opts, func(s *transport.Subgraph) { s.Retry.Attempts = 0 }, s.URL+"/graphql?key=hunter2")
		_, _ = tr.Do(t.Context(), query())
		if lines := written(t, &log); len(lines) != 1 || lines[0]["kind"] != "unreachable" || !strings.Contains(lines[0]["reason"].(string), "connection refused") || strings.Contains(log.String(), "hunter2") {
			t.Errorf("%s", &log)
		}
	})
}
