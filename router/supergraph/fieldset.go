package supergraph

import (
	"fmt"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/parser"
)

// maxFieldSetTokens bounds the work one @key, @requires or @provides can ask for.
const maxFieldSetTokens = 10_000

// ParseFieldSet parses the text of a FieldSet scalar, such as "id org { id }". It may stand in braces.
func ParseFieldSet(text string) (FieldSet, error) {
	input := text
	if !strings.HasPrefix(strings.TrimSpace(text), "{") {
		input = "{" + text + "}"
	}
	doc, err := parser.ParseQueryWithTokenLimit(&ast.Source{Name: "fields", Input: input}, maxFieldSetTokens)
	if err != nil {
		return nil, fmt.Errorf("parse fields %q: %w", text, err)
	}
	if len(doc.Operations) != 1 || len(doc.Fragments) != 0 {
		return nil, fmt.Errorf("parse fields %q: want one selection of fields", text)
	}
	return convertFieldSet(text, doc.Operations[0].SelectionSet)
}

func convertFieldSet(text string, in ast.SelectionSet) (FieldSet, error) {
	out := make(FieldSet, 0, len(in))
	for _, sel := range in {
		switch sel := sel.(type) {
		case *ast.Field:
			if sel.Alias != sel.Name {
				return nil, fmt.Errorf("parse fields %q: alias %q is not allowed here", text, sel.Alias)
			}
			sub, err := convertFieldSet(text, sel.SelectionSet)
			if err != nil {
				return nil, err
			}
			out = append(out, FieldSelection{Name: sel.Name, Args: sel.Arguments, Sub: sub})
		case *ast.InlineFragment:
			sub, err := convertFieldSet(text, sel.SelectionSet)
			if err != nil {
				return nil, err
			}
			if sel.TypeCondition == "" {
				out = append(out, sub...)
				continue
			}
			out = append(out, FieldSelection{On: sel.TypeCondition, Sub: sub})
		default:
			return nil, fmt.Errorf("parse fields %q: a named fragment is not allowed here", text)
		}
	}
	return out, nil
}
