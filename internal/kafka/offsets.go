package kafka

import (
	"errors"
	"sync"
	"sync/atomic"

	"github.com/IBM/sarama"
)

// asking is a client whose questions for offsets do not wait for its fetches. A broker answers a connection in order
// and holds a fetch for fetchWait when there is nothing to read; so once partitions are fetched, offsets are asked over
// connections of their own.
type asking struct {
	sarama.Client
	brokers []string
	fetched atomic.Int32 // partitions

	mu    sync.Mutex
	aside sarama.Client // nil as long as it was not needed
}

// GetOffset implements sarama.Client.
func (a *asking) GetOffset(topic string, partition int32, at int64) (int64, error) {
	if a.fetched.Load() == 0 {
		return a.Client.GetOffset(topic, partition, at)
	}
	aside, err := a.connected()
	if err != nil {
		return 0, err
	}
	return aside.GetOffset(topic, partition, at)
}

func (a *asking) connected() (sarama.Client, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.Client.Closed() {
		return nil, sarama.ErrClosedClient
	}
	if a.aside == nil {
		aside, err := sarama.NewClient(a.brokers, a.Config())
		if err != nil {
			return nil, err
		}
		a.aside = aside
	}
	return a.aside, nil
}

// Close implements sarama.Client.
func (a *asking) Close() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	err := a.Client.Close()
	if a.aside != nil {
		err = errors.Join(err, a.aside.Close())
	}
	return err
}
