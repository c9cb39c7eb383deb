package operations_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"storefront/internal/embedded/mongodb/mongotest"
	"storefront/internal/errs"
	"storefront/internal/operations"
)

var (
	secret = []byte("the shop's secret")
	noon   = time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)
)

func manifest(t *testing.T, text string) operations.Manifest {
	t.Helper()
	m, err := operations.ParseManifest([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestManifestFormats(t *testing.T) {
	t.Parallel()
	want := operations.Operation{Name: "Zones", Type: "query", Body: "query Zones { zones { id } }"}
	for format, text := range map[string]string{
		operations.Apollo:  `{"format":"apollo-persisted-query-manifest","version":1,"operations":[{"id":"ID","name":"Zones","type":"query","body":"query Zones { zones { id } }"}]}`,
		operations.Relay:   `{"ID": "query Zones { zones { id } }"}`,
		operations.Codegen: `{"ID": "query Zones { zones { id } }"}`,
		operations.Plain:   `{"ID": "query Zones { zones { id } }"}`,
	} {
		want.ID = map[string]string{operations.Relay: strings.Repeat("0a", 16), operations.Codegen: strings.Repeat("0a", 20)}[format]
		if want.ID == "" {
			want.ID = "zones-1"
		}
		m := manifest(t, strings.ReplaceAll(text, "ID", want.ID))
		if m.Format != format || len(m.Operations) != 1 || m.Operations[0] != want {
			t.Errorf("a manifest of %s is read as %+v", format, m)
		}
	}
	if m := manifest(t, `{"`+strings.Repeat("ab", 32)+`": "query A { a }", "`+strings.Repeat("cd", 32)+`": "mutation { b }"}`); m.Format != operations.Codegen || m.Operations[1].Type != "mutation" {
		t.Errorf("hashes of 256 bits are read as %+v", m)
	}
	if m := manifest(t, `{"format": "query F { f }"}`); m.Operations[0].ID != "format" {
		t.Errorf("an id that is a word of Apollo's is read as %+v", m)
	}
}

func TestManifestMistakes(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][]string{
		`[]`:               {"no JSON object"},
		`{}`:               {"format"},
		`{"a": 1}`:         {`"a" is no text`},
		`{"a": {"b": ""}}`: {`"a" is no text`},
		`{"format":"other","version":1,"operations":[]}`:                           {`"other"`, "apollo-persisted-query-manifest"},
		`{"format":"apollo-persisted-query-manifest","version":2,"operations":[]}`: {"version 2"},
		`{"a": "query A { a }", "a": "query B { b }"}`:                             {`operations 0 and 1 have the same id "a"`},
		`{"": "query A { a }", "b": ""}`:                                           {"operation 0: an id", `operation "b": a body`},
	} {
		_, err := operations.ParseManifest([]byte(text))
		if !errs.Is(err, errs.BadInput) {
			t.Errorf("%s gives %v", text, err)
			continue
		}
		for _, part := range want {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("%s gives %v, want %s", text, err, part)
			}
		}
	}
}

func TestReleases(t *testing.T) {
	t.Parallel()
	ctx, db := t.Context(), mongotest.Database(t)
	open := func(key []byte) *operations.Store { // nothing is in its cache
		s, err := operations.NewStore(ctx, db, nil, key)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	s := open(secret)
	get := func(s *operations.Store, client, id, body string, want error) {
		t.Helper()
		if got, _, err := s.Get(ctx, client, id); !errors.Is(err, want) || got != body {
			t.Errorf("%s calls %s: %q, %v; want %q, %v", client, id, got, err, body, want)
		}
	}
	publish := func(text string, release, added, changed, same, missing int) operations.Difference {
		t.Helper()
		before, err := s.Diff(ctx, "acme", manifest(t, text))
		if err != nil {
			t.Fatal(err)
		}
		d, r, err := s.Publish(ctx, "acme", manifest(t, text), noon)
		if err != nil {
			t.Fatal(err)
		}
		if r.Number != release || len(d.Added) != added || len(d.Changed) != changed || d.Same != same || len(d.Missing) != missing {
			t.Errorf("publish %s: release %d, %+v", text, r.Number, d)
		}
		if len(before.Added) != added || len(before.Changed) != changed || before.None() != d.None() {
			t.Errorf("the difference foretold %+v, publishing made %+v", before, d)
		}
		return d
	}
	one, two := `{"a": "query A { a }", "b": "query B { b }"}`, `{"b": "query B { b2 }", "c": "query C { c }"}`
	get(s, "acme", "a", "", operations.ErrNotFound)
	publish(one, 1, 2, 0, 0, 0)
	if d := publish(`{"b": "query B { b }", "a": "query A { a }"}`, 1, 0, 0, 2, 0); !d.None() {
		t.Errorf("the same operations in another order: %+v", d)
	}
	publish(two, 2, 1, 1, 0, 1)
	get(s, "acme", "a", "query A { a }", nil) // not in release 2, and not retired
	get(s, "acme", "b", "query B { b2 }", nil)
	get(s, "other", "a", "", operations.ErrNotFound)

	if err := s.Retire(ctx, "acme", []string{"a", "nothing"}, noon); !errs.Is(err, errs.NotFound) {
		t.Errorf("retire what is not there: %v", err)
	}
	get(s, "acme", "a", "query A { a }", nil)
	if err := s.Retire(ctx, "acme", []string{"a"}, noon); err != nil {
		t.Fatal(err)
	}
	get(s, "acme", "a", "", operations.ErrRetired)
	if d := publish(two, 2, 0, 0, 2, 0); !d.None() {
		t.Errorf("the same again beside a retired one: %+v", d)
	}
	publish(one, 3, 1, 1, 0, 1)
	get(s, "acme", "a", "query A { a }", nil) // published again

	releases, err := s.Releases(ctx, "acme")
	if err != nil || len(releases) != 3 || releases[2].Number != 3 || releases[2].Operations != 2 || !releases[0].At.Equal(noon) {
		t.Errorf("releases: %+v, %v", releases, err)
	}
	list, err := s.List(ctx, "")
	if err != nil || len(list) != 3 || list[0].ID != "a" || list[0].Release != 3 || list[2].Release != 2 {
		t.Errorf("operations: %+v, %v", list, err)
	}
}

// What somebody writes into the database without the shop's secret is never run.
func TestSignatures(t *testing.T) {
	t.Parallel()
	ctx, db := t.Context(), mongotest.Database(t)
	s, err := operations.NewStore(ctx, db, nil, secret)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.Publish(ctx, "acme", manifest(t, `{"a": "query A { a }", "b": "query B { b }", "c": "query C { c }", "d": "query D { d }"}`), noon); err != nil {
		t.Fatal(err)
	}
	if err := s.Retire(ctx, "acme", []string{"c"}, noon); err != nil {
		t.Fatal(err)
	}
	stored := db.Collection("operations")
	change := func(id string, update bson.D) {
		t.Helper()
		if r, err := stored.UpdateOne(ctx, bson.D{{Key: "_id", Value: "acme\x1f" + id}}, update); err != nil || r.ModifiedCount != 1 {
			t.Fatalf("change %s: %+v, %v", id, r, err)
		}
	}
	set := func(name string, value any) bson.D {
		return bson.D{{Key: "$set", Value: bson.D{{Key: name, Value: value}}}}
	}
	change("a", set("operation.body", "query A { secrets }"))
	change("b", set("signature", ""))
	change("c", bson.D{{Key: "$unset", Value: bson.D{{Key: "retiredAt", Value: ""}}}})
	var own bson.M // d, signed for acme, given to another client
	if err := stored.FindOne(ctx, bson.D{{Key: "_id", Value: "acme\x1fd"}}).Decode(&own); err != nil {
		t.Fatal(err)
	}
	own["_id"] = "other\x1fd"
	if _, err := stored.InsertOne(ctx, own); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ client, id string }{{"acme", "a"}, {"acme", "b"}, {"acme", "c"}, {"other", "d"}} {
		if body, _, err := s.Get(ctx, c.client, c.id); !errors.Is(err, operations.ErrUnsigned) || body != "" {
			t.Errorf("%s runs a forged %s: %q, %v", c.client, c.id, body, err)
		}
	}
	if body, _, err := s.Get(ctx, "acme", "d"); err != nil || body == "" {
		t.Errorf("the untouched one: %q, %v", body, err)
	}
	another, err := operations.NewStore(ctx, db, nil, []byte("another secret"))
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := another.Get(ctx, "acme", "d"); !errors.Is(err, operations.ErrUnsigned) {
		t.Errorf("a router with another secret: %v", err)
	}
	// A shop with another secret publishes anew, and goes on.
	fresh := manifest(t, `{"d": "query D { d }"}`)
	if d, r, err := another.Publish(ctx, "acme", fresh, noon); err != nil || r.Number != 2 || len(d.Added) != 1 {
		t.Errorf("publish with another secret: %+v, %+v, %v", d, r, err)
	}
	if body, _, err := another.Get(ctx, "acme", "d"); err != nil || body == "" {
		t.Errorf("the one published with it: %q, %v", body, err)
	}
	if releases, err := another.Releases(ctx, "acme"); err != nil || len(releases) != 2 || releases[0].Signed || !releases[1].Signed {
		t.Errorf("its releases: %+v, %v", releases, err)
	}
	if d, _, err := s.Publish(ctx, "acme", manifest(t, `{"a": "query A { a }", "b": "query B { b }", "c": "query C { c }", "d": "query D { d }"}`), noon); err != nil || len(d.Added) != 4 {
		t.Errorf("publishing again mends what was forged: %+v, %v", d, err)
	}
	if body, _, err := s.Get(ctx, "acme", "a"); err != nil || body != "query A { a }" {
		t.Errorf("after that: %q, %v", body, err)
	}
}
