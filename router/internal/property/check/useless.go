package check

import (
	"fmt"
	"strings"

	"storefront/router/plan"
)

// uselessFetches are the ids of fetches of which nothing is read: no leaf is in the response, and none
// in what another fetch sends.
func uselessFetches(p *plan.Plan) []int {
	read := map[string]bool{}
	if p.Output != nil {
		readOutput(read, "", p.Output)
	}
	fetches := plan.Fetches(p.Root)
	for _, joined := range fetches {
		for _, f := range joined.Places() {
			at := place(f.Path)
			for _, r := range f.Requires {
				readRepresentation(read, at, r.Fields)
			}
			for _, c := range f.Contexts {
				for _, source := range c.Sources {
					readRepresentation(read, place(f.Path[:source.Level]), source.Fields)
				}
			}
			if f.Kind != plan.RootFetch {
				read[at+"__typename/"] = true
				read[at] = true
			}
		}
	}
	var out []int
	for _, joined := range fetches {
		for _, f := range joined.Places() { // each has to be worth its place
			if f.Selection != nil && !selects(read, place(f.Path), f.Selection) {
				out = append(out, f.ID)
			}
		}
	}
	return out
}

func place(path []plan.PathElem) string {
	var b strings.Builder
	for _, e := range path {
		fmt.Fprintf(&b, "%s/", e.Key)
	}
	return b.String()
}

func readOutput(read map[string]bool, at string, o *plan.Output) {
	for _, f := range o.Fields {
		read[at+f.Key+"/"] = true
		if f.Sub != nil {
			read[at+f.Key+"/__typename/"] = true
			readOutput(read, at+f.Key+"/", f.Sub)
		}
	}
}

func readRepresentation(read map[string]bool, at string, fields []plan.RepField) {
	for _, f := range fields {
		read[at+f.Key+"/"] = true
		if len(f.Sub) > 0 {
			read[at+f.Key+"/__typename/"] = true
			readRepresentation(read, at+f.Key+"/", f.Sub)
		}
	}
}

// bare reports whether a selection tells no more than that an object is there.
func bare(s *plan.Selection) bool {
	return len(s.Fields) == 0 || len(s.Fields) == 1 && s.Fields[0].Alias == "__typename"
}

func selects(read map[string]bool, at string, s *plan.Selection) bool {
	for _, f := range s.Fields {
		here := at + f.Key + "/"
		if f.Sub == nil && read[here] || f.Sub != nil && (selects(read, here, f.Sub) || read[here] && bare(f.Sub)) {
			return true
		}
	}
	return false
}
