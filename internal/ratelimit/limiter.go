// Package ratelimit says who may go on, by GCRA: a quota that may be used at once and comes back evenly.
//
// What was used is in Redis, for all routers together; each decision is one script there (gcra.lua), sent
// once. Two things spare most of the ways to Redis:
//
//   - A lease: a subject that asks often is given some units in advance, which are counted already. So a
//     limit is never exceeded; when a subject stops, what is left of its lease, at most a 64th of the quota per
//     router, stays counted. Near the limit there are no leases and every decision is exact.
//   - An estimate: while Redis is away each router goes on from what it knew, with its share of the quota.
//     That is known at once, not after a timeout for each request (breaker.go).
//
// Enter at New.
package ratelimit

import (
	"context"
	"math"
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"
	"github.com/redis/go-redis/v9"
)

// Charge is what is to be taken from one of a subject's quotas.
type Charge struct {
	Name  string // of the quota among the subject's, such as "requests"
	Rate  Rate   // not None
	Units int
}

// State is how a quota stands.
type State struct {
	Remaining int           // units that may be used at once now
	Reset     time.Duration // until all have come back
}

// Source says who has decided.
type Source string

// The sources of decisions.
const (
	FromRedis Source = "redis"
	FromLease Source = "lease"
	Estimated Source = "estimate" // without Redis
)

// Decision is whether all charges were taken; else none was.
type Decision struct {
	Allowed bool
	States  []State       // of each charge
	Refused int           // the charge that has to wait longest, when refused
	Retry   time.Duration // until it fits
	Never   bool          // it is more than the whole quota
	Source  Source
}

// Observer is told of decisions, for metrics. It must not block.
type Observer interface {
	RateDecided(source string, allowed bool)
	RateStoreAway(away bool) // Redis answers no longer, or again
}

// Config is what a limiter is made of.
type Config struct {
	Redis    redis.UniversalClient // nil: every decision is an estimate
	Routers  int                   // that share each quota while Redis is away; default 1
	Timeout  time.Duration         // of a decision, after which Redis counts as away for all; default 250 ms
	Observer Observer              // default: none
	Now      func() time.Time      // default: time.Now
}

// Limits of what a limiter keeps and waits for.
const (
	maxAccounts = 100_000                // subjects' quotas remembered here, the most recently used
	leaseTime   = time.Second            // how long a lease may be used
	leaseShare  = 64                     // a lease is at most this part of a quota
	probeFirst  = 100 * time.Millisecond // until Redis is asked again, and at most
	probeMost   = time.Second
	keyPrefix   = "storefront:rate:"
)

// Limiter decides. It is safe for concurrent use.
type Limiter struct {
	cfg     Config
	breaker *breaker

	mu       sync.Mutex
	accounts *simplelru.LRU[string, *account]
}

// account is what this router knows of one quota of one subject.
type account struct {
	tat   time.Time // when all will have come back, as far as is known here
	rate  Rate      // for which tat holds
	lease int       // units in advance
	until time.Time // that they may be used

	since        time.Time // begin of a lease time
	taken, hadIn int       // units asked for in it, and in the one before
}

// New returns a limiter. Close it.
func New(cfg Config) *Limiter {
	cfg.Routers = max(cfg.Routers, 1)
	if cfg.Timeout <= 0 {
		cfg.Timeout = 250 * time.Millisecond
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Observer == nil {
		cfg.Observer = nobody{}
	}
	accounts, err := simplelru.NewLRU[string, *account](maxAccounts, nil)
	if err != nil {
		panic(err) // the size is positive
	}
	return &Limiter{cfg: cfg, breaker: newBreaker(cfg.Redis, cfg.Observer), accounts: accounts}
}

// Close ends asking whether Redis is back.
func (l *Limiter) Close() { l.breaker.close() }

// Take takes all charges from a subject's quotas, or none. It never fails: without Redis it estimates.
func (l *Limiter) Take(ctx context.Context, subject string, charges []Charge) Decision {
	if len(charges) == 0 {
		return Decision{Allowed: true}
	}
	d, want, done := l.local(subject, charges)
	if !done {
		var ok bool
		if d, ok = l.ask(ctx, subject, charges, want); !ok {
			d = l.estimate(subject, charges)
		}
	}
	l.cfg.Observer.RateDecided(string(d.Source), d.Allowed)
	return d
}

// local decides where every charge is covered by a lease, and else says how much to ask for in advance.
func (l *Limiter) local(subject string, charges []Charge) (d Decision, want []int, done bool) {
	now := l.cfg.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	covered := true
	var room [8]*account
	accounts := room[:0]
	for _, c := range charges {
		a := l.account(subject, c.Name)
		if now.Sub(a.since) >= leaseTime {
			a.hadIn = a.taken
			if now.Sub(a.since) >= 2*leaseTime {
				a.hadIn = 0
			}
			a.since, a.taken = now, 0
		}
		a.taken += c.Units
		covered = covered && a.lease >= c.Units && now.Before(a.until)
		accounts = append(accounts, a)
	}
	if !covered {
		want = make([]int, len(charges))
		for i, a := range accounts {
			c := charges[i]
			// As much as was used lately, beyond this charge: who asks seldom gets nothing in advance.
			want[i] = max(0, min(c.Rate.Quota/leaseShare, max(a.hadIn, a.taken)-c.Units))
		}
		return d, want, false
	}
	d = Decision{Allowed: true, Source: FromLease, States: make([]State, len(charges))}
	for i, a := range accounts {
		a.lease -= charges[i].Units
		d.States[i] = charges[i].state(a.tat.Sub(now), a.lease)
	}
	return d, nil, true
}

// account returns what is known of a quota. l.mu is held.
func (l *Limiter) account(subject, name string) *account {
	key := subject + "\x00" + name
	a, ok := l.accounts.Get(key)
	if !ok {
		a = &account{}
		l.accounts.Add(key, a)
	}
	return a
}

// learn keeps what Redis has said: how long until all has come back, and what was given in advance.
func (l *Limiter) learn(subject string, c Charge, back time.Duration, lease int) {
	now := l.cfg.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	a := l.account(subject, c.Name)
	a.tat, a.rate = now.Add(back), c.Rate
	if now.Before(a.until) {
		lease += a.lease // another request's, at the same time
	}
	a.lease, a.until = lease, now.Add(leaseTime)
}

// estimate decides by what is known here, with this router's share of each quota.
func (l *Limiter) estimate(subject string, charges []Charge) Decision {
	now := l.cfg.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	d := Decision{Allowed: true, Source: Estimated, States: make([]State, len(charges))}
	next := make([]time.Time, len(charges))
	for i, c := range charges {
		c.Rate.Quota = max(1, c.Rate.Quota/l.cfg.Routers)
		a := l.account(subject, c.Name)
		tat := now.Add(a.back(now, charges[i].Rate))
		next[i] = tat.Add(time.Duration(float64(c.Units) * c.Rate.each()))
		wait := next[i].Sub(now) - c.Rate.Window
		if c.Units > c.Rate.Quota {
			wait = c.Rate.Window + 1
		}
		d.refuse(i, c, wait)
		d.States[i] = c.state(tat.Sub(now), 0)
	}
	if !d.Allowed {
		return d
	}
	for i, c := range charges {
		c.Rate.Quota = max(1, c.Rate.Quota/l.cfg.Routers)
		a := l.account(subject, c.Name)
		a.tat, a.rate = next[i], charges[i].Rate
		d.States[i] = c.state(next[i].Sub(now), 0)
	}
	return d
}

// back is how long until all has come back under a rate, which may be another than before: as many units are
// used then.
func (a *account) back(now time.Time, r Rate) time.Duration {
	back := max(0, a.tat.Sub(now))
	if back > 0 && a.rate != r {
		back = time.Duration(float64(back) / a.rate.each() * r.each())
	}
	return min(back, r.Window)
}

// refuse notes that charge i has to wait.
func (d *Decision) refuse(i int, c Charge, wait time.Duration) {
	if wait <= 0 {
		return
	}
	d.Allowed = false
	if wait > d.Retry {
		d.Refused, d.Retry, d.Never = i, wait, wait > c.Rate.Window
	}
}

// each is the time in which one unit comes back, in nanoseconds.
func (r Rate) each() float64 { return float64(r.Window) / float64(r.Quota) }

// state is how a quota stands that has all back in a time, beside units held in advance.
func (c Charge) state(back time.Duration, lease int) State {
	back = max(0, back)
	free := (float64(c.Rate.Window) - float64(back)) / c.Rate.each()
	return State{Remaining: max(0, lease+int(math.Floor(free+1e-6))), Reset: back}
}

type nobody struct{}

func (nobody) RateDecided(string, bool) {}
func (nobody) RateStoreAway(bool)       {}
