package execute

import (
	"slices"

	"storefront/internal/jsonscan"
	"storefront/router/supergraph"
)

// Which events concern an answer: the rules that hold of the objects in it, each with the key of its object.

// ruled are the rules that hold of the objects at one place of an answer, and of those in them.
type ruled struct {
	rules []ruledBy
	subs  []ruledSub
}

type ruledBy struct {
	*supergraph.CacheRule
	alias string // under which the key stands beside what the rule holds of; "" for nowhere
}

type ruledSub struct {
	alias string
	*ruled
}

// prune leaves out what no rule holds of, and reports whether anything is left. Two selections under one alias
// are one.
func (r *ruled) prune() bool {
	var subs []ruledSub
	for _, sub := range r.subs {
		if !sub.prune() {
			continue
		}
		if i := slices.IndexFunc(subs, func(s ruledSub) bool { return s.alias == sub.alias }); i >= 0 {
			subs[i].rules = append(subs[i].rules, sub.rules...)
			subs[i].subs = append(subs[i].subs, sub.subs...)
			continue
		}
		subs = append(subs, sub)
	}
	r.subs = subs
	return len(r.rules)+len(subs) > 0
}

// Concern is called with a rule and the key of an object that it holds of, nil where that is not known: then
// any event of the rule may be about the answer.
type Concern func(rule *supergraph.CacheRule, key []byte)

// Concerns tells which events concern an answer: the object of an entity, or the data of root fields. rep is
// the entity's representation, nil for root fields. An answer that is no JSON concerns nothing.
func (k *Keep) Concerns(rep, answer []byte, tell Concern) {
	if k.root == nil {
		return
	}
	p := &jsonscan.Scanner{Data: answer}
	if p.Peek() != '{' {
		k.root.unknown(rep, tell)
		return
	}
	_ = k.root.object(p, rep, 0, tell)
}

// unknown tells of objects that are not there: what makes them come into being may be any event, but for an
// entity whose key is known.
func (r *ruled) unknown(rep []byte, tell Concern) {
	for _, by := range r.rules {
		tell(by.CacheRule, member(rep, by.Key))
	}
}

func (r *ruled) value(p *jsonscan.Scanner, depth int, tell Concern) error {
	switch p.Peek() {
	case '{':
		return r.object(p, nil, depth, tell)
	case '[':
		if p.Empty(']') {
			return nil
		}
		for {
			if err := r.value(p, depth+1, tell); err != nil {
				return err
			}
			if more, err := p.More(']'); !more {
				return err
			}
		}
	}
	r.absent(tell)
	return p.Pass(depth)
}

// absent tells of objects that are not there, nor what would be in them.
func (r *ruled) absent(tell Concern) {
	r.unknown(nil, tell)
	for _, sub := range r.subs {
		sub.absent(tell)
	}
}

func (r *ruled) object(p *jsonscan.Scanner, rep []byte, depth int, tell Concern) error {
	keys := make([][]byte, len(r.rules))
	for i, by := range r.rules {
		keys[i] = member(rep, by.Key)
	}
	err := p.Members(depth, func(name []byte) error {
		for i := range r.subs {
			if r.subs[i].alias == string(name) {
				return r.subs[i].value(p, depth+1, tell)
			}
		}
		raw, err := p.Raw(depth + 1)
		for i, by := range r.rules {
			if keys[i] == nil && by.alias != "" && by.alias == string(name) {
				keys[i] = scalar(raw)
			}
		}
		return err
	})
	for i, by := range r.rules {
		tell(by.CacheRule, keys[i])
	}
	return err
}

// member is a scalar member of an object as text, nil when it has none of that name.
func member(object []byte, name string) (value []byte) {
	if object == nil {
		return nil
	}
	p := &jsonscan.Scanner{Data: object}
	_ = p.Members(0, func(n []byte) error {
		raw, err := p.Raw(1)
		if string(n) == name {
			value = scalar(raw)
		}
		return err
	})
	return value
}

// scalar is a JSON string without quotes, or a number or boolean as it is written; nil for anything else.
func scalar(raw []byte) []byte {
	switch {
	case len(raw) == 0 || raw[0] == '{' || raw[0] == '[' || raw[0] == 'n':
		return nil
	case raw[0] == '"':
		return jsonscan.Decoded(raw)
	}
	return raw
}
