package partners_test

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"storefront/internal/embedded/mongodb/mongotest"
	"storefront/internal/errs"
	"storefront/internal/partners"
)

// clock is what time it is in a test.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

func open(t *testing.T, db *mongo.Database, c *clock) *partners.Store {
	t.Helper()
	s, err := partners.NewStore(t.Context(), db, c.now)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestKeys(t *testing.T) {
	t.Parallel()
	ctx, db, c := t.Context(), mongotest.Database(t), &clock{at: time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)}
	s := open(t, db, c)
	works := func(secret, want string) {
		t.Helper()
		p, _, err := open(t, db, c).ByKey(ctx, secret) // nothing is in its cache
		if want == "" && (err != nil || p.Name != "acme") || want != "" && (!errs.Is(err, errs.Unauthenticated) || !strings.Contains(err.Error(), want)) {
			t.Errorf("the key gives %q, %v; want %q", p.Name, err, want)
		}
	}
	first, one, err := s.CreateKey(ctx, "acme", 0)
	if err != nil || len(first) != len("sfk_")+43 {
		t.Fatalf("create a key: %q, %v", first, err)
	}
	second, two, err := s.CreateKey(ctx, "acme", time.Hour)
	if err != nil || second == first || two.ID == one.ID {
		t.Fatalf("create another: %v, %v", two, err)
	}
	works(first, "")
	works(second, "")
	works(first[:len(first)-1]+"_", "nobody has this key")
	if _, _, err := s.CreateKey(ctx, "acme", 0); !errs.Is(err, errs.Conflict) {
		t.Errorf("a third key: %v", err)
	}
	if err := s.RevokeKey(ctx, "acme", "key_none"); !errs.Is(err, errs.NotFound) {
		t.Errorf("revoke a key that is not there: %v", err)
	}
	if err := s.RevokeKey(ctx, "acme", one.ID); err != nil {
		t.Fatal(err)
	}
	works(first, "was revoked")
	works(second, "")
	third, _, err := s.CreateKey(ctx, "acme", 0)
	if err != nil {
		t.Errorf("a key in place of the revoked one: %v", err)
	}
	c.pass(time.Hour)
	works(second, "has expired")
	works(third, "")

	p, err := s.Find(ctx, "acme")
	if err != nil || len(p.Keys) != 3 {
		t.Fatalf("%+v, %v", p, err)
	}
	text, err := json.Marshal(p)
	if err != nil || strings.Contains(string(text), first[4:]) || strings.Contains(string(text), second[4:]) {
		t.Errorf("a secret is kept: %s", text)
	}
}

// Many at once do not make more keys than two.
func TestKeysAtOnce(t *testing.T) {
	t.Parallel()
	ctx, db, c := t.Context(), mongotest.Database(t), &clock{at: time.Now()}
	s := open(t, db, c)
	var all sync.WaitGroup
	made := make(chan string, 8)
	for range 8 {
		all.Go(func() {
			if secret, _, err := s.CreateKey(ctx, "acme", 0); err == nil {
				made <- secret
			}
		})
	}
	all.Wait()
	if p, err := s.Find(ctx, "acme"); err != nil || len(p.Keys) != 2 || len(made) != 2 {
		t.Errorf("%d made, %d kept, %v", len(made), len(p.Keys), err)
	}
}

func TestLastUse(t *testing.T) {
	t.Parallel()
	ctx, db, c := t.Context(), mongotest.Database(t), &clock{at: time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)}
	s := open(t, db, c)
	secret, k, err := s.CreateKey(ctx, "acme", 0)
	if err != nil {
		t.Fatal(err)
	}
	used := func(want time.Time) {
		t.Helper()
		if _, _, err := s.ByKey(ctx, secret); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
		defer cancel()
		for {
			var p partners.Partner
			if err := db.Collection("partners").FindOne(ctx, bson.D{}).Decode(&p); err != nil {
				t.Fatalf("the last use %s was not written: %v", want, err)
			}
			if p.Used[k.ID].Equal(want) {
				return
			}
		}
	}
	used(c.now())
	c.pass(time.Minute)
	used(c.now())
	if _, err := s.Set(ctx, "acme", func(p *partners.Partner) { p.Limits.Requests = "1/s" }); err != nil {
		t.Errorf("a use does not get in the way of a change: %v", err)
	}
}

func TestLimits(t *testing.T) {
	t.Parallel()
	ctx, db, c := t.Context(), mongotest.Database(t), &clock{at: time.Now()}
	s := open(t, db, c)
	if p, err := s.Find(ctx, "acme"); err != nil || p.Name != "acme" || p.Limits != (partners.Limits{}) {
		t.Errorf("nothing is agreed: %+v, %v", p, err)
	}
	if _, err := s.Set(ctx, "acme", func(p *partners.Partner) { p.Limits.Requests = "many" }); !errs.Is(err, errs.BadInput) || !strings.Contains(err.Error(), `"many" is no rate`) {
		t.Errorf("a rate that is none: %v", err)
	}
	set := func(change func(*partners.Partner)) partners.Partner {
		t.Helper()
		p, err := s.Set(ctx, "acme", change)
		if err != nil {
			t.Fatal(err)
		}
		if found, err := s.Find(ctx, "acme"); err != nil || found.Limits != p.Limits || len(found.Operations) != len(p.Operations) {
			t.Errorf("set %+v, found %+v, %v", p, found, err)
		}
		return p
	}
	set(func(p *partners.Partner) { p.Limits = partners.Limits{Requests: "600/m", Cost: "60000/m"} })
	set(func(p *partners.Partner) { p.SetOperation("a.b", partners.Limits{Requests: "10/s"}) })
	set(func(p *partners.Partner) { p.SetOperation("c", partners.Limits{Cost: "10/s"}) })
	if p := set(func(p *partners.Partner) { p.SetOperation("a.b", partners.Limits{Requests: "5/s"}) }); len(p.Operations) != 2 || p.Operations[1].Requests != "5/s" {
		t.Errorf("%+v", p)
	}
	if p := set(func(p *partners.Partner) { p.SetOperation("a.b", partners.Limits{}) }); len(p.Operations) != 1 || p.Limits.Requests != "600/m" {
		t.Errorf("%+v", p)
	}
}

func TestKeyIn(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, value, want string }{
		{"Authorization", "Bearer sfk_a", "sfk_a"},
		{"Authorization", "bearer  sfk_a ", "sfk_a"},
		{"Authorization", "Bearer eyJ", ""},
		{"Authorization", "Basic sfk_a", ""},
		{"X-Api-Key", "sfk_a", "sfk_a"},
		{"X-Api-Key", "other", ""},
	} {
		if got := partners.KeyIn(http.Header{c.name: {c.value}}); got != c.want {
			t.Errorf("%s: %s has the key %q, want %q", c.name, c.value, got, c.want)
		}
	}
}
