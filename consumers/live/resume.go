package live

import (
	"context"
	"errors"
	"slices"
	"time"

	"storefront/internal/errs"
	"storefront/internal/kafka"
	"storefront/internal/live"
)

// silence is how long the reading of old records waits for the next one. There is always one, unless the
// topic was written to in transactions, whose marks take offsets too.
const silence = 5 * time.Second

// add gives a watch what lies between its position and now, and puts it into the index. What is older than
// the window is read from Kafka first; the window moves on meanwhile, so that goes on until both meet.
func (t *topic) add(ctx context.Context, w *watch, after live.Position) error {
	covered := slices.Clone(after) // up to here the watch has, or missed holds, everything
	var missed []*live.Event
	scanned := 0
	if err := t.check(ctx, after); err != nil {
		return t.refuse(ctx, err)
	}
	for {
		t.mu.Lock()
		behind, err := t.behind(w, covered)
		if err == nil && len(behind) == 0 {
			defer t.mu.Unlock()
			return t.enter(w, after, covered, missed)
		}
		t.mu.Unlock()
		for i := 0; err == nil && i < len(behind); i++ {
			var found []*live.Event
			if scanned += int(behind[i].to - behind[i].from); scanned > t.feed.Replay {
				err = live.ErrTooOld
				break
			}
			if found, err = t.reread(ctx, w, behind[i]); err == nil {
				missed = append(missed, found...)
				setOffset(covered, behind[i].partition, behind[i].to)
			}
		}
		if err != nil {
			return t.refuse(ctx, err)
		}
	}
}

func setOffset(p live.Position, partition int32, next int64) {
	for i := range p {
		if p[i].Partition == partition {
			p[i].Next = next
		}
	}
}

// refuse counts and words why a watch cannot go on where it was.
func (t *topic) refuse(ctx context.Context, err error) error {
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(err, live.ErrTooOld):
		t.mu.Lock()
		t.stats.TooOld++
		t.mu.Unlock()
		return errs.Wrap(errs.Conflict, live.ErrTooOld, "The cursor is too old: subscribe without it for the state as it is")
	case errors.Is(err, live.ErrPositionInvalid):
		return errs.Wrap(errs.BadInput, err, "The cursor is not one of this subscription")
	case errors.Is(err, live.ErrClosed):
		return err
	}
	return away(err)
}

// stretch is a part of a partition.
type stretch struct {
	partition int32
	from, to  int64
}

// behind gives what lies between a position and the window. t.mu is held.
func (t *topic) behind(w *watch, covered live.Position) (behind []stretch, err error) {
	switch {
	case t.closed:
		return nil, live.ErrClosed
	case len(covered) == 0:
		return nil, nil
	case len(covered) != len(w.partitions):
		return nil, live.ErrPositionInvalid
	}
	for i, p := range w.partitions {
		l := t.lane(p)
		if l == nil {
			return nil, live.ErrGap
		}
		if covered[i].Partition != p {
			return nil, live.ErrPositionInvalid
		}
		if covered[i].Next < l.from {
			behind = append(behind, stretch{p, covered[i].Next, l.from})
		}
	}
	return behind, nil
}

// check finds out whether a position is in the topic at all. One may have been given by another process that
// has read on already, but none that is beyond the end.
func (t *topic) check(ctx context.Context, p live.Position) error {
	for _, o := range p {
		t.mu.Lock()
		partitions, l := t.partitions, t.lane(o.Partition)
		inWindow := l != nil && l.from <= o.Next && o.Next <= l.next
		t.mu.Unlock()
		switch {
		case inWindow:
			continue
		case partitions == nil:
			return live.ErrClosed
		case o.Partition >= partitions.Count():
			return live.ErrPositionInvalid
		}
		newest, err := partitions.Newest(ctx, o.Partition)
		if err != nil {
			return err
		}
		if o.Next > newest {
			return live.ErrPositionInvalid
		}
		oldest, err := partitions.Oldest(ctx, o.Partition)
		if err != nil {
			return err
		}
		if o.Next < oldest {
			return live.ErrTooOld
		}
	}
	return nil
}

// reread reads a stretch from Kafka again and returns what of it a watch wants.
func (t *topic) reread(ctx context.Context, w *watch, s stretch) (found []*live.Event, err error) {
	select {
	case t.feed.replays <- struct{}{}:
		defer func() { <-t.feed.replays }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	partitions, err := t.feed.Kafka.OpenPartitions(t.name) // one reads a partition once at a time
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, partitions.Close()) }()
	records, lost := make(chan *kafka.Record), make(chan error, 1)
	done := make(chan struct{})
	following, err := partitions.Follow(ctx, s.partition, s.from, func(r *kafka.Record) {
		select {
		case records <- r:
		case <-done:
		}
	}, func(err error) { lost <- live.ErrTooOld })
	if errors.Is(err, kafka.ErrOffsetGone) {
		return nil, live.ErrTooOld
	}
	if err != nil {
		return nil, err
	}
	defer following.Close()
	defer close(done)
	seen := map[string]bool{}
	quiet := time.NewTimer(silence)
	defer quiet.Stop()
	n := int64(0)
	for {
		select {
		case r := <-records:
			quiet.Reset(silence)
			if r.Offset < s.to {
				n++
				e := &entry{record: r}
				if id := e.id(); !seen[id] && w.wants(e) {
					seen[id] = id != ""
					found = append(found, e.event)
				}
			}
			if r.Offset >= s.to-1 {
				t.mu.Lock()
				t.stats.Replayed += n
				t.mu.Unlock()
				return found, nil
			}
		case err := <-lost:
			return nil, err
		case <-quiet.C:
			return nil, live.ErrTooOld
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// enter gives a watch what it missed, what of it is in the window last, and puts it into the index. t.mu is
// held, so that nothing comes between.
func (t *topic) enter(w *watch, after, covered live.Position, missed []*live.Event) error {
	for _, p := range w.partitions {
		if t.lane(p) == nil {
			return away(live.ErrGap)
		}
	}
	if len(after) > 0 {
		t.stats.Resumed++
		at := slices.Clone(after)
		give := func(e *live.Event) {
			setOffset(at, e.Partition, e.Offset+1)
			own := *e
			own.At = slices.Clone(at)
			w.sink.Event(&own)
		}
		for _, e := range missed {
			give(e)
		}
		for _, o := range covered { // what was read again is behind every event of the window
			setOffset(at, o.Partition, max(o.Next, first(at, o.Partition)))
		}
		t.window.each(func(e *entry) {
			next, needed := covered.Of(e.record.Partition)
			if needed && e.record.Offset >= next && !e.repeated && w.wants(e) {
				give(e.event)
			}
		})
	}
	w.after = covered
	t.index.add(w)
	return nil
}

func first(p live.Position, partition int32) int64 {
	next, _ := p.Of(partition)
	return next
}
