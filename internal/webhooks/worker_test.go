package webhooks

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"storefront/internal/embedded/mongodb/mongotest"
	"storefront/internal/errs"
)

// feed is a subscription's stream: numbers, each with itself as cursor.
type feed struct {
	mu     sync.Mutex
	length int
	grown  chan struct{}
}

func newFeed(length int) *feed { return &feed{length: length, grown: make(chan struct{})} }

func (f *feed) grow(n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.length += n
	close(f.grown)
	f.grown = make(chan struct{})
}

func (f *feed) open(ctx context.Context, w Webhook) (io.ReadCloser, error) {
	at, _ := strconv.Atoi(w.Cursor)
	out, in := io.Pipe()
	go func() {
		defer in.Close()
		for {
			f.mu.Lock()
			length, grown := f.length, f.grown
			f.mu.Unlock()
			for ; at < length; at++ {
				if _, err := fmt.Fprintf(in, "event: next\nid: %d\ndata: {\"data\":{\"n\":%d}}\n\n", at+1, at+1); err != nil {
					return
				}
			}
			select {
			case <-grown:
			case <-ctx.Done():
				return
			}
		}
	}()
	return out, nil
}

// receiver is a partner's server.
type receiver struct {
	*httptest.Server
	mu     sync.Mutex
	answer func(call int) int
	calls  []call
}

type call struct {
	id, body string
	status   int
	wrong    error // of its signature
}

func newReceiver(t *testing.T, answer func(call int) int) *receiver {
	t.Helper()
	r := &receiver{answer: answer}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		body, _ := io.ReadAll(req.Body)
		r.mu.Lock()
		defer r.mu.Unlock()
		status := r.answer(len(r.calls))
		r.calls = append(r.calls, call{req.Header.Get(HeaderID), string(body), status, Verify(secretOf(key, req.URL.Query().Get("id")), req.Header, body, time.Now())})
		w.WriteHeader(status)
	}))
	t.Cleanup(r.Close)
	return r
}

func (r *receiver) got() []call {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.calls)
}

var key = []byte("the shop's")

type shop struct {
	db    *mongo.Database
	store *Store
	feed  *feed
}

func newShop(t *testing.T, length int) *shop {
	t.Helper()
	db := mongotest.Database(t)
	return &shop{db, NewStore(db, key, time.Now), newFeed(length)}
}

// hook makes a webhook whose receiver knows its id, and so its secret.
func (s *shop) hook(t *testing.T, r *receiver) Webhook {
	t.Helper()
	w, err := s.store.Create(t.Context(), "acme", r.URL, "op-1", "{}")
	if err != nil {
		t.Fatal(err)
	}
	w.URL = r.URL + "?id=" + w.ID
	w.Signature = s.store.signature(w)
	if _, err := s.db.Collection("webhooks").ReplaceOne(t.Context(), bson.D{{Key: "_id", Value: w.ID}}, w); err != nil {
		t.Fatal(err)
	}
	return w
}

// work runs a worker until stop is called.
func (s *shop) work(t *testing.T, giveUp time.Duration) (stop func()) {
	t.Helper()
	w := NewWorker(Config{Store: s.store, Open: s.feed.open, Allowed: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")},
		Log: slog.New(slog.DiscardHandler), Look: 5 * time.Millisecond, Pause: 5 * time.Millisecond, GiveUp: giveUp})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		w.Run(ctx)
	}()
	stop = sync.OnceFunc(func() {
		cancel()
		<-done
	})
	t.Cleanup(stop)
	return stop
}

func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !ok(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("never: %s", what)
		}
	}
}

// taken are the numbers that the receiver has taken, in order.
func taken(t *testing.T, calls []call) (list []string) {
	t.Helper()
	for _, c := range calls {
		if c.wrong != nil {
			t.Errorf("a call's signature: %v", c.wrong)
		}
		if c.status == 200 {
			list = append(list, c.body[len(`{"type":"op-1","timestamp":"2026-01-01T00:00:00Z","data":{"n":`):])
		}
	}
	return list
}

func numbers(from, to int) (list []string) {
	for n := from; n <= to; n++ {
		list = append(list, fmt.Sprintf(`%d},"cursor":"%d"}`, n, n))
	}
	return list
}

func TestDeliveryInOrderWithRetries(t *testing.T) {
	t.Parallel()
	s := newShop(t, 5)
	r := newReceiver(t, func(call int) int {
		if call%3 != 2 { // every third one is taken
			return []int{500, 301, 429}[call%3]
		}
		return 200
	})
	w := s.hook(t, r)
	s.work(t, time.Hour)
	until(t, "five are taken", func() bool { return len(r.got()) >= 15 })
	s.feed.grow(1)
	until(t, "the sixth is taken", func() bool { return len(r.got()) >= 18 })
	calls := r.got()
	if got := taken(t, calls); !slices.Equal(got, numbers(1, 6)) {
		t.Errorf("taken: %v", got)
	}
	for i, c := range calls {
		if first := calls[i-i%3]; c.id != first.id || c.body != first.body || i%3 == 0 && i > 0 && c.id == calls[i-1].id {
			t.Errorf("call %d is %s, %s", i, c.id, c.body)
		}
	}
	until(t, "the cursor is written down", func() bool {
		now, err := s.store.Get(t.Context(), w.ID)
		return err == nil && now.Cursor == "6" && now.Pending == nil && now.Delivered == 6 && now.LastError == ""
	})
}

// A router that is killed while a receiver does not answer leaves the message to the next one, under the same id.
func TestDeliverySurvives(t *testing.T) {
	t.Parallel()
	s := newShop(t, 3)
	var well bool
	var mu sync.Mutex
	r := newReceiver(t, func(call int) int {
		mu.Lock()
		defer mu.Unlock()
		if well || call == 0 {
			return 200
		}
		return 503
	})
	w := s.hook(t, r)
	stop := s.work(t, time.Hour)
	until(t, "the second one fails", func() bool { return len(r.got()) >= 3 })
	stop()
	before := r.got()
	if now, err := s.store.Get(t.Context(), w.ID); err != nil || now.Cursor != "1" || now.Pending == nil || now.Pending.ID != before[1].id || now.Pending.Attempts == 0 || now.LastError != "the receiver answers 503" {
		t.Fatalf("what is kept: %+v, %v", now, err)
	}
	mu.Lock()
	well = true
	mu.Unlock()
	s.work(t, time.Hour)
	s.work(t, time.Hour) // of two routers one delivers
	until(t, "all are taken", func() bool { return len(taken(t, r.got())) >= 3 })
	s.feed.grow(7)
	want := numbers(1, 10)
	until(t, "all are taken", func() bool { return slices.Contains(taken(t, r.got()), want[9]) })
	calls := r.got()
	got := taken(t, calls)
	if len(got) == 11 { // a call that stop cut off can still be on its way, and comes when it comes
		late := slices.Index(got[2:], want[1])
		got = slices.Delete(got, 2+late, 3+late)
	}
	if !slices.Equal(got, want) {
		t.Errorf("taken: %v", taken(t, calls))
	}
	if again := calls[len(before)]; again.id != before[1].id || again.body != before[1].body {
		t.Errorf("the next router sends %s", again.id)
	}
}

func TestGivenUpAndReplayed(t *testing.T) {
	t.Parallel()
	for what, status := range map[string]int{"the time is over": 500, "the receiver is gone": 410} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			s := newShop(t, 4)
			var well bool
			var mu sync.Mutex
			r := newReceiver(t, func(call int) int {
				mu.Lock()
				defer mu.Unlock()
				if well || call < 2 {
					return 200
				}
				return status
			})
			w := s.hook(t, r)
			giveUp := time.Nanosecond
			if status == 410 {
				giveUp = time.Hour
			}
			s.work(t, giveUp)
			until(t, "it is disabled", func() bool {
				now, err := s.store.Get(t.Context(), w.ID)
				return err == nil && now.DisabledAt != nil
			})
			if n := len(r.got()); n != 3 {
				t.Errorf("%d calls", n)
			}
			mu.Lock()
			well = true
			mu.Unlock()
			if err := s.store.Replay(t.Context(), w.ID, "1"); err != nil {
				t.Fatal(err)
			}
			until(t, "all are taken", func() bool { return len(taken(t, r.got())) >= 5 })
			if got := taken(t, r.got()); !slices.Equal(got, append(numbers(1, 2), numbers(2, 4)...)) {
				t.Errorf("taken: %v", got)
			}
			if calls := r.got(); calls[1].id != calls[3].id {
				t.Errorf("what is delivered again has another id")
			}
		})
	}
}

// Nobody without the shop's secret sends a partner's results elsewhere.
func TestForgedWebhook(t *testing.T) {
	t.Parallel()
	s := newShop(t, 1)
	r := newReceiver(t, func(int) int { return 200 })
	honest, forged := s.hook(t, r), s.hook(t, r)
	if _, err := s.db.Collection("webhooks").UpdateOne(t.Context(), bson.D{{Key: "_id", Value: forged.ID}},
		bson.D{{Key: "$set", Value: bson.D{{Key: "url", Value: r.URL + "?id=" + forged.ID + "&to=elsewhere"}}}}); err != nil {
		t.Fatal(err)
	}
	s.work(t, time.Hour)
	until(t, "the honest one is delivered", func() bool {
		now, err := s.store.Get(t.Context(), honest.ID)
		return err == nil && now.Delivered == 1
	})
	s.feed.grow(1)
	until(t, "the honest one is delivered", func() bool { return len(r.got()) >= 2 })
	if now, err := s.store.Get(t.Context(), forged.ID); err != nil || now.Delivered != 0 || now.Holder != "" || len(r.got()) != 2 {
		t.Errorf("the forged one: %+v, %v, %d calls", now, err, len(r.got()))
	}
}

func TestMistakes(t *testing.T) {
	t.Parallel()
	s := newShop(t, 0)
	for _, url := range []string{"", "ftp://a/b", "https://", "https://user:secret@a/", "a.example/hook", "https://a/#b"} {
		if _, err := s.store.Create(t.Context(), "acme", url, "op", "{}"); !errs.Is(err, errs.BadInput) {
			t.Errorf("%q: %v", url, err)
		}
	}
	for range MaxWebhooks {
		if _, err := s.store.Create(t.Context(), "many", "https://a/", "op", "{}"); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.store.Create(t.Context(), "many", "https://a/", "op", "{}"); !errs.Is(err, errs.Conflict) {
		t.Errorf("one too many: %v", err)
	}
	if _, err := s.store.Create(t.Context(), "acme", "https://a/", "op", "[]"); !errs.Is(err, errs.BadInput) {
		t.Errorf("variables that are none: %v", err)
	}
	for _, err := range []error{s.store.Disable(t.Context(), "whk_0"), s.store.Replay(t.Context(), "whk_0", "")} {
		if !errs.Is(err, errs.NotFound) {
			t.Errorf("a webhook that is not there: %v", err)
		}
	}
}

// TestRoutersLookForWorkOnly: what is delivered by another, or by nobody any more, is not read again and again.
func TestRoutersLookForWorkOnly(t *testing.T) {
	t.Parallel()
	s := newShop(t, 0)
	var hooks [4]Webhook
	for i := range hooks {
		var err error
		if hooks[i], err = s.store.Create(t.Context(), "acme", "https://a/", "op", "{}"); err != nil {
			t.Fatal(err)
		}
	}
	held, over := hooks[1], hooks[2]
	if err := errors.Join(s.store.Disable(t.Context(), hooks[0].ID), s.store.claim(t.Context(), &held, "another", time.Hour), s.store.claim(t.Context(), &over, "gone", -time.Second)); err != nil {
		t.Fatal(err)
	}
	list, err := s.store.free(t.Context())
	got := map[string]bool{}
	for _, w := range list {
		got[w.ID] = true
	}
	if err != nil || len(got) != 2 || !got[over.ID] || !got[hooks[3].ID] {
		t.Errorf("to be delivered: %+v, %v", list, err)
	}
}

// What was away for an hour may be there again at any time, and receivers hear of it soon.
func TestReadingIsTriedAgainSoon(t *testing.T) {
	t.Parallel()
	w := NewWorker(Config{})
	for failures := 1; failures < 100; failures++ {
		if rest, pause := w.rest(failures), w.pause(failures); rest <= 0 || rest > time.Minute || pause > time.Hour {
			t.Fatalf("after %d failures it is read again in %s, and called again in %s", failures, rest, pause)
		}
	}
}
