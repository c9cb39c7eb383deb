// Package consumers is what happens when an event arrives, and the machinery around it: the runner
// that all consumers share, the relay that publishes outboxes, and in live the feed of subscriptions.
//
// Each purpose has a file of its own that fills Handlers; nothing here holds a service's rules. A
// handler is called at least once per event, in order per key. Enter at NewRunner and NewRelay.
package consumers

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/trace"

	"storefront/internal/errs"
	"storefront/internal/kafka"
	"storefront/internal/poll"
)

// Group is one consumer group: its members share the partitions of all topics its handlers need.
type Group struct {
	// ID is a constant: it names the committed offsets. Renaming it reads everything again, from the
	// oldest event that is kept.
	ID       string
	Handlers *Handlers
}

// Publisher writes records; *kafka.Producer is one.
type Publisher interface {
	Publish(ctx context.Context, messages []kafka.Message) error
}

// RunnerConfig says what a runner runs and how. Kafka, Group and Producer are needed.
type RunnerConfig struct {
	Kafka    kafka.Config
	Group    Group
	Producer Publisher // for dead letters
	Logger   *slog.Logger
	Tracer   trace.Tracer // nil: no spans; handlers still get the event's trace in their context
	Observer RunnerObserver

	Instance    string        // static group membership, unique per process and group; empty: none
	Concurrency int           // handlers at once, over all partitions; 0: 16
	Timeout     time.Duration // of one handler's call; 0: 30 s
	Drain       time.Duration // what has begun may take this long when a partition is given up, and again once it is told to stop; 0: 8 s
	StuckAfter  time.Duration // nothing moves although it should: the session is begun anew; 0: 1 min

	InPlace Patience // attempts before an event is parked in the retry topic
	Parked  Patience // attempts after that, before it goes to the dead letters
}

// Patience is how often a failing event is tried, and with what pauses.
type Patience struct {
	Attempts int // 0: 5 in place, 12 parked
	Away     int // the same while a part is away (errs.Unavailable), which is no fault of the event's; 0: 300 in place, 1000 parked
	Backoff  Backoff
}

func (p Patience) limit(err error) int {
	if errs.Is(err, errs.Unavailable) {
		return p.Away
	}
	return p.Attempts
}

// Backoff is the pause before an attempt: it doubles from Min to Max, less up to half by chance.
type Backoff struct {
	Min time.Duration // 0: 50 ms in place, 1 s parked
	Max time.Duration // 0: 2 s in place, 5 min parked
}

func (b Backoff) or(least, most time.Duration) Backoff {
	b.Min = or(b.Min, least)
	b.Max = max(or(b.Max, most), b.Min)
	return b
}

func (b Backoff) pause(failures int) time.Duration {
	d := min(b.Min<<min(failures-1, 16), b.Max)
	return d - rand.N(d/2+1)
}

// RunnerObserver is told what a runner does, for metrics. Its methods are called from many goroutines
// and must not block.
type RunnerObserver interface {
	// Handled is called after each attempt; err is nil when the event is done.
	Handled(group, topic, eventType string, took time.Duration, err error)
	// Parked is called when an event was put aside to be tried later.
	Parked(group, topic, eventType string)
	// Waiting says how many events of the group are parked and not done.
	Waiting(group string, events int)
	// DeadLettered is called when an event was given up.
	DeadLettered(group, topic, eventType string)
	// Behind says how many records of a partition are not done yet.
	Behind(group, topic string, partition int32, records int64)
	// Restarted is called when a session broke, or was stuck, and is begun anew.
	Restarted(group string, err error)
}

// Runner handles a group's events.
type Runner struct {
	RunnerConfig
	down atomic.Bool // the session is broken; said in the log once
}

// NewRunner returns a runner with defaults filled in. Run says what is wrong with the configuration.
func NewRunner(c RunnerConfig) *Runner {
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	c.Logger = c.Logger.With("group", c.Group.ID)
	if c.Observer == nil {
		c.Observer = silent{}
	}
	if c.Group.Handlers == nil {
		c.Group.Handlers = &Handlers{}
	}
	c.Concurrency = or(c.Concurrency, 16)
	c.Timeout = or(c.Timeout, 30*time.Second)
	c.Drain = or(c.Drain, 2*kafka.RebalanceTimeout/5)
	c.StuckAfter = max(or(c.StuckAfter, time.Minute), 2*c.Timeout)
	c.InPlace = Patience{or(c.InPlace.Attempts, 5), or(c.InPlace.Away, 300), c.InPlace.Backoff.or(50*time.Millisecond, 2*time.Second)}
	c.Parked = Patience{or(c.Parked.Attempts, 12), or(c.Parked.Away, 1000), c.Parked.Backoff.or(time.Second, 5*time.Minute)}
	return &Runner{RunnerConfig: c}
}

func or[T comparable](v, otherwise T) T {
	var zero T
	if v == zero {
		return otherwise
	}
	return v
}

// Run handles events until ctx ends, then finishes what has begun, commits it and returns nil. A
// broken session is begun anew, after a pause, for as long as it takes; only a wrong configuration is
// an error.
func (r *Runner) Run(ctx context.Context) error {
	topics := r.Group.Handlers.Topics()
	switch err := r.Kafka.Validate(); {
	case err != nil:
		return fmt.Errorf("run consumer group %s: %w", r.Group.ID, err)
	case r.Group.ID == "":
		return errors.New("run consumer group: it has no id")
	case len(topics) == 0:
		return fmt.Errorf("run consumer group %s: it has no handlers", r.Group.ID)
	case r.Producer == nil:
		return fmt.Errorf("run consumer group %s: it has no producer for dead letters", r.Group.ID)
	}
	pool := newPool()
	var workers sync.WaitGroup
	for range r.Concurrency {
		workers.Go(pool.work)
	}
	defer workers.Wait()
	defer pool.close()

	for failures := 1; ; failures++ {
		began := time.Now()
		err := r.session(ctx, pool, topics)
		if ctx.Err() != nil {
			return nil
		}
		if r.down.CompareAndSwap(false, true) {
			r.Logger.Warn("consumer group lost its session; beginning anew until it works", "error", err)
		}
		r.Observer.Restarted(r.Group.ID, err)
		if time.Since(began) > time.Minute {
			failures = 1 // it had worked
		}
		if !poll.Sleep(ctx, r.InPlace.Backoff.pause(failures)) {
			return nil
		}
	}
}

// session is one membership of the group, until ctx ends, it breaks, or it is stuck.
func (r *Runner) session(ctx context.Context, pool *pool, topics []string) error {
	ctx, end := context.WithCancelCause(ctx)
	defer end(nil)
	parking, err := openParking(ctx, r.Kafka, r.Group, r.Producer, func(n int) { r.Observer.Waiting(r.Group.ID, n) }, end)
	if err != nil {
		return err
	}
	s := &session{Runner: r, parking: parking, pool: pool, claims: map[claimed]*partition{}}
	var watching sync.WaitGroup
	watching.Go(func() { s.watch(ctx, end) })
	err = r.Kafka.Consume(ctx, kafka.GroupConfig{
		Group: r.Group.ID, Topics: append(topics[:len(topics):len(topics)], parking.topic), Instance: r.Instance,
		Handle: func(c *kafka.Claim) { s.handle(ctx, c) },
		Joined: func(string) {
			if r.down.CompareAndSwap(true, false) {
				r.Logger.Info("consumer group goes on")
			}
		},
	})
	if err == nil {
		err = context.Cause(ctx) // ended by us
	}
	end(nil)
	watching.Wait()
	return errors.Join(err, parking.close())
}

// silent is the observer of those who want none.
type silent struct{}

func (silent) Handled(string, string, string, time.Duration, error) {}
func (silent) DeadLettered(string, string, string)                  {}
func (silent) Parked(string, string, string)                        {}
func (silent) Waiting(string, int)                                  {}
func (silent) Behind(string, string, int32, int64)                  {}
func (silent) Restarted(string, error)                              {}
func (silent) Published(string, int, time.Duration)                 {}
func (silent) Failed(string, error)                                 {}
func (silent) Depth(string, int, time.Duration)                     {}
