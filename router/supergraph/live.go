package supergraph

import (
	"github.com/vektah/gqlparser/v2/ast"
)

// Live is a subscription field that the router feeds itself: an event names the entity, and what the
// event does not know is fetched from subgraphs.
//
// It comes from a composed directive with the arguments of
// @live(topic: String!, key: String!, field: String! = "id", types: [String!], provides: String,
// owner: String, version: String, delivery: String = "ALL"), under whatever name @link gives it.
type Live struct {
	Field       string   // the subscription field
	TypeName    string   // the entity it answers with
	Topic       string   // where its events come from
	Key         string   // what an event and a subscription are matched by
	EntityField string   // the entity's field that holds the key
	Types       []string // event types, empty for all
	Provides    []string // the entity's fields an event carries
	Owner       string
	Version     string
	Latest      bool // delivery: "LATEST": who is behind gets the last event of a key, and not all

	provides FieldSet
}

// ProvidedFields returns what an event carries, as a selection on TypeName.
func (l *Live) ProvidedFields() FieldSet { return l.provides }

// Live returns how a subscription field is fed; false when it is not marked @live.
func (s *Supergraph) Live(subscriptionField string) (*Live, bool) {
	l, ok := s.live[subscriptionField]
	return l, ok
}

func (p *reading) readLive() {
	root := p.s.types[p.s.roots[ast.Subscription]]
	if root == nil {
		return
	}
	for _, f := range root.order {
		for _, d := range f.Def.Directives {
			if _, name := p.links.resolve(d.Name); name != "live" {
				continue
			}
			l := &Live{
				Field: f.Name, TypeName: f.Def.Type.Name(), Topic: argString(d, "topic"), Key: argString(d, "key"),
				EntityField: argString(d, "field"), Types: argStrings(d, "types"),
				Owner: argString(d, "owner"), Version: argString(d, "version"), provides: p.fieldSet(d, "provides"),
			}
			if l.EntityField == "" {
				l.EntityField = "id"
			}
			for _, sel := range l.provides {
				l.Provides = append(l.Provides, sel.Name)
			}
			switch delivery := argString(d, "delivery"); delivery {
			case "", "ALL":
			case "LATEST":
				l.Latest = true
			default:
				p.fail(d.Position, "@%s(delivery:) on Subscription.%s is %q; it must be ALL or LATEST", d.Name, l.Field, delivery)
			}
			p.checkLive(d, l)
			p.s.live[f.Name] = l
		}
	}
}

func (p *reading) checkLive(d *ast.Directive, l *Live) {
	if l.Topic == "" || l.Key == "" {
		p.fail(d.Position, "@%s on Subscription.%s needs a topic and a key", d.Name, l.Field)
	}
	t := p.s.types[l.TypeName]
	if t == nil || t.Kind != ast.Object {
		p.fail(d.Position, "@%s on Subscription.%s: its type %s must be an object type", d.Name, l.Field, l.TypeName)
		return
	}
	if t.fields[l.EntityField] == nil {
		p.fail(d.Position, "@%s on Subscription.%s: type %s has no field %q", d.Name, l.Field, l.TypeName, l.EntityField)
	}
	for _, name := range l.Provides {
		if name == "" || t.fields[name] == nil {
			p.fail(d.Position, "@%s(provides:) on Subscription.%s: type %s has no field %q", d.Name, l.Field, l.TypeName, name)
		}
	}
}
