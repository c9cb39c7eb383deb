package gateway

// Requests are read where they lie: a body is checked to be JSON once, and only those of its members that
// mean something are decoded, so that what nobody asked for costs a glance.

import "storefront/internal/jsonscan"

// members goes through the members of a JSON object. Names are decoded, values are as written and share
// the object's memory. What is no object, or no JSON, is an error, and so is what visit returns.
func members(object []byte, visit func(name, value []byte) error) error {
	p := jsonscan.Scanner{Data: object}
	if p.Peek() != '{' {
		return jsonscan.ErrSyntax
	}
	err := p.Members(0, func(name []byte) error {
		value, err := p.Raw(1)
		if err != nil {
			return err
		}
		return visit(name, value)
	})
	if err != nil {
		return err
	}
	return p.Close()
}

// textOf decodes a value that is to be a string.
func textOf(value []byte, into *string) (ok bool) {
	if ok = value[0] == '"'; ok {
		*into = string(jsonscan.Decoded(value))
	}
	return ok
}

// weigh counts the values of a valid JSON text, those in lists and objects included, and how deep it nests.
func weigh(b []byte) (values, depth int) {
	open := 0
	values = 1
	for i := 0; i < len(b); i++ {
		switch b[i] {
		case '"':
			for i++; i < len(b) && b[i] != '"'; i++ {
				if b[i] == '\\' {
					i++
				}
			}
		case '{', '[':
			values++
			open++
			depth = max(depth, open)
		case '}', ']':
			open--
		case ',':
			values++
		}
	}
	return values, depth
}
