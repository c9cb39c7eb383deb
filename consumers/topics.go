package consumers

import (
	"time"

	"storefront/events"
	"storefront/internal/kafka"
)

// deadLetterRetention is how long someone may take to look at what went wrong.
const deadLetterRetention = 30 * 24 * time.Hour

// Topics lists every topic of the contract and its dead letters, for kafka.Admin.EnsureTopics.
// replication 0 is the broker's default. Events are kept for ever, since a service's state is rebuilt
// from them; product-events is compacted. Dead letters have one partition: they are few.
func Topics(partitions int32, replication int16) []kafka.Topic {
	var topics []kafka.Topic
	for _, name := range events.Topics() {
		topics = append(topics,
			kafka.Topic{Name: name, Partitions: partitions, Replication: replication, Compacted: name == events.ProductTopic, Retention: -1},
			kafka.Topic{Name: name + events.DeadLetterSuffix, Partitions: 1, Replication: replication, Retention: deadLetterRetention},
		)
	}
	return topics
}
