package main

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
)

// answer is what a composition says of a set, in the form in which it is compared and recorded. A bad
// set has codes; a good one hints and digests of its normal forms.
type answer struct {
	good              bool
	codes, hints      []string // sorted, each once
	api, join         string   // digests
	apiText, joinText []string // the normal forms, when known
	said              string   // the errors in full, when known
}

// String is the recorded form; parseAnswer reads it.
func (a answer) String() string {
	if !a.good {
		return "bad: " + strings.Join(a.codes, " ") + "\n"
	}
	s := "good\napi: " + a.api + "\njoin: " + a.join + "\n"
	if len(a.hints) > 0 {
		s += "hints: " + strings.Join(a.hints, " ") + "\n"
	}
	return s
}

func parseAnswer(text string) answer {
	var a answer
	for _, line := range strings.Split(strings.TrimSpace(text), "\n") {
		key, value, _ := strings.Cut(line, ":")
		value = strings.TrimSpace(value)
		switch key {
		case "good":
			a.good = true
		case "bad":
			a.codes = strings.Fields(value)
		case "api":
			a.api = value
		case "join":
			a.join = value
		case "hints":
			a.hints = strings.Fields(value)
		}
	}
	return a
}

func (q *asked) answer() answer {
	if len(q.Composed.Errors) > 0 {
		a := answer{codes: codesOf(q.Composed.Errors)}
		for _, e := range q.Composed.Errors {
			a.said += "Apollo's: " + e.Code + ": " + e.Message + "\n"
		}
		return a
	}
	return goodAnswer(q.Composed.API, q.Composed.Supergraph, codesOf(q.Composed.Hints))
}

func goodAnswer(api, supergraph string, hints []string) answer {
	a := answer{good: true, hints: hints, apiText: normalAPI(api), joinText: normalSupergraph(supergraph)}
	a.api, a.join = digest(a.apiText), digest(a.joinText)
	return a
}

func codesOf(list []message) []string {
	var out []string
	for _, m := range list {
		out = append(out, m.Code)
	}
	return once(out)
}

func once(list []string) []string {
	slices.Sort(list)
	return slices.Compact(list)
}

func digest(lines []string) string {
	sum := sha256.Sum256([]byte(strings.Join(lines, "\n")))
	return hex.EncodeToString(sum[:8])
}
