package main

import (
	"testing"

	"storefront/router/supergraph"
)

// Composition answers every random set, and the same each time: it neither fails nor hangs, and reads its own
// supergraphs.
func TestRandomSets(t *testing.T) {
	bases, err := readSets(setsDir)
	if err != nil {
		t.Fatal(err)
	}
	good := 0
	for i := range 400 {
		s := randomSet(7, i, bases)
		if failure := s.tryCompose(); failure != "" {
			t.Fatalf("%s\n%s", failure, s.text())
		}
		again := randomSet(7, i, bases)
		if again.text() != s.text() {
			t.Fatalf("set %d of one seed is two sets:\n%s\n%s", i, s.text(), again.text())
		}
		if s.result == nil {
			continue
		}
		good++
		if _, err := supergraph.Parse(s.result.SupergraphSDL); err != nil {
			t.Errorf("%v\n%s", err, s.text())
		}
		if again.compose(); again.result == nil || again.result.SupergraphSDL != s.result.SupergraphSDL {
			t.Errorf("two compositions differ:\n%s", s.text())
		}
	}
	if good < 100 || good > 300 {
		t.Errorf("%d of 400 sets are good: too few or too many", good)
	}
}

// What reduction takes away leaves a smaller set that can be read, and every part can be taken.
func TestSmaller(t *testing.T) {
	s := &set{}
	s.add("a", `extend schema @link(url: "https://specs.apollo.dev/federation/v2.9", import: ["@key", "@tag"])
type Query { a(x: Int = 1): A @tag(name: "t") }
"A." type A @key(fields: "id") { id: ID! }`)
	s.add("b", `type Query { b: Int }`)
	f := &found{set: s}
	for level := range levels {
		for {
			var list []*trial
			for i := range f.removals(level) {
				list = f.try(list, level, []int{i})
			}
			if len(list) == 0 {
				break
			}
			for _, small := range list {
				if parseAll(small.set) == nil {
					t.Fatalf("a reduced set cannot be read:\n%s", small.set.text())
				}
			}
			f.set = list[len(list)-1].set
		}
	}
	if left := f.set.text(); len(f.set.subgraphs) != 1 || len(left) > 40 {
		t.Errorf("left is:\n%s", left)
	}
}
