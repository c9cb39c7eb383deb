package operation

import (
	"slices"
	"sort"
	"strconv"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"storefront/router/supergraph"
)

// workPerField bounds normalization: steps per field that the limits allow.
const workPerField = 40

// normalizer expands fragments and merges fields, for each object type a position can have.
type normalizer struct {
	sg        *supergraph.Supergraph
	limits    Limits
	budget    int
	possibles map[string][]string
	err       *gqlerror.Error

	active func(*ast.Directive) bool // which @defers count; nil for none
	usages []*DeferUsage
	depth  int // response keys around the selection set being merged
}

func newNormalizer(sg *supergraph.Supergraph, l Limits) *normalizer {
	return &normalizer{sg: sg, limits: l, budget: workPerField * max(l.MaxFields, 1)}
}

// occurrence is one place where a field is written, with what must hold for it to count.
type occurrence struct {
	field *ast.Field
	types []string // object types it applies to, nil for all
	terms []Term   // all must hold
	usage *DeferUsage
	ways  []string // type conditions around it
}

// source is a selection set as written, under conditions that its field does not already carry.
type source struct {
	set   ast.SelectionSet
	typ   string // that it is written on, which may be stricter than that of the position; "" for the same
	terms []Term
	usage *DeferUsage
}

func (n *normalizer) normalize(root string, def *ast.OperationDefinition) (*SelectionSet, gqlerror.List) {
	set := n.merge(root, []source{{set: def.SelectionSet}})
	if n.budget < 0 {
		return nil, failure(CodeTooLarge, "the operation is too complex: too many fields on too many types")
	}
	if n.err != nil {
		return nil, gqlerror.List{n.err}
	}
	return set, nil
}

func (n *normalizer) possible(name string) []string {
	if n.possibles == nil {
		n.possibles = map[string][]string{}
	}
	p, ok := n.possibles[name]
	if !ok {
		p = n.sg.Possible(name)
		n.possibles[name] = p
	}
	return p
}

// merge builds the selection set of a type from everywhere it is written.
func (n *normalizer) merge(typeName string, sources []source) *SelectionSet {
	var occs []occurrence
	for _, s := range sources {
		in := within{terms: s.terms, usage: s.usage}
		if s.typ != "" && s.typ != typeName && n.sg.Guarded() {
			in.ways = []string{s.typ}
		}
		n.collect(typeName, s.set, in, &occs)
	}
	var keys []string
	byKey := map[string][]int{}
	for i, o := range occs {
		if _, ok := byKey[o.field.Alias]; !ok {
			keys = append(keys, o.field.Alias)
		}
		byKey[o.field.Alias] = append(byKey[o.field.Alias], i)
	}
	type placed struct {
		field *Field
		at    int
	}
	var out []placed
	for _, key := range keys {
		from := len(out)
		for _, part := range n.partition(typeName, occs, byKey[key]) {
			if n.budget < 0 {
				return &SelectionSet{Type: typeName}
			}
			picked := make([]occurrence, len(part.occs))
			for i, at := range part.occs {
				picked[i] = occs[at]
			}
			f := n.field(picked, part.types)
			if at := slices.IndexFunc(out[from:], func(p placed) bool { return p.at == part.occs[0] && sameLeaf(p.field, f) }); at >= 0 {
				n.widen(out[from+at].field, typeName, f.On)
				continue
			}
			out = append(out, placed{f, part.occs[0]})
		}
	}
	sort.SliceStable(out, func(i, j int) bool { return out[i].at < out[j].at })
	set := &SelectionSet{Type: typeName, Fields: make([]*Field, 0, len(out))}
	for _, p := range out {
		set.Fields = append(set.Fields, p.field)
	}
	return set
}

// within is what stands around a selection, as far as its position.
type within struct {
	types []string // object types it applies to, nil for all
	terms []Term
	usage *DeferUsage
	ways  []string
}

func (n *normalizer) collect(typeName string, set ast.SelectionSet, in within, out *[]occurrence) {
	for _, sel := range set {
		if n.budget--; n.budget < 0 {
			return
		}
		switch sel := sel.(type) {
		case *ast.Field:
			if t, ok := conditions(in.terms, sel.Directives); ok {
				if sel.Alias != sel.Name && strings.HasPrefix(sel.Alias, "__") {
					n.reserved(sel)
				}
				*out = append(*out, occurrence{field: sel, types: in.types, terms: t, usage: in.usage, ways: in.ways})
			}
		case *ast.InlineFragment:
			n.fragment(typeName, sel.TypeCondition, sel.SelectionSet, sel.Directives, in, out)
		case *ast.FragmentSpread:
			n.fragment(typeName, sel.Definition.TypeCondition, sel.Definition.SelectionSet, sel.Directives, in, out)
		}
	}
}

func (n *normalizer) reserved(f *ast.Field) {
	if n.err == nil {
		n.err = gqlerror.Errorf("the alias %q must not begin with two underscores; those names are for introspection", f.Alias)
		n.err.Extensions = map[string]any{"code": CodeInvalid}
		if f.Position != nil {
			n.err.Locations = []gqlerror.Location{{Line: f.Position.Line, Column: f.Position.Column}}
		}
	}
}

func (n *normalizer) fragment(typeName, cond string, set ast.SelectionSet, dirs ast.DirectiveList, in within, out *[]occurrence) {
	t, ok := conditions(in.terms, dirs)
	if !ok {
		return
	}
	in.terms = t
	if cond != "" && cond != typeName {
		all := n.possible(typeName)
		base := in.types
		if base == nil {
			base = all
		}
		n.budget -= len(base)
		narrowed := intersect(base, n.possible(cond))
		switch {
		case len(narrowed) == 0:
			return
		case len(narrowed) == len(all):
			in.types = nil
		default:
			in.types = narrowed
		}
		if n.sg.Guarded() && !slices.Contains(in.ways, cond) {
			in.ways = append(in.ways[:len(in.ways):len(in.ways)], cond)
		}
	}
	in.usage = n.usage(in.usage, dirs, t)
	n.collect(typeName, set, in, out)
}

type part struct {
	types []string
	occs  []int
}

// partition splits the object types of a position by which of the occurrences apply to them.
func (n *normalizer) partition(typeName string, occs []occurrence, at []int) []part {
	split := false
	for _, i := range at {
		split = split || occs[i].types != nil
	}
	if !split {
		return []part{{occs: at}}
	}
	var order []string
	parts := map[string]*part{}
	all := n.possible(typeName)
	n.budget -= len(all) * len(at)
	if n.budget < 0 {
		return nil
	}
	for _, t := range all {
		var sig strings.Builder
		var applies []int
		for _, i := range at {
			if occs[i].types == nil || contains(occs[i].types, t) {
				sig.WriteString(strconv.Itoa(i))
				sig.WriteByte(',')
				applies = append(applies, i)
			}
		}
		if len(applies) == 0 {
			continue
		}
		p, ok := parts[sig.String()]
		if !ok {
			p = &part{occs: applies}
			parts[sig.String()] = p
			order = append(order, sig.String())
		}
		p.types = append(p.types, t)
	}
	out := make([]part, 0, len(order))
	for _, sig := range order {
		p := parts[sig]
		if len(p.types) == len(all) {
			p.types = nil
		}
		out = append(out, *p)
	}
	return out
}

// field merges the occurrences of one response key on one set of object types.
func (n *normalizer) field(occs []occurrence, types []string) *Field {
	first := occs[0].field
	f := &Field{Key: first.Alias, Name: first.Name, Args: first.Arguments, ArgsKey: ArgsText(first.Arguments), On: types}
	if first.Name != "__typename" {
		f.Def = first.Definition
	}
	same := true
	for _, o := range occs {
		same = same && slices.Equal(o.terms, occs[0].terms)
	}
	f.Cond, f.Defer, f.Ways = disjunction(occs), deferredBy(occs), waysOf(occs)
	var sources []source
	for _, o := range occs {
		if len(o.field.SelectionSet) == 0 {
			continue
		}
		s := source{set: o.field.SelectionSet, usage: o.usage, typ: o.field.Definition.Type.Name()}
		if !same {
			s.terms = o.terms
		}
		sources = append(sources, s)
	}
	if len(sources) > 0 && f.Def != nil {
		n.depth++
		f.Sel = n.merge(f.Def.Type.Name(), sources)
		n.depth--
	}
	return f
}

// sameLeaf reports whether two leaves of one key are one but for the object types they apply to.
func sameLeaf(a, b *Field) bool {
	return a.Sel == nil && b.Sel == nil && a.Name == b.Name && a.ArgsKey == b.ArgsKey &&
		(a.Def == nil) == (b.Def == nil) && (a.Def == nil || a.Def.Type.String() == b.Def.Type.String()) &&
		slices.EqualFunc(a.Cond, b.Cond, slices.Equal[[]Term]) && (a.Cond == nil) == (b.Cond == nil) && slices.Equal(a.Defer, b.Defer) &&
		slices.Equal(a.Ways, b.Ways)
}

// widen makes a field apply to more object types.
func (n *normalizer) widen(f *Field, typeName string, on []string) {
	f.On = append(slices.Clone(f.On), on...)
	slices.Sort(f.On)
	if len(f.On) == len(n.possible(typeName)) {
		f.On = nil
	}
}

func disjunction(occs []occurrence) Cond {
	var out Cond
	for _, o := range occs {
		if len(o.terms) == 0 {
			return nil
		}
		if !slices.ContainsFunc(out, func(t []Term) bool { return slices.Equal(t, o.terms) }) {
			out = append(out, o.terms)
		}
	}
	return out
}

// conditions adds a selection's @skip and @include to terms; ok is false when they can never hold.
func conditions(terms []Term, dirs ast.DirectiveList) ([]Term, bool) {
	for _, d := range dirs {
		if d.Name != "skip" && d.Name != "include" {
			continue
		}
		want := d.Name == "include"
		arg := d.Arguments.ForName("if")
		if arg == nil {
			continue
		}
		if arg.Value.Kind != ast.Variable {
			if (arg.Value.Raw == "true") != want {
				return nil, false
			}
			continue
		}
		term := Term{Var: arg.Value.Raw, Want: want}
		if slices.Contains(terms, Term{Var: term.Var, Want: !want}) {
			return nil, false
		}
		if !slices.Contains(terms, term) {
			terms = append(slices.Clone(terms), term)
			slices.SortFunc(terms, func(a, b Term) int { return strings.Compare(a.Var, b.Var) })
		}
	}
	return terms, true
}

// ArgsText prints arguments in one canonical form: sorted by name.
func ArgsText(args ast.ArgumentList) string {
	if len(args) == 0 {
		return ""
	}
	sorted := slices.Clone(args)
	slices.SortStableFunc(sorted, func(a, b *ast.Argument) int { return strings.Compare(a.Name, b.Name) })
	parts := make([]string, len(sorted))
	for i, a := range sorted {
		parts[i] = a.Name + ": " + a.Value.String()
	}
	return strings.Join(parts, ", ")
}

func contains(sorted []string, s string) bool {
	_, ok := slices.BinarySearch(sorted, s)
	return ok
}

func intersect(a, b []string) []string {
	var out []string
	for _, s := range a {
		if contains(b, s) {
			out = append(out, s)
		}
	}
	return out
}
