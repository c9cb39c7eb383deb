// Package search is the products' search index: a bleve index that each process keeps for itself, fed
// from product-, review- and inventory-events and rebuilt from them at every start.
//
// It owns no data: the folder it writes to is scratch. What the events say is held in memory (state.go)
// and what differs for a searcher is written to bleve in batches (write.go), so that ten thousand
// changes of stock cost only those few documents that sell out or come back. It never reads a
// database. Enter at New; consumers feed it with Put, Stock and Rate, and say HasProducts and CaughtUp.
package search

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/blevesearch/bleve/v2"
	"github.com/blevesearch/bleve/v2/index/scorch"

	"storefront/internal/errs"
	"storefront/subgraphs/products"
)

// Config says where the index keeps its scratch folder.
type Config struct {
	Dir string // made below this folder, "" for the system's temporary one
	Log *slog.Logger
}

const (
	warmWait   = 2 * time.Second       // how long a search waits for an index that is being built
	flushAfter = 50 * time.Millisecond // how long changes gather before they are written, at rest
	flushEvery = time.Second           // and in a stream of them: each write makes a segment that is merged later
	retryAfter = time.Second           // how long a write that failed waits
	batchSize  = 500                   // documents
)

// Index is products.Search. It is safe for concurrent use.
type Index struct {
	bleve bleve.Index
	dir   string
	log   *slog.Logger
	ready gate          // open when all products are in
	rest  gate          // open when stock and ratings are as well
	wake  chan struct{} // something is to be written

	flushing sync.Mutex
	mu       sync.RWMutex
	state    state
}

var _ products.Search = (*Index)(nil)

// New makes an empty index.
func New(cfg Config) (*Index, error) {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	dir, err := os.MkdirTemp(cfg.Dir, "search-*")
	if err != nil {
		return nil, fmt.Errorf("make the search index's folder: %w", err)
	}
	m, err := newMapping()
	if err != nil {
		return nil, fmt.Errorf("map the search index: %w", err)
	}
	// A folder rather than memory: bleve merges only what it keeps in one. Nothing has to survive, so
	// writes do not wait for the disk.
	index, err := bleve.NewUsing(dir+"/bleve", m, scorch.Name, scorch.Name, map[string]any{"unsafe_batch": true})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("make the search index: %w", err), os.RemoveAll(dir))
	}
	return &Index{
		bleve: index, dir: dir, log: cfg.Log, ready: newGate(), rest: newGate(), wake: make(chan struct{}, 1), state: newState(),
	}, nil
}

// Close gives the index and its folder up.
func (x *Index) Close() error {
	x.flushing.Lock()
	defer x.flushing.Unlock()
	return errors.Join(x.bleve.Close(), os.RemoveAll(x.dir))
}

// HasProducts says that all products that were there at the start have been put. It writes them, and from
// then on searches are answered, but for those whose filter asks for stock or rating.
func (x *Index) HasProducts() error {
	if err := x.Flush(); err != nil {
		return err
	}
	x.ready.open()
	return nil
}

// CaughtUp says that the events that were there at the start have all been put. It writes them, and
// from then on every search is answered.
func (x *Index) CaughtUp() error {
	if err := x.HasProducts(); err != nil {
		return err
	}
	x.rest.open()
	return nil
}

// Ready is closed once searches are answered.
func (x *Index) Ready() <-chan struct{} { return x.ready.opened }

// Run writes what changes, a moment after it did, until ctx ends.
func (x *Index) Run(ctx context.Context) error {
	select {
	case <-x.Ready(): // until then nothing is written, so that each product is once
	case <-ctx.Done():
		return nil
	}
	timer := time.NewTimer(0)
	defer timer.Stop()
	var flushed time.Time
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-x.wake:
		}
		timer.Reset(max(flushAfter, flushEvery-time.Since(flushed)))
		select {
		case <-ctx.Done():
			return nil
		case <-timer.C:
		}
		flushed = time.Now()
		if err := x.Flush(); err != nil { // nothing is lost: what was not written is still noted
			x.log.WarnContext(ctx, "search index could not be written; it is tried again", "error", err)
			timer.Reset(retryAfter)
			select {
			case <-ctx.Done():
				return nil
			case <-timer.C:
				x.wakeUp()
			}
		}
	}
}

func (x *Index) wakeUp() {
	select {
	case x.wake <- struct{}{}:
	default:
	}
}

// gate is a wait that ends once, for all.
type gate struct {
	opened chan struct{}
	once   *sync.Once
}

func newGate() gate { return gate{make(chan struct{}), new(sync.Once)} }

func (g gate) open() { g.once.Do(func() { close(g.opened) }) }

// wait returns when g is open; Unavailable when that takes long.
func (g gate) wait(ctx context.Context, otherwise string) error {
	select {
	case <-g.opened:
		return nil
	default:
	}
	timer := time.NewTimer(warmWait)
	defer timer.Stop()
	select {
	case <-g.opened:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return errs.New(errs.Unavailable, "%s", otherwise)
	}
}

// waitReady returns when searches are answered.
func (x *Index) waitReady(ctx context.Context) error {
	return x.ready.wait(ctx, "search is warming up; try again in a moment")
}

// waitFor returns when the index knows what f asks for: what it finds of stock or ratings that are half
// read would look like the truth.
func (x *Index) waitFor(ctx context.Context, f products.ProductFilter) error {
	if f.InStock == nil && f.RatingMin == nil {
		return x.waitReady(ctx)
	}
	return x.rest.wait(ctx, "stock and ratings are still being read; try again later, or search without inStock and ratingMin")
}
