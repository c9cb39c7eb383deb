package main

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"slices"
	"text/tabwriter"
	"time"
)

// table is what was measured over one transport.
type table struct {
	over       string
	rows       []row
	unsendable int // requests that this transport has no form for
}

// print lists the slowest requests of each transport, and then all transports beside each other. It is an error when
// a request took longer than the limit or got the wrong verdict.
func print(tables []table, cfg config) error {
	bad := 0
	sum := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(sum, "TRANSPORT\trequests\tnot sendable\tp50\tworst\tover %s\twrong verdicts\tplain beside p50\tworst\t\n", cfg.limit)
	for _, t := range tables {
		slices.SortStableFunc(t.rows, func(a, b row) int { return cmp.Compare(b.took.worst(), a.took.worst()) })
		if err := t.slowest(cfg.rows); err != nil {
			return err
		}
		var all, near series
		slow, wrong := 0, 0
		for _, r := range t.rows {
			all, near = append(all, r.took...), append(near, r.near...)
			if r.took.worst() > cfg.limit {
				slow++
			}
			if r.wrong != "" {
				wrong++
				fmt.Printf("WRONG: %s, over %s: %s\n", r.name, t.over, r.wrong)
			}
		}
		bad += slow + wrong
		fmt.Fprintf(sum, "%s\t%d\t%d\t%s\t%s\t%d\t%d\t%s\t%s\t\n", t.over, len(t.rows), t.unsendable, ms(all.middle()), ms(all.worst()), slow, wrong, ms(near.middle()), ms(near.worst()))
	}
	fmt.Println("\nAll transports, times in ms:")
	if err := sum.Flush(); err != nil {
		return err
	}
	if bad > 0 {
		return errors.New("the router does not hold")
	}
	return nil
}

// slowest prints the first rows, all for 0.
func (t table) slowest(rows int) error {
	if rows == 0 || rows > len(t.rows) {
		rows = len(t.rows)
	}
	fmt.Printf("\nOver %s, the slowest %d of %d, times in ms:\n", t.over, rows, len(t.rows))
	out := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(out, "p50\tworst\tCPU\tplain p50\tworst\tKB\t  request and verdict\t")
	for _, r := range t.rows[:rows] {
		fmt.Fprintf(out, "%s\t%s\t%s\t%s\t%s\t%d\t  %s: %s\t\n", ms(r.took.middle()), ms(r.took.worst()), ms(r.cpu), ms(r.near.middle()), ms(r.near.worst()), (r.bytes+512)/1024, r.name, r.verdict)
	}
	return out.Flush()
}

func ms(d time.Duration) string { return fmt.Sprintf("%.1f", float64(d.Microseconds())/1000) }
