// Package poll is how a service does its work in the background: a small round again and again, until
// its context ends. What a round finds is decided by the database, so that several processes may poll.
package poll

import (
	"context"
	"log/slog"
	"time"
)

// Every calls round once an interval until ctx ends, and returns nil then. A round that fails is logged
// as what it could not do, and the next one comes all the same.
func Every(ctx context.Context, interval time.Duration, log *slog.Logger, what string, round func(context.Context) error) error {
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		if err := round(ctx); err != nil && ctx.Err() == nil {
			log.WarnContext(ctx, what, "error", err)
		}
	}
}
