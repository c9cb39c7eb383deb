package compose

import (
	"regexp"
	"strings"
)

// resolveOverrides finds for each @override the field it takes over.
func resolveOverrides(c *composer) {
	byName := map[string]*subgraph{}
	for _, s := range c.subs {
		byName[s.name] = s
	}
	for _, s := range c.subs {
		for _, name := range s.order {
			for _, f := range s.types[name].fields {
				if f.override != nil {
					c.resolveOverride(f, byName[f.override.from])
				}
			}
		}
	}
}

func (c *composer) resolveOverride(f *field, from *subgraph) {
	o, s := f.override, f.parent.sub
	at := s.at(o.dir.Position)
	if from == nil {
		c.report.hintf(hintFromSubgraphMissing, at, "Source subgraph %q for field %q on subgraph %q does not exist.", o.from, f.coordinate(), s.name)
		return
	}
	if from == s {
		c.report.errorf(codeOverrideFromSelf, at, "[%s] Source and destination subgraphs %q are the same for overridden field %q", s.name, s.name, f.coordinate())
		return
	}
	if f.parent.interfaceObject {
		c.report.errorf(codeOverrideCollision, at, "[%s] @override is not yet supported on fields of @interfaceObject types: cannot be used on field %q on subgraph %q.", s.name, f.coordinate(), s.name)
		return
	}
	var src *field
	if t := from.types[f.parent.name()]; t != nil {
		src = t.byName[f.def.Name]
	}
	for _, i := range f.parent.def.Interfaces {
		if t := from.types[i]; src == nil && t != nil && t.interfaceObject && t.byName[f.def.Name] != nil {
			c.report.errorf(codeOverrideCollision, at, "[%s] Invalid @override on field %q of subgraph %q: source subgraph %q does not have field %q but abstract it in type %q and overriding abstracted fields is not supported.", s.name, f.coordinate(), s.name, o.from, f.coordinate(), i)
			return
		}
	}
	if src == nil {
		c.report.hintf(hintOverrideCanBeRemoved, at, "Field %q on subgraph %q no longer exists in the from subgraph. The @override directive can be removed.", f.coordinate(), s.name)
		return
	}
	if src.override != nil {
		c.report.errorf(codeOverrideSourceHasOverride, at, "[%s] Field %q on subgraph %q is also marked with directive @override in subgraph %q. Only one @override directive is allowed per field.", s.name, f.coordinate(), s.name, o.from)
		return
	}
	for _, g := range []*field{f, src} {
		for _, d := range g.def.Directives {
			role := g.parent.sub.roles[d.Name]
			if role == dirExternal && g == f || role == dirRequires || role == dirProvides {
				c.report.errorf(codeOverrideCollision, append(at, g.at()...), "@override cannot be used on field %q on subgraph %q since %q on %q is marked with directive \"@%s\"", f.coordinate(), s.name, g.coordinate(), g.parent.sub.name, role)
				return
			}
		}
	}
	if src.external != nil {
		c.report.hintf(hintOverrideCanBeRemoved, at, "Field %q on subgraph %q is not resolved anymore by the from subgraph (it is marked \"@external\" in %q). The @override directive can be removed.", f.coordinate(), s.name, o.from)
		if o.label == "" {
			return
		}
	}
	if o.label != "" && !validLabel(o.label) {
		c.report.errorf(codeOverrideLabelInvalid, at, "[%s] Invalid @override label %q on field %q on subgraph %q: labels must start with a letter and after that may contain alphanumerics, underscores, minuses, colons, periods, or slashes. Alternatively, labels may be of the form \"percent(x)\" where x is a float between 0-100 inclusive.", s.name, o.label, f.coordinate(), s.name)
	}
	src.overriddenBy = f
	switch {
	case o.label != "":
		c.report.hintf(hintOverrideMigration, src.at(), "Field %q is currently being migrated with progressive @override. Once the migration is complete, remove the field from subgraph %q.", f.coordinate(), o.from)
	case src.used:
		c.report.hintf(hintOverriddenCanBeRemoved, src.at(), "Field %q on subgraph %q is overridden. It is still used in some federation directive(s) (@key, @requires, and/or @provides) and/or to satisfy interface constraint(s), but consider marking it @external explicitly or removing it along with its references.", f.coordinate(), o.from)
	default:
		c.report.hintf(hintOverriddenCanBeRemoved, src.at(), "Field %q on subgraph %q is overridden. Consider removing it.", f.coordinate(), o.from)
	}
}

var percent = regexp.MustCompile(`^percent\((\d{1,2}(\.\d{1,8})?|100)\)$`)

func validLabel(l string) bool {
	if percent.MatchString(l) {
		return true
	}
	for i, r := range l {
		letter := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
		if !letter && (i == 0 || !strings.ContainsRune("0123456789_-:./", r)) {
			return false
		}
	}
	return true
}

// replaced reports whether another subgraph has taken the field over for all requests.
func (f *field) replaced() bool {
	return f.overriddenBy != nil && f.overriddenBy.override.label == ""
}

// resolves reports whether the subgraph gives the field to whoever asks: not external, not replaced.
func (f *field) resolves() bool { return f.external == nil && !f.replaced() }
