package compose

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/parser"
)

// The specifications composition knows, by identity (the URL without its version).
const (
	idFederation     = "https://specs.apollo.dev/federation"
	idLink           = "https://specs.apollo.dev/link"
	idCore           = "https://specs.apollo.dev/core"
	idTag            = "https://specs.apollo.dev/tag"
	idInaccessible   = "https://specs.apollo.dev/inaccessible"
	idAuthenticated  = "https://specs.apollo.dev/authenticated"
	idRequiresScopes = "https://specs.apollo.dev/requiresScopes"
	idPolicy         = "https://specs.apollo.dev/policy"
	idCost           = "https://specs.apollo.dev/cost"
	idContext        = "https://specs.apollo.dev/context"
	idCacheTag       = "https://specs.apollo.dev/cacheTag"
	idConnect        = "https://specs.apollo.dev/connect"
	idJoin           = "https://specs.apollo.dev/join"
)

// Canonical names of the directives of the federation specification.
const (
	dirKey              = "key"
	dirRequires         = "requires"
	dirProvides         = "provides"
	dirExternal         = "external"
	dirTag              = "tag"
	dirExtends          = "extends"
	dirShareable        = "shareable"
	dirInaccessible     = "inaccessible"
	dirOverride         = "override"
	dirComposeDirective = "composeDirective"
	dirInterfaceObject  = "interfaceObject"
	dirAuthenticated    = "authenticated"
	dirRequiresScopes   = "requiresScopes"
	dirPolicy           = "policy"
	dirContext          = "context"
	dirFromContext      = "fromContext"
	dirCost             = "cost"
	dirListSize         = "listSize"
	dirCacheTag         = "cacheTag"
	dirLink             = "link"
	dirOneOf            = "oneOf"
	dirDeprecated       = "deprecated"
	dirSpecifiedBy      = "specifiedBy"
)

// version is a specification's version, vMAJOR.MINOR.
type version struct{ major, minor int }

func (v version) String() string { return fmt.Sprintf("v%d.%d", v.major, v.minor) }

func (v version) less(o version) bool {
	return v.major < o.major || v.major == o.major && v.minor < o.minor
}

func parseVersion(s string) (version, bool) {
	major, minor, ok := strings.Cut(strings.TrimPrefix(s, "v"), ".")
	if !ok || !strings.HasPrefix(s, "v") {
		return version{}, false
	}
	a, errA := strconv.Atoi(major)
	b, errB := strconv.Atoi(minor)
	if errA != nil || errB != nil || a < 0 || b < 0 {
		return version{}, false
	}
	return version{a, b}, true
}

// lastFederation is the newest federation version composition knows.
func lastFederation() version { return version{2, 14} }

// specified is a directive of the federation specification and the version that brought it.
type specified struct {
	since version
	def   *ast.DirectiveDefinition
}

// federationTypes are the scalars that come with the federation specification.
func federationTypes() []string {
	return []string{"FieldSet", "Scope", "Policy", "ContextFieldValue"}
}

// federationSDL holds each directive after the minor version (of v2) that brought it. FieldSet and
// its like are written without prefix; link.go gives them their local names.
const federationSDL = `
# 0
directive @key(fields: FieldSet!, resolvable: Boolean = true) repeatable on OBJECT | INTERFACE
directive @requires(fields: FieldSet!) on FIELD_DEFINITION
directive @provides(fields: FieldSet!) on FIELD_DEFINITION
directive @external(reason: String) on OBJECT | FIELD_DEFINITION
directive @tag(name: String!) repeatable on FIELD_DEFINITION | OBJECT | INTERFACE | UNION | ARGUMENT_DEFINITION | SCALAR | ENUM | ENUM_VALUE | INPUT_OBJECT | INPUT_FIELD_DEFINITION | SCHEMA
directive @extends on OBJECT | INTERFACE
directive @shareable repeatable on FIELD_DEFINITION | OBJECT
directive @inaccessible on FIELD_DEFINITION | OBJECT | INTERFACE | UNION | ARGUMENT_DEFINITION | SCALAR | ENUM | ENUM_VALUE | INPUT_OBJECT | INPUT_FIELD_DEFINITION
directive @override(from: String!, label: String) on FIELD_DEFINITION
# 1
directive @composeDirective(name: String) repeatable on SCHEMA
# 3
directive @interfaceObject on OBJECT
# 5
directive @authenticated on FIELD_DEFINITION | OBJECT | INTERFACE | SCALAR | ENUM
directive @requiresScopes(scopes: [[Scope!]!]!) on FIELD_DEFINITION | OBJECT | INTERFACE | SCALAR | ENUM
# 6
directive @policy(policies: [[Policy!]!]!) on FIELD_DEFINITION | OBJECT | INTERFACE | SCALAR | ENUM
# 8
directive @context(name: String!) repeatable on INTERFACE | OBJECT | UNION
directive @fromContext(field: ContextFieldValue) on ARGUMENT_DEFINITION
# 9
directive @cost(weight: Int!) on ARGUMENT_DEFINITION | ENUM | FIELD_DEFINITION | INPUT_FIELD_DEFINITION | OBJECT | SCALAR
directive @listSize(assumedSize: Int, slicingArguments: [String!], sizedFields: [String!], requireOneSlicingArgument: Boolean = true) on FIELD_DEFINITION
# 12
directive @cacheTag(format: String!) repeatable on INTERFACE | OBJECT | FIELD_DEFINITION
`

// builtinSDL are the directives GraphQL itself defines, and @link.
const builtinSDL = `
directive @skip(if: Boolean!) on FIELD | FRAGMENT_SPREAD | INLINE_FRAGMENT
directive @include(if: Boolean!) on FIELD | FRAGMENT_SPREAD | INLINE_FRAGMENT
directive @deprecated(reason: String = "No longer supported") on FIELD_DEFINITION | ARGUMENT_DEFINITION | INPUT_FIELD_DEFINITION | ENUM_VALUE
directive @specifiedBy(url: String!) on SCALAR
directive @oneOf on INPUT_OBJECT
`

const linkSDL = `
directive @link(url: String, as: String, for: Purpose, import: [Import]) repeatable on SCHEMA
`

// federationDirectives parses federationSDL anew, so that no caller can change what another reads.
// The order is that of the text.
func federationDirectives() []specified {
	var out []specified
	minor := 0
	for _, line := range strings.Split(strings.TrimSpace(federationSDL), "\n") {
		if n, ok := strings.CutPrefix(line, "# "); ok {
			minor, _ = strconv.Atoi(n)
			continue
		}
		for _, def := range parseDirectives(line) {
			out = append(out, specified{version{2, minor}, def})
		}
	}
	return out
}

// parseDirectives parses SDL of this package's own; it is well-formed.
func parseDirectives(sdl string) ast.DirectiveDefinitionList {
	doc, err := parser.ParseSchema(&ast.Source{Name: "specified", Input: sdl, BuiltIn: true})
	if err != nil {
		return nil
	}
	return doc.Directives
}

// federation1Names are the directives a schema without @link may use.
func federation1Names() map[string]bool {
	return map[string]bool{
		dirKey: true, dirRequires: true, dirProvides: true, dirExternal: true, dirExtends: true, dirTag: true,
	}
}

// standaloneSpec names the directives of specifications that can also be linked on their own, in the
// versions that are known.
func standaloneSpec(identity string, v version) []string {
	last := version{0, 1}
	var names []string
	switch identity {
	case idTag:
		last, names = version{0, 3}, []string{dirTag}
	case idInaccessible:
		last, names = version{0, 2}, []string{dirInaccessible}
	case idAuthenticated:
		names = []string{dirAuthenticated}
	case idRequiresScopes:
		names = []string{dirRequiresScopes}
	case idPolicy:
		names = []string{dirPolicy}
	case idCost:
		names = []string{dirCost, dirListSize}
	case idContext:
		names = []string{dirContext, dirFromContext}
	}
	if v.less(version{0, 1}) || last.less(v) {
		return nil
	}
	return names
}
