package telemetry

import (
	"bytes"
	"errors"
	"strings"
	"testing"
)

func TestLogsHoldNoSecrets(t *testing.T) {
	var out bytes.Buffer
	log := NewLogger(&out, "info")
	log.Info("a", "authorization", "Bearer abc", "note", "from ada@example.com paid with 4242 4242 4242 4242",
		"error", errors.New("dial mongodb://root:hunter2@db:27017: refused"), "header", "bearer eyJh.eyJz.sig",
		"to", []string{"ben@example.com"}, "from", "jürgen+x@münchen.example",
		"panic", struct{ Who string }{"eve@example.com"}, "key", "sfk_0a1b2c3d4e5f60718293 and whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
		"cache", "redis://:hunter3@redis:6379/0 and redis://hunter4@redis", "odd", "mongodb://root:hun@ter5@db:27017/?x=1")
	for _, secret := range []string{"abc", "ada@example.com", "eve@example.com", "0a1b2c3d", "MfKQ9r8G", "4242", "hunter2", "hunter3", "hunter4", "ter5", "eyJ", "ben@", "rgen+x"} {
		if strings.Contains(out.String(), secret) {
			t.Errorf("%q is in the log: %s", secret, out.String())
		}
	}
	if !strings.Contains(out.String(), "refused") || !strings.Contains(out.String(), "redis:6379/0") || !strings.Contains(out.String(), "db:27017/?x=1") {
		t.Errorf("the rest of the message is gone: %s", out.String())
	}
}

func TestScrubLeavesStackTraces(t *testing.T) {
	const frame = "/home/ada/go/pkg/mod/github.com/99designs/gqlgen@v0.17.98/graphql/error.go:22 kfake@v0.0.0-20260918054303-01f206a7e32c/x.go"
	if got := Scrub(frame); got != frame {
		t.Errorf("%s", got)
	}
}
