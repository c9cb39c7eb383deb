package kafka

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/IBM/sarama"
	"golang.org/x/time/rate"
)

// GroupConfig is one member of a consumer group.
type GroupConfig struct {
	Group    string
	Topics   []string
	Instance string // static membership (KIP-345): a restart within the session timeout moves nothing; empty: none

	// Handle is called in a goroutine of its own for each partition this member is given. It reads with
	// Claim.Next until that says the partition is gone, finishes and marks what it has begun, and returns.
	Handle func(*Claim)
	// Joined is called once per session, when the member has its first partitions. It may be nil.
	Joined func(member string)
}

// RebalanceTimeout is how long a partition that is taken away may take to finish what it has begun.
const RebalanceTimeout = 20 * time.Second

const (
	// sessionTimeout is how long a member that died keeps its partitions.
	sessionTimeout = 10 * time.Second
	// commitInterval bounds what is handled a second time after a crash.
	commitInterval = 500 * time.Millisecond
	// fetchWait is how long a broker holds a fetch when there is nothing to read. A record ends the
	// wait at once, so it costs no latency; it does delay partitions that are added to a running fetch.
	fetchWait = 250 * time.Millisecond
)

// consumer adds what every reader's settings share.
func (c Config) consumer() (*sarama.Config, error) {
	s, err := c.sarama()
	if err != nil {
		return nil, err
	}
	// Default 500 ms; see fetchWait.
	s.Consumer.MaxWaitTime = fetchWait
	// Default 2 s. A reader that lost its broker is back soon after the broker is.
	s.Consumer.Retry.Backoff = 250 * time.Millisecond
	// Errors are logged by us (default: sarama's own logger, which is off).
	s.Consumer.Return.Errors = true
	// Nobody writes in transactions here, but a connector may one day: what it aborts never happened
	// (default: read uncommitted).
	s.Consumer.IsolationLevel = sarama.ReadCommitted
	return s, nil
}

func (c Config) group(g GroupConfig) (*sarama.Config, error) {
	s, err := c.consumer()
	if err != nil {
		return nil, err
	}
	// A new group starts with all that is kept (default: only what comes after it joined, which would
	// pass over events written while it was being set up).
	s.Consumer.Offsets.Initial = sarama.OffsetOldest
	// A committed offset that the topic no longer has (retention, a topic made anew) goes on at the
	// oldest record there is: events are handled twice rather than not at all. It is the default, and
	// said here because the choice rests on Initial above.
	s.Consumer.Group.ResetInvalidOffsets = true
	// Cooperative: a rebalance takes away only what moves, and the rest goes on being handled
	// (default: range, which stops every member each time).
	s.Consumer.Group.Rebalance.GroupStrategies = []sarama.BalanceStrategy{evenly{}}
	// The default, 10 s; a member that dies without leaving is replaced after that.
	s.Consumer.Group.Session.Timeout = sessionTimeout
	// Default 3 s. Members hear of a rebalance by their heartbeat, so it bounds how long one takes.
	s.Consumer.Group.Heartbeat.Interval = time.Second
	// Default 60 s: the longest that a revoked partition may take to finish what it has begun, and so how
	// long others may wait for a member that died while it joined.
	s.Consumer.Group.Rebalance.Timeout = RebalanceTimeout
	// Default 30 s. The answer to a join comes when the rebalance is over, which a member that dies
	// meanwhile delays by its session; a join given up too early is one dead member more.
	s.Net.ReadTimeout = RebalanceTimeout + 3*sessionTimeout
	// Default 2 s. Joining while the group is being rebalanced is tried again sooner.
	s.Consumer.Group.Rebalance.Retry.Backoff = 250 * time.Millisecond
	// Default 4; the same patience as before with the shorter backoff.
	s.Consumer.Group.Rebalance.Retry.Max = 30
	// Default 1 s; see commitInterval. What is committed is what was marked, never what was merely read.
	s.Consumer.Offsets.AutoCommit.Interval = commitInterval
	// The default, 100 ms, is right only because readers never stop taking records: they pause a
	// partition instead. Longer, and one full partition would hold up the others of its broker.
	s.Consumer.MaxProcessingTime = 100 * time.Millisecond
	s.Consumer.Group.InstanceId = g.Instance
	return s, nil
}

// Consume is one session of a group's member: it joins, is given partitions, and runs until ctx ends
// (nil) or the session breaks (an error; call it again). Offsets that Claims have marked are committed
// every half second, when a partition is taken away and at the end.
func (c Config) Consume(ctx context.Context, g GroupConfig) error {
	s, err := c.group(g)
	if err != nil {
		return err
	}
	group, err := sarama.NewConsumerGroup(c.Brokers, c.named(g.Group), s)
	if err != nil {
		return fmt.Errorf("connect consumer group %s: %w", g.Group, err)
	}
	h := &groupHandler{Config: c, config: g, group: group}
	topics := make([]string, len(g.Topics))
	for i, topic := range g.Topics {
		topics[i] = c.named(topic)
	}
	var logged sync.WaitGroup
	logged.Go(func() {
		seldom := rate.Sometimes{Interval: 10 * time.Second} // an outage has an error for each partition
		for err := range group.Errors() {
			seldom.Do(func() {
				if ctx.Err() == nil {
					c.logger().Warn("kafka consumer group has trouble; it goes on trying", "group", g.Group, "error", err)
				}
			})
		}
	})
	err = group.Consume(ctx, topics, h)
	closeErr := group.Close()
	logged.Wait()
	switch {
	case ctx.Err() != nil:
		return nil
	case err != nil:
		return fmt.Errorf("consume as group %s: %w", g.Group, err)
	case closeErr != nil:
		return fmt.Errorf("leave group %s: %w", g.Group, closeErr)
	}
	return fmt.Errorf("consume as group %s: %w", g.Group, errSessionEnded)
}

var errSessionEnded = errors.New("session ended")

// groupHandler adapts GroupConfig to sarama's callbacks.
type groupHandler struct {
	Config
	config GroupConfig
	group  sarama.ConsumerGroup
}

func (h *groupHandler) Setup(s sarama.ConsumerGroupSession) error {
	if h.config.Joined != nil {
		h.config.Joined(s.MemberID())
	}
	return nil
}

func (h *groupHandler) Cleanup(sarama.ConsumerGroupSession) error { return nil }

func (h *groupHandler) ConsumeClaim(s sarama.ConsumerGroupSession, c sarama.ConsumerGroupClaim) error {
	h.config.Handle(&Claim{config: h.Config, session: s, claim: c, group: h.group})
	return nil
}

// Claim is a partition that a member of a group has been given.
type Claim struct {
	config  Config
	session sarama.ConsumerGroupSession
	claim   sarama.ConsumerGroupClaim
	group   sarama.ConsumerGroup
}

func (c *Claim) Topic() string    { return c.config.local(c.claim.Topic()) }
func (c *Claim) Partition() int32 { return c.claim.Partition() }

// Next waits for the next record. It returns false when the partition was taken away or the session
// ended: then nothing more comes, and what was begun should be finished and marked.
func (c *Claim) Next() (*Record, bool) {
	select {
	case m, ok := <-c.claim.Messages():
		if !ok {
			return nil, false
		}
		return c.config.record(m), true
	case <-c.session.Context().Done():
		return nil, false
	}
}

// Start is the offset that the partition is read from; negative where that is the oldest record kept.
func (c *Claim) Start() int64 { return c.claim.InitialOffset() }

// Done is closed when the session ends: then Next gives nothing more.
func (c *Claim) Done() <-chan struct{} { return c.session.Context().Done() }

// Mark says that everything before offset next is done; it is committed with the next commit. It never
// goes back.
func (c *Claim) Mark(next int64) { c.session.MarkOffset(c.claim.Topic(), c.Partition(), next, "") }

// HighWater is the offset that the next record of the partition will get, as of the last fetch.
func (c *Claim) HighWater() int64 { return c.claim.HighWaterMarkOffset() }

// Pause stops fetching this partition; records that were fetched already still come. Resume goes on.
func (c *Claim) Pause() { c.group.Pause(map[string][]int32{c.claim.Topic(): {c.Partition()}}) }

// Resume undoes Pause.
func (c *Claim) Resume() { c.group.Resume(map[string][]int32{c.claim.Topic(): {c.Partition()}}) }
