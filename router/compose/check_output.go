package compose

import (
	"errors"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
	"github.com/vektah/gqlparser/v2/parser"
	"github.com/vektah/gqlparser/v2/validator"
)

// checkOutput reads the supergraph SDL back as a GraphQL schema. What merging makes invalid without
// a federation rule saying so (an implementation whose merged type no longer fits its interface)
// shows here.
func checkOutput(c *composer) {
	doc, err := parser.ParseSchema(&ast.Source{Name: "supergraph", Input: c.sdl})
	if err == nil {
		have := map[string]bool{}
		for _, d := range doc.Directives {
			have[d.Name] = true
		}
		for _, d := range parseDirectives(builtinSDL) {
			if !have[d.Name] {
				doc.Directives = append(doc.Directives, d)
			}
		}
		for _, n := range []string{"Int", "Float", "String", "Boolean", "ID"} {
			doc.Definitions = append(doc.Definitions, &ast.Definition{Kind: ast.Scalar, Name: n, BuiltIn: true, Position: doc.Position})
		}
		_, err = validator.ValidateSchemaDocument(doc)
	}
	if err == nil {
		return
	}
	msg := err.Error()
	var ge *gqlerror.Error
	if errors.As(err, &ge) {
		msg = ge.Message
	}
	c.report.errorf(codeInvalidGraphQL, nil, "The merged schema is invalid: %s", msg)
}
