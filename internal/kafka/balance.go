package kafka

import (
	"cmp"
	"maps"
	"slices"

	"github.com/IBM/sarama"
)

// evenly gives every member of a group the same share of every topic, one partition more or less, and moves
// no more than that needs. sarama's cooperative-sticky evens out the sum over all topics only: of two members,
// one may get the busy topic and the other the retry topic, which is hardly ever written to.
//
// It is cooperative (KIP-429): what one member has and another shall get is given to nobody at first; the one
// gives it up and joins again, and then it is free. It keeps no state: all it goes by is what members say they
// have. What two claim, of whom one missed a rebalance, both give up.
type evenly struct{}

var _ sarama.RebalanceProtocolBalanceStrategy = evenly{}

func (evenly) Name() string { return "storefront-evenly" }

func (evenly) SupportedProtocols() []sarama.RebalanceProtocol {
	return []sarama.RebalanceProtocol{sarama.RebalanceProtocolCooperative}
}

func (evenly) AssignmentData(string, map[string][]int32, int32) ([]byte, error) { return nil, nil }

// Plan is what each of members gets of topics.
func (evenly) Plan(members map[string]sarama.ConsumerGroupMemberMetadata, topics map[string][]int32) (sarama.BalanceStrategyPlan, error) {
	plan := make(sarama.BalanceStrategyPlan, len(members))
	total := make(map[string]int, len(members))
	for _, topic := range slices.Sorted(maps.Keys(topics)) {
		owned := map[string][]int32{}
		claims := map[int32]int{}
		var subscribed []string
		for id, m := range members {
			if !slices.Contains(m.Topics, topic) {
				continue
			}
			subscribed = append(subscribed, id)
			for _, o := range m.OwnedPartitions {
				if o.Topic == topic {
					owned[id] = o.Partitions
				}
			}
			for _, p := range owned[id] {
				claims[p]++
			}
		}
		if len(subscribed) == 0 {
			continue
		}
		// Whoever has least of all topics comes first, then whoever has most of this one.
		slices.SortFunc(subscribed, func(a, b string) int {
			return cmp.Or(total[a]-total[b], len(owned[b])-len(owned[a]), cmp.Compare(a, b))
		})
		share, more := len(topics[topic])/len(subscribed), len(topics[topic])%len(subscribed)
		free := slices.DeleteFunc(slices.Sorted(slices.Values(topics[topic])), func(p int32) bool { return claims[p] > 0 })
		for i, id := range subscribed {
			quota := share
			if i < more {
				quota++
			}
			total[id] += quota
			var gets []int32
			for _, p := range slices.Sorted(slices.Values(owned[id])) {
				if len(gets) < quota && claims[p] == 1 && slices.Contains(topics[topic], p) {
					gets = append(gets, p)
				}
			}
			n := min(quota-len(gets), len(free))
			gets, free = append(gets, free[:n]...), free[n:]
			plan.Add(id, topic, gets...)
		}
	}
	return plan, nil
}
