package execute_test

import (
	"bytes"
	"context"
	"strings"
	"testing"

	"storefront/router/execute"
)

// TestErrorsKeepWhatHelps holds which of a subgraph's extensions reach the client: those that say what to
// mend, and nothing of the subgraph's inside.
func TestErrorsKeepWhatHelps(t *testing.T) {
	sg := shop(t)
	p := planned(t, sg, `{ topProducts { name } }`)
	answer := []byte(`{"data":null,"errors":[{"message":"m","path":["topProducts"],"extensions":{"code":"BAD_INPUT",
		"field":["input","lines",0,{"x":1}],"retryAfter":3,"argumentName":{"a":1},"stack":"at main.go:1"}}]}`)
	e := execute.New(sg, &replay{answers: [][]byte{answer}}, execute.Options{Errors: execute.AllErrors()})
	var out bytes.Buffer
	e.Execute(context.Background(), e.Prepare(p), nil, nil).WriteJSON(&out)
	for _, want := range []string{`"code":"BAD_INPUT"`, `"field":["input","lines",0]`, `"retryAfter":3`} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %s in %s", want, out.String())
		}
	}
	for _, inside := range []string{"main.go", "argumentName"} {
		if strings.Contains(out.String(), inside) {
			t.Errorf("%s is in %s", inside, out.String())
		}
	}
}

// TestErrorsThatAreMasked holds what is let through: by its code, or not at all.
func TestErrorsThatAreMasked(t *testing.T) {
	sg := shop(t)
	p := planned(t, sg, `{ topProducts { name } }`)
	for _, c := range []struct{ extensions, want string }{
		{`{"code":"FORBIDDEN","field":["a"],"hint":"h"}`, `"message":"s3cret","path":["topProducts"],"extensions":{"code":"FORBIDDEN","hint":"h","service":"products"}`},
		{`{"code":"DB_DOWN","field":["a"],"hint":"h"}`, `"message":"the subgraph \"products\" failed","path":["topProducts"],"extensions":{"code":"INTERNAL","masked":"DB_DOWN","service":"products"}`},
		{`{"code":"FORBIDDEN","hint":{"query":"s3cret"}}`, `"extensions":{"code":"FORBIDDEN","service":"products"}`},
		{`{"hint":"h"}`, `"message":"the subgraph \"products\" failed","path":["topProducts"],"extensions":{"code":"INTERNAL","masked":"","service":"products"}`},
		{`null`, `"extensions":{"code":"INTERNAL","masked":"","service":"products"}`},
	} {
		answer := []byte(`{"data":null,"errors":[{"message":"s3cret","extensions":` + c.extensions + `}]}`)
		e := execute.New(sg, &replay{answers: [][]byte{answer}}, execute.Options{Errors: execute.ErrorRules{Codes: []string{"FORBIDDEN"}, Extensions: []string{"hint", "service", "code"}}})
		var out bytes.Buffer
		e.Execute(context.Background(), e.Prepare(p), nil, nil).WriteJSON(&out)
		if !strings.Contains(out.String(), c.want) {
			t.Errorf("%s becomes\n%s\nwant\n%s", c.extensions, out.String(), c.want)
		}
	}
}
