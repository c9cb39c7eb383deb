package main

// The access matrix: every field that takes an id, asked for by everybody, in every way.

import (
	"fmt"
	"maps"
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
	h := ownShop(t, "--carrier-step", "2s") // time enough to subscribe for everybody
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
		w.read = func(t *testing.T) string { return w.own(t, p) }
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
	if strings.HasPrefix(key, "Query.") && !a.partner {
		m.byGet(key, m.documents[key][plain], a, r, w, id)
	}
	m.straight(key, a, r, w, id)
}

// state is everything of everybody, as those see it who may.
func (m *matrix) state() map[string]string {
	all := map[string]string{}
	for _, w := range m.worlds {
		all[w.name] = w.read(m.t)
	}
	return all
}
