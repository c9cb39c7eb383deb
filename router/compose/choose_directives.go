package compose

import (
	"sort"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
)

// composedDirective is a custom directive that @composeDirective brings into the supergraph.
type composedDirective struct {
	name     string // without "@", the same in every subgraph
	origin   string // its name in its specification
	identity string
	version  version
	def      *ast.DirectiveDefinition
	from     *subgraph // whose definition is used
	args     []*marg
}

// chooseDirectives settles which custom directives are composed, and which executable directives all
// subgraphs share.
func chooseDirectives(c *composer) {
	byName := map[string]*composedDirective{}
	for _, s := range c.subs {
		for _, d := range s.findAll(s.schemaDirectives(), dirComposeDirective) {
			if cd := c.readCompose(s, d); cd != nil {
				c.chooseVersion(byName, cd, s.at(d.Position))
			}
		}
	}
	c.checkComposedNames(byName)
	for _, name := range sortedKeys(byName) {
		cd := byName[name]
		cd.args = c.mergeArguments("@"+name, []argumentsIn{{sub: cd.from, list: cd.def.Arguments}})
		c.merged.composed = append(c.merged.composed, cd)
	}
	c.chooseExecutable(byName)
}

func (c *composer) readCompose(s *subgraph, d *ast.Directive) *composedDirective {
	at := s.at(d.Position)
	fail := func(format string, args ...any) *composedDirective {
		c.report.errorf(codeDirectiveComposition, at, "[%s] "+format, append([]any{s.name}, args...)...)
		return nil
	}
	name := stringArg(d, "name")
	local, ok := strings.CutPrefix(name, "@")
	switch {
	case name == "":
		return fail("Argument to @composeDirective in subgraph %q cannot be NULL or empty", s.name)
	case !ok:
		return fail("Argument to @composeDirective %q in subgraph %q must have a leading \"@\"", name, s.name)
	}
	if role := s.roles[local]; role != "" {
		switch role {
		case dirTag, dirInaccessible, dirAuthenticated, dirRequiresScopes, dirPolicy, dirCost, dirListSize, dirCacheTag, dirContext:
			c.report.hintf(hintDirectiveCompositionInfo, at, "Directive \"@%s\" should not be explicitly manually composed since it is a federation directive composed by default", local)
			return nil
		}
		return fail("Composing federation directive \"@%s\" in subgraph %q is not supported", local, s.name)
	}
	def := s.directives[local]
	if def == nil {
		return fail("Could not find matching directive definition for argument to @composeDirective \"@%s\" in subgraph %q.%s", local, s.name, nearest(local, s.dirOrder))
	}
	f, origin := s.featureOf(local)
	if f == nil {
		return fail("Directive \"@%s\" in subgraph %q cannot be composed because it is not a member of a core feature: @link its specification and import it", local, s.name)
	}
	return &composedDirective{name: local, origin: origin, identity: f.identity, version: f.version, def: def, from: s}
}

func nearest(name string, all []string) string {
	for _, n := range all {
		if strings.EqualFold(n, name) {
			return " Did you mean \"@" + n + "\"?"
		}
	}
	return ""
}

// featureOf finds the link a directive belongs to, and its name in that specification.
func (s *subgraph) featureOf(local string) (*feature, string) {
	for _, f := range s.features {
		for _, i := range f.imports {
			if i.as == "@"+local {
				return f, strings.TrimPrefix(i.name, "@")
			}
		}
	}
	for _, f := range s.features {
		if rest, ok := strings.CutPrefix(local, f.as+"__"); ok {
			return f, rest
		}
		if local == f.as {
			return f, f.name
		}
	}
	return nil, ""
}

// chooseVersion keeps the definition of the newest minor version, of several the last subgraph's; major
// versions must agree.
func (c *composer) chooseVersion(byName map[string]*composedDirective, cd *composedDirective, at []Location) {
	old := byName[cd.name]
	switch {
	case old == nil:
		byName[cd.name] = cd
	case old.identity != cd.identity:
		c.report.errorf(codeDirectiveComposition, at, "Composed directive \"@%s\" is not linked by the same core feature in every subgraph: %q in subgraph %q but %q in subgraph %q", cd.name, old.identity, old.from.name, cd.identity, cd.from.name)
	case old.origin != cd.origin:
		c.report.errorf(codeDirectiveComposition, at, "Composed directive \"@%s\" does not refer to the same directive in every subgraph: \"@%s\" in subgraph %q but \"@%s\" in subgraph %q", cd.name, old.origin, old.from.name, cd.origin, cd.from.name)
	case old.version.major != cd.version.major:
		c.report.errorf(codeDirectiveComposition, at, "Core feature %q requested to be merged has major version mismatch across subgraphs: %s in subgraph %q but %s in subgraph %q", cd.identity, old.version, old.from.name, cd.version, cd.from.name)
	case !cd.version.less(old.version):
		byName[cd.name] = cd
	}
}

// checkComposedNames: one directive of one specification has one name in the supergraph.
func (c *composer) checkComposedNames(byName map[string]*composedDirective) {
	seen := map[string]*composedDirective{}
	for _, name := range sortedKeys(byName) {
		cd := byName[name]
		id := cd.identity + "#" + cd.origin
		if other := seen[id]; other != nil {
			c.report.errorf(codeDirectiveComposition, append(other.from.at(other.def.Position), cd.from.at(cd.def.Position)...), "Composed directive is not named consistently in all subgraphs: \"@%s\" in subgraph %q but \"@%s\" in subgraph %q", other.name, other.from.name, cd.name, cd.from.name)
		}
		seen[id] = cd
		for _, s := range c.subs {
			if s.directives[name] != nil && !s.composes(cd) {
				c.report.hintf(hintDirectiveCompositionWarning, s.at(s.directives[name].Position), "Directive \"@%s\" is composed by subgraph %q but not by subgraph %q: its applications there are left out. Add @composeDirective(name: \"@%s\") there.", name, cd.from.name, s.name, name)
			}
		}
	}
}

// composes reports whether the subgraph asks for that directive to be composed.
func (s *subgraph) composes(cd *composedDirective) bool {
	f, origin := s.featureOf(cd.name)
	if f == nil || f.identity != cd.identity || origin != cd.origin || s.directives[cd.name] == nil {
		return false
	}
	for _, d := range s.findAll(s.schemaDirectives(), dirComposeDirective) {
		if stringArg(d, "name") == "@"+cd.name {
			return true
		}
	}
	return false
}

func isExecutable(l ast.DirectiveLocation) bool {
	switch l {
	case ast.LocationQuery, ast.LocationMutation, ast.LocationSubscription, ast.LocationField,
		ast.LocationFragmentDefinition, ast.LocationFragmentSpread, ast.LocationInlineFragment, ast.LocationVariableDefinition:
		return true
	}
	return false
}

func executableLocations(def *ast.DirectiveDefinition) []ast.DirectiveLocation {
	var out []ast.DirectiveLocation
	for _, l := range def.Locations {
		if isExecutable(l) {
			out = append(out, l)
		}
	}
	sort.Slice(out, func(i, j int) bool { return out[i] < out[j] })
	return out
}

// chooseExecutable keeps the directives for operations that every subgraph defines, in the places all
// of them allow: the router passes them on.
func (c *composer) chooseExecutable(composed map[string]*composedDirective) {
	names := map[string]bool{}
	for _, s := range c.subs {
		for _, n := range s.dirOrder {
			if composed[n] == nil && len(executableLocations(s.directives[n])) > 0 {
				names[n] = true
			}
		}
	}
	for _, n := range sortedKeys(names) {
		var in, notIn []string
		var locations []ast.DirectiveLocation
		var at []Location
		var descs []described
		var arguments []argumentsIn
		repeatable, mixed, differ := true, false, false
		for i, s := range c.subs {
			def := s.directives[n]
			if def == nil || s.supplied[n] != nil || len(executableLocations(def)) == 0 {
				notIn = append(notIn, s.name)
				continue
			}
			in = append(in, s.name)
			at = append(at, s.at(def.Position)...)
			descs = append(descs, described{def.Description, s})
			arguments = append(arguments, argumentsIn{sub: s, list: def.Arguments})
			repeatable, mixed = repeatable && def.IsRepeatable, mixed || len(in) > 1 && repeatable != def.IsRepeatable
			own := executableLocations(def)
			if i == 0 {
				locations = own
				continue
			}
			var both []ast.DirectiveLocation
			for _, l := range locations {
				if hasLocation(def, l) {
					both = append(both, l)
				}
			}
			differ = differ || len(both) != len(own) || len(both) != len(locations)
			locations = both
		}
		switch {
		case len(notIn) > 0:
			c.report.hintf(hintExecutablePresence, at, "Executable directive \"@%s\" will not be part of the supergraph as it does not appear in all subgraphs: it is defined in %s but not in %s.", n, subgraphList(in), subgraphList(notIn))
			continue
		case len(locations) == 0:
			c.report.hintf(hintNoExecutableIntersection, at, "Executable directive \"@%s\" has no location that is common to all subgraphs: it will not appear in the supergraph", n)
			continue
		case differ:
			c.report.hintf(hintExecutableLocations, at, "Executable directive \"@%s\" has inconsistent locations across subgraphs and will use the intersection in the supergraph", n)
		}
		if mixed {
			c.report.hintf(hintExecutableRepeatable, at, "Executable directive \"@%s\" will not be marked repeatable in the supergraph as it is not in all subgraphs", n)
		}
		def := &ast.DirectiveDefinition{Name: n, Locations: locations, IsRepeatable: repeatable, Description: c.mergeDescription("@"+n, descs)}
		c.merged.executable = append(c.merged.executable, &mdirective{def, c.mergeArguments("@"+n, arguments)})
	}
}
