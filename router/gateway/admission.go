package gateway

import (
	"cmp"
	"math/rand/v2"
	"net/http"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"storefront/router/plan"
)

// Overload says when there is more to do than can be done, and what is refused first then. See lane.go.
type Overload struct {
	Window time.Duration // that answers are judged over; default 200 ms
	Delay  time.Duration // beyond what is usual for an operation, twice which makes an answer late; default 100 ms
	Floor  int           // operations under way that a subgraph is always asked by; default 100
	Max    int           // and at most, also altogether; default 5000
	Heavy  int           // cost from which an anonymous operation is among the least important; default 1000

	Critical []string // root fields of what is refused last, as Type.field or path.Match's patterns; default: none
}

func (o *Overload) defaults() {
	orDefault(&o.Window, 200*time.Millisecond)
	orDefault(&o.Delay, 100*time.Millisecond)
	orDefault(&o.Floor, 100)
	orDefault(&o.Max, 5000)
	orDefault(&o.Heavy, 1000)
}

// admission decides which operations are run: of each client so many at once, so that one cannot take all of a
// router's time, and of all of them as many as their subgraphs can bear, the most important first.
type admission struct {
	cfg       Overload
	perClient int

	mu      sync.Mutex
	clients map[string]int   // operations under way
	feeds   map[string]int   // subscriptions of clients that are open
	sockets map[string]int   // WebSockets by network
	lanes   map[string]*lane // by subgraph
	all     lane             // never judged: bounded by Overload.Max alone
}

func newAdmission(cfg Overload, perClient int) *admission {
	a := &admission{cfg: cfg, perClient: perClient, clients: map[string]int{}, feeds: map[string]int{}, sockets: map[string]int{}, lanes: map[string]*lane{}}
	a.all.limit = float64(cfg.Max)
	return a
}

// lanesOf are those of the subgraphs that a plan asks.
func (a *admission) lanesOf(p *plan.Plan) []*lane {
	a.mu.Lock()
	defer a.mu.Unlock()
	var lanes []*lane
	for _, name := range p.Subgraphs() {
		l := a.lanes[name]
		if l == nil {
			l = &lane{subgraph: name, limit: float64(a.cfg.Max)}
			a.lanes[name] = l
		}
		lanes = append(lanes, l)
	}
	return lanes
}

// client is whose share something is of: a partner's, a person's who has signed in, or else an address's: a guest's
// token is made as fast as a request is. Callers of this machine who have not signed in are "", and not bounded.
func (c *caller) client() string {
	switch {
	case c.id.Partner != "":
		return "partner " + c.id.Partner
	case c.id.ID != "":
		return "person " + c.id.ID
	}
	if network := c.network(); network != "" {
		return "address " + network
	}
	return ""
}

// network is where something comes from; "" for this machine, which is not bounded.
func (c *caller) network() string {
	if !c.from.IsValid() || c.from.IsLoopback() {
		return ""
	}
	return Network(c.from)
}

// Network is whose an address is: of IPv6 everybody has at least a /64.
func Network(a netip.Addr) string {
	if a.Unmap().Is4() {
		return a.Unmap().String()
	}
	return netip.PrefixFrom(a.WithZone(""), 64).Masked().String()
}

// hold counts an open subscription of a client's, or a stream for some, or says why there can be no more. release may be called more
// than once.
func (g *Gateway) hold(c *caller) (release func(), f *failure) {
	release, ok := g.admission.hold(g.admission.feeds, c.client(), g.cfg.MaxSubscriptions)
	if !ok {
		return nil, reject(http.StatusTooManyRequests, problem(codeTooMany,
			"This client has %d subscriptions open already; end one first.", g.cfg.MaxSubscriptions))
	}
	return release, nil
}

// holdSocket is hold for a WebSocket, whose client is yet to say who it is: it counts against its network.
func (g *Gateway) holdSocket(c *caller) (release func(), f *failure) {
	release, ok := g.admission.hold(g.admission.sockets, c.network(), g.cfg.MaxSockets)
	if !ok {
		return nil, refuse(http.StatusTooManyRequests, codeTooMany,
			"This network has %d WebSockets open already; close one first. One WebSocket carries many operations.", g.cfg.MaxSockets)
	}
	return release, nil
}

// hold counts one of so many that whoever may have open; "" may have any number.
func (a *admission) hold(open map[string]int, who string, most int) (release func(), ok bool) {
	if who == "" {
		return func() {}, true
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if open[who] >= most {
		return nil, false
	}
	open[who]++
	return sync.OnceFunc(func() {
		a.mu.Lock()
		defer a.mu.Unlock()
		if open[who]--; open[who] == 0 {
			delete(open, who)
		}
	}), true
}

// admit counts an operation in, or says why it is not run. j.left is called once it is answered. A subscription is
// refused when it would begin, as a query would be, and counted no longer: hold limits how many are open.
func (g *Gateway) admit(c *caller, j *job) *failure {
	client := c.client()
	if j.subscription() {
		client = ""
	}
	how := j.priorityFor(c, g.cfg.Overload.Heavy)
	full, shed := g.admission.enter(time.Now(), client, how, j.lanes)
	switch {
	case full:
		return reject(http.StatusTooManyRequests, problem(codeTooMany,
			"This client has %d operations under way already; send more when some are answered.", g.cfg.MaxAtOnce))
	case shed != nil:
		g.observer.Shed(how, shed.subgraph)
		return overloaded(how)
	}
	g.observer.Admitted(how)
	g.used(c, j)
	j.place.of, j.place.how, j.place.client = g.admission, how, client
	j.place.runs.Store(true)
	j.place.counts.Store(true)
	if j.subscription() {
		j.left()
	}
	return nil
}

// place is what an operation takes up since it was admitted.
type place struct {
	of     *admission
	how    Priority
	client string
	runs   atomic.Bool // in its lanes
	counts atomic.Bool // as its client's
}

// overloaded refuses an operation. Those that are less important come back later, and not all at once.
func overloaded(how Priority) *failure {
	after := 1 + rand.IntN(map[Priority]int{PriorityCritical: 1, PriorityNormal: 3, PriorityLow: 6}[how])
	f := refuse(http.StatusServiceUnavailable, codeOverloaded, "There is more to do than can be done at the moment. Try again in %d s.", after)
	f.errors[0].Extensions["retryAfter"] = after
	return f
}

// enter counts an operation in, unless its client has too many under way or a lane is too full for it.
func (a *admission) enter(now time.Time, client string, how Priority, lanes []*lane) (full bool, shed *lane) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if client != "" && a.clients[client] >= a.perClient {
		return true, nil
	}
	if !a.all.takes(now, how, a.cfg) {
		return false, &a.all
	}
	for _, l := range lanes {
		if !l.takes(now, how, a.cfg) {
			return false, l
		}
	}
	if len(lanes) == 0 && how == PriorityLow { // such as introspection: what any subgraph lacks time for is not for it
		for _, l := range a.lanes {
			if !l.takes(now, how, a.cfg) {
				return false, l
			}
		}
	}
	if client != "" {
		a.clients[client]++
	}
	a.all.enter(how)
	for _, l := range lanes {
		l.enter(how)
	}
	return false, nil
}

// leave counts an operation out of its client's.
func (a *admission) leave(client string) {
	if client == "" {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.clients[client]--; a.clients[client] == 0 {
		delete(a.clients, client)
	}
}

// exit counts an operation out of the lanes it was in.
func (a *admission) exit(how Priority, lanes []*lane) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.all.running[how.index()]--
	for _, l := range lanes {
		l.running[how.index()]--
	}
}

// answered learns from an answer. A failed one says nothing of how long answers take, unless it was late.
func (a *admission) answered(now time.Time, j *job, took time.Duration, failed bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	u := j.usualFor(j.price)
	late := u.mean > 0 && took > 2*u.mean && took > u.mean+a.cfg.Delay
	busy := false
	for _, l := range j.lanes {
		if u.mean > 0 && (!failed || late) {
			l.judge(now, float64(took)/float64(u.mean), late, a.cfg)
		}
		busy = busy || l.overloaded
	}
	if !failed {
		u.learn(now, took, busy, 5*a.cfg.Window)
	}
}

// Lane is what is under way toward one subgraph, or altogether where that is "".
type Lane struct {
	Subgraph       string
	Running, Limit int
}

// Load is what is under way at the moment, for metrics.
func (g *Gateway) Load() []Lane {
	a := g.admission
	a.mu.Lock()
	defer a.mu.Unlock()
	lanes := []Lane{{"", a.all.total(), int(a.all.limit)}}
	for _, l := range a.lanes {
		l.rest(time.Now(), a.cfg)
		lanes = append(lanes, Lane{l.subgraph, l.total(), int(l.limit)})
	}
	return lanes
}

// ran says that a job has its response, which is yet to be written. Its place is free for others from now on, and it is
// its client's until it has left: one that reads slowly holds the memory of its own share, and nobody's place.
func (j *job) ran() {
	if j != nil && j.place.runs.Swap(false) {
		j.place.of.exit(j.place.how, j.lanes)
	}
}

// left says that a job, nil for none, is answered.
func (j *job) left() {
	j.ran()
	if j != nil && j.place.counts.Swap(false) {
		j.place.of.leave(j.place.client)
	}
}

// priorityFor is how important a job is for whoever asks: by its root fields, then by a partner's contract.
func (j *job) priorityFor(c *caller, heavy int) Priority {
	switch {
	case j.importance != "":
		return j.importance
	case c.id.Partner != "":
		return cmp.Or(c.id.Priority, PriorityNormal)
	case len(c.id.owners()) == 0 && j.price >= heavy:
		return PriorityLow
	}
	return PriorityNormal
}
