package compose

import (
	"net/url"
	"slices"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
)

// feature is one @link: a specification and the names it has in this subgraph.
type feature struct {
	identity string
	name     string // the specification's own name, last part of its identity
	as       string // its namespace in this subgraph
	version  version
	imports  []imported
	dir      *ast.Directive
	purpose  string
}

type imported struct{ name, as string } // both with "@" when a directive

// local is the name a directive of the feature has in the subgraph: imported, or in its namespace.
func (f *feature) local(directive string) string {
	for _, i := range f.imports {
		if i.name == "@"+directive {
			return strings.TrimPrefix(i.as, "@")
		}
	}
	if directive == f.name {
		return f.as
	}
	return f.as + "__" + directive
}

func (f *feature) localType(name string) string {
	for _, i := range f.imports {
		if i.name == name {
			return i.as
		}
	}
	return f.as + "__" + name
}

// resolveLinks reads @link on each schema and gives every specified directive its local name.
// https://specs.apollo.dev/link/v1.0
func resolveLinks(r *report, s *subgraph) {
	s.readLinks(r)
	s.nameDirectives(r)
}

// schemaDirectives are the directives on the schema element and its extensions.
func (s *subgraph) schemaDirectives() ast.DirectiveList {
	var all ast.DirectiveList
	for _, d := range s.doc.Schema {
		all = append(all, d.Directives...)
	}
	for _, d := range s.doc.SchemaExtension {
		all = append(all, d.Directives...)
	}
	return all
}

// linkName is what @link is called here: the link to the link specification may rename it.
func (s *subgraph) linkName() string {
	for _, d := range s.schemaDirectives() {
		id, _, _, ok := parseFeatureURL(stringArg(d, "url"))
		if !ok || id != idLink {
			continue
		}
		f := &feature{identity: id, name: dirLink, as: dirLink}
		if as := stringArg(d, "as"); as != "" {
			f.as = as
		}
		f.imports, _ = readImports(d)
		if f.local(dirLink) == d.Name {
			return d.Name
		}
	}
	return dirLink
}

func (s *subgraph) readLinks(r *report) {
	linkName := s.linkName()
	s.roles[linkName] = dirLink
	names, linked := newLinkNames(), s.readFeatures(r, linkName)
	if len(linked) == 0 || linked[0].identity != idLink {
		names.add(&feature{identity: idLink, name: dirLink, as: linkName})
	}
	for _, f := range linked {
		if problem := names.add(f); problem != "" {
			r.errorf(codeInvalidLinkUsage, s.at(f.dir.Position), "[%s] %s", s.name, problem)
			continue
		}
		d := f.dir
		switch f.identity {
		case idFederation:
			if f.version.major != 2 || lastFederation().less(f.version) {
				r.errorf(codeUnknownFederationLinkVersion, s.at(d.Position), "[%s] Invalid version %s for the federation feature in @link", s.name, f.version)
				f.version = lastFederation()
			}
			s.fed2, s.version = true, f.version
		case idLink:
			if f.version != (version{1, 0}) {
				r.errorf(codeUnknownLinkVersion, s.at(d.Position), "[%s] Schema uses unknown version %s of the link specification", s.name, f.version)
			}
		case idConnect:
			r.errorf(codeUnsupportedLinkedFeature, s.at(d.Position), "[%s] Connectors (%s) are not supported: a subgraph here answers GraphQL itself", s.name, f.identity)
		}
		s.features = append(s.features, f)
	}
	if s.fed2 {
		s.hintUpgrade(r)
	}
}

// readFeatures reads the links, that of the link specification first: its names are taken before all
// others.
func (s *subgraph) readFeatures(r *report, linkName string) []*feature {
	var first, rest []*feature
	for _, d := range s.schemaDirectives() {
		if d.Name != linkName {
			continue
		}
		f, code, problem := readFeature(d)
		switch {
		case problem != "":
			r.errorf(code, s.at(d.Position), "[%s] %s", s.name, problem)
		case f.identity == idLink:
			first = append(first, f)
		default:
			rest = append(rest, f)
		}
	}
	return append(first, rest...)
}

// hintUpgrade points at a specification linked on its own that a newer federation version brought.
func (s *subgraph) hintUpgrade(r *report) {
	for _, f := range s.features {
		names := standaloneSpec(f.identity, f.version)
		if len(names) == 0 {
			continue
		}
		for _, spec := range federationDirectives() {
			if spec.def.Name == names[0] && s.version.less(spec.since) {
				r.hintf(hintUpgradedVersion, s.at(f.dir.Position), "Subgraph %s has been implicitly upgraded from federation %s to %s, which brought %s", s.name, s.version, spec.since, f.identity)
			}
		}
	}
}

func (s *subgraph) feature(identity string) *feature {
	for _, f := range s.features {
		if f.identity == identity {
			return f
		}
	}
	return nil
}

func isName(n string) bool {
	for i, r := range n {
		if !isLetter(r) && (i == 0 || r < '0' || r > '9') {
			return false
		}
	}
	return n != ""
}

func readFeature(d *ast.Directive) (f *feature, code, problem string) {
	address := d.Arguments.ForName("url")
	if address == nil || !isString(address.Value) {
		return nil, codeInvalidLinkUsage, "Invalid use of @link: the url argument is required and must be a string"
	}
	id, name, v, ok := parseFeatureURL(address.Value.Raw)
	if !ok {
		return nil, codeInvalidLinkIdentifier, "Invalid @link url " + address.Value.String() + ": it must end with a name and a version such as /v1.0"
	}
	f = &feature{identity: id, name: name, as: name, version: v, dir: d}
	if as := d.Arguments.ForName("as"); as != nil && as.Value.Kind != ast.NullValue {
		if !isString(as.Value) {
			return nil, codeInvalidLinkUsage, "Invalid use of @link: as must be a string"
		}
		f.as = as.Value.Raw
	}
	if p := d.Arguments.ForName("for"); p != nil && p.Value.Kind != ast.NullValue {
		if p.Value.Raw != "SECURITY" && p.Value.Raw != "EXECUTION" {
			return nil, codeInvalidGraphQL, "Invalid use of @link: for must be SECURITY or EXECUTION"
		}
		f.purpose = p.Value.Raw
	}
	f.imports, problem = readImports(d)
	return f, codeInvalidLinkUsage, problem
}

// parseFeatureURL splits "https://specs.apollo.dev/federation/v2.7" into identity, name and version. A slash
// at the end, a query and a fragment are no part of what is linked.
func parseFeatureURL(text string) (id, name string, v version, ok bool) {
	u, err := url.Parse(text)
	if err != nil || u.Scheme == "" || u.Host == "" {
		return "", "", version{}, false
	}
	parts := strings.Split(strings.TrimSuffix(u.EscapedPath(), "/"), "/")
	if v, ok = parseVersion(parts[len(parts)-1]); !ok || len(parts) < 3 || parts[len(parts)-2] == "" {
		return "", "", version{}, false
	}
	parts = parts[:len(parts)-1]
	return u.Scheme + "://" + u.Host + strings.Join(parts, "/"), parts[len(parts)-1], v, true
}

func readImports(d *ast.Directive) ([]imported, string) {
	arg := d.Arguments.ForName("import")
	if arg == nil || arg.Value.Kind == ast.NullValue {
		return nil, ""
	}
	if arg.Value.Kind != ast.ListValue {
		return nil, "Invalid use of @link: import must be a list"
	}
	var out []imported
	for _, child := range arg.Value.Children {
		v := child.Value
		var one imported
		switch {
		case isString(v):
			one = imported{v.Raw, v.Raw}
		case v.Kind == ast.ObjectValue:
			name, as := v.Children.ForName("name"), v.Children.ForName("as")
			other := slices.ContainsFunc(v.Children, func(c *ast.ChildValue) bool { return c.Name != "name" && c.Name != "as" })
			if !isString(name) || as != nil && !isString(as) || other {
				return out, "Invalid use of @link: an imported object has a name and an as, both strings, not " + v.String()
			}
			one = imported{name.Raw, name.Raw}
			if as != nil {
				one.as = as.Raw
			}
		default:
			return out, "Invalid use of @link: import takes strings or objects of name and as, not " + v.String()
		}
		if strings.HasPrefix(one.name, "@") != strings.HasPrefix(one.as, "@") {
			return out, "Invalid use of @link: import of \"" + one.name + "\" as \"" + one.as + "\": both or neither must start with \"@\""
		}
		if !isName(strings.TrimPrefix(one.as, "@")) {
			return out, "Invalid use of @link: \"" + one.as + "\" is no name"
		}
		out = append(out, one)
	}
	return out, ""
}

func isString(v *ast.Value) bool {
	return v != nil && (v.Kind == ast.StringValue || v.Kind == ast.BlockValue)
}

func stringArg(d *ast.Directive, name string) string {
	if a := d.Arguments.ForName(name); a != nil && isString(a.Value) {
		return a.Value.Raw
	}
	return ""
}

// nameDirectives fills roles and supplied: which local directive name plays which specified part.
func (s *subgraph) nameDirectives(r *report) {
	for _, def := range parseDirectives(builtinSDL) {
		s.supplied[def.Name] = def
		s.roles[def.Name] = def.Name
	}
	for _, def := range parseDirectives(linkSDL) {
		def.Arguments.ForName("for").Type.NamedType = "link__Purpose"
		def.Arguments.ForName("import").Type.Elem.NamedType = "link__Import"
		for local, role := range s.roles {
			if role == dirLink {
				s.supplied[local] = def
			}
		}
	}
	all := federationDirectives()
	known := map[string]bool{}
	if fed := s.feature(idFederation); fed != nil {
		for _, spec := range all {
			if s.version.less(spec.since) {
				continue
			}
			known["@"+spec.def.Name] = true
			s.supply(fed.local(spec.def.Name), spec, fed)
		}
		for _, t := range federationTypes() {
			known[t] = true
		}
		for _, i := range fed.imports {
			if !known[i.name] && !isConnectorImport(i.name) {
				r.errorf(codeInvalidLinkUsage, s.at(fed.dir.Position), "[%s] Cannot import unknown element %q from federation %s", s.name, i.name, s.version)
			}
		}
	} else {
		names := federation1Names()
		for _, spec := range all {
			if names[spec.def.Name] {
				s.supply(spec.def.Name, spec, nil)
			}
		}
	}
	for _, f := range s.features {
		for _, name := range standaloneSpec(f.identity, f.version) {
			for _, spec := range all {
				if spec.def.Name == name {
					s.supply(f.local(name), spec, f)
				}
			}
		}
	}
}

func isConnectorImport(name string) bool { return name == "@connect" || name == "@source" }

func (s *subgraph) supply(local string, spec specified, f *feature) {
	def := *spec.def
	def.Arguments = nil
	for _, a := range spec.def.Arguments {
		if def.Name == dirOverride && a.Name == "label" && s.version.less(version{2, 7}) {
			continue
		}
		arg := *a
		arg.Type = renameType(a.Type, func(n string) string {
			for _, t := range federationTypes() {
				if n == t && f != nil {
					return f.localType(n)
				} else if n == t {
					return "_" + n
				}
			}
			return n
		})
		def.Arguments = append(def.Arguments, &arg)
	}
	def.Name = local
	s.supplied[local] = &def
	s.roles[local] = spec.def.Name
}

// renameType is t with its innermost name replaced.
func renameType(t *ast.Type, to func(string) string) *ast.Type {
	c := *t
	if t.Elem != nil {
		c.Elem = renameType(t.Elem, to)
	} else {
		c.NamedType = to(t.NamedType)
	}
	return &c
}
