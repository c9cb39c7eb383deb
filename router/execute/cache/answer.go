package cache

import (
	"encoding/json"

	"storefront/internal/jsonscan"
)

// answer is what a subgraph's answer holds.
type answer struct {
	well   bool // it is a GraphQL response with data
	failed bool // it has errors
	errors []byte
	parts  [][]byte // the entities, or the data alone
}

// split finds the parts of a response. They share its memory.
func split(body []byte, entities bool) (a answer) {
	p := &jsonscan.Scanner{Data: body}
	if p.Peek() != '{' {
		return a
	}
	err := p.Members(0, func(name []byte) error {
		switch string(name) {
		case "errors":
			raw, err := p.Raw(1)
			a.errors, a.failed = raw, string(raw) != "null" && string(raw) != "[]"
			return err
		case "data":
			if p.Peek() != '{' {
				return p.Pass(1)
			}
			a.well = true
			if entities {
				return p.Members(1, func(name []byte) error {
					if string(name) == "_entities" && p.Peek() == '[' {
						return a.list(p)
					}
					return p.Pass(2)
				})
			}
			raw, err := p.Raw(1)
			a.parts = [][]byte{raw}
			return err
		}
		return p.Pass(1)
	})
	if err != nil || p.Close() != nil {
		return answer{}
	}
	return a
}

func (a *answer) list(p *jsonscan.Scanner) error {
	if p.Empty(']') {
		return nil
	}
	for {
		raw, err := p.Raw(3)
		if err != nil {
			return err
		}
		a.parts = append(a.parts, raw)
		if more, err := p.More(']'); !more {
			return err
		}
	}
}

// moved are the errors of a response to a part of a batch, at the places that its entities have in the whole;
// false when there are none that can be read.
func (a *answer) moved(to []int) (list []any, ok bool) {
	if !a.failed || json.Unmarshal(a.errors, &list) != nil || len(list) == 0 {
		return nil, false
	}
	for _, e := range list {
		e, _ := e.(map[string]any)
		path, _ := e["path"].([]any)
		if len(path) < 2 || path[0] != "_entities" {
			continue
		}
		if n, ok := path[1].(float64); ok && n >= 0 && int(n) < len(to) {
			path[1] = to[int(n)]
		}
	}
	return list, true
}
