// Package jsonscan goes through JSON without building anything of it: it checks what it passes over, as
// RFC 8259 says, and leaves it to the caller what to take. Its strings are taken to be valid UTF-8.
// Enter at Scanner.
package jsonscan

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math/bits"
)

// MaxDepth is how deep lists and objects may be nested.
const MaxDepth = 500

// What can be wrong with a document.
var (
	ErrSyntax = errors.New("not valid JSON")
	ErrDepth  = fmt.Errorf("nested more than %d deep", MaxDepth)
)

// Scanner stands at a place of a document.
type Scanner struct {
	Data   []byte
	Pos    int
	Blanks int // white space passed over
}

// Close reports whether nothing but white space is left.
func (p *Scanner) Close() error {
	p.space()
	if p.Pos != len(p.Data) {
		return ErrSyntax
	}
	return nil
}

func (p *Scanner) space() {
	for p.Pos < len(p.Data) {
		switch p.Data[p.Pos] {
		case ' ', '\t', '\n', '\r':
			p.Pos++
			p.Blanks++
		default:
			return
		}
	}
}

// Peek passes over white space and returns the byte after it, 0 at the end.
func (p *Scanner) Peek() byte {
	if p.Pos < len(p.Data) {
		if c := p.Data[p.Pos]; c > ' ' {
			return c
		}
		p.space()
		if p.Pos < len(p.Data) {
			return p.Data[p.Pos]
		}
	}
	return 0
}

// More passes over the comma before another item or member, or over the end.
func (p *Scanner) More(end byte) (bool, error) {
	switch p.Peek() {
	case ',':
		p.Pos++
		return true, nil
	case end:
		p.Pos++
		return false, nil
	}
	return false, ErrSyntax
}

// Empty passes over the bracket or brace before the Scanner, and over the end when that comes next.
func (p *Scanner) Empty(end byte) bool {
	p.Pos++
	if p.Peek() != end {
		return false
	}
	p.Pos++
	return true
}

// Name reads a member's name and colon and returns the name decoded.
func (p *Scanner) Name() ([]byte, error) {
	if p.Peek() != '"' {
		return nil, ErrSyntax
	}
	start := p.Pos
	if err := p.str(); err != nil {
		return nil, err
	}
	raw := p.Data[start:p.Pos]
	if p.Peek() != ':' {
		return nil, ErrSyntax
	}
	p.Pos++
	return Decoded(raw), nil
}

// Decoded is a JSON string without its quotes and escapes. It shares raw's memory where it can.
func Decoded(raw []byte) []byte {
	if bytes.IndexByte(raw, '\\') < 0 {
		return raw[1 : len(raw)-1]
	}
	var s string
	if json.Unmarshal(raw, &s) != nil {
		return nil
	}
	return []byte(s)
}

// Members goes through the object before the Scanner. member gets each name, and passes over its value.
func (p *Scanner) Members(depth int, member func(name []byte) error) error {
	if depth > MaxDepth {
		return ErrDepth
	}
	if p.Empty('}') {
		return nil
	}
	for {
		name, err := p.Name()
		if err != nil {
			return err
		}
		if err := member(name); err != nil {
			return err
		}
		if more, err := p.More('}'); !more {
			return err
		}
	}
}

// Raw passes over a value and returns it as it stands.
func (p *Scanner) Raw(depth int) ([]byte, error) {
	c := p.Peek()
	start := p.Pos
	err := p.Skip(c, depth)
	return p.Data[start:p.Pos], err
}

// Pass passes over a value.
func (p *Scanner) Pass(depth int) error { return p.Skip(p.Peek(), depth) }

// Skip passes over the value that begins with c, at which the Scanner stands.
func (p *Scanner) Skip(c byte, depth int) error {
	switch c {
	case '"':
		return p.str()
	case 't':
		return p.word("true")
	case 'f':
		return p.word("false")
	case 'n':
		return p.word("null")
	case '{', '[':
		return p.nested(c, depth)
	}
	return p.number()
}

func (p *Scanner) nested(c byte, depth int) error {
	if depth > MaxDepth {
		return ErrDepth
	}
	end := c + 2 // ']' and '}'
	if p.Empty(end) {
		return nil
	}
	for {
		if c == '{' {
			if p.Peek() != '"' {
				return ErrSyntax
			}
			if err := p.str(); err != nil {
				return err
			}
			if p.Peek() != ':' {
				return ErrSyntax
			}
			p.Pos++
		}
		if err := p.Pass(depth + 1); err != nil {
			return err
		}
		if more, err := p.More(end); !more {
			return err
		}
	}
}

func (p *Scanner) word(w string) error {
	if len(p.Data)-p.Pos < len(w) || string(p.Data[p.Pos:p.Pos+len(w)]) != w {
		return ErrSyntax
	}
	p.Pos += len(w)
	return nil
}

func (p *Scanner) digits() bool {
	start := p.Pos
	for p.Pos < len(p.Data) && p.Data[p.Pos]-'0' <= 9 {
		p.Pos++
	}
	return p.Pos > start
}

func (p *Scanner) at(c byte) bool {
	if p.Pos < len(p.Data) && p.Data[p.Pos] == c {
		p.Pos++
		return true
	}
	return false
}

func (p *Scanner) number() error {
	p.at('-')
	if !p.at('0') && !p.digits() {
		return ErrSyntax
	}
	if p.at('.') && !p.digits() {
		return ErrSyntax
	}
	if p.at('e') || p.at('E') {
		if !p.at('+') {
			p.at('-')
		}
		if !p.digits() {
			return ErrSyntax
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
func (p *Scanner) str() error {
	data, i := p.Data, p.Pos+1
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
			p.Pos = i
			return ErrSyntax
		}
		switch c := data[i]; {
		case c == '"':
			p.Pos = i + 1
			return nil
		case c == '\\':
			n := escape(data[i:])
			if n == 0 {
				p.Pos = i
				return ErrSyntax
			}
			i += n
		case c < 0x20:
			p.Pos = i
			return ErrSyntax
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
