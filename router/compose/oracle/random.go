package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"runtime/debug"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/tools/txtar"

	"storefront/router/compose"
	"storefront/router/internal/property/world"
)

// Random sets: worlds, which compose, and changes of these and of the sets of the folder, most of which do
// not. The same seed makes the same sets. Differences of one class (difference.go) are printed once, by the
// smallest set that could be made of one that has it (reduce.go).

const (
	aspectPanic = "panic" // our composition does not end, or not well
	largest     = 3000    // of a world, in bytes: Apollo's composition takes long for more
	batch       = 100     // sets asked of Apollo at once
	patience    = 30 * time.Second
)

// randomSet is the i-th set of a seed.
func randomSet(seed uint64, i int, bases []*set) *set {
	r := rand.New(rand.NewPCG(seed, uint64(i)))
	s := &set{name: fmt.Sprintf("random_%d_%d", seed, i)}
	if r.IntN(3) == 0 || len(bases) == 0 {
		for n := uint64(i); len(s.subgraphs) == 0 || s.size() > largest; n += 1 << 24 {
			s.subgraphs = nil
			subs, _ := world.Generate(seed<<32 + n).Render()
			for _, g := range subs {
				s.add(g.Name, g.SDL)
			}
		}
		if r.IntN(3) == 0 {
			return s
		}
	} else {
		base := bases[r.IntN(len(bases))]
		if strings.HasPrefix(base.name, "bad") && r.IntN(2) == 0 {
			base = bases[r.IntN(len(bases))] // what is right is broken in more ways
		}
		for _, g := range base.subgraphs {
			s.add(g.Name, g.SDL)
		}
	}
	if changed := mutate(r, s, bases); changed != nil {
		return changed
	}
	return s
}

func (s *set) add(name, sdl string) {
	s.subgraphs = append(s.subgraphs, compose.Subgraph{Name: name, URL: "http://" + name, SDL: sdl, File: name + ".graphqls"})
}

// tryCompose is compose with a limit of time; it says how composition failed to give an answer.
func (s *set) tryCompose() (failure string) {
	done := make(chan string, 1)
	own := &set{name: s.name, subgraphs: s.subgraphs}
	go func() {
		defer func() {
			if p := recover(); p != nil {
				done <- fmt.Sprintf("%v\n%s", p, debug.Stack())
			}
		}()
		own.compose()
		done <- ""
	}()
	select {
	case failure = <-done:
		if failure == "" {
			s.result, s.errs = own.result, own.errs
		}
	case <-time.After(patience):
		failure = "composition does not end"
	}
	return failure
}

// comparison asks one script for all batches, and another one when it was ended.
type comparison struct {
	cfg    config
	apollo *apollo
}

// differences composes the sets on both sides. A set whose composition fails here is not asked there.
func (c *comparison) differences(ctx context.Context, sets []*set) ([][]difference, error) {
	out := make([][]difference, len(sets))
	for from := 0; from < len(sets); from += batch {
		var asking []*set
		var at []int
		for i := from; i < min(from+batch, len(sets)); i++ {
			if failure := sets[i].tryCompose(); failure != "" {
				out[i] = []difference{{deviation{sets[i].name, aspectPanic, failure}, aspectPanic + " " + shape(failure)}}
				continue
			}
			asking, at = append(asking, sets[i]), append(at, i)
		}
		answers, err := c.ask(ctx, asking)
		if err != nil {
			return nil, err
		}
		for j, s := range asking {
			if answers[j] != nil {
				out[at[j]] = s.differ(answers[j])
			}
		}
	}
	return out, nil
}

// ask has no answer for a set on which Apollo's composition does not end, which is found by halving.
func (c *comparison) ask(ctx context.Context, sets []*set) ([]*asked, error) {
	if len(sets) == 0 {
		return nil, nil
	}
	if c.apollo == nil {
		var err error
		if c.apollo, err = startApollo(ctx, c.cfg.cache); err != nil {
			return nil, err
		}
	}
	var late atomic.Bool
	timer := time.AfterFunc(patience+time.Duration(len(sets))*time.Second, func() {
		late.Store(true)
		_ = c.apollo.cmd.Process.Kill()
	})
	answers, err := c.apollo.ask(sets)
	timer.Stop()
	out := make([]*asked, len(sets))
	if err == nil {
		for i := range out {
			out[i] = &answers.Sets[i]
		}
		return out, nil
	}
	c.stop()
	switch {
	case !late.Load():
		return nil, err
	case len(sets) == 1:
		return out, nil
	}
	half := len(sets) / 2
	first, err := c.ask(ctx, sets[:half])
	if err != nil {
		return nil, err
	}
	second, err := c.ask(ctx, sets[half:])
	return append(first, second...), err
}

func (c *comparison) stop() {
	if c.apollo != nil {
		c.apollo.stop()
		c.apollo = nil
	}
}

// found is a class of differences, with the smallest set seen to have it.
type found struct {
	difference
	set   *set
	count int
	meant string // the set of the folder that has it for a reason
	parts int    // how many parts of its set reduction takes at once
}

// runRandom makes cfg.random sets and prints what differs. Classes that sets of the folder have for a reason
// are only counted.
func runRandom(ctx context.Context, cfg config, out io.Writer, folder []*set, meant map[string]string) error {
	var bases []*set // what differs already would be all that its changes show
	for _, s := range folder {
		if !slices.ContainsFunc(slices.Collect(maps.Keys(meant)), func(key string) bool { return strings.HasPrefix(key, s.name+" ") }) {
			bases = append(bases, s)
		}
	}
	sets := slices.Clone(folder)
	for i := range cfg.random {
		sets = append(sets, randomSet(cfg.seed, i, bases))
	}
	compare := &comparison{cfg: cfg}
	defer compare.stop()
	all, err := compare.differences(ctx, sets)
	if err != nil {
		return err
	}
	classes := map[string]*found{}
	agree := 0
	for i, s := range sets {
		if i >= len(folder) && len(all[i]) == 0 {
			agree++
		}
		for _, d := range all[i] {
			c := classes[d.class]
			switch {
			case c == nil && i < len(folder):
				classes[d.class] = &found{difference: d, set: s, meant: s.name}
			case i < len(folder):
			case c == nil:
				classes[d.class] = &found{difference: d, set: s, count: 1}
			default:
				c.count++
				if c.meant == "" && s.size() < c.set.size() {
					c.difference, c.set = d, s
				}
			}
		}
	}
	var list []*found
	for _, c := range classes {
		if c.count > 0 {
			list = append(list, c)
		}
	}
	slices.SortFunc(list, func(a, b *found) int { return strings.Compare(a.class, b.class) })
	slices.SortStableFunc(list, func(a, b *found) int { return a.rank() - b.rank() })
	fresh := slices.DeleteFunc(slices.Clone(list), func(c *found) bool { return c.meant != "" })
	for _, c := range list {
		fmt.Fprintf(out, "%d times: %s", c.count, c.class)
		if c.meant != "" {
			fmt.Fprintf(out, ", as in %s", c.meant)
		}
		fmt.Fprintln(out)
	}
	for some := range slices.Chunk(fresh, 10) {
		if err := compare.reduce(ctx, some); err != nil {
			return err
		}
		for _, c := range some {
			fmt.Fprintf(out, "==== %s, %d times, as in %s\n%s%s", c.class, c.count, c.set.name, indented(c.detail), c.set.text())
		}
	}
	good := 0
	for _, s := range sets[len(folder):] {
		if s.result != nil {
			good++
		}
	}
	fmt.Fprintf(out, "seed %d: %d of %d random sets agree in all (%d good, %d bad); %d classes of differences, %d of them as in sets with a reason\n",
		cfg.seed, agree, cfg.random, good, cfg.random-good, len(list), len(list)-len(fresh))
	if len(fresh) > 0 {
		return fmt.Errorf("%d classes of differences have no reason", len(fresh))
	}
	return nil
}

func (s *set) size() int {
	n := 0
	for _, g := range s.subgraphs {
		n += len(g.SDL)
	}
	return n
}

// text is the set as a .txtar file.
func (s *set) text() string {
	a := &txtar.Archive{}
	for _, g := range s.subgraphs {
		a.Files = append(a.Files, txtar.File{Name: g.Name + ".graphqls", Data: bytes.TrimSpace([]byte(g.SDL))})
	}
	return string(txtar.Format(a))
}
