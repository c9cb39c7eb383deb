package gateway

import (
	"math/bits"
	"path"
	"slices"
	"strings"
	"time"

	"storefront/router/operation"
)

// How much a subgraph can bear is found out from how long operations that ask it take, each compared with what is
// usual for it. Where most are late over a window, a queue stands somewhere behind, and more at once only makes it
// longer (as CoDel, RFC 8289, sees it); the number under way is cut in proportion to how late they are, as
// Netflix's gradient limiter does (https://github.com/Netflix/concurrency-limits). It grows again slowly.
//
// A lane is so filled from above: the least important may take half of the limit, the usual ones four fifths,
// and the critical ones all of it, whatever the others have.
type lane struct {
	subgraph string
	limit    float64
	running  [3]int // by priority

	began      time.Time // of the window
	peak       int       // most under way in it
	ratios     []float64 // of answers' times to the usual ones
	late       int
	overloaded bool // in the window before
}

// Priority is how soon an operation is refused when there is more to do than can be done. "" is not said.
type Priority string

// The priorities, the most important first.
const (
	PriorityCritical Priority = "critical"
	PriorityNormal   Priority = "normal"
	PriorityLow      Priority = "low"
)

func (p Priority) index() int {
	switch p {
	case PriorityCritical:
		return 0
	case PriorityLow:
		return 2
	}
	return 1
}

// maxRatios bounds how many answers of a window are compared.
const maxRatios = 200

func (l *lane) total() int { return l.running[0] + l.running[1] + l.running[2] }

// takes reports whether one more operation may run.
func (l *lane) takes(now time.Time, how Priority, cfg Overload) bool {
	l.rest(now, cfg)
	switch how {
	case PriorityCritical:
		return float64(l.running[0]) < l.limit
	case PriorityNormal:
		return float64(l.total()) < 0.8*l.limit
	}
	return float64(l.total()) < 0.5*l.limit
}

func (l *lane) enter(how Priority) {
	l.running[how.index()]++
	l.peak = max(l.peak, l.total())
}

// rest forgets a limit that nothing was heard of for ten windows.
func (l *lane) rest(now time.Time, cfg Overload) {
	if l.limit < float64(cfg.Max) && now.Sub(l.began) > 10*cfg.Window && l.total() == 0 {
		l.limit, l.overloaded = float64(cfg.Max), false
	}
}

// judge takes an answer in, and changes the limit at the end of a window: of one with few answers after ten times
// as long.
func (l *lane) judge(now time.Time, ratio float64, late bool, cfg Overload) {
	if l.began.IsZero() {
		l.began = now
	}
	if len(l.ratios) < maxRatios {
		l.ratios = append(l.ratios, ratio)
		if late {
			l.late++
		}
	}
	if age := now.Sub(l.began); age < cfg.Window || len(l.ratios) < 10 && age < 10*cfg.Window {
		return
	}
	if l.overloaded = 2*l.late > len(l.ratios); l.overloaded {
		slices.Sort(l.ratios)
		gradient := 1.5 / l.ratios[len(l.ratios)/2]
		l.limit = max(float64(cfg.Floor), min(l.limit, float64(l.peak))*min(max(gradient, 0.5), 0.9))
	} else {
		l.limit = min(float64(cfg.Max), 1.05*l.limit+1)
	}
	l.began, l.peak, l.ratios, l.late = now, l.total(), l.ratios[:0], 0
}

// usual is how long an operation takes, in the mean over a minute or so.
type usual struct {
	mean    time.Duration // 0 until it is known
	windows int           // that it was made of, up to 5
	began   time.Time
	sum     time.Duration
	n       time.Duration
}

// usualTimes are those of one operation by the order of magnitude of its cost, which its variables decide.
type usualTimes [20]usual

func (u *usualTimes) usualFor(price int) *usual { return &u[min(bits.Len(uint(price)), len(u)-1)] }

// learn takes an answer in. What becomes faster is believed soon, what becomes slower later, and hardly at all
// while a subgraph is overloaded: then that is not what is usual, unless it lasts.
func (u *usual) learn(now time.Time, took time.Duration, busy bool, window time.Duration) {
	if u.n == 0 {
		u.began = now
	}
	u.sum, u.n = u.sum+took, u.n+1
	if now.Sub(u.began) < window && u.mean > 0 {
		return
	}
	mean, weight := u.sum/u.n, 0.02
	switch {
	case u.windows < 5:
		u.windows++
		weight = 1 / float64(u.windows)
	case mean < u.mean:
		weight = 0.2
	case busy:
		weight = 0.002
	}
	u.mean += time.Duration(weight * float64(mean-u.mean))
	u.sum, u.n = 0, 0
}

// IsRootField reports whether a pattern may stand in Overload.Critical.
func IsRootField(pattern string) bool {
	_, err := path.Match(pattern, "")
	return err == nil && strings.Count(pattern, ".") == 1
}

// importanceOf is what the root fields of an operation say: critical when all of them are, low when it asks for
// the schema, "" else.
func importanceOf(op *operation.Operation, critical []string) Priority {
	if introspects(op.Root) {
		return PriorityLow
	}
	known := false
	for _, f := range op.Root.Fields {
		if strings.HasPrefix(f.Name, "__") {
			continue
		}
		known = slices.ContainsFunc(critical, func(pattern string) bool {
			ok, _ := path.Match(pattern, op.RootType+"."+f.Name)
			return ok
		})
		if !known {
			return ""
		}
	}
	if known {
		return PriorityCritical
	}
	return ""
}
