package gateway

// Who runs which operations, and so uses which fields.

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"slices"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"

	"storefront/router/operation"
)

// Usage is told of every operation that is run. It must not block.
type Usage interface {
	// Add counts one run. client and version are what the client says of itself, or a partner's name; id is what
	// the operation is stored under, or begins the hash of its text. fields are all that it names, as Type.field,
	// Type.field(argument:), Input.field and Enum.VALUE, sorted; they are shared and must not be changed. inputs are
	// what the variables of this run name besides, as Input.field and Enum.VALUE, sorted.
	Add(client, version, operation, id string, fields, inputs []string)
}

// clientHeaders are what clients name themselves by, in their order, and what they say their version in.
var clientHeaders = [...][2]string{
	{"Graphql-Client-Name", "Graphql-Client-Version"},
	{"Apollographql-Client-Name", "Apollographql-Client-Version"},
}

// clientOf is what a client says of itself; a partner is known by its name.
func clientOf(c *caller) (name, version string) {
	for _, h := range clientHeaders {
		if name = plainName(c.header, h[0]); name != "" {
			version = plainName(c.header, h[1])
			break
		}
	}
	if c.id != nil && c.id.Partner != "" {
		name = c.id.Partner
	}
	return name, version
}

// plainName is a header's value where it looks like the name of a program, and not of a person.
func plainName(h http.Header, header string) string {
	name := h.Get(header)
	if len(name) > 64 || strings.ContainsFunc(name, func(r rune) bool {
		return (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z') && !strings.ContainsRune("-_./+ ", r)
	}) {
		return "unreadable"
	}
	return name
}

// maxName is how much of an operation's name counts, in bytes; names are ASCII.
const maxName = 100

// used tells of a job that is run.
func (g *Gateway) used(c *caller, j *job) {
	if g.cfg.Usage == nil {
		return
	}
	name, version := clientOf(c)
	j.describe.Do(func() {
		j.fields, j.inputs = fieldsOf(j.op, j.edition.supergraph.API())
		sum := sha256.Sum256([]byte(j.query))
		j.hash = hex.EncodeToString(sum[:8])
	})
	g.cfg.Usage.Add(name, version, j.op.Name[:min(len(j.op.Name), maxName)], cmp.Or(j.stored, j.hash), j.fields, j.inputsOf())
}

// fieldsOf are the fields that an operation names, by the types it names them on, their arguments, and what is named in
// these. variables are those by which a request may name more, with their types.
func fieldsOf(op *operation.Operation, schema *ast.Schema) (fields []string, variables map[string]*ast.Type) {
	in := newInputs(schema)
	for _, v := range op.Def.VariableDefinitions {
		if in.of(v.Type) == nil {
			continue
		}
		if variables == nil {
			variables = map[string]*ast.Type{}
		}
		variables[v.Variable] = v.Type
		in.literal(v.Type, v.DefaultValue)
	}
	seen := map[string]bool{} // fragments
	var walk func(ast.SelectionSet)
	walk = func(set ast.SelectionSet) {
		for _, sel := range set {
			switch sel := sel.(type) {
			case *ast.Field:
				if sel.ObjectDefinition != nil && !strings.HasPrefix(sel.Name, "__") {
					name := sel.ObjectDefinition.Name + "." + sel.Name
					fields = append(fields, name)
					for _, a := range sel.Arguments {
						fields = append(fields, name+"("+a.Name+":)")
						if sel.Definition == nil {
							continue
						}
						if def := sel.Definition.Arguments.ForName(a.Name); def != nil {
							in.literal(def.Type, a.Value)
						}
					}
				}
				walk(sel.SelectionSet)
			case *ast.InlineFragment:
				walk(sel.SelectionSet)
			case *ast.FragmentSpread:
				if sel.Definition != nil && !seen[sel.Name] {
					seen[sel.Name] = true
					walk(sel.Definition.SelectionSet)
				}
			}
		}
	}
	walk(op.Def.SelectionSet)
	fields = append(fields, in.list()...)
	slices.Sort(fields)
	return slices.Compact(fields), variables
}
