package supergraph

import (
	"maps"
	"slices"
	"strconv"
	"strings"
)

// labelled is a field that moves from one subgraph to another for the operations that its label is
// on for: @override(from:, label:).
type labelled struct {
	typ, field string
	label      string
	from, to   int
}

// Labels returns the labels of progressive overrides, sorted. Parse has them all off.
func (s *Supergraph) Labels() []string {
	var out []string
	for _, l := range s.labelled {
		out = append(out, l.label)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// With returns the supergraph as it is for operations that the labels on are on for, and no others.
// Only planning depends on it: the public schema is the same.
func (s *Supergraph) With(on []string) *Supergraph {
	out := *s
	copied := map[string]bool{}
	for _, l := range s.labelled {
		if !slices.Contains(on, l.label) {
			continue
		}
		if len(copied) == 0 {
			out.types = maps.Clone(s.types)
		}
		if !copied[l.typ] {
			copied[l.typ] = true
			out.types[l.typ] = s.types[l.typ].clone()
		}
		f := out.types[l.typ].fields[l.field]
		f.In[l.to].External, f.In[l.from].External, f.In[l.from].Moved = false, true, true
	}
	return &out
}

func (t *Type) clone() *Type {
	out := *t
	out.fields, out.order = make(map[string]*Field, len(t.fields)), make([]*Field, len(t.order))
	for i, f := range t.order {
		c := *f
		c.In = slices.Clone(f.In)
		out.order[i], out.fields[f.Name] = &c, &c
	}
	return &out
}

// Percent reads the label of a share of all operations, such as "percent(2.5)"; ok is false for
// another label, which only its reader can decide.
func Percent(label string) (percent float64, ok bool) {
	inner, ok := strings.CutPrefix(label, "percent(")
	if !ok {
		return 0, false
	}
	if inner, ok = strings.CutSuffix(inner, ")"); !ok {
		return 0, false
	}
	percent, err := strconv.ParseFloat(inner, 64)
	return percent, err == nil && percent >= 0 && percent <= 100
}
