package poll

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"
)

func TestFailedRoundIsLoggedAndFollowedByTheNext(t *testing.T) {
	var log bytes.Buffer
	ctx, cancel := context.WithCancel(t.Context())
	rounds := 0
	err := Every(ctx, time.Millisecond, slog.New(slog.NewTextHandler(&log, nil)), "count sheep", func(context.Context) error {
		if rounds++; rounds == 3 {
			cancel()
		}
		return errors.New("one is missing")
	})
	if err != nil || rounds != 3 {
		t.Errorf("%d rounds, %v; want 3 and nil", rounds, err)
	}
	if got := strings.Count(log.String(), "one is missing"); got != 2 { // the last round failed because of the end
		t.Errorf("%d failures in the log, want 2:\n%s", got, log.String())
	}
}
