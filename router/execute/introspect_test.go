package execute_test

import (
	"context"
	"fmt"
	"runtime"
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

// TestIntrospectionEnds: an answer about the schema that would become too large, or that nobody waits for any more,
// is not built to its end.
func TestIntrospectionEnds(t *testing.T) {
	sg := shop(t)
	var aliases strings.Builder
	for i := range 400 {
		fmt.Fprintf(&aliases, "a%d: name ", i)
	}
	book := sg.API().Types["Book"]
	for i := range 100 {
		book.Fields = append(book.Fields, &ast.FieldDefinition{Name: fmt.Sprint("sequel", i), Type: ast.NamedType("Book", nil)})
	}
	const query = `{ __schema { types { fields { type { fields { type { %s } } } } } } }`
	gone, leave := context.WithCancel(t.Context())
	leave()
	for _, c := range []struct {
		name, leaves, want, code string
		ctx                      context.Context
		limit                    int
	}{
		{"strings", aliases.String(), "the response is larger than 100000 bytes", "TOO_MANY", t.Context(), 100_000},
		{"nothing", strings.ReplaceAll(aliases.String(), "name", "specifiedByURL"), "the response is larger than 100000 bytes", "TOO_MANY", t.Context(), 100_000},
		{"type names", strings.ReplaceAll(aliases.String(), "name", "__typename"), "the response is larger than 100000 bytes", "TOO_MANY", t.Context(), 100_000},
		{"nobody waits", aliases.String(), "the request was cancelled", "UNAVAILABLE", gone, 1 << 30},
	} {
		t.Run(c.name, func(t *testing.T) {
			e := execute.New(sg, &replay{}, execute.Options{MaxResponseBytes: c.limit})
			p := e.Prepare(planned(t, sg, fmt.Sprintf(query, c.leaves)))
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			r := e.Execute(c.ctx, p, nil, nil)
			runtime.ReadMemStats(&after)
			if string(r.Data) != "null" || len(r.Errors) != 1 || r.Errors[0].Message != c.want || r.Errors[0].Extensions["code"] != c.code {
				t.Errorf("data of %d bytes, errors %v", len(r.Data), r.Errors)
			}
			if took := after.TotalAlloc - before.TotalAlloc; took > 20<<20 {
				t.Errorf("it took %d MiB of memory", took>>20)
			}
		})
	}
}
