package usage_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"storefront/internal/embedded/mongodb/mongotest"
	"storefront/internal/usage"
)

var noon = time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)

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

func line(u usage.User) string {
	return fmt.Sprint(u.Field, " ", u.Client, " ", u.Version, " ", u.Operation, " ", u.ID, " ", u.Count, " ", u.Last.Format("02 15:04"))
}

func lines(t *testing.T, s *usage.Store, since time.Time, fields ...string) (out []string) {
	t.Helper()
	users, err := s.Users(t.Context(), fields, since)
	if err != nil {
		t.Fatal(err)
	}
	for _, u := range users {
		out = append(out, line(u))
	}
	return out
}

// TestUses adds up what two routers write over two days.
func TestUses(t *testing.T) {
	t.Parallel()
	db, c := mongotest.Database(t), &clock{at: noon}
	var routers []*usage.Recorder
	var store *usage.Store
	for range 2 {
		s, err := usage.NewStore(t.Context(), db, 90*24*time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		store = s
		routers = append(routers, usage.NewRecorder(usage.RecorderConfig{Add: s.Add, Most: 100, Now: c.now, Log: slog.New(slog.DiscardHandler)}))
	}
	shelf, cart := []string{"Product.price", "Product.title"}, []string{"Cart.id", "Product.title"}
	for day := range 2 {
		for _, r := range routers {
			r.Add("web", "1.0", "Shelf", "a1", shelf, nil)
			r.Add("web", "1.0", "Shelf", "a1", shelf, nil)
			r.Add("acme", "", "Cart", "b2", cart, nil)
			r.Write(t.Context())
			c.pass(time.Minute)
			r.Add("web", "1.1", "Shelf", "a1", shelf, nil)
			r.Write(t.Context())
			r.Write(t.Context()) // nothing
		}
		if day == 0 {
			c.pass(24 * time.Hour)
		}
	}
	want := []string{"Product.title web 1.1 Shelf a1 4 05 12:04", "Product.title acme  Cart b2 4 05 12:03", "Product.title web 1.0 Shelf a1 8 05 12:03"}
	if got := lines(t, store, noon, "Product.title"); !slices.Equal(got, want) {
		t.Errorf("over two days\n%q\nwant\n%q", got, want)
	}
	want = []string{"Cart.id acme  Cart b2 2 05 12:03"}
	if got := lines(t, store, noon.Add(24*time.Hour), "Cart.id", "Cart.none"); !slices.Equal(got, want) {
		t.Errorf("on the second day\n%q\nwant\n%q", got, want)
	}
}

// What variables name counts by the runs that name it, and of more than is told apart each name does.
func TestNamesInVariables(t *testing.T) {
	t.Parallel()
	store, err := usage.NewStore(t.Context(), mongotest.Database(t), time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	c := &clock{at: noon}
	r := usage.NewRecorder(usage.RecorderConfig{Add: store.Add, Most: 2, Now: c.now, Log: slog.New(slog.DiscardHandler)})
	for range 3 {
		r.Add("web", "1", "Find", "a1", []string{"In.a", "Query.find"}, nil)
	}
	r.Add("web", "1", "Find", "a1", []string{"In.a", "Query.find"}, []string{"In.b"})
	c.pass(time.Minute)
	r.Write(t.Context())
	r.Add("web", "1", "Find", "a1", []string{"In.a", "Query.find"}, []string{"In.b", "In.c", "In.d", "In.e"})
	r.Write(t.Context())
	want := []string{"In.a web 1 Find a1 5 04 12:01", "In.b web 1 Find a1 2 04 12:01", "In.c web 1 Find a1 1 04 12:01",
		"In.d other  other other 1 04 12:01", "In.e other  other other 1 04 12:01", "Query.find web 1 Find a1 5 04 12:01"}
	if got := lines(t, store, noon, "In.a", "In.b", "In.c", "In.d", "In.e", "Query.find"); !slices.Equal(got, want) {
		t.Errorf("%q\nwant\n%q", got, want)
	}
}

// TestManyClients: of more than are told apart, each field is counted.
func TestManyClients(t *testing.T) {
	t.Parallel()
	store, err := usage.NewStore(t.Context(), mongotest.Database(t), time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	c := &clock{at: noon}
	r := usage.NewRecorder(usage.RecorderConfig{Add: store.Add, Most: 2, Now: c.now, Log: slog.New(slog.DiscardHandler)})
	for i := range 50 {
		r.Add(fmt.Sprint("client-", i), "", "Op", "c3", []string{"A.a", "A.b"}, nil)
	}
	r.Write(t.Context())
	c.pass(time.Minute)
	r.Add("client-1", "", "Op", "c3", []string{"A.b"}, nil)
	r.Add("client-2", "", "Op", "c3", []string{"A.b"}, nil)
	r.Write(t.Context())
	c.pass(24 * time.Hour)
	r.Add("client-2", "", "Op", "c3", []string{"A.b"}, nil)
	r.Write(t.Context())
	got := lines(t, store, noon, "A.b")
	slices.Sort(got)
	want := []string{"A.b client-0  Op c3 1 04 12:00", "A.b client-1  Op c3 2 04 12:01", "A.b client-2  Op c3 1 05 12:01", "A.b other  other other 49 04 12:01"}
	if !slices.Equal(got, want) {
		t.Errorf("%q\nwant\n%q", got, want)
	}
}

// TestDatabaseAway: what cannot be written is written later, once, and not more of it is kept than there is room for.
func TestDatabaseAway(t *testing.T) {
	t.Parallel()
	var written []usage.Use
	away := true
	add := func(_ context.Context, uses []usage.Use) (int, error) {
		if away {
			written = append(written, uses[:1]...)
			return 1, errors.New("away")
		}
		written = append(written, uses...)
		return len(uses), nil
	}
	r := usage.NewRecorder(usage.RecorderConfig{Add: add, Most: 5, Now: func() time.Time { return noon }, Log: slog.New(slog.DiscardHandler)})
	total := func() (n int64) {
		for _, u := range written {
			n += u.Count
		}
		return n
	}
	for range 3 {
		r.Add("a", "", "Op", "1", []string{"A.a"}, nil)
	}
	r.Add("b", "", "Op", "1", []string{"A.a"}, nil)
	r.Write(t.Context())
	away = false
	r.Write(t.Context())
	if total() != 4 {
		t.Errorf("%d of 4 uses are written: %v", total(), written)
	}
	away, written = true, nil
	for range 10 {
		for i := range 3 {
			r.Add(fmt.Sprint(i), "", "Op", "1", []string{"A.a"}, nil)
		}
		r.Write(t.Context())
	}
	away = false
	before := len(written)
	r.Write(t.Context())
	if kept := len(written) - before; kept != 10 {
		t.Errorf("%d are kept while the database is away; there is room for 10", kept)
	}
}
