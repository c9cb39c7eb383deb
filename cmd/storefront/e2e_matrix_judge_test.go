package main

// What the access matrix thinks of an answer, and what it asks of subgraphs.

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/parser"

	"storefront/schema"
)

// judge asks for an id and, once, for one that does not exist. Who may not is to get the same answer to both,
// and no secret; who may, another one, unless it is the same for all ids.
func (m *matrix) judge(what string, a asker, r may, blind bool, w *world, id string, ask func(id string) reply) {
	none := nothing(id)
	key := a.name + "\n" + what + "\n" + none + w.name
	m.mu.Lock()
	missing, known := m.before[key]
	m.mu.Unlock()
	if !known {
		missing = ask(none)
	}
	got := ask(id)
	m.mu.Lock()
	defer m.mu.Unlock()
	m.before[key] = missing
	m.asked++
	same := got.status == missing.status && own(got.text, id) == own(missing.text, none)
	may, holds := a.may(r, w), a.holds(r, w)
	switch {
	case got.status == 0 || missing.status == 0 || strings.Contains(got.text+missing.text, "GRAPHQL_VALIDATION_FAILED"):
		m.t.Errorf("%s, asked by %s, is not answered: %v; %v", what, a.name, got, missing)
	case may:
		if m.allowed++; same && !blind {
			m.t.Errorf("%s of %s is refused to %s, who may have it: %v", what, w.name, a.name, got)
		}
	default:
		if m.refused++; !same {
			m.leaks++
			m.t.Errorf("%s of %s tells %s that the id exists:\n%v\nand for one that does not:\n%v", what, w.name, a.name, got, missing)
		}
	}
	if !holds && r&everyones == 0 {
		m.secret(what, a, w, got)
	}
}

// secret fails for an answer with a word of what is w's.
func (m *matrix) secret(what string, a asker, w *world, got reply) {
	if i := slices.IndexFunc(w.secrets, func(s string) bool { return strings.Contains(got.text, s) }); i >= 0 {
		m.leaks++
		m.t.Errorf("%s of %s gives %s the secret %q: %.500s", what, w.name, a.name, w.secrets[i], got.text)
	}
}

// holds reports whether somebody has a right to what is w's, rather than to asking.
func (a asker) holds(m may, w *world) bool { return a.may(m&(theirs|staffs), w) }

// nothing is an id of the same form that does not exist.
func nothing(id string) string {
	if prefix, _, ok := strings.Cut(id, "_"); ok {
		return prefix + "_01ARZ3NDEKTSV4RRFFQ69G5FAV"
	}
	return strings.ToLower(id[:3]) + "-none"
}

// own replaces an id, also with another prefix as a payment has its order's, by one word.
func own(text, id string) string {
	if _, rest, ok := strings.Cut(id, "_"); ok {
		id = rest
	}
	return strings.ReplaceAll(text, id, "ID")
}

// readSubgraphs reads what the router asks of services, and fails for an entity without a row.
func (m *matrix) readSubgraphs() {
	missing := map[string]bool{}
	for key := range entityRows {
		missing[key] = true
	}
	for _, name := range services {
		s := m.readSubgraph(name)
		m.subgraphs[name] = s
		for _, def := range s.Types {
			for _, key := range def.Directives.ForNames("key") {
				if arg := key.Arguments.ForName("resolvable"); arg != nil && arg.Value.Raw == "false" {
					continue
				}
				if _, ok := entityRows[name+"."+def.Name]; !ok {
					m.t.Errorf("%s answers %s by key and has no row in entityRows: say who may have it", name, def.Name)
				}
				delete(missing, name+"."+def.Name)
			}
		}
	}
	for key := range missing {
		m.t.Errorf("entityRows has %s, which is no entity there any more", key)
	}
}

// readSubgraph is what a subgraph resolves by itself: its SDL without what is external.
func (m *matrix) readSubgraph(name string) *ast.Schema {
	text, err := schema.Files.ReadFile(name + ".graphqls")
	if err != nil {
		m.t.Fatal(err)
	}
	doc, err := parser.ParseSchema(&ast.Source{Name: name, Input: string(text)})
	if err != nil {
		m.t.Fatal(err)
	}
	s := &ast.Schema{Types: map[string]*ast.Definition{}, PossibleTypes: map[string][]*ast.Definition{}}
	for _, scalar := range []string{"ID", "String", "Int", "Float", "Boolean"} {
		s.Types[scalar] = &ast.Definition{Kind: ast.Scalar, Name: scalar}
	}
	for _, def := range doc.Definitions {
		def.Fields = slices.DeleteFunc(def.Fields, func(f *ast.FieldDefinition) bool { return f.Directives.ForName("external") != nil })
		s.Types[def.Name] = def
	}
	for _, def := range doc.Definitions {
		for _, object := range def.Types {
			s.PossibleTypes[def.Name] = append(s.PossibleTypes[def.Name], s.Types[object])
		}
	}
	return s
}

// straight asks the subgraph that has a root field, as the router does for this person, and without it.
func (m *matrix) straight(key string, a asker, r row, w *world, id string) {
	kind, field, _ := strings.Cut(key, ".")
	for i, name := range services {
		s := m.subgraphs[name]
		root := s.Types[kind]
		if root == nil || root.Fields.ForName(field) == nil {
			continue
		}
		d := documents(s, strings.ToLower(kind), root.Fields.ForName(field), r.args, variables(r.args))[plain]
		url := m.house.shop.servers[i].URL("/graphql")
		m.judge(key+" straight", a, r.may, r.blind, w, id, func(id string) reply {
			return m.send(url, m.house.header(a, name), vars{"query": d.text, "variables": m.values(r, w, key, id)})
		})
		m.unsigned(key, url, vars{"query": d.text, "variables": m.values(r, w, key, id)})
	}
}

// entities asks subgraphs for entities by their keys, and the router, which has no such field.
func (m *matrix) entities() {
	for i, service := range services {
		url := m.house.shop.servers[i].URL("/graphql")
		for key, r := range entityRows {
			of, name, _ := strings.Cut(key, ".")
			if of != service {
				continue
			}
			text := fmt.Sprintf("query($r: [_Any!]!) { _entities(representations: $r) { ... on %s %s } }", name, (&writer{schema: m.subgraphs[service]}).selection(name, nil))
			request := func(id string) vars {
				return vars{"query": text, "variables": vars{"r": []any{vars{"__typename": name, r.key: id}}}}
			}
			for _, w := range m.worlds {
				for _, id := range w.things[r.thing] {
					for _, a := range m.people {
						m.judge(key+" by key", a, r.may, r.blind, w, id, func(id string) reply { return m.send(url, m.house.header(a, service), request(id)) })
						if got := m.send(a.person.url+"/graphql", a.person.header, request(id)); got.status < 400 || strings.Contains(got.text, `"data"`) {
							m.leaks++
							m.t.Errorf("the router answers _entities: %v", got)
						}
					}
					m.unsigned(key, url, request(id))
				}
			}
		}
	}
}

// unsigned wants a subgraph to refuse a call that is not the router's.
func (m *matrix) unsigned(what, url string, request vars) {
	got := m.send(url, http.Header{}, request)
	m.mu.Lock()
	defer m.mu.Unlock()
	m.asked++
	if m.refused++; got.status != http.StatusUnauthorized || strings.Contains(got.text, `"data"`) {
		m.leaks++
		m.t.Errorf("%s is answered without the router's signature: %v", what, got)
	}
}

// ways is in how many a field is asked for, at most.
func (m *matrix) ways() int {
	most := 0
	for _, list := range m.documents {
		most = max(most, len(list))
	}
	return most + len([]string{"straight", "by key", "by key through the router", "unsigned", "GET", "SSE", "WebSocket"})
}
