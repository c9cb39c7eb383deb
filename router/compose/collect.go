package compose

import (
	"slices"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
)

// typ is a type of one subgraph: all its definitions and extensions together.
type typ struct {
	sub   *subgraph
	def   *ast.Definition   // own copy; fields, members and values of every declaration
	decls []*ast.Definition // the declarations, definitions before extensions

	fields []*field
	byName map[string]*field

	keys            []*key
	extension       bool // no definition here, or @extends
	interfaceObject bool
}

func (t *typ) name() string { return t.def.Name }

func (t *typ) composite() bool {
	return t.def.Kind == ast.Object || t.def.Kind == ast.Interface || t.def.Kind == ast.Union
}

// extends reports whether all declarations of the type are extensions, @extends aside.
func (t *typ) extends() bool {
	for _, d := range t.decls {
		if !slices.Contains(t.sub.doc.Extensions, d) {
			return false
		}
	}
	return true
}

// isExtension reports whether a declaration of the type is an extension of it.
func (t *typ) isExtension(decl *ast.Definition) bool {
	for _, e := range t.sub.doc.Extensions {
		if e == decl {
			return true
		}
	}
	return t.sub.find(t.def.Directives, dirExtends) != nil
}

// field is a field of a type of one subgraph.
type field struct {
	parent *typ
	def    *ast.FieldDefinition
	decl   *ast.Definition // the declaration it stands in

	external       *ast.Directive // on the field, or on its declaration
	shareable      bool
	requires       *fieldSet
	provides       *fieldSet
	override       *override
	used           bool // by a key, a requires, a provides or an interface
	providedTo     bool // by a provides
	overriddenBy   *field
	contextual     map[string]*contextArgument
	inactiveReason string
}

func (f *field) coordinate() string { return f.parent.name() + "." + f.def.Name }

func (f *field) at() []Location { return f.parent.sub.at(f.def.Position) }

// fieldSet is the argument of @key, @requires or @provides.
type fieldSet struct {
	raw  string
	sels ast.SelectionSet
	dir  *ast.Directive
}

type key struct {
	fieldSet
	resolvable bool
	extension  bool // the declaration it stands on is an extension
}

// override is @override: from a subgraph, for all requests or those a label picks.
type override struct {
	from  string
	label string
	dir   *ast.Directive
}

// collectTypes joins definitions and extensions, takes out what federation itself adds to a
// subgraph's schema, and gives root types their standard names.
func collectTypes(r *report, s *subgraph) {
	s.renameRoots(r)
	s.collect(r)
	s.collectDirectives(r)
}

func (s *subgraph) isFederationType(name string) bool {
	switch name {
	case "_Any", "_Entity", "_Service", "_FieldSet", "link__Import", "link__Purpose", "core__Import", "core__Purpose":
		return true
	case "FieldSet":
		return !s.fed2
	}
	for _, f := range s.features {
		if f.identity == idFederation || f.identity == idLink || len(standaloneSpec(f.identity, f.version)) > 0 {
			if strings.HasPrefix(name, f.as+"__") {
				return true
			}
			for _, i := range f.imports {
				if i.as == name {
					return true
				}
			}
		}
	}
	return false
}

// checkFederationType: a subgraph may define what federation supplies, in the kind it has.
func (s *subgraph) checkFederationType(r *report, d *ast.Definition) {
	want := ast.Scalar
	switch {
	case d.Name == "_Entity":
		want = ast.Union
	case d.Name == "_Service":
		want = ast.Object
	case strings.HasSuffix(d.Name, "__Purpose"):
		want = ast.Enum
	}
	if d.Kind != want {
		r.errorf(codeTypeDefinitionInvalid, s.at(d.Position), "[%s] Invalid definition for type %q: it should be a %s but is defined as a %s", s.name, d.Name, kindName(want), kindName(d.Kind))
	}
}

func standardRoot(op ast.Operation) string {
	switch op {
	case ast.Mutation:
		return "Mutation"
	case ast.Subscription:
		return "Subscription"
	}
	return "Query"
}

func (s *subgraph) renameRoots(r *report) {
	declared := map[string]*ast.Definition{}
	var all []*ast.Definition
	all = append(append(all, s.doc.Definitions...), s.doc.Extensions...)
	for _, d := range all {
		if declared[d.Name] == nil {
			declared[d.Name] = d
		}
	}
	renames := map[string]string{}
	taken := map[ast.Operation]bool{}
	for _, list := range []ast.SchemaDefinitionList{s.doc.Schema, s.doc.SchemaExtension} {
		for _, sd := range list {
			for _, ot := range sd.OperationTypes {
				std := standardRoot(ot.Operation)
				if taken[ot.Operation] {
					r.errorf(codeInvalidGraphQL, s.at(ot.Position), "[%s] There can be only one %s type in schema.", s.name, ot.Operation)
					continue
				}
				taken[ot.Operation] = true
				root := declared[ot.Type]
				if root == nil {
					r.errorf(codeInvalidGraphQL, s.at(ot.Position), "[%s] Schema root %s refers to a type %s that does not exist.", s.name, ot.Operation, ot.Type)
					continue
				}
				if root.Kind != ast.Object {
					r.errorf(codeInvalidGraphQL, s.at(ot.Position), "[%s] %s root type must be Object type, it cannot be %s.", s.name, std, ot.Type)
					continue
				}
				if ot.Type == std {
					continue
				}
				if other := declared[std]; other != nil {
					code := map[ast.Operation]string{ast.Query: codeRootQueryUsed, ast.Mutation: codeRootMutationUsed, ast.Subscription: codeRootSubscriptionUsed}[ot.Operation]
					r.errorf(code, s.at(other.Position), "[%s] The schema has a type named %q but it is not set as the %s root type (%q is instead): this is not supported by federation. Rename one of them.", s.name, std, ot.Operation, ot.Type)
					continue
				}
				if _, dup := renames[ot.Type]; dup {
					r.errorf(codeInvalidGraphQL, s.at(ot.Position), "[%s] All root types must be different, %q is used twice.", s.name, ot.Type)
					continue
				}
				renames[ot.Type] = std
			}
		}
	}
	if len(renames) == 0 {
		return
	}
	taking := map[string]bool{}
	for _, std := range renames {
		taking[std] = true
	}
	to := func(n string) string {
		if std, ok := renames[n]; ok {
			return std
		}
		return n
	}
	for _, d := range all {
		d.Name = to(d.Name)
		for i := range d.Types {
			d.Types[i] = to(d.Types[i])
		}
		for _, f := range d.Fields {
			if taking[f.Type.Name()] { // nobody had the name before
				r.errorf(codeInvalidGraphQL, s.at(f.Position), "[%s] Unknown type %q, the type of \"%s.%s\".", s.name, f.Type.Name(), d.Name, f.Name)
			}
			f.Type = renameType(f.Type, to)
		}
	}
}

func (s *subgraph) collect(r *report) {
	add := func(d *ast.Definition, extension bool) {
		if s.isFederationType(d.Name) {
			s.checkFederationType(r, d)
			return
		}
		t := s.types[d.Name]
		if t == nil {
			own := *d
			own.Directives, own.Interfaces, own.Fields, own.Types, own.TypePositions, own.EnumValues = nil, nil, nil, nil, nil, nil
			t = &typ{sub: s, def: &own, byName: map[string]*field{}, extension: extension}
			s.types[d.Name] = t
			s.order = append(s.order, d.Name)
		} else if !extension {
			r.errorf(codeInvalidGraphQL, s.at(d.Position), "[%s] There can be only one type named %q.", s.name, d.Name)
			return
		}
		if d.Kind != t.def.Kind {
			r.errorf(codeInvalidGraphQL, s.at(d.Position), "[%s] Cannot extend type %q as %s: it is %s.", s.name, d.Name, kindName(d.Kind), kindName(t.def.Kind))
			return
		}
		t.decls = append(t.decls, d)
		t.def.Directives = append(t.def.Directives, d.Directives...)
		t.def.Interfaces = append(t.def.Interfaces, d.Interfaces...)
		t.def.Types = append(t.def.Types, d.Types...)
		t.def.TypePositions = append(t.def.TypePositions, d.TypePositions...)
		t.def.EnumValues = append(t.def.EnumValues, d.EnumValues...)
		for _, fd := range d.Fields {
			if d.Name == "Query" && (fd.Name == "_service" || fd.Name == "_entities") {
				continue
			}
			f := &field{parent: t, def: fd, decl: d}
			if t.byName[fd.Name] != nil {
				r.errorf(codeInvalidGraphQL, s.at(fd.Position), "[%s] Field %q can only be defined once.", s.name, f.coordinate())
				continue
			}
			t.byName[fd.Name] = f
			t.fields = append(t.fields, f)
			t.def.Fields = append(t.def.Fields, fd)
		}
	}
	for _, d := range s.doc.Definitions {
		add(d, false)
	}
	for _, d := range s.doc.Extensions {
		add(d, true)
	}
	// A Query that only held what federation adds is no type of the subgraph.
	for _, op := range []ast.Operation{ast.Query, ast.Mutation, ast.Subscription} {
		name := standardRoot(op)
		t := s.types[name]
		if t == nil {
			continue
		}
		if len(t.fields)+len(t.def.Interfaces) == 0 && (len(t.decls) == 0 || hasFields(t.decls) || op == ast.Query) {
			s.remove(name)
			continue
		}
		s.roots[op] = name
	}
}

func hasFields(decls []*ast.Definition) bool {
	for _, d := range decls {
		if len(d.Fields) > 0 {
			return true
		}
	}
	return false
}

func (s *subgraph) remove(name string) {
	delete(s.types, name)
	for i, n := range s.order {
		if n == name {
			s.order = append(s.order[:i:i], s.order[i+1:]...)
			break
		}
	}
}

// collectDirectives gathers directive definitions. A subgraph may define a specified directive
// itself, when it defines it as specified.
func (s *subgraph) collectDirectives(r *report) {
	for _, def := range s.doc.Directives {
		if s.directives[def.Name] != nil {
			r.errorf(codeInvalidGraphQL, s.at(def.Position), "[%s] There can be only one directive named \"@%s\".", s.name, def.Name)
			continue
		}
		s.directives[def.Name] = def
		if spec := s.supplied[def.Name]; spec != nil {
			if problem := definitionDiffers(def, spec); problem != "" {
				r.errorf(codeDirectiveDefinitionInvalid, s.at(def.Position), "[%s] Invalid definition for directive \"@%s\": %s", s.name, def.Name, problem)
			}
			s.directives[def.Name] = asDefined(def, spec)
			continue
		}
		s.dirOrder = append(s.dirOrder, def.Name)
	}
	for _, local := range sortedKeys(s.supplied) {
		if s.directives[local] == nil {
			s.directives[local] = s.supplied[local]
		}
	}
}

func hasLocation(def *ast.DirectiveDefinition, l ast.DirectiveLocation) bool {
	for _, have := range def.Locations {
		if have == l {
			return true
		}
	}
	return false
}

// find is the first application of a specified directive, by its canonical name.
func (s *subgraph) find(list ast.DirectiveList, canonical string) *ast.Directive {
	for _, d := range list {
		if s.roles[d.Name] == canonical {
			return d
		}
	}
	return nil
}

func (s *subgraph) findAll(list ast.DirectiveList, canonical string) []*ast.Directive {
	var out []*ast.Directive
	for _, d := range list {
		if s.roles[d.Name] == canonical {
			out = append(out, d)
		}
	}
	return out
}

func kindName(k ast.DefinitionKind) string {
	switch k {
	case ast.Object:
		return "object type"
	case ast.Interface:
		return "interface type"
	case ast.Union:
		return "union type"
	case ast.Enum:
		return "enum type"
	case ast.InputObject:
		return "input object type"
	}
	return "scalar type"
}
