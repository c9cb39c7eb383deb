package main

// The access matrix: every field that takes an id, asked for by everybody, in every way.

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/vektah/gqlparser/v2/ast"
	"golang.org/x/sync/errgroup"

	"storefront/router/supergraph"
	"storefront/schema"
)

// TestAccessMatrix holds that nobody learns anything of what is not theirs: not a word of it, and not that it
// is there, since the answer is the one that an id gets which does not exist. Whoever may is not refused.
func TestAccessMatrix(t *testing.T) {
	t.Parallel()
	h := ownShop(t, "--carrier-step", "1s")
	m := &matrix{t: t, house: h, before: map[string]reply{}, ids: map[string]string{}}
	m.read()
	if t.Failed() {
		return
	}
	h.sell(t, 1000, "MATRIX-ONE", "MATRIX-MORE")
	ada, staff, guest := h.signIn(t, "ada"), h.signIn(t, "sam"), h.guest()
	if _, err := guest.fill("EUR", line("MATRIX-MORE", 1)); err != nil {
		t.Fatal(err)
	}
	customer := ada.ask(t, `{ me { id } }`, nil).text("me.id")
	m.people = h.people(t, guest, customer)
	m.publish()

	shop := h.shopOwn(t, staff)
	shop.more["cartShippingMethodSet"], shop.more["cartLinesUpdate"], shop.more["cartLinesRemove"] = "none", "none", "none"
	one := &world{name: "Customer", owner: customer, things: map[string][]string{}, more: map[string]string{}}
	one.belongings(t, ada, staff, h.sell(t, 1, "MATRIX-REVIEWED")[0].product)
	two := &world{name: "Guest", owner: m.people[3].who.Owner(), things: map[string][]string{}, more: map[string]string{}}
	for _, w := range []*world{one, two} {
		p := map[*world]*person{one: ada, two: guest}[w]
		w.shopping(t, p, staff, func(order string) { m.listen(w, order) })
		w.notices(t, p)
		w.read = func(t *testing.T) string { return p.ask(t, ownQuery, nil).String() }
	}
	m.worlds = []*world{one, two, shop}

	m.lists()
	m.each("Query.", nil, m.everyWay)
	m.entities()
	before := m.state()
	m.each("Mutation.", func(a asker, r row, w *world) bool { return !a.holds(r.may, w) }, m.everyWay)
	for name, now := range m.state() {
		if now != before[name] {
			t.Errorf("what was refused has changed what is %s's:\n%s\nwas\n%s", name, now, before[name])
		}
	}
	m.changes()
	m.heard()
	t.Logf("%d rows, %d people, %d ways: %d asked, %d refused, %d allowed, %d leaks",
		len(fieldRows)+len(entityRows), len(m.people), m.ways(), m.asked, m.refused, m.allowed, m.leaks)
}

// ownQuery is all that somebody has.
const ownQuery = `{ me { name email roles addresses { id label isDefault address { name line1 city } } wishlists { id name items { sku } } notificationPreferences { kind channel enabled } }
  myCart { id } orders(first: 20) { nodes { id number status reason version email shippingAddress { line1 } lines { sku quantity returned } refunded { amount } payment { status refunded { amount } refunds { id reason } } shipment { status } } }
  notifications(first: 50) { unreadCount nodes { id read title text } } }`

// reply is an answer as it came.
type reply struct {
	status int
	text   string
}

// matrix is the test's state.
type matrix struct {
	t         *testing.T
	house     *house
	public    *ast.Schema
	subgraphs map[string]*ast.Schema
	documents map[string][]document // by row
	people    []asker
	worlds    []*world
	streams   []stream

	mu                             sync.Mutex
	before                         map[string]reply  // what an id that does not exist gets, by who asks and how
	ids                            map[string]string // of published operations, by text
	asked, refused, allowed, leaks int
}

// read reads the schemas, and fails for a field that takes an id and has no row.
func (m *matrix) read() {
	sg, err := supergraph.Parse(schema.Supergraph)
	if err != nil {
		m.t.Fatal(err)
	}
	m.public, m.subgraphs, m.documents = sg.API(), map[string]*ast.Schema{}, map[string][]document{}
	missing := maps.Clone(fieldRows)
	for _, name := range slices.Sorted(maps.Keys(m.public.Types)) {
		def := m.public.Types[name]
		if def.Kind != ast.Object {
			continue
		}
		for _, f := range def.Fields {
			if !slices.ContainsFunc(f.Arguments, func(a *ast.ArgumentDefinition) bool { return takesID(m.public, a.Type, nil) }) {
				continue
			}
			key := name + "." + f.Name
			r, ok := fieldRows[key]
			if !ok {
				m.t.Errorf("%s takes an id and has no row in fieldRows: say who may ask for what by it", key)
			}
			delete(missing, key)
			m.documents[key] = documents(m.public, strings.ToLower(name), f, r.args, variables(r.args))
		}
	}
	for key := range missing {
		m.t.Errorf("fieldRows has %s, which takes no id or is not there any more", key)
	}
	m.readSubgraphs()
}

func variables(args string) string {
	list := "$id: ID!"
	if strings.Contains(args, "$more") {
		kind := "ID!"
		if strings.Contains(args, "rate: $more") {
			kind = "String!"
		}
		list += ", $more: " + kind
	}
	return list
}

// publish gives the partner all operations.
func (m *matrix) publish() {
	var list []string
	for _, key := range slices.Sorted(maps.Keys(m.documents)) {
		for i, d := range m.documents[key] {
			name := strings.ReplaceAll(key, ".", "") + fmt.Sprint(i)
			kind, rest, _ := strings.Cut(d.text, "(")
			text := strings.Fields(kind)[0] + " " + name + "(" + rest
			m.ids[d.text] = "matrix-" + name
			list = append(list, name, text)
		}
	}
	for _, args := range [][]string{
		{"operations", "publish", manifest(m.t, "matrix-", list...), "--client", acmeClient},
		{"partners", "set", acmeClient, "--requests", "none", "--cost", "none"},
	} {
		if out, err := storefront(m.t.Context(), append(args, "--data-dir", m.house.dir)...); err != nil {
			m.t.Fatalf("%s %v", out, err)
		}
	}
}

// each asks for everything of every owner by everybody whom only lets through, several at once.
func (m *matrix) each(kind string, only func(asker, row, *world) bool, ask func(key string, a asker, r row, w *world, id string)) {
	var all errgroup.Group
	all.SetLimit(4)
	for _, a := range m.people {
		all.Go(func() error { // each person's requests one after the other, as they may change their own
			for _, key := range slices.Sorted(maps.Keys(fieldRows)) {
				r := fieldRows[key]
				for _, w := range m.worlds {
					if !strings.HasPrefix(key, kind) || only != nil && !only(a, r, w) {
						continue
					}
					for _, id := range w.things[r.thing] {
						ask(key, a, r, w, id)
					}
				}
			}
			return nil
		})
	}
	all.Wait()
}

func (m *matrix) everyWay(key string, a asker, r row, w *world, id string) {
	for _, d := range m.documents[key] {
		m.viaRouter(key, d, a, r, w, id)
	}
	m.straight(key, a, r, w, id)
}

// changes asks for the mutations of those who may, one after the other, those that end things last.
func (m *matrix) changes() {
	for _, last := range []bool{false, true} {
		for _, key := range slices.Sorted(maps.Keys(fieldRows)) {
			r := fieldRows[key]
			if !strings.HasPrefix(key, "Mutation.") || r.ends != last {
				continue
			}
			for _, w := range m.worlds {
				for _, id := range w.things[r.thing] {
					for _, a := range m.people {
						if !a.holds(r.may, w) {
							continue
						}
						if m.viaRouter(key, m.documents[key][plain], a, r, w, id); r.ends {
							break
						}
					}
				}
			}
		}
	}
}

// lists asks for what takes no id: it must not tell anything of others either.
func (m *matrix) lists() {
	for _, f := range m.public.Query.Fields {
		args, ok := arguments(f)
		if _, row := fieldRows["Query."+f.Name]; row || !ok || strings.HasPrefix(f.Name, "__") {
			continue
		}
		text := "{ " + f.Name + args + " " + (&writer{schema: m.public}).selection(f.Type.Name(), nil) + " }"
		for _, a := range m.people {
			got := m.send(a.person.url+"/graphql", a.person.header, vars{"query": text})
			m.asked++
			for _, w := range m.worlds {
				if !a.holds(theirs|staffs, w) {
					m.secret(f.Name, a, w, got)
				}
			}
		}
	}
}

func (m *matrix) viaRouter(key string, d document, a asker, r row, w *world, id string) {
	_, field, _ := strings.Cut(key, ".")
	ask := func(id string) reply {
		request := vars{"query": d.text, "variables": m.values(r, w, field, id)}
		if a.partner {
			request = vars{"id": m.ids[d.text], "variables": request["variables"]}
		}
		return m.send(a.person.url+"/graphql", a.person.header, request)
	}
	m.judge(key+" "+d.name, a, r.may, r.blind || d.name != styles[plain] && strings.HasPrefix(d.name, "through"), w, id, ask)
}

func (m *matrix) values(r row, w *world, field, id string) vars {
	values := vars{"id": id}
	if strings.Contains(r.args, "$more") {
		values["more"] = w.more[field]
	}
	return values
}

// send posts a request and returns the answer as it is.
func (m *matrix) send(url string, header http.Header, request vars) reply {
	body, err := json.Marshal(request)
	if err != nil {
		return reply{0, err.Error()}
	}
	req, err := http.NewRequestWithContext(context.Background(), http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return reply{0, err.Error()}
	}
	req.Header = header.Clone()
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "application/graphql-response+json, application/json")
	res, err := browser.Do(req)
	if err != nil {
		return reply{0, err.Error()}
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		return reply{0, err.Error()}
	}
	return reply{res.StatusCode, string(text)}
}

// state is everything of everybody, as those see it who may.
func (m *matrix) state() map[string]string {
	all := map[string]string{}
	for _, w := range m.worlds {
		all[w.name] = w.read(m.t)
	}
	return all
}
