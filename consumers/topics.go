package consumers

import (
	"slices"
	"time"

	"storefront/events"
	"storefront/internal/kafka"
)

// deadLetterRetention is how long someone may take to look at what went wrong. What is parked is tried
// again within days.
const deadLetterRetention = 30 * 24 * time.Hour

// Topics lists every topic of the contract, its dead letters, and the groups' retry topics, for
// kafka.Admin.EnsureTopics. replication 0 is the broker's default. Events are kept for ever, since a
// service's state is rebuilt from them; product-events is compacted. Dead letters have one partition:
// they are few.
func Topics(partitions int32, replication int16) []kafka.Topic {
	var topics []kafka.Topic
	for _, name := range events.Topics() {
		topics = append(topics,
			kafka.Topic{Name: name, Partitions: partitions, Replication: replication, Compacted: name == events.ProductTopic, Retention: -1},
			kafka.Topic{Name: name + events.DeadLetterSuffix, Partitions: 1, Replication: replication, Retention: deadLetterRetention},
		)
	}
	for _, s := range services() {
		if s.group.ID != "" {
			topics = append(topics, retryTopicOf(s.group, partitions, replication))
		}
	}
	return topics
}

func retryTopicOf(g Group, partitions int32, replication int16) kafka.Topic {
	return kafka.Topic{Name: g.RetryTopic(), Partitions: partitions, Replication: replication, Retention: deadLetterRetention}
}

// TopicsOf lists those that a service uses: it may see no others.
func TopicsOf(service string, partitions int32, replication int16) []kafka.Topic {
	used := ServiceAccess(service).Topics()
	return slices.DeleteFunc(Topics(partitions, replication), func(t kafka.Topic) bool { return !slices.Contains(used, t.Name) })
}
