package kafka

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/IBM/sarama"
)

// group is a consumer group as its coordinator sees it, in rounds of joining.
type group struct {
	t       *testing.T
	topics  map[string][]int32
	members map[string]sarama.ConsumerGroupMemberMetadata
}

func (g *group) join(id string, topics ...string) {
	g.members[id] = sarama.ConsumerGroupMemberMetadata{Topics: topics}
}

// round plans once, holds the plan to what cooperation asks, and says whether a member gave something up,
// after which it joins again.
func (g *group) round() (again bool) {
	g.t.Helper()
	plan, err := evenly{}.Plan(g.members, g.topics)
	if err != nil {
		g.t.Fatal(err)
	}
	type partition struct {
		topic string
		n     int32
	}
	before := map[partition][]string{}
	for id, m := range g.members {
		for _, o := range m.OwnedPartitions {
			for _, p := range o.Partitions {
				before[partition{o.Topic, p}] = append(before[partition{o.Topic, p}], id)
			}
		}
	}
	given := map[partition]string{}
	for id, topics := range plan {
		for topic, partitions := range topics {
			for _, p := range partitions {
				tp := partition{topic, p}
				if given[tp] != "" {
					g.t.Fatalf("%v is given to %s and %s", tp, given[tp], id)
				}
				given[tp] = id
				if had := before[tp]; len(had) > 0 && !slices.Equal(had, []string{id}) {
					g.t.Fatalf("%v is given to %s while %v have it", tp, id, had)
				}
			}
		}
	}
	for tp, had := range before {
		again = again || given[tp] != had[0] || len(had) > 1
	}
	for id, m := range g.members {
		m.OwnedPartitions = nil
		for topic, partitions := range plan[id] {
			m.OwnedPartitions = append(m.OwnedPartitions, &sarama.OwnedPartition{Topic: topic, Partitions: partitions})
		}
		g.members[id] = m
	}
	return again
}

// settle goes on until nothing moves, and wants every topic shared evenly then. It returns how many rounds that took.
func (g *group) settle() (rounds int) {
	g.t.Helper()
	for rounds = 1; g.round(); rounds++ {
		if rounds == 4 {
			g.t.Fatal("still moving after 4 rounds")
		}
	}
	all := map[string]int{}
	for topic, partitions := range g.topics {
		var counts []int
		for id, m := range g.members {
			if !slices.Contains(m.Topics, topic) {
				continue
			}
			n := 0
			for _, o := range m.OwnedPartitions {
				if o.Topic == topic {
					n = len(o.Partitions)
				}
			}
			counts = append(counts, n)
			all[id] += n
		}
		sum := 0
		for _, n := range counts {
			sum += n
		}
		if len(counts) > 0 && (sum != len(partitions) || slices.Max(counts)-slices.Min(counts) > 1) {
			g.t.Fatalf("%d partitions of %s are shared %v", len(partitions), topic, counts)
		}
	}
	return rounds
}

func (g *group) owned() string { return fmt.Sprint(g.snapshot()) }

func (g *group) snapshot() map[string]map[string][]int32 {
	s := map[string]map[string][]int32{}
	for id, m := range g.members {
		s[id] = map[string][]int32{}
		for _, o := range m.OwnedPartitions {
			s[id][o.Topic] = slices.Sorted(slices.Values(o.Partitions))
		}
	}
	return s
}

func TestEveryTopicIsSharedEvenly(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	for range 300 {
		g := &group{t, map[string][]int32{}, map[string]sarama.ConsumerGroupMemberMetadata{}}
		for i := range 1 + rnd.IntN(5) {
			for p := range 1 + rnd.IntN(12) {
				topic := fmt.Sprint("topic", i)
				g.topics[topic] = append(g.topics[topic], int32(p))
			}
		}
		all := slices.Sorted(maps.Keys(g.topics))
		next := 0
		for range 10 {
			switch {
			case len(g.members) < 2 || rnd.IntN(2) == 0:
				g.join(fmt.Sprint("member", next), all...)
				next++
			default: // one dies
				delete(g.members, slices.Sorted(maps.Keys(g.members))[rnd.IntN(len(g.members))])
			}
			g.settle()
			if before := g.owned(); g.round() || g.owned() != before {
				t.Fatalf("a settled group moves: %s, then %s", before, g.owned())
			}
		}
	}
}

func TestSharesOfSeveralTopicsAddUpEvenly(t *testing.T) {
	g := &group{t, map[string][]int32{"a": {0, 1, 2}, "b": {0, 1, 2}, "retry": {0, 1}}, map[string]sarama.ConsumerGroupMemberMetadata{}}
	g.join("x", "a", "b", "retry")
	g.join("y", "a", "b", "retry")
	g.settle()
	for id, topics := range g.snapshot() {
		if n := len(topics["a"]) + len(topics["b"]) + len(topics["retry"]); n != 4 {
			t.Errorf("%s has %d of 8 partitions: %v", id, n, topics)
		}
	}
}

func TestOnlyWhatMustMoves(t *testing.T) {
	g := &group{t, map[string][]int32{"a": {0, 1, 2, 3, 4, 5}}, map[string]sarama.ConsumerGroupMemberMetadata{}}
	g.join("x", "a")
	g.join("y", "a")
	g.settle()
	before := g.snapshot()
	g.join("z", "a")
	if rounds := g.settle(); rounds != 2 {
		t.Errorf("took %d rounds, want one to give up and one to get", rounds)
	}
	moved := 0
	for id, topics := range before {
		for _, p := range topics["a"] {
			if !slices.Contains(g.snapshot()[id]["a"], p) {
				moved++
			}
		}
	}
	if moved != 2 {
		t.Errorf("%d partitions moved, want 2", moved)
	}
}

func TestWhatTwoMembersClaimIsGivenUp(t *testing.T) {
	g := &group{t, map[string][]int32{"a": {0, 1}}, map[string]sarama.ConsumerGroupMemberMetadata{}}
	claim := []*sarama.OwnedPartition{{Topic: "a", Partitions: []int32{0, 1}}}
	g.members["x"] = sarama.ConsumerGroupMemberMetadata{Topics: []string{"a"}, OwnedPartitions: claim}
	g.members["y"] = sarama.ConsumerGroupMemberMetadata{Topics: []string{"a"}, OwnedPartitions: claim}
	if !g.round() {
		t.Fatal("nothing is given up")
	}
	g.settle()
}
