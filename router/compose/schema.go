package compose

import (
	"github.com/vektah/gqlparser/v2/ast"
)

// schema is the merged schema, from which the supergraph SDL is printed.
type schema struct {
	types      map[string]*mtype
	order      []string // as printed
	executable []*mdirective
	composed   []*composedDirective
	used       map[string]bool   // canonical names of federation directives that were merged
	names      map[string]string // what they are called in the supergraph, by canonical name
	element    *element          // the schema itself
}

func newSchema() *schema {
	return &schema{types: map[string]*mtype{}, used: map[string]bool{}, names: map[string]string{}}
}

// element is what every merged thing has: a description, and the directives each source has on it.
type element struct {
	desc      string
	applied   []appliedIn
	inherited []appliedIn      // access rules of implementations
	dirs      []*ast.Directive // merged, by canonical names
	custom    []*ast.Directive // merged, composed by @composeDirective
}

type appliedIn struct {
	sub  *subgraph
	list ast.DirectiveList
	pos  *ast.Position
}

func (e *element) add(s *subgraph, list ast.DirectiveList, pos *ast.Position) {
	e.applied = append(e.applied, appliedIn{s, list, pos})
}

func (e *element) inaccessible() bool {
	for _, d := range e.dirs {
		if d.Name == dirInaccessible {
			return true
		}
	}
	return false
}

func (e *element) locations() []Location {
	var out []Location
	for _, a := range e.applied {
		out = append(out, a.sub.at(a.pos)...)
	}
	return out
}

type mtype struct {
	element
	name       string
	kind       ast.DefinitionKind
	sources    []*typ
	interfaces []string
	implements []graphName // by graph
	members    []string
	memberOf   []graphName
	fields     []*mfield
	byName     map[string]*mfield
	values     []*mvalue
}

// graphName is a name as one graph has it: an interface implemented, a member of a union.
type graphName struct {
	graph string
	name  string
}

func (t *mtype) addField(f *mfield) {
	t.fields = append(t.fields, f)
	t.byName[f.name] = f
}

// source is the type in one subgraph, nil where it is not.
func (t *mtype) source(s *subgraph) *typ { return s.types[t.name] }

type mfield struct {
	element
	parent       *mtype
	name         string
	typ          *ast.Type
	args         []*marg
	deflt        *ast.Value
	sources      []*field
	joins        []joinField
	incompatible bool // its types were, which is reported
	sameType     bool // in all subgraphs that resolve it
	abstracted   bool // an interface object resolves it, and no subgraph with the type itself
	bare         bool // comes to an implementation from an interface object: @join__field without a graph
}

func (f *mfield) coordinate() string { return f.parent.name + "." + f.name }

// joinField is one @join__field.
type joinField struct {
	graph, requires, provides, typ, override, label string
	external, usedOverridden                        bool
	context                                         []*contextArgument
}

// marg is an argument of a field or of a directive, its owner.
type marg struct {
	element
	owner string
	name  string
	typ   *ast.Type
	deflt *ast.Value
}

func (a *marg) coordinate() string { return a.owner + "(" + a.name + ":)" }

// elements goes through types, fields, arguments and values.
func (s *schema) elements(visit func(*element)) {
	for _, name := range s.order {
		t := s.types[name]
		visit(&t.element)
		for _, f := range t.fields {
			visit(&f.element)
			for _, a := range f.args {
				visit(&a.element)
			}
		}
		for _, v := range t.values {
			visit(&v.element)
		}
	}
}

// mdirective is a directive definition of the merged schema.
type mdirective struct {
	def  *ast.DirectiveDefinition // but its arguments
	args []*marg
}

type mvalue struct {
	element
	name   string
	graphs []string
}

// definitions are the directives that the subgraphs brought: composed ones, then executable ones.
func (m *schema) definitions() []*mdirective {
	var out []*mdirective
	for _, cd := range m.composed {
		out = append(out, &mdirective{cd.def, cd.args})
	}
	return append(out, m.executable...)
}

// subtype reports whether sub implements super or is a member of it in the merged schema.
func (m *schema) subtype(sub, super string) bool {
	t, p := m.types[sub], m.types[super]
	if t == nil || p == nil {
		return false
	}
	return p.kind == ast.Interface && has(t.interfaces, super) || p.kind == ast.Union && has(p.members, sub)
}

// isSubtypeRef reports whether every value of type a is one of type b.
func (m *schema) isSubtypeRef(a, b *ast.Type) bool {
	if b.NonNull && !a.NonNull {
		return false
	}
	if (a.Elem == nil) != (b.Elem == nil) {
		return false
	}
	if a.Elem != nil {
		return m.isSubtypeRef(a.Elem, b.Elem)
	}
	return a.NamedType == b.NamedType || m.subtype(a.NamedType, b.NamedType)
}

// possible are the object types a merged type can be at run time.
func (m *schema) possible(name string) []string {
	t := m.types[name]
	if t == nil {
		return nil
	}
	switch t.kind {
	case ast.Object:
		return []string{name}
	case ast.Union:
		return t.members
	case ast.Interface:
		var out []string
		for _, n := range m.order {
			if o := m.types[n]; o.kind == ast.Object && has(o.interfaces, name) {
				out = append(out, n)
			}
		}
		return out
	}
	return nil
}
