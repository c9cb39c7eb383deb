package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"storefront/router/supergraph"
)

// deviation is one difference between the compositions: of which set, in what, and how.
type deviation struct {
	set, aspect string
	detail      string
}

// The aspects in which answers are compared.
const (
	aspectVerdict = "verdict" // good or bad
	aspectCodes   = "codes"   // the set of error codes
	aspectHints   = "hints"   // the set of hint codes
	aspectAPI     = "api"     // the public schema
	aspectJoin    = "join"    // the supergraph, normalized
	aspectTheirs  = "reads"   // our supergraph is read by Apollo's tools, and theirs by ours, with the same public schema
)

// ours is our composition's answer.
func (s *set) ours() (answer, error) {
	if s.errs != nil {
		var codes []string
		for _, e := range s.errs {
			codes = append(codes, e.Code)
		}
		return answer{codes: once(codes), said: "ours: " + s.errs.Error() + "\n"}, nil
	}
	read, err := supergraph.Parse(s.result.SupergraphSDL)
	if err != nil {
		return answer{}, fmt.Errorf("read our own supergraph: %w", err)
	}
	var hints []string
	for _, h := range s.result.Hints {
		hints = append(hints, h.Code)
	}
	return goodAnswer(read.APISDL(), s.result.SupergraphSDL, once(hints)), nil
}

// compare lists the differences from Apollo's answer, which may be one just given or one recorded.
func (s *set) compare(theirs answer) []deviation {
	var out []deviation
	differ := func(aspect, detail string) { out = append(out, deviation{s.name, aspect, detail}) }
	ours, err := s.ours()
	switch {
	case err != nil:
		differ(aspectTheirs, err.Error())
	case ours.good != theirs.good:
		differ(aspectVerdict, "ours is "+ours.String()+"Apollo's is "+theirs.String()+ours.said+theirs.said)
	case !ours.good:
		if !slices.Equal(ours.codes, theirs.codes) {
			differ(aspectCodes, lines(theirs.codes, ours.codes)+ours.said+theirs.said)
		}
	default:
		if !slices.Equal(ours.hints, theirs.hints) {
			differ(aspectHints, lines(theirs.hints, ours.hints))
		}
		if ours.api != theirs.api {
			differ(aspectAPI, lines(theirs.apiText, ours.apiText))
		}
		if ours.join != theirs.join {
			differ(aspectJoin, lines(theirs.joinText, ours.joinText))
		}
	}
	return out
}

// compareReading: a supergraph made by one side means the same public schema to the other.
func (s *set) compareReading(q *asked) []deviation {
	var out []deviation
	differ := func(detail string) { out = append(out, deviation{s.name, aspectTheirs, detail}) }
	if q.Read != nil {
		ours, err := supergraph.Parse(s.result.SupergraphSDL)
		switch {
		case q.Read.Error != "":
			differ("Apollo's tools cannot read our supergraph: " + q.Read.Error)
		case err != nil:
			differ("we cannot read our own supergraph: " + err.Error())
		default:
			if theirs, own := normalAPI(q.Read.API), normalAPI(ours.APISDL()); !slices.Equal(theirs, own) {
				differ("our supergraph has another public schema there:\n" + lines(theirs, own))
			}
		}
	}
	if q.Composed.Supergraph != "" {
		read, err := supergraph.Parse(q.Composed.Supergraph)
		if err != nil {
			differ("we cannot read Apollo's supergraph: " + err.Error())
		} else if theirs, own := normalAPI(q.Composed.API), normalAPI(read.APISDL()); !slices.Equal(theirs, own) {
			differ("Apollo's supergraph has another public schema here:\n" + lines(theirs, own))
		}
	}
	return out
}

// lines shows what only one of two lists has: "-" is Apollo's, "+" ours.
func lines(theirs, ours []string) string {
	count := map[string]int{}
	for _, l := range theirs {
		count[l]++
	}
	var more []string
	for _, l := range ours {
		if count[l]--; count[l] < 0 {
			more = append(more, "+ "+l+"\n")
		}
	}
	var less []string
	for _, l := range theirs {
		if count[l] > 0 {
			count[l]--
			less = append(less, "- "+l+"\n")
		}
	}
	if len(less)+len(more) == 0 {
		return "run the oracle to see the difference: only digests are recorded\n"
	}
	return strings.Join(less, "") + strings.Join(more, "")
}

// readDeviations reads "set aspect: reason" lines; "#" begins a comment. The key of the result is
// "set aspect".
func readDeviations(path string) (map[string]string, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read deviations: %w", err)
	}
	defer f.Close()
	out := map[string]string{}
	for sc := bufio.NewScanner(f); sc.Scan(); {
		line := strings.TrimSpace(sc.Text())
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		key, reason, ok := strings.Cut(line, ": ")
		if !ok || len(strings.Fields(key)) != 2 || out[key] != "" {
			return nil, fmt.Errorf("read deviations: %q is not \"set aspect: reason\", or repeated", line)
		}
		out[key] = reason
	}
	return out, nil
}

func (d deviation) key() string { return d.set + " " + d.aspect }

// report prints the agreement and every deviation. It fails on those without a reason, and on reasons
// whose deviation is no more.
func report(out io.Writer, sets []*set, found []deviation, meant map[string]string) error {
	bad := map[string]bool{}
	with := map[string]bool{}
	unexplained := 0
	for _, d := range found {
		bad[d.set], with[d.key()] = true, true
		reason := meant[d.key()]
		if reason == "" {
			unexplained++
			reason = "NO REASON GIVEN"
		}
		fmt.Fprintf(out, "%s: %s: %s\n%s", d.set, d.aspect, reason, indented(d.detail))
	}
	stale := 0
	for key := range meant {
		if !with[key] {
			stale++
		}
	}
	good := 0
	for _, s := range sets {
		if s.result != nil {
			good++
		}
	}
	fmt.Fprintf(out, "%d of %d sets agree in all (%d good, %d bad); %d deviations, %d of them without a reason\n",
		len(sets)-len(bad), len(sets), good, len(sets)-good, len(found), unexplained)
	switch {
	case unexplained > 0:
		return fmt.Errorf("%d deviations have no reason in the list", unexplained)
	case stale > 0:
		return fmt.Errorf("%d deviations of the list are no more: take them out", stale)
	}
	return nil
}

func indented(s string) string {
	return "  " + strings.ReplaceAll(strings.TrimSuffix(s, "\n"), "\n", "\n  ") + "\n"
}
