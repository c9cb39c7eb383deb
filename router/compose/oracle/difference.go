package main

import (
	"regexp"
	"slices"
	"strings"
)

// difference is a deviation with its class: what is left of it without the names of its set. Differences of
// one class most often have one cause.
type difference struct {
	deviation
	class string
}

// rank orders differences by how much they matter; a set that is good only here is the worst.
func (d difference) rank() int {
	switch {
	case strings.HasPrefix(d.class, aspectVerdict+" good here"):
		return 1
	default:
		return slices.Index([]string{aspectPanic, "", aspectVerdict, aspectAPI, aspectJoin, aspectTheirs, aspectCodes, aspectHints}, d.aspect)
	}
}

func (s *set) differ(q *asked) []difference {
	theirs := q.answer()
	var out []difference
	for _, d := range append(s.compare(theirs), s.compareReading(q)...) {
		class := d.aspect
		switch d.aspect {
		case aspectVerdict:
			if s.errs == nil {
				class += " good here; " + shapes(q.Composed.Errors, theirs.codes)
				for _, h := range s.result.Hints {
					if h.Code == "OVERRIDE_MIGRATION_IN_PROGRESS" {
						class += " (labels)"
						break
					}
				}
			} else {
				class += " bad here; " + shapes(s.messages(), theirs.codes, s.codes()...)
			}
		case aspectCodes:
			ours := s.codes()
			class += " there: " + shapes(q.Composed.Errors, without(theirs.codes, ours)) + "; here: " + shapes(s.messages(), without(ours, theirs.codes))
		case aspectHints:
			class += " " + strings.Join(strings.Fields(d.detail), " ")
		case aspectTheirs:
			class += " " + shape(strings.SplitN(d.detail, "\n", 2)[0])
		default:
			var list []string
			for _, l := range strings.Split(strings.TrimSpace(d.detail), "\n") {
				list = append(list, lineShape(l))
			}
			list = once(list)
			class += " " + strings.Join(list[:min(4, len(list))], "; ")
		}
		out = append(out, difference{d, class})
	}
	return out
}

func (s *set) messages() []message {
	var out []message
	for _, e := range s.errs {
		out = append(out, message{e.Code, e.Message})
	}
	return out
}

func (s *set) codes() []string { return codesOf(s.messages()) }

func without(list, other []string) []string {
	return slices.DeleteFunc(slices.Clone(list), func(c string) bool { return slices.Contains(other, c) })
}

// shapes are the errors with one of the codes, without names.
func shapes(list []message, codes []string, more ...string) string {
	var out []string
	for _, m := range list {
		if slices.Contains(codes, m.Code) || slices.Contains(more, m.Code) {
			out = append(out, m.Code+" "+shape(m.Message))
		}
	}
	out = once(out)
	return strings.Join(out[:min(2, len(out))], ", ")
}

var (
	quotes = regexp.MustCompile(`"[^"]*"|\[[^\]]*\]|[0-9]+|0x[0-9a-f]+|\b[A-Za-z_]+\.[A-Za-z_]+\b`)
	space  = regexp.MustCompile(`\s+`)
)

func shape(text string) string {
	if _, why, ok := strings.Cut(text, "because:\n"); ok {
		text = strings.TrimSpace(why)
	}
	text = space.ReplaceAllString(quotes.ReplaceAllString(strings.SplitN(text, "\n", 2)[0], "_"), " ")
	return text[:min(len(text), 120)]
}

// lineShape is a line of a normal form, with its sign, without names.
func lineShape(line string) string {
	words := strings.Fields(line)
	for i, w := range words {
		keep := strings.HasPrefix(w, "@") || strings.HasSuffix(w, ":") || i == 0 ||
			slices.Contains([]string{"schema", "field", "argument", "value", "directive", "described", "implements", "holds", "object", "interface", "union", "enum", "scalar", "input_object", "not"}, w)
		if !keep {
			words[i] = "_"
		}
	}
	return strings.Join(words[:min(6, len(words))], " ")
}
