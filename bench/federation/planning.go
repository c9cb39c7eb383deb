package main

import (
	"fmt"
	"io"
	"slices"
	"time"

	"storefront/router/operation"
	"storefront/router/plan"
	"storefront/router/planner"
	"storefront/router/supergraph"
)

// planning times the joined query from text to plan, with nothing kept in between.
func planning(w io.Writer, sdl string) error {
	sg, err := supergraph.Parse(sdl)
	if err != nil {
		return err
	}
	query := file("joined.graphql")
	var times []time.Duration
	var last *plan.Plan
	for range 200 {
		start := time.Now()
		op, errs := operation.Prepare(sg, query, "", operation.DefaultLimits())
		if len(errs) > 0 {
			return errs
		}
		if last, err = planner.Plan(sg, op); err != nil {
			return err
		}
		times = append(times, time.Since(start))
	}
	first := times[0]
	slices.Sort(times)
	fmt.Fprintf(w, "\nplanning the joined query (parse, validate, plan): first %.2f ms, p50 %.2f ms, p99 %.2f ms; %d fetches\n",
		ms(first), ms(times[len(times)/2]), ms(times[len(times)*99/100]), len(plan.Fetches(last.Root)))
	return nil
}
