package testgateway

import (
	"context"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"

	"storefront/internal/errs"
)

// Faults are what goes wrong between the shop and the gateway, on request: with authorizing, capturing,
// voiding and refunding, and with being asked. The ledger is never wrong. Which call meets what depends on
// the seed, the call's key and how often it was made, not on what else goes on.
type Faults struct {
	Slow       time.Duration // a call takes up to this long, before it takes effect, after, or both
	FailBefore float64       // this share of calls fails before anything happens
	FailAfter  float64       // this share of calls takes effect, and its answer is lost
	Webhooks   bool          // every change of a charge sends a signed webhook, until it is taken
	To         string        // where to
	Repeat     int           // so many times each; 1 when 0
	Shuffle    time.Duration // in random order, within this time
	Seed       uint64
}

const faultWords = "slow=200ms, fail-before=0.1, fail-after=0.2, webhooks=true, to=http://host/webhooks/test, repeat=10, shuffle=5s and seed=7"

// ParseFaults reads words such as slow=200ms,fail-after=0.2, separated by commas. BadInput names the word
// that is wrong and says what would be right.
func ParseFaults(text string) (Faults, error) {
	var f Faults
	given := map[string]bool{}
	for word := range strings.SplitSeq(text, ",") {
		if word = strings.TrimSpace(word); word == "" {
			continue
		}
		name, value, _ := strings.Cut(word, "=")
		if given[name] {
			return Faults{}, errs.New(errs.BadInput, "%s is there twice", name)
		}
		given[name] = true
		if wants := f.set(name, value); wants != "" {
			return Faults{}, errs.New(errs.BadInput, "%q: %s", word, wants)
		}
	}
	for _, name := range []string{"to", "repeat", "shuffle"} {
		if given[name] && !f.Webhooks {
			return Faults{}, errs.New(errs.BadInput, "%s is about webhooks; add webhooks=true", name)
		}
	}
	if f.FailBefore+f.FailAfter >= 1 {
		return Faults{}, errs.New(errs.BadInput, "fail-before and fail-after are %v together, so no call would ever succeed; they want less than 1", f.FailBefore+f.FailAfter)
	}
	return f, nil
}

// set returns what the word wants when its value is not that.
func (f *Faults) set(name, value string) (wants string) {
	var err error
	switch name {
	case "slow", "shuffle":
		into := map[string]*time.Duration{"slow": &f.Slow, "shuffle": &f.Shuffle}[name]
		if *into, err = time.ParseDuration(value); err != nil || *into < 0 {
			return name + " wants a duration, such as 200ms or 5s"
		}
	case "fail-before", "fail-after":
		into := map[string]*float64{"fail-before": &f.FailBefore, "fail-after": &f.FailAfter}[name]
		if *into, err = strconv.ParseFloat(value, 64); err != nil || !(*into >= 0 && *into < 1) {
			return name + " wants the share of calls, from 0 to less than 1, such as 0.1"
		}
	case "webhooks":
		if f.Webhooks, err = strconv.ParseBool(value); err != nil {
			return "webhooks wants true or false"
		}
	case "to":
		if f.To = value; !strings.HasPrefix(value, "http://") && !strings.HasPrefix(value, "https://") {
			return "to wants an address that begins with http:// or https://"
		}
	case "repeat":
		if f.Repeat, err = strconv.Atoi(value); err != nil || f.Repeat < 1 || f.Repeat > maxRepeat {
			return fmt.Sprintf("repeat wants a number from 1 to %d", maxRepeat)
		}
	case "seed":
		if f.Seed, err = strconv.ParseUint(value, 10, 64); err != nil {
			return "seed wants a whole number that is not negative"
		}
	default:
		return "there is no such fault; there are " + faultWords
	}
	return ""
}

const maxRepeat = 1000

// random is the chance that something with this name meets.
func (f Faults) random(format string, args ...any) *rand.Rand {
	h := fnv.New64a()
	fmt.Fprintf(h, format, args...)
	return rand.New(rand.NewPCG(f.Seed, h.Sum64()))
}

// answer is the way of every call to the gateway and of its answer: what happened is in the ledger before
// the answer leaves, and what is to go wrong goes wrong here.
func answer[T any](ctx context.Context, g *Gateway, step, key string, call func() (T, error)) (T, error) {
	var none T
	f, act := g.cfg.Faults, call
	if g.ledger != nil {
		call = func() (T, error) {
			v, err := act()
			if err == nil {
				err = g.ledger.keep()
			}
			return v, err
		}
	}
	if f.Slow == 0 && f.FailBefore == 0 && f.FailAfter == 0 {
		return call()
	}
	random := f.random("%s %s %d", step, key, g.nth(step, key))
	fate, slow, split := random.Float64(), time.Duration(random.Float64()*float64(f.Slow)), random.Float64()
	before := time.Duration(split * float64(slow))
	if err := wait(ctx, before); err != nil {
		return none, err
	}
	if fate < f.FailBefore {
		return none, errs.New(errs.Unavailable, "%s: the test gateway was told not to answer", step)
	}
	v, err := call()
	if err != nil {
		return none, err
	}
	if fate < f.FailBefore+f.FailAfter {
		if err := wait(ctx, g.cfg.Lost); err != nil {
			return none, err
		}
		return none, fmt.Errorf("%s: the answer was lost: %w", step, context.DeadlineExceeded)
	}
	return v, wait(ctx, slow-before)
}

// nth counts the calls of one step with one key.
func (g *Gateway) nth(step, key string) int {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.calls[step+" "+key]++
	return g.calls[step+" "+key]
}
