package kafka

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/IBM/sarama"

	"storefront/internal/poll"
)

// Topic is how a topic should be.
type Topic struct {
	Name        string
	Partitions  int32
	Replication int16         // 0: the broker's default
	Compacted   bool          // the last record of each key is kept for good
	Retention   time.Duration // 0: the broker's default; negative: for ever
}

// Admin makes topics and looks at offsets. It connects for each call: none of them is frequent.
type Admin struct{ config Config }

// Admin returns the administration of the cluster that c names.
func (c Config) Admin() *Admin { return &Admin{config: c} }

func (a *Admin) connect() (sarama.ClusterAdmin, sarama.Client, error) {
	s, err := a.config.sarama()
	if err != nil {
		return nil, nil, err
	}
	// Default 3 s; creating many topics on a real cluster takes longer.
	s.Admin.Timeout = 20 * time.Second
	// As by default, and unlike our other connections: an administrator looks at all topics.
	s.Metadata.Full = true
	client, err := sarama.NewClient(a.config.Brokers, s)
	if err != nil {
		return nil, nil, fmt.Errorf("connect kafka admin: %w", err)
	}
	admin, err := sarama.NewClusterAdminFromClient(client)
	if err != nil {
		return nil, nil, errors.Join(fmt.Errorf("connect kafka admin: %w", err), client.Close())
	}
	return admin, client, nil
}

// Ping says whether the brokers can be reached and let us in.
func (c Config) Ping(ctx context.Context) error {
	result := make(chan error, 1)
	go func() {
		admin, _, err := c.Admin().connect()
		if err == nil {
			err = admin.Close()
		}
		result <- err
	}()
	select {
	case err := <-result:
		return err
	case <-ctx.Done():
		return fmt.Errorf("reach kafka at %s: %w", strings.Join(c.Brokers, ","), ctx.Err())
	}
}

// EnsureTopics creates the topics that are missing and returns when they can be written. Topics that
// exist are left as they are; having fewer partitions than asked for is an error, since adding some
// would move keys. Safe to repeat and to run in several processes at once.
func (a *Admin) EnsureTopics(ctx context.Context, topics []Topic) error {
	admin, client, err := a.connect()
	if err != nil {
		return err
	}
	defer admin.Close() // closes the client too; there is nothing to lose by an error
	existing, err := admin.ListTopics()
	if err != nil {
		return fmt.Errorf("list topics: %w", err)
	}
	for _, t := range topics {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if have, ok := existing[a.config.named(t.Name)]; ok {
			if have.NumPartitions < t.Partitions {
				return fmt.Errorf("topic %s has %d partitions, %d are wanted: adding some would move keys; empty the topic and make it anew", t.Name, have.NumPartitions, t.Partitions)
			}
			continue
		}
		err := admin.CreateTopic(a.config.named(t.Name), t.detail(), false)
		if err != nil && !errors.Is(err, sarama.ErrTopicAlreadyExists) {
			return fmt.Errorf("create topic %s: %w", t.Name, err)
		}
	}
	for _, t := range topics {
		if err := writable(ctx, client, a.config.named(t.Name)); err != nil {
			return err
		}
	}
	return nil
}

func (t Topic) detail() *sarama.TopicDetail {
	entries := make(map[string]*string)
	if t.Compacted {
		policy := "compact"
		entries["cleanup.policy"] = &policy
	}
	if t.Retention != 0 {
		ms := int64(-1)
		if t.Retention > 0 {
			ms = t.Retention.Milliseconds()
		}
		text := strconv.FormatInt(ms, 10)
		entries["retention.ms"] = &text
	}
	replication := t.Replication
	if replication == 0 {
		replication = -1
	}
	return &sarama.TopicDetail{NumPartitions: t.Partitions, ReplicationFactor: replication, ConfigEntries: entries}
}

// writable waits until every partition of a topic has a leader: a broker may take a moment to know of
// a topic that another one made.
func writable(ctx context.Context, client sarama.Client, topic string) error {
	for attempt := 0; ; attempt++ {
		err := client.RefreshMetadata(topic)
		if err == nil {
			all, e1 := client.Partitions(topic)
			led, e2 := client.WritablePartitions(topic)
			if err = errors.Join(e1, e2); err == nil && len(all) > 0 && len(all) == len(led) {
				return nil
			}
		}
		if !poll.Sleep(ctx, backoff(attempt)) {
			return errors.Join(fmt.Errorf("wait for topic %s: %w", topic, ctx.Err()), err)
		}
	}
}

// Offsets is where a partition begins and ends.
type Offsets struct {
	Oldest int64 // the first record that is kept
	Newest int64 // what the next record will get
}

// TopicOffsets gives the offsets of a topic by partition.
func (a *Admin) TopicOffsets(ctx context.Context, topic string) (map[int32]Offsets, error) {
	admin, client, err := a.connect()
	if err != nil {
		return nil, err
	}
	defer admin.Close()
	return topicOffsets(ctx, client, a.config.named(topic))
}

func topicOffsets(ctx context.Context, client sarama.Client, topic string) (map[int32]Offsets, error) {
	partitions, err := client.Partitions(topic)
	if err != nil {
		return nil, fmt.Errorf("find partitions of %s: %w", topic, err)
	}
	offsets := make(map[int32]Offsets, len(partitions))
	for _, p := range partitions {
		var o Offsets
		err := patiently(ctx, client, topic, func() (err error) {
			if o.Oldest, err = client.GetOffset(topic, p, sarama.OffsetOldest); err == nil {
				o.Newest, err = client.GetOffset(topic, p, sarama.OffsetNewest)
			}
			return err
		})
		if err != nil {
			return nil, fmt.Errorf("find offsets of %s/%d: %w", topic, p, err)
		}
		offsets[p] = o
	}
	return offsets, nil
}

// Lag is how far a group is behind in one partition.
type Lag struct {
	Topic     string
	Partition int32
	Committed int64 // the next record the group will read; -1 when it has committed nothing
	Oldest    int64 // the first record that is kept
	Newest    int64 // what the next record will get
	Records   int64 // how many are not handled yet; gaps that compaction left are counted
}

// Lag gives a group's lag in each partition of topics, in the order of topics and partitions.
func (a *Admin) Lag(ctx context.Context, group string, topics []string) ([]Lag, error) {
	admin, client, err := a.connect()
	if err != nil {
		return nil, err
	}
	defer admin.Close()
	var lags []Lag
	for _, topic := range topics {
		name := a.config.named(topic)
		offsets, err := topicOffsets(ctx, client, name)
		if err != nil {
			return nil, err
		}
		partitions := make([]int32, 0, len(offsets))
		for p := range int32(len(offsets)) {
			partitions = append(partitions, p)
		}
		committed, err := admin.ListConsumerGroupOffsets(a.config.named(group), map[string][]int32{name: partitions})
		if errors.Is(err, sarama.ErrGroupIDNotFound) { // it has never been there
			committed, err = &sarama.OffsetFetchResponse{}, nil
		}
		if err != nil {
			return nil, fmt.Errorf("list offsets of group %s: %w", group, err)
		}
		for _, p := range partitions {
			l := Lag{Topic: topic, Partition: p, Committed: -1, Oldest: offsets[p].Oldest, Newest: offsets[p].Newest}
			if block := committed.GetBlock(name, p); block != nil {
				if block.Err != sarama.ErrNoError {
					return nil, fmt.Errorf("read offset of group %s in %s/%d: %w", group, topic, p, block.Err)
				}
				l.Committed = block.Offset
			}
			l.Records = l.Newest - max(l.Committed, offsets[p].Oldest)
			lags = append(lags, l)
		}
	}
	return lags, nil
}

// DeleteNamespace deletes every topic and every group of the configuration's namespace, with all that is
// in them. Without a namespace it refuses.
func (a *Admin) DeleteNamespace(ctx context.Context) error {
	if a.config.Namespace == "" {
		return errors.New("delete kafka namespace: there is none, and everything on the cluster is not meant")
	}
	admin, _, err := a.connect()
	if err != nil {
		return err
	}
	defer admin.Close()
	var all []error
	groups, err := admin.ListConsumerGroups()
	all = append(all, err)
	for name := range groups {
		if strings.HasPrefix(name, a.config.Namespace) && ctx.Err() == nil {
			all = append(all, admin.DeleteConsumerGroup(name))
		}
	}
	topics, err := admin.ListTopics()
	all = append(all, err)
	for name := range topics {
		if strings.HasPrefix(name, a.config.Namespace) && ctx.Err() == nil {
			all = append(all, admin.DeleteTopic(name))
		}
	}
	return errors.Join(append(all, ctx.Err())...)
}
