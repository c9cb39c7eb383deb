package consumers

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"storefront/events"
	"storefront/internal/errs"
	"storefront/internal/kafka"
	"storefront/internal/mongodb"
	"storefront/internal/poll"
)

// What a service keeps because of events can be made of them again: beside the live state, which goes on
// being read and written, and then compared with it, or put in its place.
//
//	topics ──▶ the service's own handlers ──▶ scratch database
//	                                               │ compare, document by document
//	topics ──▶ the service, as it runs ────▶ live database ◀── mend what differs
//
// The scratch database is on the same server, and dropped before and after. Nothing acts on the world:
// no relay looks at its outboxes, no service runs on it (Run is what calls gateways and carriers and
// sends mails), and where a handler itself would, it is built with a sink (see replay_models.go).
//
// A document is mended in this order, so that the live state never goes back:
//
//  1. the live document is read, and differs;
//  2. the topics are read to their ends of now: whatever event the live document can have known is in
//     the scratch database;
//  3. the scratch document takes its place on the condition that it is still as it was read.
//
// One that changed meanwhile is left alone, and looked at again in the next pass. So is, among documents
// that their service writes before it tells of it, one that has not told yet.

// ReplayConfig says what is rebuilt from where. Model, Kafka and Shadow are needed.
type ReplayConfig struct {
	Model  ReadModel
	Kafka  kafka.Config
	Shadow mongodb.Shadow
	// Start is where the topics are read from; nil: from their beginning. Otherwise the rebuild begins with
	// a copy of the live state, and partitions for which Start says nothing begin at their ends.
	Start    *ReplayStart
	MailFrom string // the shop's sender, whose name is in some of what people are told
	Log      *slog.Logger
	Progress func(phase string, done, total int)
}

// ReplayStart is where a rebuild on top of a copy begins.
type ReplayStart struct {
	Since   time.Time                  // of all partitions; zero: none
	Offsets map[string]map[int32]int64 // by topic and partition
}

// Replay is a rebuild of one read model. Its methods are called one after the other.
type Replay struct {
	ReplayConfig
	handlers *Handlers
	settle   func(context.Context) error
	position map[string]map[int32]int64 // the next record to read

	mu     sync.Mutex
	read   int
	failed []string
}

// Comparison is what a look at both states found.
type Comparison struct {
	Documents   int // on either side
	UnderWay    int // of those, different because their last change is not published yet
	Differences []mongodb.Difference
}

// Equal counts the documents that are the same.
func (c Comparison) Equal() int { return c.Documents - c.UnderWay - len(c.Differences) }

// Count counts the differences of a kind.
func (c Comparison) Count(kind mongodb.DifferenceKind) int {
	n := 0
	for _, d := range c.Differences {
		if d.Kind == kind {
			n++
		}
	}
	return n
}

// String is "N documents, M differences", and of which kinds.
func (c Comparison) String() string {
	text := fmt.Sprintf("%d documents, %d differences", c.Documents, len(c.Differences))
	if len(c.Differences) > 0 {
		text += fmt.Sprintf(" (%d equal, %d changed, %d missing, %d extra)", c.Equal(), c.Count(mongodb.Changed), c.Count(mongodb.Missing), c.Count(mongodb.Extra))
	}
	if c.UnderWay > 0 {
		text += fmt.Sprintf(", %d not published yet", c.UnderWay)
	}
	return text
}

// NewReplay prepares a rebuild in the scratch database, which is empty.
func NewReplay(ctx context.Context, c ReplayConfig) (*Replay, error) {
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Progress == nil {
		c.Progress = func(string, int, int) {}
	}
	if c.Model.build == nil {
		return nil, errs.New(errs.BadInput, "%s is not rebuilt in a database", c.Model.Name)
	}
	r := &Replay{ReplayConfig: c}
	var err error
	if r.handlers, r.settle, err = c.Model.build(ctx, c); err != nil {
		return nil, fmt.Errorf("prepare the rebuild of %s: %w", c.Model.Name, err)
	}
	if r.position, err = r.begin(ctx); err != nil || c.Start == nil {
		return r, err
	}
	for _, v := range c.Model.Views { // after the positions are fixed: what happens meanwhile is read
		if err := c.Shadow.Copy(ctx, v); err != nil {
			return nil, err
		}
	}
	return r, nil
}

// Read is how many records were read so far.
func (r *Replay) Read() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.read
}

// Failed says which events could not be handled: the live service has had no effect of them either, and
// they are among the dead letters.
func (r *Replay) Failed() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.failed)
}

// CatchUp reads the topics to where they end now.
func (r *Replay) CatchUp(ctx context.Context) error {
	ends, total, err := r.ends(ctx)
	if err != nil {
		return fmt.Errorf("look for the ends of the topics: %w", err)
	}
	if total > 0 {
		if err := r.tail(ctx, ends, total); err != nil {
			return fmt.Errorf("read the topics of %s: %w", r.Model.Name, err)
		}
	}
	if r.settle != nil {
		return r.settle(ctx)
	}
	return nil
}

// Compare looks for differences. What is under way differs for a moment, so those that it finds are looked
// at again, patience long, each time with what the topics have by then; one that was none once is none.
func (r *Replay) Compare(ctx context.Context, patience time.Duration) (Comparison, error) {
	if err := r.CatchUp(ctx); err != nil {
		return Comparison{}, err
	}
	found, err := r.look(ctx)
	for until := time.Now().Add(patience); err == nil && len(found.Differences) > 0 && time.Now().Before(until); {
		if !poll.Sleep(ctx, pauseBetweenPasses) {
			return found, ctx.Err()
		}
		if err = r.CatchUp(ctx); err != nil {
			return found, err
		}
		var still []mongodb.Difference
		for _, d := range found.Differences {
			now, differs, err := r.Shadow.Again(ctx, d)
			if err != nil {
				return found, err
			}
			if differs {
				still = append(still, now)
			}
		}
		found.Differences = still
	}
	all := len(found.Differences)
	found.Differences = slices.DeleteFunc(found.Differences, mongodb.Difference.Pending)
	found.UnderWay = all - len(found.Differences)
	return found, err
}

const pauseBetweenPasses = 250 * time.Millisecond

// Swapped is what came of a swap.
type Swapped struct {
	Found    Comparison // before
	Replaced int        // documents, over all passes
	Left     []mongodb.Difference
}

// Swap replaces what differs in the live state, pass after pass until one finds nothing to replace, at most
// so many.
func (r *Replay) Swap(ctx context.Context, passes int) (s Swapped, err error) {
	for pass := range passes {
		if pass > 0 && !poll.Sleep(ctx, pauseBetweenPasses) {
			return s, ctx.Err()
		}
		if err := r.CatchUp(ctx); err != nil {
			return s, err
		}
		found, err := r.look(ctx)
		if err != nil {
			return s, err
		}
		if pass == 0 {
			s.Found = found
		}
		if err := r.CatchUp(ctx); err != nil { // step 2 of the order above
			return s, err
		}
		again := false
		s.Left = nil
		for i, d := range found.Differences {
			outcome, err := r.Shadow.Mend(ctx, d)
			if err != nil {
				return s, err
			}
			switch outcome {
			case mongodb.Replaced:
				s.Replaced++
				again = true
			case mongodb.Overtaken:
				again = true
				s.Left = append(s.Left, d)
			case mongodb.LeftAlone:
				s.Left = append(s.Left, d)
			}
			r.Progress("replacing", i+1, len(found.Differences))
		}
		if !again {
			break
		}
	}
	return s, nil
}

func (r *Replay) look(ctx context.Context) (Comparison, error) {
	var all Comparison
	total, done := 0, 0
	for _, v := range r.Model.Views {
		n, err := r.Shadow.Count(ctx, v)
		if err != nil {
			return all, err
		}
		total += n
	}
	for _, v := range r.Model.Views {
		n, list, err := r.Shadow.Compare(ctx, v, func(n int) { done += n; r.Progress("comparing", done, total) })
		if err != nil {
			return all, err
		}
		all.Documents += n
		all.Differences = append(all.Differences, list...)
	}
	r.Progress("comparing", total, total)
	return all, nil
}

// attempts is how often an event is tried before it counts as one that cannot be handled.
const attempts = 6

// handle calls the handlers of one record. A part that is away ends the replay; an event that fails for
// good is noted.
func (r *Replay) handle(ctx context.Context, runner *Runner, record *kafka.Record) error {
	var err error
	for n := range attempts {
		if n > 0 && !poll.Sleep(ctx, Backoff{Min: 50 * time.Millisecond, Max: 2 * time.Second}.pause(n)) {
			return ctx.Err()
		}
		if err = runner.call(ctx, record, record.Header(events.HeaderType), n+1); err == nil {
			return nil
		}
		if isPermanent(err) || ctx.Err() != nil {
			break
		}
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if errs.Is(err, errs.Unavailable) {
		return err
	}
	r.Log.Debug("event cannot be handled", "topic", record.Topic, "partition", record.Partition, "offset", record.Offset, "error", err)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.failed = append(r.failed, fmt.Sprintf("%s: %v", nameOf(record.Topic, record.Partition, record.Offset), err))
	return nil
}

// Hold keeps a scratch database while do works on it, and drops it afterwards.
func Hold(ctx context.Context, s *mongodb.Scratch, every time.Duration, do func(context.Context) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	var renewing sync.WaitGroup
	renewing.Go(func() {
		for poll.Sleep(ctx, every) {
			if err := s.Renew(ctx); err != nil && !errs.Is(err, errs.Unavailable) && ctx.Err() == nil {
				cancel(err)
			}
		}
	})
	err := do(ctx)
	if cause := context.Cause(ctx); err != nil && cause != nil && !errors.Is(cause, context.Canceled) {
		err = cause
	}
	cancel(nil)
	renewing.Wait()
	drop, stop := context.WithTimeout(context.WithoutCancel(ctx), 30*time.Second)
	defer stop()
	return errors.Join(err, s.Drop(drop))
}
