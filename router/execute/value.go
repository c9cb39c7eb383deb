package execute

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"unicode/utf8"
)

// kind of a JSON value.
type kind uint8

const (
	missing kind = iota
	null
	boolean
	number
	text
	list
	objects
)

// value is a JSON value. Leaves keep the bytes they came in, so that they go out as they were.
type value struct {
	kind kind
	raw  []byte
	list []value
	obj  *object
}

// object is a JSON object; its fields are few, so they are searched in order.
type object struct {
	fields []member
}

type member struct {
	key string
	val value
}

func (o *object) get(key string) value {
	for i := range o.fields {
		if o.fields[i].key == key {
			return o.fields[i].val
		}
	}
	return value{}
}

func (o *object) set(key string, v value) {
	for i := range o.fields {
		if o.fields[i].key == key {
			o.fields[i].val = v
			return
		}
	}
	o.fields = append(o.fields, member{key, v})
}

// typename returns the object's __typename, "" when it has none.
func (o *object) typename() string {
	v := o.get("__typename")
	if v.kind != text {
		return ""
	}
	return v.str()
}

// str decodes a text value.
func (v value) str() string {
	if bytes.IndexByte(v.raw, '\\') < 0 {
		return string(v.raw[1 : len(v.raw)-1])
	}
	var s string
	if json.Unmarshal(v.raw, &s) != nil {
		return ""
	}
	return s
}

const maxJSONDepth = 500

var errJSON = errors.New("not valid JSON")

// parseJSON reads one JSON value; what it returns shares data's memory.
func parseJSON(data []byte) (value, error) {
	if !utf8.Valid(data) {
		data = bytes.ToValidUTF8(data, []byte("\uFFFD"))
	}
	p := parser{data: data}
	v, err := p.value(0)
	if err != nil {
		return value{}, fmt.Errorf("read JSON at byte %d: %w", p.at, err)
	}
	p.space()
	if p.at != len(data) {
		return value{}, fmt.Errorf("read JSON at byte %d: %w", p.at, errJSON)
	}
	return v, nil
}

type parser struct {
	data []byte
	at   int
}

func (p *parser) space() {
	for p.at < len(p.data) {
		switch p.data[p.at] {
		case ' ', '\t', '\n', '\r':
			p.at++
		default:
			return
		}
	}
}

func (p *parser) peek() byte {
	if p.at < len(p.data) {
		return p.data[p.at]
	}
	return 0
}

func (p *parser) value(depth int) (value, error) {
	if depth > maxJSONDepth {
		return value{}, fmt.Errorf("nested more than %d deep", maxJSONDepth)
	}
	p.space()
	switch c := p.peek(); {
	case c == '{':
		return p.object(depth)
	case c == '[':
		return p.array(depth)
	case c == '"':
		raw, err := p.str()
		return value{kind: text, raw: raw}, err
	case c == 't':
		return p.word("true", boolean)
	case c == 'f':
		return p.word("false", boolean)
	case c == 'n':
		return p.word("null", null)
	case c == '-' || c >= '0' && c <= '9':
		return p.number()
	}
	return value{}, errJSON
}

func (p *parser) word(w string, k kind) (value, error) {
	if len(p.data)-p.at < len(w) || string(p.data[p.at:p.at+len(w)]) != w {
		return value{}, errJSON
	}
	raw := p.data[p.at : p.at+len(w)]
	p.at += len(w)
	return value{kind: k, raw: raw}, nil
}

func (p *parser) digits() bool {
	start := p.at
	for c := p.peek(); c >= '0' && c <= '9'; c = p.peek() {
		p.at++
	}
	return p.at > start
}

func (p *parser) number() (value, error) {
	start := p.at
	if p.peek() == '-' {
		p.at++
	}
	if p.peek() == '0' {
		p.at++
	} else if !p.digits() {
		return value{}, errJSON
	}
	if p.peek() == '.' {
		p.at++
		if !p.digits() {
			return value{}, errJSON
		}
	}
	if c := p.peek(); c == 'e' || c == 'E' {
		p.at++
		if c := p.peek(); c == '+' || c == '-' {
			p.at++
		}
		if !p.digits() {
			return value{}, errJSON
		}
	}
	return value{kind: number, raw: p.data[start:p.at]}, nil
}

// str reads a string and returns it with its quotes.
func (p *parser) str() ([]byte, error) {
	start := p.at
	for p.at++; p.at < len(p.data); p.at++ {
		switch c := p.data[p.at]; {
		case c == '"':
			p.at++
			return p.data[start:p.at], nil
		case c < 0x20:
			return nil, errJSON
		case c == '\\':
			p.at++
			switch p.peek() {
			case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
			case 'u':
				for range 4 {
					p.at++
					c := p.peek()
					if !(c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F') {
						return nil, errJSON
					}
				}
			default:
				return nil, errJSON
			}
		}
	}
	return nil, errJSON
}

func (p *parser) array(depth int) (value, error) {
	p.at++
	out := value{kind: list}
	p.space()
	if p.peek() == ']' {
		p.at++
		return out, nil
	}
	for {
		v, err := p.value(depth + 1)
		if err != nil {
			return value{}, err
		}
		out.list = append(out.list, v)
		p.space()
		c := p.peek()
		p.at++
		if c == ']' {
			return out, nil
		}
		if c != ',' {
			return value{}, errJSON
		}
	}
}

func (p *parser) object(depth int) (value, error) {
	p.at++
	out := value{kind: objects, obj: &object{}}
	p.space()
	if p.peek() == '}' {
		p.at++
		return out, nil
	}
	for {
		p.space()
		if p.peek() != '"' {
			return value{}, errJSON
		}
		raw, err := p.str()
		if err != nil {
			return value{}, err
		}
		p.space()
		if p.peek() != ':' {
			return value{}, errJSON
		}
		p.at++
		v, err := p.value(depth + 1)
		if err != nil {
			return value{}, err
		}
		out.obj.fields = append(out.obj.fields, member{value{raw: raw}.str(), v})
		p.space()
		c := p.peek()
		p.at++
		if c == '}' {
			return out, nil
		}
		if c != ',' {
			return value{}, errJSON
		}
	}
}

// hold turns JSON values that the router holds into a tree.
func hold(root map[string]any) (*object, error) {
	data, err := json.Marshal(root)
	if err != nil {
		return nil, fmt.Errorf("encode what is held: %w", err)
	}
	v, err := parseJSON(data)
	if err != nil {
		return nil, err
	}
	if v.kind != objects {
		return &object{}, nil
	}
	return v.obj, nil
}
