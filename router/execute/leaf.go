package execute

import (
	"math/big"
	"strconv"

	"storefront/internal/jsonscan"
)

// leafKind is what values of a leaf type may be. From leafString on, text is what they are.
type leafKind uint8

const (
	leafCustom leafKind = iota
	leafInt
	leafFloat
	leafBoolean
	leafEnum
	leafString
	leafID
)

func scalarKinds(name string) leafKind {
	switch name {
	case "Int":
		return leafInt
	case "Float":
		return leafFloat
	case "String":
		return leafString
	case "Boolean":
		return leafBoolean
	case "ID":
		return leafID
	}
	return leafCustom
}

// plain reports at a glance that a value is what its type demands, and is written as it came.
func (w *cutting) plain(leaf leafKind, v value) bool {
	switch v.kind {
	case text:
		return leaf >= leafString
	case number:
		return leaf == leafFloat || leaf == leafInt && v.n < 10 && isInteger(w.raw(v))
	case boolean:
		return leaf == leafBoolean
	}
	return false
}

// leaf writes a leaf as it came, when it is what its type demands.
func (w *cutting) leaf(t *outputType, v value) bool {
	ok := false
	raw := w.raw(v)
	switch t.leaf {
	case leafCustom:
		if v.kind == opaque && v.loose {
			w.b = appendCompact(w.b, raw)
			return true
		}
		ok = true
	case leafInt:
		ok = v.kind == number && isInt32(raw)
	case leafFloat:
		ok = v.kind == number
	case leafString:
		ok = v.kind == text
	case leafBoolean:
		ok = v.kind == boolean
	case leafID:
		if v.kind == number && isInteger(raw) {
			w.b = append(append(append(w.b, '"'), raw...), '"')
			return true
		}
		ok = v.kind == text
	case leafEnum:
		if v.kind == text {
			known := false
			if ok, known = t.enum[string(jsonscan.Decoded(raw))]; known && !ok {
				return false // @inaccessible: no mistake of the subgraph's
			}
		}
	}
	if !ok {
		w.fault("a subgraph answered with a value that is no %s", t.name)
		return false
	}
	w.b = append(w.b, raw...)
	return true
}

func isInteger(raw []byte) bool {
	for _, c := range raw {
		if c == '.' || c == 'e' || c == 'E' {
			return false
		}
	}
	return true
}

func isInt32(raw []byte) bool {
	if len(raw) < 10 && isInteger(raw) {
		return true
	}
	if _, err := strconv.ParseInt(string(raw), 10, 32); err == nil {
		return true
	}
	if isInteger(raw) || len(raw) > 30 { // 1.0 and 1e3 are integers too
		return false
	}
	if f, err := strconv.ParseFloat(string(raw), 64); err != nil || f > 1<<31 || f < -(1<<31) {
		return false
	}
	n, ok := new(big.Rat).SetString(string(raw))
	return ok && n.IsInt()
}

// appendCompact appends JSON without the white space between its tokens.
func appendCompact(dst, raw []byte) []byte {
	p := jsonscan.Scanner{Data: raw}
	for c := p.Peek(); c != 0; c = p.Peek() {
		start := p.Pos
		if c != '"' {
			p.Pos++
		} else if p.Skip(c, 0) != nil {
			break
		}
		dst = append(dst, raw[start:p.Pos]...)
	}
	return dst
}

// items goes through the items of a JSON list that has been checked.
type items struct {
	data  []byte
	pos   int // after the item, 0 before the first
	start int // of the item
}

// next returns the next item, nil after the last.
func (l *items) next() []byte {
	p := jsonscan.Scanner{Data: l.data, Pos: l.pos + 1} // past the bracket or the comma
	if p.Peek() == ']' || l.pos > 0 && l.pos >= len(l.data)-1 {
		return nil
	}
	l.start = p.Pos
	if p.Pass(0) != nil {
		return nil
	}
	raw := l.data[l.start:p.Pos]
	p.Peek()
	l.pos = p.Pos
	return raw
}

// kindOf is the kind of the value that begins with c.
func kindOf(c byte) kind {
	switch c {
	case '"':
		return text
	case 't', 'f':
		return boolean
	case 'n':
		return null
	case '[', '{':
		return opaque
	}
	return number
}
