package gateway_test

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"testing"

	"storefront/router/execute"
	"storefront/router/gateway"
)

// answers is a transport whose subgraphs all answer with the same.
type answers string

func (a answers) Do(context.Context, *execute.SubgraphRequest) ([]byte, error) { return []byte(a), nil }

// TestWrongAnswers: a client is told which subgraph is wrong, and how; the log too, and only once.
func TestWrongAnswers(t *testing.T) {
	for _, c := range []struct{ query, answer, want, log string }{
		{"{ hello }", `{"data":{"hello":{"secret":"s3cret"}}}`,
			`{"errors":[{"message":"a subgraph answered with a value that is no String","path":["hello"],"extensions":{"code":"SUBGRAPH_RESPONSE_INVALID","service":"orders"}}],"data":{"hello":null}}`,
			"no String"},
		{`{ order(id: \"o1\") { status } }`, `{"data":{"order":{"status":null}}}`,
			`{"errors":[{"message":"Cannot return null for non-nullable field Order.status.","path":["order","status"],"extensions":{"code":"SUBGRAPH_RESPONSE_INVALID","service":"orders"}}],"data":{"order":null}}`,
			"Order.status"},
		{"{ boom }", `{"data":{"boom":null},"errors":[{"message":"s3cret","path":["boom"]}]}`, `"code":"INTERNAL","service":"orders"`, "internal error masked"},
		{"{ boom }", `{"data":null,"errors":[{"message":"s3cret","extensions":{"code":"DB_DOWN"}}]}`, `"code":"INTERNAL","service":"orders"`, "code=DB_DOWN"},
	} {
		var log bytes.Buffer
		h := newHouse(t, func(cfg *gateway.Config) {
			cfg.Transport = answers(c.answer)
			cfg.Logger = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelWarn}))
		})
		for range 20 {
			if got := h.post(`{"query":"` + c.query + `"}`); !strings.Contains(got.body, c.want) {
				t.Fatalf("%s answers\n%s\nwant\n%s", c.query, got.body, c.want)
			}
		}
		if said := log.String(); strings.Count(said, "\n") != 1 || !strings.Contains(said, c.log) || !strings.Contains(said, "subgraph=orders") || strings.Contains(said, "s3cret") {
			t.Errorf("%s is logged as\n%s", c.query, said)
		}
	}
}

// TestTraceOnEveryAnswer: the trace that the server has begun, or a new one, which is not passed on; it is that of
// the log's lines and of what is masked.
func TestTraceOnEveryAnswer(t *testing.T) {
	var log bytes.Buffer
	h := newHouse(t, func(cfg *gateway.Config) { cfg.Logger = slog.New(slog.NewTextHandler(&log, nil)) })
	got := h.post(`{"query":"{ boom }"}`)
	other := h.post(`{"query":"{ boom }"}`)
	for _, c := range []struct {
		got  reply
		want string
	}{{got, got.header.Get("X-Trace-Id")}, {other, other.header.Get("X-Trace-Id")}} {
		if len(c.want) != 32 || !strings.Contains(c.got.body, `"traceId":"`+c.want+`"`) || strings.Count(log.String(), "trace_id="+c.want) < 1 {
			t.Errorf("the trace %q is not in\n%s\nor not in the log\n%s", c.want, c.got.body, log.String())
		}
		if !strings.Contains(c.got.body, c.got.header.Get("X-Request-Id")) {
			t.Errorf("no request id in %s", c.got.body)
		}
	}
	if got.header.Get("X-Trace-Id") == other.header.Get("X-Trace-Id") {
		t.Error("two requests have one trace")
	}
	if sent := h.orders.lastHeader().Get("Traceparent"); sent != "" {
		t.Errorf("the subgraph got the traceparent %q", sent)
	}
	if got := h.post(`{"query":"{"}`); len(got.header.Get("X-Trace-Id")) != 32 || got.header.Get("X-Request-Id") == "" {
		t.Errorf("a refused request has the header %v", got.header)
	}
}
