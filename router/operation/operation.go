// Package operation turns a client's request into a validated, normalized operation: fragments
// expanded and merged, conditions collected, every field with the object types it applies to.
//
// Its work is bounded before it starts: tokens, depth and expanded fields are counted by arithmetic,
// so no request costs more than its limits. It knows the public schema only. Enter at Prepare.
package operation

import (
	"fmt"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
	"github.com/vektah/gqlparser/v2/parser"

	"storefront/router/supergraph"
)

// Operation is one valid operation in normal form. It is immutable.
type Operation struct {
	Kind     ast.Operation
	Name     string
	RootType string
	Def      *ast.OperationDefinition
	Root     *SelectionSet
	Usages   []*DeferUsage // what Deferred found active, outer before inner
	Denial   Denial        // set with Restrict: what is told of fields that it has marked

	schema *ast.Schema
	most   int        // items of one list in variables; 0 for any
	defers *deferring // nil when nothing can be deferred
	guards *guards    // nil when nothing asks for rights
	costs  *costs
}

// SelectionSet is what is selected on a composite type. For every object type, the fields that apply
// to it are in the order a response gives them, each response key once.
type SelectionSet struct {
	Type   string
	Fields []*Field

	// Refused are object types whose objects the caller may not see, sorted: there is null instead.
	Refused []string
}

// Field is one field of a SelectionSet.
type Field struct {
	Key     string // response key
	Name    string
	Args    ast.ArgumentList
	ArgsKey string               // canonical text of Args, "" when there are none
	Def     *ast.FieldDefinition // nil for __typename
	On      []string             // object types it applies to, sorted; nil for all
	Cond    Cond                 // nil for always
	Defer   []*DeferUsage        // delivered with any of them, sorted by ID; nil for at once
	Sel     *SelectionSet        // nil for leaves

	Ways    []string // types it is written on other than the position's, fragments around it included, sorted; only where rights are asked for
	Refused bool     // the caller may not see it: null and an error, and nothing of it is asked of a subgraph
	Exact   bool     // on others than On it must not be asked for
}

// Cond is an or of ands of variables, from @skip and @include; nil is always true.
type Cond [][]Term

// Term holds when the variable's value is Want.
type Term struct {
	Var  string
	Want bool
}

// Error codes in extensions.code, as clients of GraphQL servers know them.
const (
	CodeParse    = "GRAPHQL_PARSE_FAILED"
	CodeInvalid  = "GRAPHQL_VALIDATION_FAILED"
	CodeTooLarge = "OPERATION_TOO_LARGE"
	CodeInput    = "BAD_INPUT"
)

// maxErrors bounds how many mistakes one answer lists.
const maxErrors = 20

// Prepare parses, limits, validates and normalizes one request.
//
// The passes, in order: the text is parsed within the token limit; sizes are counted, so that all
// that follows is bounded; lists in arguments are measured; the rules of the GraphQL specification are checked; the chosen operation
// is normalized.
func Prepare(sg *supergraph.Supergraph, query, operationName string, l Limits) (*Operation, gqlerror.List) {
	if strings.TrimSpace(query) == "" {
		return nil, failure(CodeInput, "the request has no query")
	}
	if len(query) > l.MaxBytes {
		return nil, failure(CodeTooLarge, "the query has %d bytes, %d are allowed", len(query), l.MaxBytes)
	}
	doc, err := parser.ParseQueryWithTokenLimit(&ast.Source{Name: "query", Input: query}, l.MaxTokens)
	if err != nil {
		return nil, parseFailure(err)
	}
	def, errs := choose(doc, operationName)
	if errs != nil {
		return nil, errs
	}
	if errs := measure(doc, def, l); errs != nil {
		return nil, errs
	}
	if l.MaxListItems > 0 {
		if errs := checkLists(doc, l.MaxListItems); errs != nil {
			return nil, errs
		}
	}
	if errs := validate(sg.API(), doc); errs != nil {
		return nil, errs
	}
	settle(sg.API(), doc, def)
	root := sg.RootType(def.Operation)
	sel, errs := newNormalizer(sg, l).normalize(root, def)
	if errs != nil {
		return nil, errs
	}
	return &Operation{
		Kind: def.Operation, Name: def.Name, RootType: root, Def: def, Root: sel,
		schema: sg.API(), most: l.MaxListItems, defers: deferringOf(sg, def, l), guards: guardsOf(sg, sel), costs: costsOf(sg, def, root, l),
	}, nil
}

// RootField returns the first root field: what a subscription subscribes to. args gives its argument
// values for coerced variables, with the defaults of the schema.
func (o *Operation) RootField() (name, responseKey string, args func(vars map[string]any) map[string]any) {
	for _, f := range o.Root.Fields {
		if strings.HasPrefix(f.Name, "__") {
			continue
		}
		field := &ast.Field{Name: f.Name, Arguments: f.Args, Definition: f.Def}
		return f.Name, f.Key, field.ArgumentMap
	}
	return "", "", func(map[string]any) map[string]any { return nil }
}

func choose(doc *ast.QueryDocument, name string) (*ast.OperationDefinition, gqlerror.List) {
	if len(doc.Operations) == 0 {
		return nil, failure(CodeInvalid, "the request has no operation, only fragments")
	}
	if name == "" {
		if len(doc.Operations) > 1 {
			return nil, failure(CodeInput, "the request has %d operations; operationName must name one", len(doc.Operations))
		}
		return doc.Operations[0], nil
	}
	if def := doc.Operations.ForName(name); def != nil {
		return def, nil
	}
	return nil, failure(CodeInput, "the request has no operation named %q", name)
}

func failure(code, format string, args ...any) gqlerror.List {
	err := gqlerror.Errorf("%s", Brief(fmt.Sprintf(format, args...)))
	err.Extensions = map[string]any{"code": code}
	return gqlerror.List{err}
}

// Brief cuts the middle out of a message that repeats too much of what a client sent.
func Brief(message string) string {
	const most, end = 600, 100
	if len(message) <= most {
		return message
	}
	return strings.ToValidUTF8(message[:most-end], "") + " … " + strings.ToValidUTF8(message[len(message)-end:], "")
}

func parseFailure(err error) gqlerror.List {
	list := failure(CodeParse, "%s", err.Error())
	if e, ok := err.(*gqlerror.Error); ok {
		list[0].Message, list[0].Locations = Brief(e.Message), e.Locations
		if strings.Contains(e.Message, "token limit") {
			list[0].Extensions["code"] = CodeTooLarge
		}
	}
	return list
}
