// Package replay turns the invoices of an Online Retail file into orders of a running shop, through its
// GraphQL API: what customers did then, their clients do again now.
//
// An invoice becomes a cart, an address, a shipping method and placeOrder; one that begins with C takes
// lines of that customer's earlier orders back. Invoices of one customer keep their order, others run at
// once. A journal and idempotency keys make the same command go on where it stopped. Enter at Run.
package replay

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"storefront/internal/catalogue"
	"storefront/internal/client"
	"storefront/internal/errs"
	"storefront/internal/importer"
	"storefront/internal/progress"
)

// patience is how long the shop may be away, as during a restart.
const patience = time.Minute

// Config is what a replay needs.
type Config struct {
	Invoices    Invoices
	Staff       *client.Client             // with a token of staff
	Guest       *client.Client             // without a token
	Customer    func(number string) string // owner id of a customer of the file
	GuestToken  func(invoice string) string
	Journal     string  // path of the file that remembers what was begun
	Speed       float64 // how much faster than then; 0 as fast as possible
	StockShare  float64 // of the demand that is put on stock, 0 to 1
	Occasion    string  // what the stock is put in for: the same one is counted once
	Concurrency int
	Settle      time.Duration // how long orders may take to become final at the end
	Out         io.Writer     // progress
	Terminal    bool
}

// Run replays, waits until every order is final, and returns what became of them. The result holds what
// is known also when there is an error.
func Run(ctx context.Context, cfg Config) (Result, error) {
	j, err := openJournal(cfg.Journal)
	if err != nil {
		return Result{}, err
	}
	defer j.close()
	r := &run{cfg: cfg, journal: j, tracker: newTracker(cfg.Staff), sold: newLedger(), result: Result{Invoices: cfg.Invoices}}
	if err := r.prepare(ctx); err != nil {
		return r.result, err
	}
	tracking, stop := context.WithCancel(ctx)
	defer stop()
	g, gctx := errgroup.WithContext(tracking)
	g.Go(func() error { return r.tracker.run(gctx) })
	g.Go(func() error {
		defer stop()
		if err := r.replay(gctx); err != nil {
			return err
		}
		return r.settle(gctx)
	})
	if err := g.Wait(); err != nil && (!errors.Is(err, context.Canceled) || ctx.Err() != nil) {
		r.finish()
		return r.result, err
	}
	r.finish()
	return r.result, nil
}

// run is one replay under way.
type run struct {
	cfg     Config
	journal *journal
	tracker *tracker
	sold    *ledger
	mu      sync.Mutex // of result
	result  Result
}

// prepare brings in the products that are missing, and the stock.
func (r *run) prepare(ctx context.Context) error {
	to, in := importer.New(r.cfg.Staff), r.cfg.Invoices
	bar := progress.New(r.cfg.Out, r.cfg.Terminal, "products", len(in.Products))
	written, err := to.Products(ctx, in.Products, bar.Add)
	bar.Done()
	if err != nil {
		return err
	}
	r.result.Products, r.result.Refused = written.Counts, written.Refused
	demand := in.Demand()
	var stock []importer.Stock
	for _, sku := range slices.Sorted(maps.Keys(demand)) {
		if units := int(math.Round(float64(demand[sku]) * r.cfg.StockShare)); units > 0 {
			stock = append(stock, importer.Stock{SKU: sku, Delta: units})
			r.result.Stocked += units
		}
		r.result.Demanded += demand[sku]
	}
	bar = progress.New(r.cfg.Out, r.cfg.Terminal, "stock", len(stock))
	defer bar.Done()
	_, err = to.Stock(ctx, stock, "replay of "+filepath.Base(in.Name), importer.StockKey("replay", r.cfg.Occasion), bar.Add)
	return err
}

// replay places all invoices: one lane per customer's share of the customers, so that one customer's
// invoices keep their order. What is taken back has lanes of its own, because it waits for payments.
func (r *run) replay(ctx context.Context) error {
	n := max(1, r.cfg.Concurrency)
	places, backs := make([]chan Invoice, n), make([]chan Invoice, n)
	placing, pctx := errgroup.WithContext(ctx)
	returning, rctx := errgroup.WithContext(ctx)
	bar := progress.New(r.cfg.Out, r.cfg.Terminal, "invoices", len(r.cfg.Invoices.List))
	defer bar.Done()
	for i := range n {
		places[i] = make(chan Invoice, 32)
		backs[i] = make(chan Invoice, len(r.cfg.Invoices.List)) // never blocks those who place
		placing.Go(func() error {
			defer close(backs[i])
			for invoice := range places[i] {
				if invoice.Back {
					backs[i] <- invoice
					continue
				}
				if err := r.place(pctx, invoice); err != nil {
					return fmt.Errorf("invoice %s: %w", invoice.Number, err)
				}
				bar.Add(1)
			}
			return nil
		})
		returning.Go(func() error {
			for invoice := range backs[i] {
				if err := r.takeBack(rctx, invoice); err != nil {
					return fmt.Errorf("invoice %s: %w", invoice.Number, err)
				}
				bar.Add(1)
			}
			return nil
		})
	}
	began := time.Now()
	err := r.dispatch(pctx, places)
	err = errors.Join(placing.Wait(), err)
	r.mu.Lock()
	r.result.Placing = time.Since(began)
	r.mu.Unlock()
	r.result.began = began
	if err != nil {
		return err
	}
	return returning.Wait()
}

// dispatch hands the invoices out in the order of the file, at the speed asked for.
func (r *run) dispatch(ctx context.Context, places []chan Invoice) error {
	defer func() {
		for _, c := range places {
			close(c)
		}
	}()
	began, first := time.Now(), time.Time{}
	for _, invoice := range r.cfg.Invoices.List {
		if r.cfg.Speed > 0 && r.journal.of(invoice.Number).Order == "" && !r.journal.of(invoice.Number).Done {
			if first.IsZero() {
				began, first = time.Now(), invoice.Date
			}
			at := began.Add(time.Duration(float64(invoice.Date.Sub(first)) / r.cfg.Speed))
			select {
			case <-time.After(time.Until(at)):
			case <-ctx.Done():
				return nil // whoever stopped has the reason
			}
		}
		who := invoice.Customer
		if who == "" {
			who = invoice.Number
		}
		select {
		case places[hashOf(who)%uint64(len(places))] <- invoice:
		case <-ctx.Done():
			return nil
		}
	}
	return nil
}

// settle waits until every order is final.
func (r *run) settle(ctx context.Context) error {
	all, _ := r.tracker.count()
	bar := progress.New(r.cfg.Out, r.cfg.Terminal, "orders final", all)
	defer bar.Done()
	until := time.Now().Add(r.cfg.Settle)
	for {
		_, final := r.tracker.count()
		bar.Set(final, "")
		if final == all {
			r.result.Final = time.Since(r.result.began)
			return nil
		}
		if time.Now().After(until) {
			return errs.New(errs.Unavailable, "%d orders are not final after %s; the same command goes on waiting", all-final, r.cfg.Settle)
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (r *run) skip(i Invoice, what, format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.result.Skipped = append(r.result.Skipped, catalogue.Skip{Row: i.Row, What: what, Reason: fmt.Sprintf(format, args...)})
}
