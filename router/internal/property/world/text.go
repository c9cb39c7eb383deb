package world

import (
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
)

// base is the name in a type's text.
func base(t string) string { return strings.Trim(t, "[]!") }

func parseType(text string) *ast.Type {
	nonNull := strings.HasSuffix(text, "!")
	text = strings.TrimSuffix(text, "!")
	if strings.HasPrefix(text, "[") {
		return &ast.Type{Elem: parseType(text[1 : len(text)-1]), NonNull: nonNull}
	}
	return &ast.Type{NamedType: text, NonNull: nonNull}
}

// selection is a field of a field set, or with on a fragment.
type selection struct {
	name, args, on string
	sub            []selection
}

// parseSet reads a field set that this package wrote.
func parseSet(text string) []selection {
	list, _ := readSet(strings.TrimSpace(text))
	return list
}

func readSet(text string) ([]selection, string) {
	var out []selection
	for {
		text = strings.TrimLeft(text, " ")
		switch {
		case text == "":
			return out, ""
		case text[0] == '}':
			return out, text[1:]
		case text[0] == '{':
			out[len(out)-1].sub, text = readSet(text[1:])
		case text[0] == '(':
			end := strings.IndexByte(text, ')')
			out[len(out)-1].args, text = text[:end+1], text[end+1:]
		case strings.HasPrefix(text, "... on "):
			text = text[len("... on "):]
			end := strings.IndexByte(text, ' ')
			out, text = append(out, selection{on: text[:end]}), text[end:]
		default:
			end := strings.IndexAny(text, " {}(")
			if end < 0 {
				end = len(text)
			}
			out, text = append(out, selection{name: text[:end]}), text[end:]
		}
	}
}
