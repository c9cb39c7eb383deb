package compose

import (
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
)

// collectAndValidate makes one step of two, so that a subgraph gets the errors of both.
func collectAndValidate(r *report, s *subgraph) {
	collectTypes(r, s)
	validateGraphQL(r, s)
}

// validateGraphQL checks each subgraph against the GraphQL specification's rules for type systems
// (https://spec.graphql.org/September2025/#sec-Type-System), reporting every breach.
func validateGraphQL(r *report, s *subgraph) {
	v := graphqlCheck{s, r}
	v.directives(s.schemaDirectives(), ast.LocationSchema)
	for _, name := range s.dirOrder {
		def := s.directives[name]
		v.reserved(def.Name, "Directive @"+def.Name, def.Position)
		v.arguments(def.Arguments, "@"+def.Name)
	}
	for _, name := range s.order {
		v.checkType(s.types[name])
	}
	v.inputCycles()
}

type graphqlCheck struct {
	s *subgraph
	r *report
}

func (v graphqlCheck) fail(pos *ast.Position, format string, args ...any) {
	v.r.errorf(codeInvalidGraphQL, v.s.at(pos), "[%s] "+format, append([]any{v.s.name}, args...)...)
}

func (v graphqlCheck) reserved(name, what string, pos *ast.Position) {
	if strings.HasPrefix(name, "__") {
		v.fail(pos, "%s: names beginning with \"__\" are reserved by GraphQL introspection.", what)
	}
}

func isBuiltinScalar(name string) bool {
	switch name {
	case "Int", "Float", "String", "Boolean", "ID":
		return true
	}
	return false
}

// kindOf is the kind of a type the subgraph can name.
func (s *subgraph) kindOf(name string) (ast.DefinitionKind, bool) {
	if isBuiltinScalar(name) {
		return ast.Scalar, true
	}
	if t := s.types[name]; t != nil {
		return t.def.Kind, true
	}
	if s.isFederationType(name) && !strings.HasPrefix(name, "link__") && !strings.HasPrefix(name, "core__") {
		return ast.Scalar, true
	}
	return "", false
}

func (v graphqlCheck) typeRef(t *ast.Type, what string, pos *ast.Position, input bool) {
	kind, ok := v.s.kindOf(t.Name())
	switch {
	case !ok:
		v.fail(pos, "Unknown type %q, the type of %s.", t.Name(), what)
	case input && (kind == ast.Object || kind == ast.Interface || kind == ast.Union):
		v.fail(pos, "The type of %s must be an input type, but %q is an %s.", what, t.Name(), kindName(kind))
	case !input && kind == ast.InputObject:
		v.fail(pos, "The type of %s must be an output type, but %q is an %s.", what, t.Name(), kindName(kind))
	}
}

func (v graphqlCheck) checkType(t *typ) {
	v.reserved(t.name(), "Type "+t.name(), t.def.Position)
	if isBuiltinScalar(t.name()) && t.def.Kind != ast.Scalar {
		v.r.errorf(codeTypeDefinitionInvalid, v.s.at(t.def.Position), "[%s] Invalid definition for built-in type %q: it is a scalar", v.s.name, t.name())
	}
	for _, d := range t.decls {
		v.directives(d.Directives, locationOf(d.Kind))
	}
	v.repeats(t.def.Directives, t.name())
	input := t.def.Kind == ast.InputObject
	loc := ast.LocationFieldDefinition
	if input {
		loc = ast.LocationInputFieldDefinition
	}
	for _, f := range t.fields {
		what := f.coordinate()
		v.reserved(f.def.Name, "Field "+what, f.def.Position)
		v.typeRef(f.def.Type, "\""+what+"\"", f.def.Position, input)
		v.directives(f.def.Directives, loc)
		v.repeats(f.def.Directives, what)
		v.arguments(f.def.Arguments, what)
		if f.def.DefaultValue != nil && !v.s.fits(f.def.DefaultValue, f.def.Type) {
			v.fail(f.def.Position, "Invalid default value (got: %s) provided for \"%s\" of type %q.", printValue(f.def.DefaultValue), what, f.def.Type.String())
		}
		if input {
			v.deprecated(f.def.Directives, f.def.Type, f.def.DefaultValue, "input field \""+what+"\"", f.def.Position)
		}
		if input && v.s.find(t.def.Directives, dirOneOf) != nil && (f.def.Type.NonNull || f.def.DefaultValue != nil) {
			v.fail(f.def.Position, "OneOf input field %q must be nullable and have no default.", what)
		}
	}
	switch t.def.Kind {
	case ast.Object, ast.Interface, ast.InputObject:
		if len(t.fields) == 0 && !(t.extension && !v.s.fed2) {
			v.fail(t.def.Position, "Type %q must define one or more fields.", t.name())
		}
	case ast.Union:
		v.union(t)
	case ast.Enum:
		v.enum(t)
	}
}

func (v graphqlCheck) union(t *typ) {
	if len(t.def.Types) == 0 {
		v.fail(t.def.Position, "Union type %q must define one or more member types.", t.name())
	}
	seen := map[string]bool{}
	for i, m := range t.def.Types {
		pos := t.def.Position
		if i < len(t.def.TypePositions) {
			pos = t.def.TypePositions[i]
		}
		if kind, ok := v.s.kindOf(m); !ok || kind != ast.Object {
			v.fail(pos, "Union type %q can only include object types, it cannot include %q.", t.name(), m)
		}
		if seen[m] {
			v.fail(pos, "Union type %q can only include type %q once.", t.name(), m)
		}
		seen[m] = true
	}
}

func (v graphqlCheck) enum(t *typ) {
	if len(t.def.EnumValues) == 0 {
		v.fail(t.def.Position, "Enum type %q must define one or more values.", t.name())
	}
	seen := map[string]bool{}
	for _, ev := range t.def.EnumValues {
		if seen[ev.Name] {
			v.fail(ev.Position, "Enum value \"%s.%s\" can only be defined once.", t.name(), ev.Name)
		}
		seen[ev.Name] = true
		if ev.Name == "true" || ev.Name == "false" || ev.Name == "null" {
			v.fail(ev.Position, "Enum type %q cannot include value: %s.", t.name(), ev.Name)
		}
		v.directives(ev.Directives, ast.LocationEnumValue)
		v.repeats(ev.Directives, t.name()+"."+ev.Name)
	}
}

func (v graphqlCheck) arguments(args ast.ArgumentDefinitionList, owner string) {
	seen := map[string]bool{}
	for _, a := range args {
		what := owner + "(" + a.Name + ":)"
		v.reserved(a.Name, "Argument "+what, a.Position)
		if seen[a.Name] {
			v.fail(a.Position, "Argument \"%s\" can only be defined once.", what)
		}
		seen[a.Name] = true
		v.typeRef(a.Type, "\""+what+"\"", a.Position, true)
		v.directives(a.Directives, ast.LocationArgumentDefinition)
		v.repeats(a.Directives, what)
		v.deprecated(a.Directives, a.Type, a.DefaultValue, "argument \""+what+"\"", a.Position)
		if a.DefaultValue != nil && !v.s.fits(a.DefaultValue, a.Type) {
			v.fail(a.Position, "Invalid default value (got: %s) provided for argument \"%s\" of type %q.", printValue(a.DefaultValue), what, a.Type.String())
		}
	}
}

// deprecated: who is told not to use a thing must be able to leave it out.
func (v graphqlCheck) deprecated(list ast.DirectiveList, t *ast.Type, deflt *ast.Value, what string, pos *ast.Position) {
	if t.NonNull && deflt == nil && v.s.find(list, dirDeprecated) != nil {
		v.fail(pos, "Required %s cannot be deprecated.", what)
	}
}

func locationOf(k ast.DefinitionKind) ast.DirectiveLocation {
	return ast.DirectiveLocation(k)
}

// directives checks applications: known, in a place they may stand, with the arguments they take.
func (v graphqlCheck) directives(list ast.DirectiveList, loc ast.DirectiveLocation) {
	for _, d := range list {
		def := v.s.directives[d.Name]
		v.s.applied[d.Name] = true
		if def == nil {
			v.fail(d.Position, "Unknown directive \"@%s\".%s", d.Name, v.suggest(d.Name))
			continue
		}
		if !hasLocation(def, loc) {
			v.fail(d.Position, "Directive \"@%s\" may not be used on %s.", d.Name, loc)
			continue
		}
		seen := map[string]bool{}
		for _, a := range d.Arguments {
			if seen[a.Name] {
				v.fail(a.Position, "Argument %q of directive \"@%s\" can be given only once.", a.Name, d.Name)
			}
			seen[a.Name] = true
			ad := def.Arguments.ForName(a.Name)
			if ad == nil {
				v.fail(a.Position, "Unknown argument %q on directive \"@%s\".", a.Name, d.Name)
				continue
			}
			if v.s.roles[d.Name] == dirLink || v.ownCode(d.Name, a.Name) {
				continue // these have codes of their own
			}
			if !v.s.fits(a.Value, ad.Type) {
				v.fail(a.Position, "Invalid value for \"@%s(%s:)\" of type %q: %s.", d.Name, a.Name, ad.Type.String(), printValue(a.Value))
			}
		}
		for _, ad := range def.Arguments {
			if ad.Type.NonNull && ad.DefaultValue == nil && !seen[ad.Name] {
				v.fail(d.Position, "Directive \"@%s\" argument %q of type %q is required, but it was not provided.", d.Name, ad.Name, ad.Type.String())
			}
		}
	}
}

func (v graphqlCheck) ownCode(directive, arg string) bool {
	switch v.s.roles[directive] {
	case dirKey, dirRequires, dirProvides:
		return arg == "fields"
	case dirListSize:
		return true
	}
	return false
}

// suggest explains a federation directive that is not at hand: not imported, too new, or Federation 2
// in a schema without @link.
func (v graphqlCheck) suggest(name string) string {
	for _, spec := range federationDirectives() {
		if spec.def.Name != name {
			continue
		}
		if !v.s.fed2 {
			return " If you meant the federation 2 directive, note that this schema has no @link to federation v2 and so is a federation 1 schema."
		}
		if v.s.version.less(spec.since) {
			return " It comes with federation " + spec.since.String() + ", but this schema links " + v.s.version.String() + "."
		}
		return " If you meant the federation directive, use \"@" + v.s.feature(idFederation).local(name) + "\" or add \"@" + name + "\" to the import of its @link."
	}
	return ""
}

func (v graphqlCheck) repeats(list ast.DirectiveList, what string) {
	seen := map[string]bool{}
	for _, d := range list {
		def := v.s.directives[d.Name]
		if def != nil && !def.IsRepeatable && seen[d.Name] {
			v.fail(d.Position, "The directive \"@%s\" can only be used once on %s.", d.Name, what)
		}
		seen[d.Name] = true
	}
}

// fits reports whether a literal can be a value of the type. Scalars of the subgraph take anything.
func (s *subgraph) fits(val *ast.Value, t *ast.Type) bool {
	if val.Kind == ast.NullValue {
		return !t.NonNull
	}
	if val.Kind == ast.Variable {
		return false
	}
	if t.Elem != nil {
		if val.Kind != ast.ListValue {
			return s.fits(val, t.Elem)
		}
		for _, c := range val.Children {
			if !s.fits(c.Value, t.Elem) {
				return false
			}
		}
		return true
	}
	switch t.NamedType {
	case "Int":
		return val.Kind == ast.IntValue
	case "Float":
		return val.Kind == ast.IntValue || val.Kind == ast.FloatValue
	case "String":
		return isString(val)
	case "Boolean":
		return val.Kind == ast.BooleanValue
	case "ID":
		return isString(val) || val.Kind == ast.IntValue
	}
	def := s.types[t.NamedType]
	if def == nil {
		return true
	}
	switch def.def.Kind {
	case ast.Enum:
		return val.Kind == ast.EnumValue && def.def.EnumValues.ForName(val.Raw) != nil
	case ast.InputObject:
		if val.Kind != ast.ObjectValue {
			return false
		}
		for _, c := range val.Children {
			f := def.byName[c.Name]
			if f == nil || !s.fits(c.Value, f.def.Type) {
				return false
			}
		}
		for _, f := range def.fields {
			if f.def.Type.NonNull && f.def.DefaultValue == nil && val.Children.ForName(f.def.Name) == nil {
				return false
			}
		}
	}
	return true
}

// inputCycles finds input objects that need themselves to be written down.
func (v graphqlCheck) inputCycles() {
	const visiting, done = 1, 2
	state := map[string]int{}
	var visit func(name string) bool
	visit = func(name string) bool {
		t := v.s.types[name]
		if t == nil || t.def.Kind != ast.InputObject || state[name] == done {
			return true
		}
		if state[name] == visiting {
			return false
		}
		state[name] = visiting
		for _, f := range t.fields {
			if f.def.Type.NonNull && f.def.Type.Elem == nil && !visit(f.def.Type.NamedType) {
				v.fail(f.def.Position, "Cannot reference input object %q within itself through a series of non-null fields.", f.def.Type.NamedType)
			}
		}
		state[name] = done
		return true
	}
	for _, name := range v.s.order {
		visit(name)
	}
}
