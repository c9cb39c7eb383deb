package execute

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math/bits"
	"unicode/utf8"
)

const maxJSONDepth = 500

var (
	errJSON     = errors.New("not valid JSON")
	errDeep     = fmt.Errorf("nested more than %d deep", maxJSONDepth)
	errTooLarge = errors.New("larger than what one operation may hold")
)

// reader reads JSON straight into a tree. Of an object it takes what a selection names, into the object's
// slots; it checks the rest and passes over it. Of members with one name the first counts.
type reader struct {
	*tree
	data   []byte
	pos    int
	doc    uint16
	blanks int     // white space passed over
	stack  []value // items of the lists being read
	last   int32   // the type named last
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
	p.data, p.pos, p.stack = data, 0, p.stack[:0]
	return nil
}

// close reports whether nothing but white space is left.
func (p *reader) close() error {
	p.space()
	if p.pos != len(p.data) {
		return errJSON
	}
	return nil
}

func (p *reader) space() {
	for p.pos < len(p.data) {
		switch p.data[p.pos] {
		case ' ', '\t', '\n', '\r':
			p.pos++
			p.blanks++
		default:
			return
		}
	}
}

// peek returns the next byte after white space, 0 at the end.
func (p *reader) peek() byte {
	if p.pos < len(p.data) {
		if c := p.data[p.pos]; c > ' ' {
			return c
		}
		p.space()
		if p.pos < len(p.data) {
			return p.data[p.pos]
		}
	}
	return 0
}

// value reads a value; sub selects of the objects in it and is nil for a leaf.
func (p *reader) value(sub *selection, depth int) (value, error) {
	if depth > maxJSONDepth {
		return value{}, errDeep
	}
	c := p.peek()
	if sub != nil {
		switch c {
		case '{':
			at, err := p.object(sub, 0, depth)
			return value{kind: object, at: at}, err
		case '[':
			return p.list(sub, depth)
		}
	}
	start, blanks := p.pos, p.blanks
	k, err := p.skip(c, depth)
	return value{kind: k, loose: p.blanks != blanks, doc: p.doc, at: uint32(start), n: uint32(p.pos - start)}, err
}

func (p *reader) list(sub *selection, depth int) (value, error) {
	p.pos++
	if p.peek() == ']' {
		p.pos++
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
		more, err := p.more(']')
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

// more passes over the comma before another item, or over the end.
func (p *reader) more(end byte) (bool, error) {
	switch p.peek() {
	case ',':
		p.pos++
		return true, nil
	case end:
		p.pos++
		return false, nil
	}
	return false, errJSON
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
	p.pos++
	if p.peek() == '}' {
		p.pos++
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
		if slot == nil || slot.kind != missing && (slot.kind != header || slot.at != 0) {
			err = p.pass(depth + 1)
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
		if more, err := p.more('}'); !more {
			return obj, err
		}
	}
}

// member reads a member's name and colon and says which field it is, -1 for none. Subgraphs answer in
// the order they were asked, so the field after the last one is tried first.
func (p *reader) member(fields *fields, next int) (int, error) {
	if p.peek() != '"' {
		return -1, errJSON
	}
	if next < len(fields.list) {
		if q := fields.list[next].quoted; len(p.data)-p.pos >= len(q) && string(p.data[p.pos:p.pos+len(q)]) == q {
			p.pos += len(q)
			return next, nil
		}
	}
	name, err := p.name()
	if err != nil {
		return -1, err
	}
	return fields.find(name), nil
}

// name reads a member's name and colon and returns the name decoded.
func (p *reader) name() ([]byte, error) {
	start := p.pos
	if p.peek() != '"' {
		return nil, errJSON
	}
	start = p.pos
	if err := p.str(); err != nil {
		return nil, err
	}
	raw := p.data[start:p.pos]
	if p.peek() != ':' {
		return nil, errJSON
	}
	p.pos++
	return decoded(raw), nil
}

// decoded is a string without its quotes and escapes.
func decoded(raw []byte) []byte {
	if bytes.IndexByte(raw, '\\') < 0 {
		return raw[1 : len(raw)-1]
	}
	var s string
	if json.Unmarshal(raw, &s) != nil {
		return nil
	}
	return []byte(s)
}

// named returns the type with this name, a JSON string.
func (p *reader) named(raw []byte) int32 {
	name := decoded(raw)
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
	start, blanks := p.pos, p.blanks
	defer func() { p.pos, p.blanks = start, blanks }()
	p.pos++
	for p.peek() == '"' {
		name, err := p.name()
		if err != nil {
			return 0
		}
		found := string(name) == "__typename"
		at := p.pos
		if found {
			p.peek()
			at = p.pos
		}
		k, err := p.skip(p.peek(), depth+1)
		if err != nil {
			return 0
		}
		if found {
			if k == text {
				return p.named(p.data[at:p.pos])
			}
			return 0
		}
		if more, _ := p.more('}'); !more {
			return 0
		}
	}
	return 0
}

// pass checks a value and passes over it.
func (p *reader) pass(depth int) error {
	_, err := p.skip(p.peek(), depth)
	return err
}

// skip checks the value that begins with c and passes over it.
func (p *reader) skip(c byte, depth int) (kind, error) {
	switch c {
	case '"':
		return text, p.str()
	case 't':
		return boolean, p.word("true")
	case 'f':
		return boolean, p.word("false")
	case 'n':
		return null, p.word("null")
	case '{', '[':
		return opaque, p.nested(c, depth)
	}
	return number, p.number()
}

func (p *reader) nested(c byte, depth int) error {
	if depth > maxJSONDepth {
		return errDeep
	}
	end := c + 2 // ']' and '}'
	p.pos++
	if p.peek() == end {
		p.pos++
		return nil
	}
	for {
		if c == '{' {
			if p.peek() != '"' {
				return errJSON
			}
			if err := p.str(); err != nil {
				return err
			}
			if p.peek() != ':' {
				return errJSON
			}
			p.pos++
		}
		if err := p.pass(depth + 1); err != nil {
			return err
		}
		if more, err := p.more(end); !more {
			return err
		}
	}
}

func (p *reader) word(w string) error {
	if len(p.data)-p.pos < len(w) || string(p.data[p.pos:p.pos+len(w)]) != w {
		return errJSON
	}
	p.pos += len(w)
	return nil
}

func (p *reader) digits() bool {
	start := p.pos
	for p.pos < len(p.data) && p.data[p.pos]-'0' <= 9 {
		p.pos++
	}
	return p.pos > start
}

func (p *reader) at(c byte) bool {
	if p.pos < len(p.data) && p.data[p.pos] == c {
		p.pos++
		return true
	}
	return false
}

func (p *reader) number() error {
	p.at('-')
	if !p.at('0') && !p.digits() {
		return errJSON
	}
	if p.at('.') && !p.digits() {
		return errJSON
	}
	if p.at('e') || p.at('E') {
		if !p.at('+') {
			p.at('-')
		}
		if !p.digits() {
			return errJSON
		}
	}
	return nil
}

const (
	ones  = 0x0101010101010101
	highs = 0x8080808080808080
)

// str passes over a string. Eight bytes at a time are looked at for the first that is a quote, a
// backslash or a control character.
func (p *reader) str() error {
	data, i := p.data, p.pos+1
	for {
		for i+8 <= len(data) {
			w := binary.LittleEndian.Uint64(data[i:])
			q, b := w^('"'*ones), w^('\\'*ones)
			hit := ((q-ones)&^q | (b-ones)&^b | (w-0x20*ones)&^w) & highs
			if hit != 0 {
				i += bits.TrailingZeros64(hit) / 8
				break
			}
			i += 8
		}
		if i >= len(data) {
			p.pos = i
			return errJSON
		}
		switch c := data[i]; {
		case c == '"':
			p.pos = i + 1
			return nil
		case c == '\\':
			n := escape(data[i:])
			if n == 0 {
				p.pos = i
				return errJSON
			}
			i += n
		case c < 0x20:
			p.pos = i
			return errJSON
		default:
			i++
		}
	}
}

// escape returns the length of the escape that data begins with, 0 when it is none.
func escape(data []byte) int {
	if len(data) < 2 {
		return 0
	}
	switch data[1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return 2
	case 'u':
		if len(data) < 6 {
			return 0
		}
		for _, c := range data[2:6] {
			if !(c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F') {
				return 0
			}
		}
		return 6
	}
	return 0
}
