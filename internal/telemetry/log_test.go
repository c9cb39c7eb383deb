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
		"error", errors.New("dial mongodb://root:hunter2@db:27017: refused"), "header", "bearer eyJh.eyJz.sig")
	for _, secret := range []string{"abc", "ada@example.com", "4242", "hunter2", "eyJ"} {
		if strings.Contains(out.String(), secret) {
			t.Errorf("%q is in the log: %s", secret, out.String())
		}
	}
	if !strings.Contains(out.String(), "refused") {
		t.Errorf("the rest of the message is gone: %s", out.String())
	}
}
