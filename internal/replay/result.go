package replay

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"storefront/internal/catalogue"
	"storefront/internal/importer"
)

// Result is what became of a replay.
type Result struct {
	Invoices      Invoices
	Products      importer.Counts
	Refused       []catalogue.Skip
	Demanded      int // units that the invoices ask for
	Stocked       int // units that were put on stock for them
	Orders        int // all, and those that this run placed
	PlacedNow     int
	Returns       int // parts of orders that came back
	ReturnedUnits int
	Skipped       []catalogue.Skip
	Statuses      map[string]int
	Reasons       map[string]int // of orders that are CANCELLED or REJECTED, by the reason's code
	Placing       time.Duration  // from the first invoice to the last order
	Final         time.Duration  // from the first invoice until every order was final

	began     time.Time
	latencies []time.Duration
}

// finish sums up what the tracker knows.
func (r *run) finish() {
	r.tracker.mu.Lock()
	defer r.tracker.mu.Unlock()
	r.result.Statuses, r.result.Reasons = map[string]int{}, map[string]int{}
	for _, s := range r.tracker.states {
		r.result.Statuses[s.Status]++
		if s.Reason != "" {
			code, _, _ := strings.Cut(s.Reason, ":")
			r.result.Reasons[s.Status+" "+code]++
		}
	}
}

// Percentile is how long placeOrder took at most in p percent of this run's calls.
func (r Result) Percentile(p int) time.Duration {
	if len(r.latencies) == 0 {
		return 0
	}
	list := slices.Sorted(slices.Values(r.latencies))
	return list[min(len(list)-1, len(list)*p/100)]
}

// Print writes the result for a person.
func (r Result) Print(w io.Writer) {
	sales, backs := 0, 0
	for _, i := range r.Invoices.List {
		if i.Back {
			backs++
		} else {
			sales++
		}
	}
	fmt.Fprintf(w, "%s\n", r.Invoices.Name)
	fmt.Fprintf(w, "  invoices   %7d: %d sales and %d cancellations, %d lines\n", len(r.Invoices.List), sales, backs, r.Invoices.Lines)
	fmt.Fprintf(w, "  products   %7d: %d created, %d updated, %d unchanged\n", len(r.Invoices.Products), r.Products.Created, r.Products.Updated, r.Products.Unchanged)
	fmt.Fprintf(w, "  stock      %7d units for a demand of %d\n", r.Stocked, r.Demanded)
	fmt.Fprintf(w, "  orders     %7d: %d placed by this run, %d before\n", r.Orders, r.PlacedNow, r.Orders-r.PlacedNow)
	for _, status := range byCount(r.Statuses) {
		fmt.Fprintf(w, "    %7d  %s\n", r.Statuses[status], status)
	}
	for _, reason := range byCount(r.Reasons) {
		fmt.Fprintf(w, "    %7d  because of %s\n", r.Reasons[reason], reason)
	}
	fmt.Fprintf(w, "  returns    %7d parts of orders, %d units\n", r.Returns, r.ReturnedUnits)
	skipped := slices.Concat(r.Invoices.Skipped, r.Refused, r.Skipped)
	fmt.Fprintf(w, "  skipped    %7d\n", len(skipped))
	importer.PrintSkips(w, skipped)
	if r.PlacedNow > 0 && r.Placing > 0 {
		fmt.Fprintf(w, "  placing    %7.1f orders/s (%s)\n", float64(r.PlacedNow)/r.Placing.Seconds(), r.Placing.Round(time.Millisecond))
		if r.Final > 0 {
			fmt.Fprintf(w, "  to final   %7.1f orders/s (%s)\n", float64(r.PlacedNow)/r.Final.Seconds(), r.Final.Round(time.Millisecond))
		}
		fmt.Fprintf(w, "  placeOrder p50 %s, p99 %s\n", r.Percentile(50).Round(100*time.Microsecond), r.Percentile(99).Round(100*time.Microsecond))
	}
}

func byCount(m map[string]int) []string {
	return slices.SortedFunc(maps.Keys(m), func(a, b string) int { return cmp.Or(m[b]-m[a], strings.Compare(a, b)) })
}
