package execute_test

import (
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2/ast"

	"storefront/router/execute"
	"storefront/router/operation"
	"storefront/router/planner"
)

// TestIntrospectionOfTheChosenOperation: the default that another operation of the document gives a variable is
// not this one's.
func TestIntrospectionOfTheChosenOperation(t *testing.T) {
	sg := shop(t)
	title := sg.API().Types["Book"].Fields.ForName("title")
	title.Directives = append(title.Directives, &ast.Directive{Name: "deprecated"})
	const query = `query A($all: Boolean) { ...F } query B($all: Boolean = true) { ...F }
		fragment F on Query { __type(name: "Book") { fields(includeDeprecated: $all) { name } } }`
	answer := func(name string) string {
		op, errs := operation.Prepare(sg, query, name, operation.DefaultLimits())
		if errs != nil {
			t.Fatal(errs)
		}
		vars, errs := op.Variables(nil)
		if errs != nil {
			t.Fatal(errs)
		}
		p, err := planner.Plan(sg, op)
		if err != nil {
			t.Fatal(err)
		}
		e := execute.New(sg, &replay{}, execute.Options{})
		r := e.Execute(t.Context(), e.Prepare(p), vars, nil)
		if len(r.Errors) > 0 {
			t.Fatal(r.Errors)
		}
		return string(r.Data)
	}
	if got := answer("A"); strings.Contains(got, `"title"`) {
		t.Errorf("A is answered %s", got)
	}
	if got := answer("B"); !strings.Contains(got, `"title"`) {
		t.Errorf("B is answered %s", got)
	}
}
