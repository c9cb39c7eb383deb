package jsonscan

import "encoding/json"

// Value reads a value as encoding/json would into an any, with numbers as json.Number. It shares no
// memory with the document.
func (p *Scanner) Value(depth int) (any, error) {
	if depth > MaxDepth {
		return nil, ErrDepth
	}
	switch c := p.Peek(); c {
	case '{':
		out := map[string]any{}
		err := p.Members(depth, func(name []byte) error {
			v, err := p.Value(depth + 1)
			out[string(name)] = v
			return err
		})
		return out, err
	case '[':
		out := []any{}
		if p.Empty(']') {
			return out, nil
		}
		for {
			v, err := p.Value(depth + 1)
			if err != nil {
				return out, err
			}
			out = append(out, v)
			if more, err := p.More(']'); !more {
				return out, err
			}
		}
	default:
		start := p.Pos
		if err := p.Skip(c, depth); err != nil {
			return nil, err
		}
		switch raw := p.Data[start:p.Pos]; c {
		case '"':
			return string(Decoded(raw)), nil
		case 't':
			return true, nil
		case 'f':
			return false, nil
		case 'n':
			return nil, nil
		default:
			return json.Number(raw), nil
		}
	}
}
