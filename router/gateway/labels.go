package gateway

// Progressive overrides: which labels are on for a request decides which subgraph resolves a field
// that is moving from one to another, and with it the plan.

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"math/rand/v2"
	"net/http"

	"storefront/router/supergraph"
)

// Labels decides whether a label of a progressive override is on for a request. It is asked for the
// labels that are no share of all requests, such as percent(5).
type Labels func(ctx context.Context, id *Identity, client http.Header, label string) bool

// labels returns the labels that are on for a request, sorted. Shares are the same for a caller every
// time; who is nobody is drawn anew.
func (g *Gateway) labels(ctx context.Context, c *caller, all []string) []string {
	var on []string
	for _, label := range all {
		percent, share := supergraph.Percent(label)
		switch {
		case share && lot(c.id, label) < percent, !share && g.cfg.Labels != nil && g.cfg.Labels(ctx, c.id, c.header, label):
			on = append(on, label)
		}
	}
	return on
}

// lot draws a number from 0 up to 100, for one caller and label always the same.
func lot(id *Identity, label string) float64 {
	owners := id.owners()
	if len(owners) == 0 {
		return rand.Float64() * 100
	}
	sum := sha256.Sum256([]byte(label + "\x00" + owners[0]))
	return float64(binary.BigEndian.Uint64(sum[:8])>>11) / (1 << 53) * 100
}
