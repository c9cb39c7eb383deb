package gateway

import (
	"testing"
	"time"

	"storefront/router/plan"
)

// slowWorld is a subgraph that answers so many operations at once, each in the same time, in the order they came;
// and clients that send the next operation when the last is answered, or a while after it was refused. Its time
// is its own.
type slowWorld struct {
	adm     *admission
	now     time.Time
	at      int // at once
	takes   time.Duration
	waiting []*slowJob
	running []*slowJob
	clients []*slowClient
}

type slowClient struct {
	how                      Priority
	next                     time.Time // it sends then; zero while it waits for an answer
	sent, answered, timely   int
	slowest                  time.Duration
	pauseAfter, pauseRefused time.Duration
}

type slowJob struct {
	*job
	client *slowClient
	sent   time.Time
	ends   time.Time
}

func newSlowWorld(cfg Overload, at int, takes time.Duration) *slowWorld {
	cfg.defaults()
	return &slowWorld{adm: newAdmission(cfg, 1<<30), now: time.Unix(1000, 0), at: at, takes: takes}
}

func (w *slowWorld) add(n int, how Priority, pause time.Duration) (all []*slowClient) {
	for i := range n {
		all = append(all, &slowClient{how: how, next: w.now.Add(time.Duration(i) * pause / time.Duration(n)), pauseAfter: pause, pauseRefused: 200 * time.Millisecond})
	}
	w.clients = append(w.clients, all...)
	return all
}

// run lets time pass, a millisecond at a time.
func (w *slowWorld) run(d time.Duration, p *prepared) {
	for end := w.now.Add(d); w.now.Before(end); w.now = w.now.Add(time.Millisecond) {
		for _, c := range w.clients {
			if c.next.IsZero() || c.next.After(w.now) {
				continue
			}
			c.sent++
			if _, shed := w.adm.enter(w.now, "", c.how, p.lanes); shed != nil {
				c.next = w.now.Add(c.pauseRefused)
				continue
			}
			c.next = time.Time{}
			w.waiting = append(w.waiting, &slowJob{&job{prepared: p, price: 1}, c, w.now, time.Time{}})
		}
		still := w.running[:0]
		for _, j := range w.running {
			if j.ends.After(w.now) {
				still = append(still, j)
				continue
			}
			took := w.now.Sub(j.sent)
			w.adm.answered(w.now, j.job, took, false)
			w.adm.exit(j.client.how, p.lanes)
			j.client.answered++
			if took < 300*time.Millisecond {
				j.client.timely++
			}
			j.client.slowest = max(j.client.slowest, took)
			j.client.next = w.now.Add(j.client.pauseAfter)
		}
		w.running = still
		for len(w.running) < w.at && len(w.waiting) > 0 {
			w.waiting[0].ends = w.now.Add(w.takes)
			w.running, w.waiting = append(w.running, w.waiting[0]), w.waiting[1:]
		}
	}
}

func sum(clients []*slowClient) (sent, answered, timely int) {
	for _, c := range clients {
		sent, answered, timely = sent+c.sent, answered+c.answered, timely+c.timely
	}
	return sent, answered, timely
}

func forget(clients ...[]*slowClient) {
	for _, list := range clients {
		for _, c := range list {
			c.sent, c.answered, c.timely, c.slowest = 0, 0, 0, 0
		}
	}
}

// TestOverload: a subgraph bears 400 operations a second, and is asked for far more. What it can bear is done, and
// in time; the critical ones are all done, and more of the usual ones than of the least important.
func TestOverload(t *testing.T) {
	w := newSlowWorld(Overload{Floor: 20}, 8, 20*time.Millisecond)
	p := &prepared{lanes: w.adm.lanesOf(&plan.Plan{Root: &plan.Fetch{Subgraph: "slow"}})}
	critical, usual, low := w.add(4, PriorityCritical, 50*time.Millisecond), w.add(4, PriorityNormal, 50*time.Millisecond), w.add(4, PriorityLow, 50*time.Millisecond)
	w.run(20*time.Second, p)
	for _, c := range w.clients {
		if c.sent != c.answered && c.sent != c.answered+1 {
			t.Fatalf("without load, %d of %d of one client are answered", c.answered, c.sent)
		}
	}
	calm := len(w.clients)
	usual, low = append(usual, w.add(400, PriorityNormal, time.Millisecond)...), append(low, w.add(100, PriorityLow, time.Millisecond)...)
	w.run(3*time.Second, p) // in which it is noticed
	forget(critical, usual, low)
	const seconds = 20
	w.run(seconds*time.Second, p)
	if sent, answered, timely := sum(critical); answered < sent-len(critical) || timely < answered*9/10 {
		t.Errorf("of %d critical ones %d are answered, %d in time", sent, answered, timely)
	}
	_, c, cTimely := sum(critical)
	sent, n, nTimely := sum(usual)
	lowSent, l, lTimely := sum(low)
	if total := c + n + l; total < 400*seconds*9/10 {
		t.Errorf("%d are answered in %d s; %d could be", total, seconds, 400*seconds)
	}
	if timely := cTimely + nTimely + lTimely; timely < 400*seconds*8/10 {
		t.Errorf("%d are answered in time", timely)
	}
	if float64(l)/float64(lowSent) > 0.5*float64(n)/float64(sent) {
		t.Errorf("%d of %d of the least important are answered, and %d of %d usual ones", l, lowSent, n, sent)
	}
	t.Logf("a second: %d critical, %d usual, %d least important; %d in time; limit %.0f", c/seconds, n/seconds, l/seconds, (cTimely+nTimely+lTimely)/seconds, p.lanes[0].limit)

	w.clients = w.clients[:calm]
	w.run(5*time.Second, p)
	forget(critical, usual, low)
	w.run(10*time.Second, p)
	for _, c := range w.clients {
		if c.answered < c.sent-1 || c.slowest > 100*time.Millisecond {
			t.Errorf("afterwards %d of %d of a client with priority %s are answered, the slowest in %v", c.answered, c.sent, c.how, c.slowest)
		}
	}
}

// TestNothingIsShedWithoutNeed: neither when operations of very different lengths are mixed, nor when there are
// many at once for a subgraph that bears them, nor when all of it has become slower for good.
func TestNothingIsShedWithoutNeed(t *testing.T) {
	w := newSlowWorld(Overload{Floor: 2}, 10_000, 20*time.Millisecond)
	p := &prepared{lanes: w.adm.lanesOf(&plan.Plan{Root: &plan.Fetch{Subgraph: "fast"}})}
	all := w.add(30, PriorityNormal, 50*time.Millisecond)
	w.run(10*time.Second, p)
	w.takes = 35 * time.Millisecond
	w.run(5*time.Second, p)
	more := w.add(60, PriorityNormal, 50*time.Millisecond)
	w.run(10*time.Second, p)
	if sent, answered, _ := sum(append(all, more...)); answered < sent-len(all)-len(more) {
		t.Errorf("%d of %d are answered", answered, sent)
	}
	w.takes = 500 * time.Millisecond // it is taken for overload for a while
	w.run(20*time.Minute, p)
	forget(all, more)
	w.run(time.Minute, p)
	if sent, answered, _ := sum(append(all, more...)); answered < sent-len(all)-len(more) {
		t.Errorf("%d of %d are answered long after it has become slower", answered, sent)
	}
}
