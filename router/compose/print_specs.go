package compose

import (
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
)

// joinSDL are the directives of join v0.5 and link v1.0. https://specs.apollo.dev/join/v0.5
const joinSDL = `
directive @join__directive(graphs: [join__Graph!], name: String!, args: join__DirectiveArguments) repeatable on SCHEMA | OBJECT | INTERFACE | FIELD_DEFINITION
directive @join__enumValue(graph: join__Graph!) repeatable on ENUM_VALUE
directive @join__field(graph: join__Graph, requires: join__FieldSet, provides: join__FieldSet, type: String, external: Boolean, override: String, usedOverridden: Boolean, overrideLabel: String, contextArguments: [join__ContextArgument!]) repeatable on FIELD_DEFINITION | INPUT_FIELD_DEFINITION
directive @join__graph(name: String!, url: String!) on ENUM_VALUE
directive @join__implements(graph: join__Graph!, interface: String!) repeatable on OBJECT | INTERFACE
directive @join__type(graph: join__Graph!, key: join__FieldSet, extension: Boolean! = false, resolvable: Boolean! = true, isInterfaceObject: Boolean! = false) repeatable on OBJECT | INTERFACE | UNION | ENUM | INPUT_OBJECT | SCALAR
directive @join__unionMember(graph: join__Graph!, member: String!) repeatable on UNION
directive @link(url: String, as: String, for: link__Purpose, import: [link__Import]) repeatable on SCHEMA
directive @context__fromContext(field: context__ContextFieldValue) on ARGUMENT_DEFINITION
`

// linkedSpec is a specification whose directives are merged.
type linkedSpec struct {
	identity, version, purpose string
	directives                 []string
}

// own is the name a directive has where nothing is imported: the specification's own name for the
// directive of that name, and its namespace before the name for others.
func (l linkedSpec) own(directive string) string {
	name := l.identity[strings.LastIndexByte(l.identity, '/')+1:]
	if directive == name {
		return name
	}
	return name + "__" + directive
}

// importText is one entry of the import list of @link.
func importText(origin, name string) string {
	if origin == name {
		return quoteString("@" + origin)
	}
	return "{name: " + quoteString("@"+origin) + ", as: " + quoteString("@"+name) + "}"
}

// linked are the specifications a supergraph links when something of theirs was merged, in the order
// they are printed.
func linked() []linkedSpec {
	return []linkedSpec{
		{idTag, "v0.3", "", []string{dirTag}},
		{idInaccessible, "v0.2", "SECURITY", []string{dirInaccessible}},
		{idAuthenticated, "v0.1", "SECURITY", []string{dirAuthenticated}},
		{idRequiresScopes, "v0.1", "SECURITY", []string{dirRequiresScopes}},
		{idPolicy, "v0.1", "SECURITY", []string{dirPolicy}},
		{idContext, "v0.1", "SECURITY", []string{dirContext}},
		{idCost, "v0.1", "", []string{dirCost, dirListSize}},
		{idCacheTag, "v0.1", "EXECUTION", []string{dirCacheTag}},
	}
}

// links are the @link of the supergraph.
func (c *composer) links() []string {
	out := []string{
		`@link(url: "` + idLink + `/v1.0")`,
		`@link(url: "` + idJoin + `/v0.5", for: EXECUTION)`,
	}
	for _, l := range linked() {
		var imports []string
		used := false
		for _, d := range l.directives {
			if !c.merged.used[d] {
				continue
			}
			used = true
			if own := c.merged.nameOf(d); l.identity != idCacheTag && own != l.own(d) {
				imports = append(imports, importText(d, own))
			}
		}
		if !used {
			continue
		}
		line := `@link(url: "` + l.identity + "/" + l.version + `"`
		if len(imports) > 0 {
			line += ", import: [" + strings.Join(imports, ", ") + "]"
		}
		if l.purpose != "" {
			line += ", for: " + l.purpose
		}
		out = append(out, line+")")
	}
	return append(out, c.composedLinks()...)
}

// composedLinks link the specifications of composed directives, each once, with its imports.
func (c *composer) composedLinks() []string {
	var order []string
	imports := map[string][]string{}
	newest := map[string]version{}
	for _, cd := range c.merged.composed {
		if imports[cd.identity] == nil {
			order = append(order, cd.identity)
		}
		imports[cd.identity] = append(imports[cd.identity], importText(cd.origin, cd.name))
		if newest[cd.identity].less(cd.version) {
			newest[cd.identity] = cd.version
		}
	}
	var out []string
	for _, id := range order {
		out = append(out, "@link(url: "+quoteString(id+"/"+newest[id].String())+", import: ["+strings.Join(imports[id], ", ")+"])")
	}
	return out
}

// suppliedDefinitions are the definitions of the specifications that the supergraph links.
func (c *composer) suppliedDefinitions() []*ast.DirectiveDefinition {
	var out []*ast.DirectiveDefinition
	for _, def := range parseDirectives(joinSDL) {
		if def.Name != "context__fromContext" || c.merged.used[dirContext] {
			out = append(out, def)
		}
	}
	for _, spec := range federationDirectives() {
		name := spec.def.Name
		for _, l := range linked() {
			if !has(l.directives, name) || l.identity == idCacheTag {
				continue
			}
			if c.merged.usesAny(l.directives) {
				def := *spec.def
				if def.Name = l.own(name); c.merged.used[name] {
					def.Name = c.merged.nameOf(name)
				}
				def.Arguments = nil
				for _, a := range spec.def.Arguments {
					own := *a
					own.Type = renameType(a.Type, specTypeName)
					def.Arguments = append(def.Arguments, &own)
				}
				out = append(out, &def)
			}
		}
	}
	if c.merged.used[dirOneOf] {
		for _, def := range parseDirectives(builtinSDL) {
			if def.Name == dirOneOf {
				out = append(out, def)
			}
		}
	}
	return out
}

func (m *schema) usesAny(directives []string) bool {
	for _, d := range directives {
		if m.used[d] {
			return true
		}
	}
	return false
}

func specTypeName(n string) string {
	switch n {
	case "Scope":
		return "requiresScopes__Scope"
	case "Policy":
		return "policy__Policy"
	case "ContextFieldValue":
		return "context__ContextFieldValue"
	}
	return n
}

type suppliedType struct{ name, text string }

// suppliedTypes are the types that come with those directives.
func (c *composer) suppliedTypes() []suppliedType {
	out := []suppliedType{
		{"join__ContextArgument", "input join__ContextArgument {\n  name: String!\n  type: String!\n  context: String!\n  selection: join__FieldValue!\n}"},
		{"join__DirectiveArguments", "scalar join__DirectiveArguments"},
		{"join__FieldSet", "scalar join__FieldSet"},
		{"join__FieldValue", "scalar join__FieldValue"},
		{"link__Import", "scalar link__Import"},
		{"link__Purpose", "enum link__Purpose {\n  \"\"\"\n  `SECURITY` features provide metadata necessary to securely resolve fields.\n  \"\"\"\n  SECURITY\n\n  \"\"\"\n  `EXECUTION` features provide metadata necessary for operation execution.\n  \"\"\"\n  EXECUTION\n}"},
	}
	for _, s := range []struct{ role, typ string }{{dirRequiresScopes, "Scope"}, {dirPolicy, "Policy"}, {dirContext, "ContextFieldValue"}} {
		if c.merged.used[s.role] {
			n := specTypeName(s.typ)
			out = append(out, suppliedType{n, "scalar " + n})
		}
	}
	return out
}
