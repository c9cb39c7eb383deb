package client

import (
	"context"
	"time"

	"storefront/internal/errs"
)

// DoPatiently is Do for an operation that may be repeated: while the shop is away, as during a restart,
// it goes on trying until patience is over.
func (c *Client) DoPatiently(ctx context.Context, patience time.Duration, query string, variables map[string]any, headers map[string]string, out any) error {
	until := time.Now().Add(patience)
	for {
		err := c.Do(ctx, query, variables, true, headers, out)
		if err == nil || !errs.Is(err, errs.Unavailable) || time.Now().After(until) {
			return err
		}
		select {
		case <-time.After(500 * time.Millisecond):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
