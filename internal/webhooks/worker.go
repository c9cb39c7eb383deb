// Package webhooks delivers the results of partners' subscriptions by signed HTTPS calls, as Standard
// Webhooks describes them.
//
// A webhook is one document in MongoDB, and one router at a time works for it, by a lease. It reads the
// subscription as any client would, writes a result down, calls until the receiver has taken it, moves the
// cursor on, and reads the next: so results come in order, at least once, each under one id, whoever is
// killed meanwhile. What waits is in Kafka behind the cursor. Enter at Worker.Run.
package webhooks

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"time"

	"storefront/internal/id"
	"storefront/internal/poll"
	"storefront/internal/seldom"
)

// Config is what a worker is made of.
type Config struct {
	Store *Store
	// Open subscribes for a webhook, and returns a graphql-sse stream of its results after the cursor.
	Open    func(ctx context.Context, w Webhook) (io.ReadCloser, error)
	Allowed []netip.Prefix // networks that are called although they are not public
	Log     *slog.Logger
	// Called is told of each call: result is delivered, failed or disabled. Default: nobody is.
	Called func(result string)
	Look   time.Duration // between looks for webhooks; default 1 s
	Pause  time.Duration // before a second attempt, doubled with each; default 5 s
	GiveUp time.Duration // how long one message is tried; default 24 h
}

const (
	lease    = 15 * time.Second
	maxPause = time.Hour   // between attempts
	maxRest  = time.Minute // until it is read again: whatever was away, results are not to be much later than it
	errorLen = 300         // of what is written down
)

// Worker delivers for all webhooks that no other router has.
type Worker struct {
	cfg    Config
	holder string
	calls  *caller

	lines *seldom.Lines // of the log, that would repeat

	mu      sync.Mutex
	running map[string]bool
	all     sync.WaitGroup
}

// NewWorker returns a worker; Run it.
func NewWorker(cfg Config) *Worker {
	for _, d := range []struct {
		value     *time.Duration
		otherwise time.Duration
	}{{&cfg.Look, time.Second}, {&cfg.Pause, 5 * time.Second}, {&cfg.GiveUp, 24 * time.Hour}} {
		if *d.value <= 0 {
			*d.value = d.otherwise
		}
	}
	if cfg.Called == nil {
		cfg.Called = func(string) {}
	}
	return &Worker{cfg: cfg, holder: id.New("ins"), lines: seldom.New(time.Minute, time.Now), calls: newCaller(cfg.Allowed), running: map[string]bool{}}
}

// Run works until ctx ends, and returns when nothing is under way.
func (w *Worker) Run(ctx context.Context) {
	defer w.all.Wait()
	for {
		if err := w.look(ctx); err != nil && ctx.Err() == nil {
			if repeated, ok := w.lines.Next("read"); ok {
				w.cfg.Log.WarnContext(ctx, "webhooks cannot be read", "error", err, "repeated", repeated)
			}
		}
		if !poll.Sleep(ctx, w.cfg.Look) {
			return
		}
	}
}

// look takes on what nobody delivers.
func (w *Worker) look(ctx context.Context) error {
	list, err := w.cfg.Store.free(ctx)
	if err != nil {
		return err
	}
	for _, hook := range list {
		w.mu.Lock()
		mine := w.running[hook.ID]
		w.mu.Unlock()
		if mine {
			continue
		}
		if !w.cfg.Store.signed(hook) {
			if _, ok := w.lines.Next(hook.ID); ok {
				w.cfg.Log.ErrorContext(ctx, "a webhook is not delivered: its signature does not hold", "webhook", hook.ID)
			}
			continue
		}
		switch err := w.cfg.Store.claim(ctx, &hook, w.holder, lease); {
		case errors.Is(err, errLost):
			continue
		case err != nil:
			return err
		}
		w.mu.Lock()
		w.running[hook.ID] = true
		w.mu.Unlock()
		w.all.Go(func() {
			defer func() {
				w.mu.Lock()
				delete(w.running, hook.ID)
				w.mu.Unlock()
			}()
			w.hold(ctx, hook)
		})
	}
	return nil
}

// hold delivers for one webhook as long as its lease is ours.
func (w *Worker) hold(ctx context.Context, hook Webhook) {
	held, lose := context.WithCancel(ctx)
	defer lose()
	var renewing sync.WaitGroup
	renewing.Go(func() {
		mine := hook
		for last := time.Now(); poll.Sleep(held, lease/3); {
			switch err := w.cfg.Store.claim(held, &mine, w.holder, lease); {
			case err == nil:
				last = time.Now()
			case errors.Is(err, errLost), time.Since(last) > lease:
				lose()
				return
			}
		}
	})
	err := w.deliver(held, hook)
	lose()
	renewing.Wait()
	ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
	defer cancel()
	_ = w.cfg.Store.release(ending, hook) // else the lease runs out
	if err != nil && !errors.Is(err, errLost) && ctx.Err() == nil {
		w.cfg.Log.WarnContext(ctx, "a webhook rests for a moment", "webhook", hook.ID, "error", err)
	}
}

// deliver goes from result to result until ctx ends or the webhook is not ours any more.
func (w *Worker) deliver(ctx context.Context, hook Webhook) error {
	for fails := 0; ; {
		if hook.Pending != nil {
			if err := w.send(ctx, &hook); err != nil {
				return err
			}
		}
		before := hook.Delivered
		err := w.follow(ctx, &hook)
		if errors.Is(err, errLost) || ctx.Err() != nil {
			return err
		}
		if hook.Delivered > before {
			fails = 0
		}
		if hook.Pending != nil {
			continue
		}
		if refused, ok := errors.AsType[*refusal](err); ok && refused.code == codeTooOld {
			hook.Cursor = "" // what was missed cannot be had any more: it begins with the state as it is
		}
		if !errors.Is(err, errEnded) {
			if err := w.cfg.Store.fault(ctx, hook, brief(err)); err != nil {
				return err
			}
		}
		fails++
		if !poll.Sleep(ctx, w.rest(fails)) {
			return nil
		}
	}
}

// codeTooOld is the router's word for a cursor behind which events are no longer kept.
const codeTooOld = "CURSOR_TOO_OLD"

// follow reads results and delivers them, until the stream ends or a receiver does not take one.
func (w *Worker) follow(ctx context.Context, hook *Webhook) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stream, err := w.cfg.Open(ctx, *hook)
	if err != nil {
		return err
	}
	defer stream.Close()
	results := newResults(stream)
	for {
		r, err := results.next(func(cursor string) {
			if hook.Cursor == "" { // or a restart would miss what comes until the first delivery
				_ = w.cfg.Store.begin(ctx, *hook, cursor)
			}
			hook.Cursor = cursor
		})
		if err != nil {
			return err
		}
		now := w.cfg.Store.now().UTC()
		if hook.Pending, err = message(*hook, r, now); err != nil {
			return err
		}
		if err := w.cfg.Store.pend(ctx, *hook, ""); err != nil {
			hook.Pending = nil
			return err
		}
		if done, err := w.attempt(ctx, hook); !done || err != nil {
			return err
		}
	}
}

// message is a result in the form that Standard Webhooks proposes.
func message(hook Webhook, r result, now time.Time) (*Message, error) {
	body, err := json.Marshal(struct {
		Type      string          `json:"type"`
		Timestamp string          `json:"timestamp"`
		Data      json.RawMessage `json:"data"`
		Errors    json.RawMessage `json:"errors,omitempty"`
		Cursor    string          `json:"cursor,omitempty"`
	}{hook.Operation, now.Format(time.RFC3339), r.data, r.errors, r.cursor})
	if err != nil {
		return nil, fmt.Errorf("write message: %w", err)
	}
	m := &Message{ID: id.New("msg"), Body: string(body), Cursor: r.cursor, Since: now, Next: now}
	if r.cursor != "" {
		m.ID = id.Of("msg", hook.ID, r.cursor) // read again, it is the same one
	}
	return m, nil
}

// send tries the pending message until the receiver has taken it.
func (w *Worker) send(ctx context.Context, hook *Webhook) error {
	for hook.Pending != nil {
		if !poll.Sleep(ctx, hook.Pending.Next.Sub(w.cfg.Store.now())) {
			return ctx.Err()
		}
		if _, err := w.attempt(ctx, hook); err != nil {
			return err
		}
	}
	return nil
}

// attempt makes one call, and writes down how it went. done says that the receiver has taken the message.
func (w *Worker) attempt(ctx context.Context, hook *Webhook) (done bool, err error) {
	m, now := *hook.Pending, w.cfg.Store.now().UTC()
	signature, err := Sign(w.cfg.Store.Secret(hook.ID), m.ID, now, []byte(m.Body))
	if err != nil {
		return false, err
	}
	status, rest, err := w.calls.call(ctx, hook.URL, http.Header{
		"Content-Type": {"application/json"}, "User-Agent": {"Storefront-Webhooks/1"},
		HeaderID: {m.ID}, HeaderTimestamp: {strconv.FormatInt(now.Unix(), 10)}, HeaderSignature: {signature},
	}, []byte(m.Body))
	if ctx.Err() != nil {
		return false, ctx.Err()
	}
	if err == nil && status >= 200 && status < 300 {
		if err := w.cfg.Store.delivered(ctx, *hook); err != nil {
			return false, err
		}
		w.cfg.Called("delivered")
		hook.Cursor, hook.Pending, hook.Delivered = m.Cursor, nil, hook.Delivered+1
		return true, nil
	}
	why := "the receiver answers " + strconv.Itoa(status)
	if err != nil {
		why = brief(err)
	}
	m.Attempts++
	m.Next = now.Add(max(w.pause(m.Attempts), rest)).Truncate(time.Millisecond)
	hook.Pending = &m
	if status == http.StatusGone || now.Sub(m.Since) >= w.cfg.GiveUp {
		w.cfg.Log.WarnContext(ctx, "a webhook is disabled", "webhook", hook.ID, "partner", hook.Partner, "attempts", m.Attempts, "reason", why)
		w.cfg.Called("disabled")
		if err := w.cfg.Store.giveUp(ctx, *hook, why); err != nil {
			return false, err
		}
		return false, errLost
	}
	w.cfg.Called("failed")
	return false, w.cfg.Store.pend(ctx, *hook, why)
}

// pause is how long to wait after so many failures: doubled with each, at most an hour, and half of it random,
// so that receivers that come back are not called by all at once.
func (w *Worker) pause(failures int) time.Duration {
	d := min(w.cfg.Pause<<min(failures-1, 20), maxPause)
	return d/2 + rand.N(d/2+1)
}

// rest is how long to wait after so many failures to read.
func (w *Worker) rest(failures int) time.Duration { return min(w.pause(failures), maxRest) }

// brief is an error's text for people, on one line.
func brief(err error) string {
	text := strings.Join(strings.Fields(err.Error()), " ")
	return strings.ToValidUTF8(text[:min(len(text), errorLen)], "")
}
