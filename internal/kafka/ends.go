package kafka

import (
	"context"
	"errors"
	"fmt"

	"github.com/IBM/sarama"
)

// Ends tells where topics begin and end, over connections that it keeps.
type Ends struct {
	config Config
	client sarama.Client
}

// OpenEnds connects. Close what it returns.
func (c Config) OpenEnds() (*Ends, error) {
	s, err := c.sarama()
	if err != nil {
		return nil, err
	}
	client, err := sarama.NewClient(c.Brokers, s)
	if err != nil {
		return nil, fmt.Errorf("look for the ends of topics: %w", err)
	}
	return &Ends{c, client}, nil
}

// Of gives the offsets of each partition, as of now.
func (e *Ends) Of(ctx context.Context, topic string) (map[int32]Offsets, error) {
	return topicOffsets(ctx, e.client, e.config.named(topic))
}

// Close gives the connections back.
func (e *Ends) Close() error {
	if err := e.client.Close(); err != nil && !errors.Is(err, sarama.ErrClosedClient) {
		return fmt.Errorf("close: %w", err)
	}
	return nil
}
