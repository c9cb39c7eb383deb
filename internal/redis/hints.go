package redis

import (
	"context"
	"strings"

	"github.com/redis/go-redis/v9"

	"storefront/internal/outbox"
)

// Hints are sent over a Redis channel: with Redis away they are lost, and outboxes wait for their sweep.
type Hints struct {
	client  redis.UniversalClient
	channel string
	sender  string
	queue   chan string
}

var _ outbox.Hints = (*Hints)(nil)

const maxHints = 4096 // that wait to be sent; what is beyond is lost

// NewHints returns the hints of a service, from the instance named sender.
func NewHints(client redis.UniversalClient, service, sender string) *Hints {
	return &Hints{client: client, channel: "storefront:outbox:" + service, sender: sender, queue: make(chan string, maxHints)}
}

// Send leaves a hint to be sent.
func (h *Hints) Send(_ context.Context, store, docID string) {
	select {
	case h.queue <- h.sender + "\n" + store + "\n" + docID:
	default:
	}
}

// Receive sends what is left to be sent, and listens.
func (h *Hints) Receive(ctx context.Context, hear func(store, docID string)) {
	heard := h.client.Subscribe(ctx, h.channel) // connects again by itself
	defer heard.Close()
	messages := heard.Channel()
	for {
		select {
		case <-ctx.Done():
			return
		case hint := <-h.queue:
			h.client.Publish(ctx, h.channel, hint) // may fail; see above
		case m, ok := <-messages:
			if !ok {
				return
			}
			if part := strings.Split(m.Payload, "\n"); len(part) == 3 && part[0] != h.sender {
				hear(part[1], part[2])
			}
		}
	}
}
