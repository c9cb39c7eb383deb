package compose

import (
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
	namespaces := map[string]*feature{}
	for _, d := range s.schemaDirectives() {
		if d.Name != linkName {
			continue
		}
		f, code, problem := readFeature(d)
		if problem != "" {
			r.errorf(code, s.at(d.Position), "[%s] %s", s.name, problem)
			continue
		}
		if !validNamespace(f.as) {
			r.errorf(codeInvalidLinkUsage, s.at(d.Position),
				"[%s] Invalid name %q for specification %q: a name is letters, digits and \"_\", without \"__\" and without \"_\" at its end", s.name, f.as, f.identity)
			continue
		}
		if other := namespaces[f.as]; other != nil && f.identity != other.identity {
			r.errorf(codeInvalidLinkUsage, s.at(d.Position), "[%s] Name conflict: %q and %q are both linked as %q", s.name, other.identity, f.identity, f.as)
			continue
		}
		if dup := s.feature(f.identity); dup != nil {
			r.errorf(codeInvalidLinkUsage, s.at(d.Position), "[%s] Duplicate inclusion of feature %q", s.name, f.identity)
			continue
		}
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
		namespaces[f.as] = f
		s.features = append(s.features, f)
	}
	if s.fed2 {
		s.hintUpgrade(r)
	}
}

// hintUpgrade points at a specification linked on its own that a newer federation version brought.
func (s *subgraph) hintUpgrade(r *report) {
	for _, f := range s.features {
		names := standaloneSpec(f.identity)
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

func validNamespace(n string) bool {
	if n == "" || strings.Contains(n, "__") || strings.HasSuffix(n, "_") {
		return false
	}
	return isName(n)
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
	url := d.Arguments.ForName("url")
	if url == nil || !isString(url.Value) {
		return nil, codeInvalidLinkUsage, "Invalid use of @link: the url argument is required and must be a string"
	}
	id, name, v, ok := parseFeatureURL(url.Value.Raw)
	if !ok {
		return nil, codeInvalidLinkIdentifier, "Invalid @link url " + url.Value.String() + ": it must end with a name and a version such as /v1.0"
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
			return nil, codeInvalidLinkUsage, "Invalid use of @link: for must be SECURITY or EXECUTION"
		}
		f.purpose = p.Value.Raw
	}
	f.imports, problem = readImports(d)
	return f, codeInvalidLinkUsage, problem
}

// parseFeatureURL splits "https://specs.apollo.dev/federation/v2.7" into identity, name and version.
func parseFeatureURL(url string) (id, name string, v version, ok bool) {
	url = strings.TrimSuffix(url, "/")
	i := strings.LastIndexByte(url, '/')
	if i < 0 || !strings.Contains(url, "://") {
		return "", "", version{}, false
	}
	if v, ok = parseVersion(url[i+1:]); !ok {
		return "", "", version{}, false
	}
	id = url[:i]
	j := strings.LastIndexByte(id, '/')
	if name = id[j+1:]; name == "" {
		return "", "", version{}, false
	}
	return id, name, v, true
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
	seen := map[string]bool{}
	for _, child := range arg.Value.Children {
		v := child.Value
		var one imported
		switch {
		case isString(v):
			one = imported{v.Raw, v.Raw}
		case v.Kind == ast.ObjectValue:
			name, as := v.Children.ForName("name"), v.Children.ForName("as")
			if !isString(name) || as != nil && !isString(as) {
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
		if seen[one.name] {
			return out, "Invalid use of @link: \"" + one.name + "\" is imported twice"
		}
		seen[one.name] = true
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
		for _, name := range standaloneSpec(f.identity) {
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
