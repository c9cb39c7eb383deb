package main

import (
	"bytes"
	"context"
	"io"
	"strings"
	"testing"
)

// A forgotten variable would sell for nothing: payments on the test gateway say so, and nobody else does.
func TestServePaymentsSaysThatNoMoneyIsTaken(t *testing.T) {
	t.Parallel()
	ended, end := context.WithCancel(t.Context())
	end()
	for _, c := range []struct {
		args []string
		want bool
	}{
		{[]string{"payments"}, true},
		{[]string{"payments", "--payment-gateway", "test"}, true},
		{[]string{"payments", "--payment-gateway", "stripe"}, false},
		{[]string{"orders"}, false},
	} {
		var log bytes.Buffer
		args := append(c.args, "--mongodb-uri", "mongodb://127.0.0.1:1", "--kafka-brokers", "127.0.0.1:1",
			"--redis-url", "redis://127.0.0.1:1", "--secret", strings.Repeat("s", 32))
		if err := runServe(ended, stdio{io.Discard, &log, func(string) string { return "" }}, args); err == nil {
			t.Errorf("serve %v runs on nothing", c.args)
		}
		told := log.String()
		if c.want != (strings.Contains(told, "no money is taken") && strings.Contains(told, "--payment-gateway stripe")) {
			t.Errorf("serve %v logs %q", c.args, told)
		}
	}
}
