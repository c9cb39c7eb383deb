package live

import (
	"context"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"storefront/internal/errs"
	"storefront/internal/kafka"
	"storefront/internal/live"
)

// topic is the one reader of a topic, its window and those who watch it.
type topic struct {
	feed *Feed
	name string

	turn chan struct{} // holds one token: whoever has it may begin and end the reading of partitions

	mu         sync.Mutex
	partitions *kafka.Partitions // nil: not connected
	lanes      []*lane           // by partition; nil: not read
	window     window
	index      index
	stats      Stats
	closed     bool
}

// lane is one partition that is read.
type lane struct {
	following *kafka.Following // nil while that begins
	next      int64            // what is read next
	from      int64            // all that was written from here on is in the window
	watches   int              // that need it
	unneeded  time.Time
}

func newTopic(f *Feed, name string) *topic {
	t := &topic{feed: f, name: name, turn: make(chan struct{}, 1), index: newIndex(), window: newWindow(f.Window, f.WindowBytes)}
	t.stats.Topic = name
	t.turn <- struct{}{}
	return t
}

// begin reads the partitions that a watch needs, gives it what lies between its position and now, and
// from then on what comes.
func (t *topic) begin(ctx context.Context, w *watch, after live.Position) error {
	if err := t.join(ctx, w); err != nil {
		return err
	}
	if err := t.add(ctx, w, after); err != nil {
		t.mu.Lock()
		t.leave(w.partitions)
		t.mu.Unlock()
		return err
	}
	return nil
}

// join sees to it that the partitions a watch needs are read, and counts it in. When it returns, every
// event of theirs that is acknowledged from now on will be read.
func (t *topic) join(ctx context.Context, w *watch) error {
	select {
	case <-t.turn:
		defer func() { t.turn <- struct{}{} }()
	case <-ctx.Done():
		return ctx.Err()
	}
	if t.closed { // closing needs the turn too
		return live.ErrClosed
	}
	if t.partitions == nil {
		partitions, err := t.feed.Kafka.OpenPartitions(t.name)
		if err != nil {
			return away(err)
		}
		t.mu.Lock()
		t.partitions, t.lanes = partitions, make([]*lane, partitions.Count())
		t.mu.Unlock()
	}
	w.partitions = t.needed(w.filters)
	t.mu.Lock()
	var missing []int32
	for _, p := range w.partitions {
		if t.lanes[p] == nil {
			missing = append(missing, p)
		}
	}
	t.mu.Unlock()
	var g errgroup.Group
	g.SetLimit(8)
	for _, p := range missing {
		g.Go(func() error { return t.follow(ctx, p) })
	}
	if err := g.Wait(); err != nil {
		t.endUnneeded(0)
		return away(err)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, p := range w.partitions {
		if t.lanes[p] == nil { // lost meanwhile
			return away(live.ErrGap)
		}
	}
	for _, p := range w.partitions {
		t.lanes[p].watches++
	}
	return nil
}

func away(err error) error {
	return errs.Wrap(errs.Unavailable, err, "Live updates are not available at the moment; try again soon")
}

// needed gives the partitions that hold what filters let through, ascending.
func (t *topic) needed(filters []live.Filter) []int32 {
	want := make([]bool, len(t.lanes))
	for _, f := range filters {
		if f.Key == "" {
			for p := range want {
				want[p] = true
			}
			break
		}
		want[t.partitions.Of(f.Key)] = true
	}
	var partitions []int32
	for p, wanted := range want {
		if wanted {
			partitions = append(partitions, int32(p))
		}
	}
	return partitions
}

// follow begins to read a partition at its end.
func (t *topic) follow(ctx context.Context, partition int32) error {
	newest, err := t.partitions.Newest(ctx, partition)
	if err != nil {
		return err
	}
	l := &lane{next: newest, from: newest, unneeded: time.Now()}
	set := func(to *lane) {
		t.mu.Lock()
		defer t.mu.Unlock()
		t.lanes[partition] = to
	}
	set(l) // before the first record is dispatched
	following, err := t.partitions.Follow(ctx, partition, newest,
		func(r *kafka.Record) { t.dispatch(l, r) }, func(err error) { t.lost(partition, l, err) })
	if err != nil {
		set(nil)
		return err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	l.following = following
	if t.lane(partition) != l { // lost already
		following.Stop()
		return live.ErrGap
	}
	return nil
}

// lane is the reading of a partition, nil when there is none. t.mu is held.
func (t *topic) lane(partition int32) *lane {
	if int(partition) >= len(t.lanes) {
		return nil
	}
	return t.lanes[partition]
}

// dispatch gives one record to the watches that it matches.
func (t *topic) dispatch(l *lane, record *kafka.Record) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.lane(record.Partition) != l {
		return // it has been given up
	}
	l.next = record.Offset + 1
	e := &entry{record: record}
	t.window.add(e, func(old *entry) {
		if l := t.lane(old.record.Partition); l != nil && l.from <= old.record.Offset {
			l.from = old.record.Offset + 1
		}
	})
	t.stats.Events++
	if e.repeated {
		t.stats.Repeated++
		return
	}
	if t.index.anywhere > 0 {
		if event, ok := e.decode(); ok {
			event.At = t.position(nil)
		}
	}
	t.index.offer(e)
	if e.err != nil {
		t.feed.Logger.Warn("event is not a JSON object; subscribers do not get it", "topic", t.name,
			"partition", record.Partition, "offset", record.Offset, "error", e.err)
	}
}

// position is where the reading of partitions is, nil for all that are read. t.mu is held.
func (t *topic) position(partitions []int32) live.Position {
	if partitions == nil {
		at := make(live.Position, 0, len(t.lanes))
		for p, l := range t.lanes {
			if l != nil {
				at = append(at, live.Offset{Partition: int32(p), Next: l.next})
			}
		}
		return at
	}
	at := make(live.Position, len(partitions))
	for i, p := range partitions {
		at[i].Partition = p
		if l := t.lane(p); l != nil {
			at[i].Next = l.next
		}
	}
	return at
}

// lost ends the watches of a partition that cannot be read on without a gap. The next one begins anew.
func (t *topic) lost(partition int32, l *lane, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.lane(partition) != l {
		return
	}
	t.feed.Logger.Error("live reader lost its place; its subscribers are cut off", "topic", t.name, "partition", partition, "error", err)
	for w := range t.index.all {
		for _, p := range w.partitions {
			if p == partition {
				t.end(w, live.ErrGap)
				break
			}
		}
	}
	t.lanes[partition] = nil
	if l.following != nil {
		l.following.Stop()
	}
}

// end ends a watch by itself. t.mu is held.
func (t *topic) end(w *watch, err error) {
	w.after, w.ended = t.position(w.partitions), true
	t.index.remove(w)
	t.leave(w.partitions)
	w.sink.Ended(err)
}

// leave counts a watch out. t.mu is held.
func (t *topic) leave(partitions []int32) {
	idle := false
	for _, p := range partitions {
		if l := t.lane(p); l != nil {
			if l.watches--; l.watches == 0 {
				l.unneeded, idle = time.Now(), true
			}
		}
	}
	if idle && !t.closed {
		time.AfterFunc(t.feed.Linger+time.Millisecond, func() {
			<-t.turn
			defer func() { t.turn <- struct{}{} }()
			t.endUnneeded(t.feed.Linger)
		})
	}
}

// endUnneeded stops reading the partitions that nobody has needed for so long, and disconnects after the
// last one. The caller has the turn.
func (t *topic) endUnneeded(since time.Duration) {
	t.mu.Lock()
	var ended []*kafka.Following
	left := 0
	for p, l := range t.lanes {
		switch {
		case l == nil:
		case l.watches == 0 && time.Since(l.unneeded) >= since:
			t.lanes[p] = nil
			ended = append(ended, l.following)
		default:
			left++
		}
	}
	partitions := t.partitions
	if left == 0 {
		t.partitions, t.lanes = nil, nil
		t.window = newWindow(t.feed.Window, t.feed.WindowBytes)
	}
	t.mu.Unlock()
	for _, f := range ended {
		f.Close()
	}
	if left == 0 && partitions != nil {
		if err := partitions.Close(); err != nil {
			t.feed.Logger.Warn("live reader was not closed as it should be", "topic", t.name, "error", err)
		}
	}
}

func (t *topic) figures() Stats {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := t.stats
	s.Watches, s.Window = len(t.index.all), t.window.len()
	for _, l := range t.lanes {
		if l != nil {
			s.Partitions++
			if l.following != nil {
				s.Behind += max(l.following.HighWater()-l.next, 0)
			}
		}
	}
	return s
}

func (t *topic) close() error {
	<-t.turn                                // no partition is being opened, and none will be
	defer func() { t.turn <- struct{}{} }() // those who wait find it closed
	t.mu.Lock()
	t.closed = true
	for w := range t.index.all {
		t.end(w, live.ErrClosed)
	}
	var followed []*kafka.Following
	for _, l := range t.lanes {
		if l != nil {
			followed = append(followed, l.following)
		}
	}
	partitions := t.partitions
	t.partitions, t.lanes = nil, nil
	t.mu.Unlock()
	for _, f := range followed {
		f.Close()
	}
	if partitions != nil {
		if err := partitions.Close(); err != nil {
			return fmt.Errorf("close live feed of %s: %w", t.name, err)
		}
	}
	return nil
}
