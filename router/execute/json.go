package execute

import (
	"bytes"
	"errors"
	"unicode/utf8"

	"storefront/internal/jsonscan"
)

var errTooLarge = errors.New("larger than what one operation may hold")

// reader reads JSON straight into a tree. Of an object it takes what a selection names, into the object's
// slots; it checks the rest and passes over it. Of members with one name the first counts.
type reader struct {
	*tree
	jsonscan.Scanner
	doc   uint16
	stack []value // items of the lists being read
	last  int32   // the type named last
}

// open begins to read a document, which stays with the tree. Bytes that are no UTF-8 are replaced.
func (p *reader) open(data []byte) error {
	if len(p.docs) >= maxDocs || uint64(len(data)) > 1<<32-1 {
		return errTooLarge
	}
	if !utf8.Valid(data) {
		data = bytes.ToValidUTF8(data, []byte("\uFFFD"))
	}
	p.doc = uint16(len(p.docs))
	p.docs = append(p.docs, data)
	p.Data, p.Pos, p.stack = data, 0, p.stack[:0]
	return nil
}

// value reads a value; sub selects of the objects in it and is nil for a leaf.
func (p *reader) value(sub *selection, depth int) (value, error) {
	if depth > jsonscan.MaxDepth {
		return value{}, jsonscan.ErrDepth
	}
	c := p.Peek()
	if sub != nil {
		switch c {
		case '{':
			at, err := p.object(sub, 0, depth)
			return value{kind: object, at: at}, err
		case '[':
			return p.list(sub, depth)
		}
	}
	start, blanks := p.Pos, p.Blanks
	err := p.Skip(c, depth)
	return value{kind: kindOf(c), loose: p.Blanks != blanks, doc: p.doc, at: uint32(start), n: uint32(p.Pos - start)}, err
}

func (p *reader) list(sub *selection, depth int) (value, error) {
	if p.Empty(']') {
		return value{kind: list}, nil
	}
	base := len(p.stack)
	for {
		v, err := p.value(sub, depth+1)
		if err != nil {
			return v, err
		}
		if p.stack = append(p.stack, v); len(p.vals)+len(p.stack) > p.limit {
			return v, errTooLarge
		}
		more, err := p.More(']')
		if err != nil {
			return v, err
		}
		if !more {
			n := len(p.stack) - base
			at := p.alloc(n)
			copy(p.vals[at:], p.stack[base:])
			p.stack = p.stack[:base]
			return value{kind: list, at: at, n: uint32(n)}, nil
		}
	}
}

// object reads an object into a new block. typ is its type where that is known already; otherwise what
// it says itself decides which of the selection's fields apply.
func (p *reader) object(sel *selection, typ int32, depth int) (uint32, error) {
	fields := sel.any
	if fields == nil {
		if typ == 0 {
			typ = p.nextType(depth)
		}
		fields = sel.of(typ)
	}
	obj := p.block(sel.shape)
	if len(p.vals) > p.limit {
		return obj, errTooLarge
	}
	if p.Empty('}') {
		return obj, nil
	}
	for next := 0; ; {
		i, err := p.member(fields, next)
		if err != nil {
			return obj, err
		}
		var slot *value
		if i >= 0 {
			next = i + 1
			slot = &p.vals[obj+uint32(fields.list[i].slot)]
		}
		if slot != nil && (slot.kind == object || slot.kind == list) && fields.list[i].sub != nil { // it was asked for under two names
			var v value
			f := &fields.list[i]
			if v, err = p.value(f.sub, depth+1); err == nil {
				p.lay(obj+uint32(f.slot), v, sel.shape.subs[f.slot])
			}
		} else if slot == nil || slot.kind != missing && (slot.kind != header || slot.at != 0) {
			err = p.Pass(depth + 1)
		} else {
			var v value
			f := &fields.list[i]
			if v, err = p.value(f.sub, depth+1); f.slot != 0 {
				p.vals[obj+uint32(f.slot)] = v
			} else if v.kind == text {
				p.vals[obj].at = uint32(p.named(p.raw(v)))
			}
		}
		if err != nil {
			return obj, err
		}
		if more, err := p.More('}'); !more {
			return obj, err
		}
	}
}

// member reads a member's name and colon and says which field it is, -1 for none. Subgraphs answer in
// the order they were asked, so the field after the last one is tried first.
func (p *reader) member(fields *fields, next int) (int, error) {
	if p.Peek() != '"' {
		return -1, jsonscan.ErrSyntax
	}
	if next < len(fields.list) {
		if q := fields.list[next].quoted; len(p.Data)-p.Pos >= len(q) && string(p.Data[p.Pos:p.Pos+len(q)]) == q {
			p.Pos += len(q)
			return next, nil
		}
	}
	name, err := p.Name()
	if err != nil {
		return -1, err
	}
	return fields.find(name), nil
}

// named returns the type with this name, a JSON string.
func (p *reader) named(raw []byte) int32 {
	name := jsonscan.Decoded(raw)
	if len(name) == 0 {
		return 0
	}
	if p.last == 0 || p.typeName(p.last) != string(name) {
		p.last = p.intern(name)
	}
	return p.last
}

// nextType looks into the object that begins here for its __typename; 0 when it has none.
func (p *reader) nextType(depth int) int32 {
	ahead := p.Scanner
	if ahead.Empty('}') {
		return 0
	}
	for {
		name, err := ahead.Name()
		if err != nil {
			return 0
		}
		raw, err := ahead.Raw(depth + 1)
		switch {
		case err != nil:
			return 0
		case string(name) == "__typename" && raw[0] == '"':
			return p.named(raw)
		case string(name) == "__typename":
			return 0
		}
		if more, _ := ahead.More('}'); !more {
			return 0
		}
	}
}
