package importer

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"storefront/internal/catalogue"
)

// Summary is what became of one file.
type Summary struct {
	File    *catalogue.File
	Left    int // products behind the limit
	Written Written
	Stocked int // SKUs that the file brings stock for
	Kept    int // of these, SKUs that an import before gave another number of units
}

// Print writes the summary for a person.
func (s Summary) Print(w io.Writer) {
	variants := 0
	for _, p := range s.File.Products {
		variants += len(p.Variants)
	}
	fmt.Fprintf(w, "%s (%s)\n", s.File.Name, s.File.Format)
	fmt.Fprintf(w, "  read       %7d rows: %d products with %d variants\n", s.File.Rows, len(s.File.Products), variants)
	fmt.Fprintf(w, "  created    %7d\n  updated    %7d\n  unchanged  %7d\n", s.Written.Created, s.Written.Updated, s.Written.Unchanged)
	if s.Left > 0 {
		fmt.Fprintf(w, "  left out   %7d by --limit\n", s.Left)
	}
	if s.Stocked > 0 {
		fmt.Fprintf(w, "  stock for  %7d SKUs\n", s.Stocked-s.Kept)
	}
	if s.Kept > 0 {
		fmt.Fprintf(w, "  kept as is %7d SKUs whose stock another import had put in; stockAdjust changes it\n", s.Kept)
	}
	skipped := append(slices.Clone(s.File.Skipped), s.Written.Refused...)
	fmt.Fprintf(w, "  skipped    %7d\n", len(skipped))
	PrintSkips(w, skipped)
	for _, n := range s.File.Notes {
		fmt.Fprintf(w, "  note: %s\n", n)
	}
}

// PrintSkips groups skips by their reason, the commonest first, each with its first five places.
func PrintSkips(w io.Writer, skips []catalogue.Skip) {
	groups := map[string][]catalogue.Skip{}
	for _, s := range skips {
		groups[s.Reason] = append(groups[s.Reason], s)
	}
	reasons := make([]string, 0, len(groups))
	for r := range groups {
		reasons = append(reasons, r)
	}
	slices.SortFunc(reasons, func(a, b string) int {
		if n := len(groups[b]) - len(groups[a]); n != 0 {
			return n
		}
		return strings.Compare(a, b)
	})
	for _, r := range reasons {
		list := groups[r]
		places := make([]string, 0, 6)
		for _, s := range list[:min(5, len(list))] {
			place := fmt.Sprintf("row %d", s.Row)
			if s.What != "" {
				place += " " + s.What
			}
			places = append(places, place)
		}
		if len(list) > 5 {
			places = append(places, "...")
		}
		fmt.Fprintf(w, "    %5d  %s (%s)\n", len(list), r, strings.Join(places, ", "))
	}
}
