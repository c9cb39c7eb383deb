package kafka

import (
	"context"
	"errors"
	"io"
	"net"

	"github.com/IBM/sarama"

	"storefront/internal/poll"
)

// patience is how often a question about a partition is asked again: for about ten seconds.
const patience = 20

// patiently asks about a topic's partition until what is in the way has passed. sarama asks twice; that is too
// little where several ask over one connection, since it closes that for all when one of them gets no answer.
// ctx ends the waiting; an answer that came all the same is given, for it may have to be closed.
func patiently(ctx context.Context, client sarama.Client, topic string, ask func() error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	err := ask()
	for attempt := 0; passes(err) && attempt < patience && poll.Sleep(ctx, backoff(attempt)); attempt++ {
		if err = client.RefreshMetadata(topic); err == nil {
			err = ask()
		}
	}
	return err
}

// passes says whether an error goes away by itself: a leader was just elected, as after a topic was made, or a
// connection broke.
func passes(err error) bool {
	if _, broke := errors.AsType[*net.OpError](err); broke {
		return true
	}
	for _, passing := range []error{sarama.ErrNotLeaderForPartition, sarama.ErrLeaderNotAvailable, sarama.ErrNotConnected, io.EOF} {
		if errors.Is(err, passing) {
			return true
		}
	}
	return false
}
