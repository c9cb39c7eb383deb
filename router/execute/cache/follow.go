package cache

import (
	"context"
	"encoding/json"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"storefront/internal/live"
	"storefront/router/supergraph"
)

// following reads the topics that rules name. Its events are trusted while every topic is being read without a
// gap, and Alive says that they can be.
type following struct {
	cache   *Cache
	ctx     context.Context
	cancel  context.CancelFunc
	run     sync.WaitGroup
	trusted atomic.Bool

	mu     sync.Mutex
	topics map[string]*topic
	alive  bool
}

// topic is one that is being followed.
type topic struct {
	name    string
	changed chan struct{} // has a token when the rules are others
	rules   []*supergraph.CacheRule
	reading bool
}

const again = 250 * time.Millisecond // until a topic that cannot be read is tried again

func (f *following) start(c *Cache) {
	f.cache, f.topics, f.alive = c, map[string]*topic{}, c.Alive == nil
	f.ctx, f.cancel = context.WithCancel(context.Background())
	f.judge()
	if c.Alive != nil {
		f.run.Go(f.watch)
	}
}

func (f *following) stop() {
	f.cancel()
	f.run.Wait()
}

// Follow reads the events that the rules of a supergraph name, from now on; those of supergraphs before it are
// still read, since requests may be under way on them.
func (c *Cache) Follow(sg *supergraph.Supergraph) {
	f := &c.following
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, rule := range sg.AllCacheRules() {
		t := f.topics[rule.Topic]
		if t == nil {
			t = &topic{name: rule.Topic, changed: make(chan struct{}, 1)}
			f.topics[rule.Topic] = t
			if c.Events != nil {
				f.run.Go(func() { f.follow(t) })
			}
		}
		if slices.ContainsFunc(t.rules, func(r *supergraph.CacheRule) bool { return r.ID() == rule.ID() }) {
			continue
		}
		t.rules = append(slices.Clone(t.rules), rule)
		t.reading = false // not its events
		select {
		case t.changed <- struct{}{}:
		default:
		}
	}
	f.judge()
}

// judge finds out whether events are trusted; f.mu is held.
func (f *following) judge() {
	trusted := f.alive
	for _, t := range f.topics {
		trusted = trusted && t.reading
	}
	f.trusted.Store(trusted)
}

// watch asks whether events can be read.
func (f *following) watch() {
	for {
		ctx, cancel := context.WithTimeout(f.ctx, time.Second)
		err := f.cache.Alive(ctx)
		cancel()
		f.mu.Lock()
		switch {
		case f.alive && err != nil:
			f.cache.log.Warn("events cannot be read; what they can end is kept for a moment only", "error", err)
		case !f.alive && err == nil:
			f.cache.endAll() // what happened meanwhile is still to come
		}
		f.alive = err == nil
		f.judge()
		f.mu.Unlock()
		select {
		case <-time.After(time.Second):
		case <-f.ctx.Done():
			return
		}
	}
}

// follow reads one topic, and begins anew after each gap.
func (f *following) follow(t *topic) {
	for f.ctx.Err() == nil {
		f.read(t)
		f.set(t, false)
		select {
		case <-time.After(again):
		case <-f.ctx.Done():
		}
	}
}

func (f *following) set(t *topic, reading bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	t.reading = reading
	f.judge()
}

// read reads a topic until its stream or its rules end. All that events can end is ended once the stream is in
// place: what happened before, nobody has seen.
func (f *following) read(t *topic) {
	f.mu.Lock()
	select {
	case <-t.changed: // by what is read now
	default:
	}
	rules := t.rules
	f.mu.Unlock()
	stream, err := f.cache.Events.Subscribe(f.ctx, t.name, live.Filter{Types: typesOf(rules)})
	if err != nil {
		if f.ctx.Err() == nil {
			f.cache.log.Warn("the events of a topic cannot be read; what they can end is kept for a moment only", "topic", t.name, "error", err)
		}
		return
	}
	defer stream.Close()
	f.cache.endAll()
	f.mu.Lock()
	t.reading = len(t.changed) == 0
	f.judge()
	f.mu.Unlock()
	for {
		select {
		case e, ok := <-stream.Events():
			if !ok {
				if err := stream.Err(); err != nil && f.ctx.Err() == nil {
					f.cache.log.Warn("the events of a topic are read anew; what they can end is forgotten", "topic", t.name, "error", err)
				}
				return
			}
			f.cache.end(rules, &e)
		case <-t.changed:
			return
		case <-f.ctx.Done():
			return
		}
	}
}

// typesOf are the events that rules name, nil for all.
func typesOf(rules []*supergraph.CacheRule) []string {
	var types []string
	for _, r := range rules {
		if len(r.Types) == 0 {
			return nil
		}
		types = append(types, r.Types...)
	}
	slices.Sort(types)
	return slices.Compact(types)
}

// endAll ends everything that events can end.
func (c *Cache) endAll() {
	if c.shared != nil {
		c.shared.end(nil)
	}
	c.clock.endAll()
}

// end ends what an event concerns.
func (c *Cache) end(rules []*supergraph.CacheRule, e *live.Event) {
	var list []uint32
	for _, rule := range rules {
		if !rule.Counts(e.Type) {
			continue
		}
		list = append(list, slotOf(rule.ID(), nil))
		if len(rule.Event) == 0 {
			list = append(list, slotOf(rule.ID(), []byte(e.Key)))
		}
		for _, path := range rule.Event {
			eachText(e.Data, path, func(text string) { list = append(list, slotOf(rule.ID(), []byte(text))) })
		}
	}
	if len(list) == 0 {
		return
	}
	if c.shared != nil {
		c.shared.end(list) // first: what is asked for after the event may not find the store's old answer
	}
	c.clock.end(list)
	c.stats.ended.Add(1)
}

// eachText goes through the texts, numbers and booleans at a path of decoded JSON, and through lists on the way.
func eachText(v any, path []string, visit func(string)) {
	switch v := v.(type) {
	case []any:
		for _, item := range v {
			eachText(item, path, visit)
		}
	case map[string]any:
		if len(path) > 0 {
			eachText(v[path[0]], path[1:], visit)
		}
	case string:
		if len(path) == 0 {
			visit(v)
		}
	case json.Number:
		if len(path) == 0 {
			visit(v.String())
		}
	case bool:
		if len(path) == 0 {
			visit(strconv.FormatBool(v))
		}
	}
}
