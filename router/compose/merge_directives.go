package compose

import (
	"slices"
	"sort"
	"strconv"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
)

// mergeDirectives merges applications on every element: repeatable ones are united, the others
// merged argument by argument where the specification says how.
func mergeDirectives(c *composer) {
	for _, name := range c.merged.order {
		t := c.merged.types[name]
		c.mergeApplied(&t.element, name)
		for _, f := range t.fields {
			c.mergeApplied(&f.element, f.coordinate())
			f.slices()
			for _, a := range f.args {
				if len(a.dirs)+len(a.custom) == 0 {
					c.mergeApplied(&a.element, a.coordinate())
				}
			}
		}
		for _, v := range t.values {
			c.mergeApplied(&v.element, name+"."+v.name)
		}
	}
	for _, d := range c.merged.definitions() {
		for _, a := range d.args {
			c.mergeApplied(&a.element, a.coordinate())
		}
	}
}

// slices leaves out of @listSize the arguments that are not in the supergraph: no client can give them.
func (f *mfield) slices() {
	gone := func(path string) bool {
		name, _, _ := strings.Cut(path, ".")
		return !slices.ContainsFunc(f.args, func(a *marg) bool { return a.name == name })
	}
	for i, d := range f.dirs {
		a := d.Arguments.ForName("slicingArguments")
		if d.Name != dirListSize || a == nil || !slices.ContainsFunc(stringsOf(a.Value), gone) {
			continue
		}
		own := *d
		own.Arguments = slices.Clone(d.Arguments)
		own.Arguments[slices.Index(d.Arguments, a)] = &ast.Argument{Name: a.Name, Value: stringList(slices.DeleteFunc(stringsOf(a.Value), gone))}
		f.dirs[i] = &own
	}
}

// mergeSchemaElement merges what stands on the schema itself: its description, tags and composed directives.
func (c *composer) mergeSchemaElement() {
	e := &element{}
	var descs []described
	for _, s := range c.subs {
		e.add(s, s.schemaDirectives(), nil)
		for _, d := range s.doc.Schema {
			descs = append(descs, described{d.Description, s})
		}
	}
	e.desc = c.mergeDescription("schema", descs)
	c.mergeApplied(e, "schema")
	c.merged.element = e
}

func (c *composer) mergeApplied(e *element, what string) {
	e.dirs, e.custom = nil, nil
	for _, role := range []string{dirTag, dirInaccessible, dirDeprecated, dirSpecifiedBy, dirOneOf, dirAuthenticated, dirRequiresScopes, dirPolicy, dirCost, dirListSize} {
		var found []applied
		for _, a := range append(e.applied[:len(e.applied):len(e.applied)], e.inherited...) {
			for _, d := range a.sub.findAll(a.list, role) {
				found = append(found, applied{a.sub, withoutNulls(d, role)})
			}
		}
		if len(found) > 0 {
			c.merged.used[role] = true
			e.dirs = append(e.dirs, c.mergeApplications(role, found, what)...)
		}
	}
	c.mergeContexts(e)
	c.mergeCacheTags(e)
	for _, cd := range c.merged.composed {
		var found []applied
		for _, a := range e.applied {
			if !a.sub.composes(cd) {
				continue
			}
			for _, d := range a.list {
				if d.Name == cd.name {
					found = append(found, applied{a.sub, d})
				}
			}
		}
		if len(found) > 0 {
			e.custom = append(e.custom, c.mergeCustom(cd, found, what)...)
		}
	}
}

type applied struct {
	sub *subgraph
	dir *ast.Directive
}

// withoutNulls is the application under its canonical name.
func withoutNulls(d *ast.Directive, name string) *ast.Directive {
	own := &ast.Directive{Name: name, Position: d.Position}
	for _, a := range d.Arguments {
		if a.Value.Kind != ast.NullValue {
			own.Arguments = append(own.Arguments, a)
		}
	}
	return own
}

func argsText(d *ast.Directive) string {
	var parts []string
	for _, a := range d.Arguments {
		parts = append(parts, a.Name+": "+printValue(a.Value))
	}
	if d.Name == dirDeprecated && len(parts) == 0 {
		parts = append(parts, `reason: "No longer supported"`)
	}
	sort.Strings(parts)
	return strings.Join(parts, ", ")
}

// distinct are the applications that differ in their arguments, in order.
func distinct(found []applied) []*ast.Directive {
	seen := map[string]bool{}
	var out []*ast.Directive
	for _, a := range found {
		text := argsText(a.dir)
		if !seen[text] {
			seen[text] = true
			out = append(out, a.dir)
		}
	}
	return out
}

func (c *composer) mergeCustom(cd *composedDirective, found []applied, what string) []*ast.Directive {
	if cd.identity == idCache {
		return joined(found, "cache__"+cd.origin)
	}
	all := distinct(found)
	if cd.def.IsRepeatable || len(all) == 1 {
		return all
	}
	return []*ast.Directive{c.mostUsed(found, what)}
}

func (c *composer) mergeApplications(role string, found []applied, what string) []*ast.Directive {
	all := distinct(found)
	if role == dirTag || len(all) == 1 {
		return all
	}
	merged := &ast.Directive{Name: role}
	strategies := ""
	switch role {
	case dirRequiresScopes:
		merged.Arguments = ast.ArgumentList{{Name: "scopes", Value: conjunction(all, "scopes")}}
		strategies = "every subgraph's scopes are required"
	case dirPolicy:
		merged.Arguments = ast.ArgumentList{{Name: "policies", Value: conjunction(all, "policies")}}
		strategies = "every subgraph's policies are required"
	case dirCost:
		merged.Arguments = ast.ArgumentList{{Name: "weight", Value: largest(all, "weight")}}
		strategies = "the largest weight is used"
	case dirListSize:
		merged.Arguments = mergeListSize(all)
		strategies = "the largest assumed size and all names are used"
	default:
		return []*ast.Directive{c.mostUsed(found, what)}
	}
	c.report.hintf(hintMergedArguments, nil, "Directive @%s is applied to %q in multiple subgraphs with different arguments: %s.", role, what, strategies)
	return []*ast.Directive{merged}
}

// mostUsed is the application most subgraphs have, the first by graph among equals.
func (c *composer) mostUsed(found []applied, what string) *ast.Directive {
	count := map[string]int{}
	for _, a := range found {
		count[argsText(a.dir)]++
	}
	best := found[0].dir
	for _, a := range found[1:] {
		if count[argsText(a.dir)] > count[argsText(best)] {
			best = a.dir
		}
	}
	c.report.hintf(hintInconsistentNonRepeatable, nil, "Non-repeatable directive @%s is applied to %q in multiple subgraphs but with incompatible arguments. The supergraph will use (%s).", best.Name, what, argsText(best))
	return best
}

// conjunction requires what each application requires: each is an OR of ANDs, and so is the result.
// Alternatives that ask for more than another are dropped. Past 1000 alternatives the later
// applications only add to each alternative, which asks for more, never for less.
func conjunction(all []*ast.Directive, arg string) *ast.Value {
	result := alternativesOf(all[0], arg)
	for _, d := range all[1:] {
		result = allOf(result, alternativesOf(d, arg))
	}
	return doubleList(minimal(result))
}

// alternativesOf reads an OR of ANDs. An empty one asks nothing.
func alternativesOf(d *ast.Directive, arg string) [][]string {
	var out [][]string
	if a := d.Arguments.ForName(arg); a != nil {
		for _, or := range listOf(a.Value) {
			out = append(out, stringsOf(or))
		}
	}
	if len(out) == 0 {
		return [][]string{nil}
	}
	return out
}

func allOf(a, b [][]string) [][]string {
	if len(a)*len(b) > 1000 {
		var every []string
		for _, y := range b {
			every = append(every, y...)
		}
		b = [][]string{every}
	}
	var out [][]string
	for _, x := range a {
		for _, y := range b {
			out = append(out, united(x, y))
		}
	}
	return out
}

func listOf(v *ast.Value) []*ast.Value {
	if v.Kind != ast.ListValue {
		return []*ast.Value{v}
	}
	var out []*ast.Value
	for _, c := range v.Children {
		out = append(out, c.Value)
	}
	return out
}

func united(a, b []string) []string {
	set := map[string]bool{}
	for _, s := range a {
		set[s] = true
	}
	for _, s := range b {
		set[s] = true
	}
	return sortedKeys(set)
}

func minimal(list [][]string) [][]string {
	var out [][]string
	for i, x := range list {
		redundant := false
		for j, y := range list {
			if i != j && subset(y, x) && (len(y) < len(x) || j < i) {
				redundant = true
				break
			}
		}
		if !redundant {
			out = append(out, x)
		}
	}
	sort.Slice(out, func(i, j int) bool { return strings.Join(out[i], "\x00") < strings.Join(out[j], "\x00") })
	return out
}

func subset(a, b []string) bool {
	for _, s := range a {
		if !has(b, s) {
			return false
		}
	}
	return true
}

func doubleList(list [][]string) *ast.Value {
	v := &ast.Value{Kind: ast.ListValue}
	for _, inner := range list {
		v.Children = append(v.Children, &ast.ChildValue{Value: stringList(inner)})
	}
	return v
}

func stringList(list []string) *ast.Value {
	v := &ast.Value{Kind: ast.ListValue}
	for _, s := range list {
		v.Children = append(v.Children, &ast.ChildValue{Value: &ast.Value{Kind: ast.StringValue, Raw: s}})
	}
	return v
}

func largest(all []*ast.Directive, arg string) *ast.Value {
	var best *ast.Value
	var bestN int
	for _, d := range all {
		a := d.Arguments.ForName(arg)
		if a == nil {
			continue
		}
		n, err := strconv.Atoi(a.Value.Raw)
		if err == nil && (best == nil || n > bestN) {
			best, bestN = a.Value, n
		}
	}
	if best == nil {
		best = &ast.Value{Kind: ast.NullValue, Raw: "null"}
	}
	return best
}

func mergeListSize(all []*ast.Directive) ast.ArgumentList {
	var out ast.ArgumentList
	if v := largest(all, "assumedSize"); v.Kind != ast.NullValue {
		out = append(out, &ast.Argument{Name: "assumedSize", Value: v})
	}
	for _, name := range []string{"slicingArguments", "sizedFields"} {
		var list []string
		given := false
		for _, d := range all {
			if a := d.Arguments.ForName(name); a != nil {
				given = true
				for _, s := range stringsOf(a.Value) {
					if !has(list, s) {
						list = append(list, s)
					}
				}
			}
		}
		if given {
			out = append(out, &ast.Argument{Name: name, Value: stringList(list)})
		}
	}
	requireOne := "true"
	for _, d := range all {
		if a := d.Arguments.ForName("requireOneSlicingArgument"); a != nil && a.Value.Raw == "false" {
			requireOne = "false"
		}
	}
	return append(out, &ast.Argument{Name: "requireOneSlicingArgument", Value: &ast.Value{Kind: ast.BooleanValue, Raw: requireOne}})
}

// mergeCacheTags carries @cacheTag for the graphs it holds of.
func (c *composer) mergeCacheTags(e *element) {
	var found []applied
	for _, a := range e.applied {
		for _, d := range a.sub.findAll(a.list, dirCacheTag) {
			c.merged.used[dirCacheTag] = true
			found = append(found, applied{a.sub, d})
		}
	}
	e.dirs = append(e.dirs, joined(found, "federation__cacheTag")...)
}
