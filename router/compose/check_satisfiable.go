package compose

import (
	"slices"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
)

// checkSatisfiable proves that every public field can be reached from every root that leads to it.
//
// It walks pairs of an object type and the set of subgraphs that can hold such an object at that
// place of an operation. The set is closed under keys: a subgraph joins when it has a resolvable key
// whose fields the set can resolve. Since a larger set resolves more, only the set matters and not
// the way to it, so the walk visits each pair once and its work is bounded by types × distinct sets. Of the
// way, only the contexts that are set on it count, which are part of the pair.
// Fields under a progressive @override are walked twice: as if every label were off, then on.
func checkSatisfiable(c *composer) {
	modes := []bool{true}
	if c.anyLabel() {
		modes = []bool{false, true}
	}
	reported := map[string]bool{}
	for _, labels := range modes {
		newReach(c, labels).walk(reported)
	}
}

func (c *composer) anyLabel() bool {
	for _, s := range c.subs {
		for _, n := range s.order {
			for _, f := range s.types[n].fields {
				if f.overriddenBy != nil && labelKeeps(f) {
					return true
				}
			}
		}
	}
	return false
}

// visit is an object type met in an operation, with where it can be held.
type visit struct {
	typ      string
	at       states
	contexts []string // that are set above, sorted
	path     *step
}

// step is the way to a visit, from its end to its root.
type step struct {
	up   *step
	text string // `field` or `... on Type`
}

func (r *reach) walk(reported map[string]bool) {
	var roots []visit
	for _, root := range []string{"Query", "Mutation", "Subscription"} {
		if r.c.merged.types[root] != nil {
			roots = append(roots, visit{root, r.closure(root, states{}), nil, &step{text: strings.ToLower(root)}})
		}
	}
	r.explore(roots, func(v visit, f *mfield) {
		what := v.typ + ".__typename"
		if f != nil {
			what = f.coordinate()
		}
		if reported[what] {
			return
		}
		reported[what] = true
		if f == nil {
			r.c.report.errorf(codeSatisfiability, r.c.merged.types[v.at.list[0].abstract].locations(), "%s", r.stuck(v, f))
			return
		}
		r.c.report.errorf(codeSatisfiability, f.locations(), "%s", r.stuck(v, f))
	}, reported)
}

// explore visits everything below the given visits and calls stuck for each field that cannot be
// resolved; for an object whose type cannot be learnt, with no field.
func (r *reach) explore(from []visit, stuck func(visit, *mfield), reported map[string]bool) {
	m := r.c.merged
	seen := map[string]bool{}
	var queue []visit
	enqueue := func(v visit) {
		key := v.typ + "|" + v.at.key + "|" + strings.Join(v.contexts, ",")
		if !seen[key] {
			seen[key] = true
			queue = append(queue, v)
		}
	}
	for _, v := range from {
		enqueue(v)
	}
	for len(queue) > 0 {
		v := queue[0]
		queue = queue[1:]
		if !v.at.concrete && len(v.at.list) > 0 {
			stuck(v, nil)
			continue
		}
		for _, f := range m.types[v.typ].fields {
			if f.inaccessible() {
				continue
			}
			next := slices.DeleteFunc(r.resolve(v.typ, v.at, f.name), func(h held) bool { return r.outOfContext(v, h.sub, f.name) })
			r.checkRuntimeTypes(f, next)
			switch {
			case len(next) == 0:
				stuck(v, f)
			case v.typ == "Mutation" && v.path.up == nil && len(next) > 1:
				r.checkMutation(v, f, next, reported)
			default:
				for _, below := range r.below(v, f, next) {
					enqueue(below)
				}
			}
		}
	}
}

// below are the objects that the results of a field can be.
func (r *reach) below(v visit, f *mfield, results []held) []visit {
	m := r.c.merged
	target := m.types[f.typ.Name()]
	if target == nil || target.inaccessible() {
		return nil
	}
	var out []visit
	contexts := r.contextsBelow(v)
	for _, p := range r.possible(target.name) {
		if m.types[p].inaccessible() {
			continue
		}
		in := r.hold(p, results)
		if len(in.list) == 0 {
			continue
		}
		path := &step{v.path, fieldText(f)}
		if p != target.name {
			path = &step{path, "... on " + p}
		}
		out = append(out, visit{p, r.closure(p, in), contexts, path})
	}
	return out
}

// checkMutation: a mutation that several subgraphs share is called in one of them only, so one of
// them must satisfy all that can be selected below it.
func (r *reach) checkMutation(v visit, f *mfield, results []held, reported map[string]bool) {
	var tried []string
	for _, h := range results {
		var problems []string
		r.explore(r.below(v, f, []held{h}), func(v visit, f *mfield) { problems = append(problems, r.stuck(v, f)) }, reported)
		if len(problems) == 0 {
			return
		}
		tried = append(tried, "When calling it in subgraph \""+h.sub.name+"\": "+strings.Join(problems, "\n"))
	}
	if !reported[f.coordinate()] {
		reported[f.coordinate()] = true
		r.c.report.errorf(codeSatisfiability, f.locations(), "Mutation field %q is resolved by several subgraphs but must be called in one only, and none of them satisfies everything below it.\n%s", f.coordinate(), strings.Join(tried, "\n"))
	}
}

// fieldText is a field as an operation would select it; required arguments show their types.
func fieldText(f *mfield) string {
	var args []string
	for _, a := range f.args {
		if a.typ.NonNull && a.deflt == nil {
			args = append(args, a.name+": <"+a.typ.String()+">")
		}
	}
	if len(args) == 0 {
		return f.name
	}
	return f.name + "(" + strings.Join(args, ", ") + ")"
}

// operation writes the shape of the operation that gets stuck.
func operation(path *step, leaf string) string {
	var lines []string
	for p := path; p != nil; p = p.up {
		lines = append(lines, p.text)
	}
	var b strings.Builder
	depth := 0
	for i := len(lines) - 1; i >= 0; i-- {
		text := lines[i]
		if depth == 0 && text == "query" {
			text = ""
		} else {
			text += " "
		}
		b.WriteString(strings.Repeat("  ", depth) + text + "{\n")
		depth++
	}
	b.WriteString(strings.Repeat("  ", depth) + leaf + "\n")
	for depth--; depth >= 0; depth-- {
		b.WriteString(strings.Repeat("  ", depth) + "}\n")
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// stuck is the message for a field, or without one for an object's type.
func (r *reach) stuck(v visit, f *mfield) string {
	leaf, why := "__typename", ""
	if f == nil {
		why = r.whyNoType(v)
	} else {
		leaf, why = fieldText(f), r.why(v, f)
		if t := r.c.merged.types[f.typ.Name()]; t != nil && len(t.fields)+len(t.members) > 0 {
			indent := strings.Repeat("  ", v.path.depth())
			leaf += " {\n" + indent + "  ...\n" + indent + "}"
		}
	}
	return "The following supergraph API query:\n" + operation(v.path, leaf) + "\ncannot be satisfied by the subgraphs because:\n" + why
}

func (p *step) depth() int {
	n := 0
	for ; p != nil; p = p.up {
		n++
	}
	return n
}

func (r *reach) whyNoType(v visit) string {
	var lines []string
	for _, st := range v.at.list {
		lines = append(lines, "- from "+subgraphList([]string{st.sub.name})+": "+quoted([]string{st.abstract})+" is an @interfaceObject, and no subgraph with the interface can be reached by one of its resolvable keys to learn the type of the object.")
	}
	return strings.Join(lines, "\n")
}

// why explains for each subgraph that could hold the object, and each that has the field, why the
// field cannot be had.
func (r *reach) why(v visit, f *mfield) string {
	var lines []string
	reachable := map[*subgraph]bool{}
	for _, st := range v.at.list {
		reachable[st.sub] = true
		own := st.typ(v.typ).byName[f.name]
		line := "- from subgraph \"" + st.sub.name + "\": "
		switch {
		case own == nil:
			line += "cannot find field \"" + f.coordinate() + "\"."
		case own.external != nil:
			line += "field \"" + f.coordinate() + "\" is not resolvable because marked @external."
		case !r.active(own):
			line += "field \"" + f.coordinate() + "\" is not resolvable because it is overridden by subgraph \"" + r.otherSide(own) + "\"."
		case r.outOfContext(v, st.sub, f.name):
			line += "could not find a match for required context for field \"" + f.coordinate() + "\"."
		case own.requires != nil:
			line += "cannot satisfy @requires(fields: \"" + printSelection(own.requires.sels) + "\") on field \"" + f.coordinate() + "\": " + r.blame(v, st.sub, own.requires.sels)
		default:
			line += "field \"" + f.coordinate() + "\" cannot be resolved."
		}
		lines = append(lines, line)
	}
	for _, src := range f.sources {
		s := src.parent.sub
		if reachable[s] || src.external != nil || !r.active(src) {
			continue
		}
		lines = append(lines, "- cannot move to subgraph \""+s.name+"\", which has field \""+f.coordinate()+"\", because "+r.whyNoMove(v, src.parent)+".")
	}
	return strings.Join(lines, "\n")
}

func (r *reach) otherSide(f *field) string {
	if f.overriddenBy != nil {
		return f.overriddenBy.parent.sub.name
	}
	return f.override.from
}

func (r *reach) whyNoMove(v visit, to *typ) string {
	var tried []string
	for _, k := range to.keys {
		if k.resolvable {
			tried = append(tried, "key \""+printSelection(k.sels)+"\": "+r.blame(v, nil, k.sels))
		}
	}
	switch {
	case len(to.keys) == 0:
		return "type \"" + to.name() + "\" has no @key defined in subgraph \"" + to.sub.name + "\""
	case len(tried) == 0:
		return "none of the @key defined on type \"" + to.name() + "\" in subgraph \"" + to.sub.name + "\" are resolvable (they are all declared with their \"resolvable\" argument set to false)"
	}
	return "the fields of no resolvable @key can be had: " + strings.Join(tried, "; ")
}

// blame names the parts of a selection that cannot be resolved. back is the subgraph that has to be
// entered again by key, nil when there is none.
func (r *reach) blame(v visit, back *subgraph, sels ast.SelectionSet) string {
	var missing []string
	for _, sel := range sels {
		if f, ok := sel.(*ast.Field); ok && !r.canResolve(v.typ, v.at, ast.SelectionSet{f}) {
			missing = append(missing, f.Name)
		}
	}
	if len(missing) > 0 {
		return "cannot resolve " + quoted(missing) + " of \"" + v.typ + "\" from there"
	}
	if back != nil {
		return "there is no resolvable @key to come back to subgraph \"" + back.name + "\" with"
	}
	return "they need each other"
}
