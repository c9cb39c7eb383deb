package main

import (
	"fmt"
	"io"
	"text/tabwriter"
)

// report prints a line for each mode, and what was wrong below. It is an error when anything was.
func report(out io.Writer, rows []row) error {
	t := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "CLIENT\tVERSION\tMODE\tCHECKS\tSECONDS")
	passed, failed := 0, 0
	for _, r := range rows {
		fmt.Fprintf(t, "%s\t%s\t%s\t%d of %d\t%.1f\n", r.Client, r.Version, r.Mode, r.Passed, r.Passed+len(r.Failed), r.Seconds)
		passed, failed = passed+r.Passed, failed+len(r.Failed)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	for _, r := range rows {
		for _, f := range r.Failed {
			fmt.Fprintf(out, "\n%s, %s: %s\n", r.Client, r.Mode, f)
		}
	}
	fmt.Fprintf(out, "\n%d passed, %d failed\n", passed, failed)
	if failed > 0 {
		return fmt.Errorf("%d checks failed", failed)
	}
	return nil
}
