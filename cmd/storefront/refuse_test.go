package main

import (
	"io"
	"strings"
	"testing"
)

// said is what a command says that ends before it does anything.
func said(t *testing.T, args ...string) string {
	t.Helper()
	err := run(t.Context(), stdio{io.Discard, io.Discard, func(string) string { return "" }}, args)
	if err == nil {
		t.Errorf("storefront %s does not fail", strings.Join(args, " "))
		return ""
	}
	if strings.Contains(err.Error(), "\n") {
		t.Errorf("storefront %s says more than a line: %s", strings.Join(args, " "), err)
	}
	return err.Error()
}

// TestStrayArguments: no command takes what it does not know, and each says what would be right.
func TestStrayArguments(t *testing.T) {
	for _, c := range commands() {
		want := c.name + `: "stray" is not expected; it takes only flags`
		args := []string{c.name, "stray"}
		switch c.name {
		case "serve":
			args, want = []string{c.name, "orders", "stray"}, "name one service"
		case "health":
			args, want = []string{c.name, "http://127.0.0.1:1", "stray"}, "write: storefront health URL"
		case "operations":
			args, want = []string{c.name, "publish", "m.json", "stray", "--client", "a"}, "write: storefront operations publish MANIFEST"
		case "replay-orders":
			args, want = []string{c.name, "a.csv", "stray"}, "name one file"
		case "partners":
			args, want = []string{c.name, "key", "create", "acme", "stray"}, "write: storefront partners key create NAME"
		case "webhooks":
			args, want = []string{c.name, "disable", "whk_1", "stray"}, "write: storefront webhooks disable ID"
		case "usage":
			args, want = []string{c.name, "Product.title", "stray"}, "write: storefront usage Type.field"
		case "events": // has commands of its own
			want = `events: there is no command "stray"`
		case "import": // takes any number
			continue
		}
		if got := said(t, args...); !strings.HasPrefix(got, want) {
			t.Errorf("%s says %q, want %q", c.name, got, want)
		}
	}
	for _, args := range [][]string{{"compose", "check", "a", "b", "stray"}, {"version", "stray"}} {
		said(t, args...)
	}
}

func TestValuesOfFlags(t *testing.T) {
	for _, args := range [][]string{{"up"}, {"serve", "orders"}, {"router"}} {
		if got := said(t, append(args, "--log-level", "loud")...); !strings.Contains(got, `--log-level: "loud" is none of debug, info, warn, error`) {
			t.Errorf("%s says %q", args[0], got)
		}
	}
	for value, want := range map[string]string{"70000": "70000 is not between 0 and 65500", "-5": "-5 is not between 0 and 65500", "http": `"http" is not a whole number`} {
		if got := said(t, "up", "--base-port", value); !strings.Contains(got, "--base-port: "+want) {
			t.Errorf("--base-port %s: %q", value, got)
		}
	}
}
