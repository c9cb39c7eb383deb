package supergraph

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/vektah/gqlparser/v2/ast"
)

// What subgraphs say of how long their answers may be kept, and which events end that before. It comes
// from composed directives with the arguments of
//
//	@cacheControl(maxAge: Int, scope: CacheControlScope, inheritMaxAge: Boolean)
//	@cacheInvalidate(topic: String!, types: [String!], event: [String!], key: String! = "id")
//
// under whatever name @link gives them, or as @join__directive(name: "cache__cacheControl"), which says of
// which subgraphs they hold. Without that, as other compositions write them, what ends a life holds for all
// subgraphs that have what it stands on, and so does inheriting from what such a subgraph itself lets live. A
// maxAge holds where only one subgraph has it: its word says nothing of what another one answers.

// CacheHint is what one subgraph says of a field, or of all fields that return a type.
type CacheHint struct {
	MaxAge   time.Duration
	Given    bool // MaxAge is
	Inherits bool // it is as old as what is around it
	Private  bool // it depends on who asks
}

// CacheRule says which events end the life of what is kept of an entity, or of one of its fields.
type CacheRule struct {
	Topic string
	Types []string   // event types, empty for all
	Event [][]string // where in the event the keys are that it is about, as steps through objects and lists; none: the record's key
	Key   string     // the entity's field that has such a key
}

// ID is equal for rules that the same events answer in the same way.
func (r *CacheRule) ID() string {
	var b strings.Builder
	b.WriteString(r.Topic + "\n" + strings.Join(r.Types, " ") + "\n")
	for _, path := range r.Event {
		b.WriteString(strings.Join(path, ".") + " ")
	}
	return b.String()
}

// Counts reports whether events of a type are meant.
func (r *CacheRule) Counts(eventType string) bool {
	return len(r.Types) == 0 || slices.Contains(r.Types, eventType)
}

// place is a type or, with a field, one of its fields, in one subgraph.
type place struct {
	graph     int
	typ, name string
}

// caching is what the directives say.
type caching struct {
	hints map[place]CacheHint
	rules map[place][]*CacheRule
	all   []*CacheRule // in the order of the text, those with one ID once
}

// Caches reports whether any subgraph allows anything to be kept.
func (s *Supergraph) Caches() bool { return len(s.caching.hints) > 0 }

// CacheHint returns what a subgraph says of a field, or with "" for its name of a type.
func (s *Supergraph) CacheHint(subgraph int, typ, field string) CacheHint {
	return s.caching.hints[place{subgraph, typ, field}]
}

// CacheRules returns which events concern a field or, with "" for its name, a type.
func (s *Supergraph) CacheRules(subgraph int, typ, field string) []*CacheRule {
	return s.caching.rules[place{subgraph, typ, field}]
}

// AllCacheRules returns the rules that differ.
func (s *Supergraph) AllCacheRules() []*CacheRule { return s.caching.all }

func (p *reading) readCaching() {
	p.s.caching = caching{hints: map[place]CacheHint{}, rules: map[place][]*CacheRule{}}
	for _, name := range p.s.names {
		t := p.s.types[name]
		var in []int
		for g := range t.In {
			if t.In[g].Present {
				in = append(in, g)
			}
		}
		p.readCachingOf(t.Def.Directives, in, place{typ: name})
		for _, f := range t.order {
			var in []int
			for g := range f.In {
				if f.In[g].Present && !f.In[g].External {
					in = append(in, g)
				}
			}
			p.readCachingOf(f.Def.Directives, in, place{typ: name, name: f.Name})
		}
	}
}

// readCachingOf reads the directives of one place; in are the subgraphs that have it.
func (p *reading) readCachingOf(list ast.DirectiveList, in []int, at place) {
	for _, d := range list {
		graphs, unsaid := in, len(in) > 1
		spec, name := p.links.resolve(d.Name)
		args := d.Arguments
		if spec == "join" && name == "directive" {
			spec, name, _ = strings.Cut(argString(d, "name"), "__")
			graphs, args, unsaid = p.graphsOf(d), argumentsOf(d), false
		}
		if spec != "cache" {
			continue
		}
		said := &ast.Directive{Name: name, Arguments: args, Position: d.Position}
		for _, at.graph = range graphs {
			switch name {
			case "cacheControl":
				if h := p.readHint(said, at); !unsaid || !h.Given {
					p.s.caching.hints[at] = h
				}
			case "cacheInvalidate":
				p.addRule(at, readRule(said))
			}
		}
	}
}

func (p *reading) readHint(d *ast.Directive, at place) CacheHint {
	h := CacheHint{Inherits: argBool(d, "inheritMaxAge", false), Private: argString(d, "scope") == "PRIVATE"}
	if text := argString(d, "maxAge"); text != "" {
		seconds, err := strconv.Atoi(text)
		if err != nil || seconds < 0 {
			p.fail(d.Position, "@cacheControl on %s.%s: maxAge is a number of seconds, not %q", at.typ, at.name, text)
		}
		h.MaxAge, h.Given = time.Duration(seconds)*time.Second, true
	}
	return h
}

func readRule(d *ast.Directive) *CacheRule {
	r := &CacheRule{Topic: argString(d, "topic"), Types: argStrings(d, "types"), Key: argString(d, "key")}
	if r.Key == "" {
		r.Key = "id"
	}
	for _, path := range argStrings(d, "event") {
		r.Event = append(r.Event, strings.Split(path, "."))
	}
	return r
}

func (p *reading) addRule(at place, r *CacheRule) {
	c := &p.s.caching
	c.rules[at] = append(c.rules[at], r)
	if !slices.ContainsFunc(c.all, func(known *CacheRule) bool { return known.ID() == r.ID() }) {
		c.all = append(c.all, r)
	}
}

// graphsOf are the subgraphs of a @join__directive.
func (p *reading) graphsOf(d *ast.Directive) []int {
	var out []int
	for _, name := range argStrings(d, "graphs") {
		if g, ok := p.graph[name]; ok {
			out = append(out, g)
		}
	}
	return out
}

// argumentsOf are the arguments that a @join__directive carries.
func argumentsOf(d *ast.Directive) ast.ArgumentList {
	var out ast.ArgumentList
	if a := d.Arguments.ForName("args"); a != nil && a.Value != nil {
		for _, c := range a.Value.Children {
			out = append(out, &ast.Argument{Name: c.Name, Value: c.Value, Position: d.Position})
		}
	}
	return out
}
