// Package kafka is the embedded Kafka broker: franz-go's kfake with its data in a folder.
//
// It speaks the Kafka protocol on one loopback port to any client. What it answered survives a
// kill -9 of the process: a produced batch and a committed offset are written to a file before they
// are answered. They are not synced to the disk, so a power cut can lose the last of them, as with
// Kafka's own defaults. Enter at Start. It never deletes a record by age and never creates a topic
// because a client asked for one.
package kafka

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"sync"

	"github.com/twmb/franz-go/pkg/kfake"

	"storefront/internal/embedded"
)

// Topic is a topic that must exist when Start returns. One that exists already is kept as it is.
type Topic struct {
	Name       string
	Partitions int
	Compacted  bool // only the newest record of each key need be kept
}

// Config says where the broker listens and keeps its data.
type Config struct {
	Port   int    // on 127.0.0.1; 0 means any free port
	Dir    string // created when absent; empty means memory only
	Topics []Topic
	Logger *slog.Logger

	// CompactAbove is the size in bytes from which a compacted topic's partition is compacted at
	// start; 0 means 8 MiB.
	CompactAbove int64
}

// Server is a running broker.
type Server struct {
	cluster *kfake.Cluster
	addr    string
	release func() error
	close   sync.Once
}

const part = "Kafka"

// brokerConfigs keep every record and every committed offset for good, and keep kfake from
// compacting while it runs: its compaction removes the old segments before it writes the new ones,
// which a kill would turn into lost records. See compact.go for when compaction happens instead.
func brokerConfigs() map[string]string {
	return map[string]string{
		"log.retention.ms":          "-1",
		"log.retention.bytes":       "-1",
		"offsets.retention.minutes": "52560000",      // a hundred years
		"log.cleaner.backoff.ms":    "1000000000000", // thirty years
	}
}

// Start loads what Dir holds, creates the missing topics and listens. A torn tail that a kill left
// behind is cut off; any other damage is an error that names the file.
func Start(ctx context.Context, cfg Config) (*Server, error) {
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.CompactAbove == 0 {
		cfg.CompactAbove = 8 << 20
	}
	ln, err := embedded.Listen(ctx, part, fmt.Sprintf("127.0.0.1:%d", cfg.Port))
	if err != nil {
		return nil, err
	}
	release, err := openDir(ctx, cfg)
	if err != nil {
		return nil, errors.Join(err, ln.Close())
	}
	// kfake accepts as soon as it exists; the gate holds clients back until topics are there.
	gated := &gate{Listener: ln, open: make(chan struct{}), closed: make(chan struct{})}
	opts := []kfake.Opt{
		kfake.NumBrokers(1),
		kfake.ListenFn(func(string, string) (net.Listener, error) { return gated, nil }),
		kfake.ClusterID("storefront"),
		kfake.BrokerConfigs(brokerConfigs()),
		kfake.WithLogger(logger{cfg.Logger}),
	}
	if cfg.Dir != "" {
		opts = append(opts, kfake.DataDir(cfg.Dir))
	}
	cluster, err := kfake.NewCluster(opts...)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("load Kafka data from %s: %w; %s", cfg.Dir, err, advice), gated.Close(), release())
	}
	s := &Server{cluster: cluster, addr: ln.Addr().String(), release: release}
	if err := s.prepare(ctx, cfg); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	close(gated.open)
	return s, nil
}

// openDir takes the folder for this process and repairs what a kill left.
func openDir(ctx context.Context, cfg Config) (release func() error, err error) {
	if cfg.Dir == "" {
		return func() error { return nil }, nil
	}
	if err := embedded.Dir(part, cfg.Dir); err != nil {
		return nil, err
	}
	release, err = embedded.Lock(part, cfg.Dir)
	if err != nil {
		return nil, err
	}
	if err := restoreUncompacted(cfg.Dir); err != nil {
		return nil, errors.Join(err, release())
	}
	if err := checkDir(ctx, cfg.Dir, cfg.Logger); err != nil {
		return nil, errors.Join(err, release())
	}
	return release, nil
}

func (s *Server) prepare(ctx context.Context, cfg Config) error {
	if cfg.Dir != "" {
		// The idempotent producers' sequence windows are saved at a clean stop only. Left in place,
		// a later kill would bring back old windows and fence off producers that lived on.
		err := os.Remove(filepath.Join(cfg.Dir, "seq_windows.json"))
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("remove old sequence windows: %w", err)
		}
	}
	for _, t := range cfg.Topics {
		if err := s.ensureTopic(t, cfg.Logger); err != nil {
			return err
		}
	}
	if cfg.Dir == "" {
		return nil
	}
	return s.compact(ctx, cfg)
}

func (s *Server) ensureTopic(t Topic, log *slog.Logger) error {
	if info := s.cluster.TopicInfo(t.Name); info != nil {
		if n := len(s.cluster.PartitionInfos(t.Name)); n != t.Partitions {
			log.Warn("topic kept with the partitions it has", "topic", t.Name, "partitions", n, "wanted", t.Partitions)
		}
		return nil
	}
	if t.Partitions < 1 {
		return fmt.Errorf("create topic %s: it needs at least one partition", t.Name)
	}
	configs := map[string]string{"retention.ms": "-1"}
	if t.Compacted {
		configs["cleanup.policy"] = "compact"
	}
	if err := s.cluster.CreateTopic(t.Name, int32(t.Partitions), configs); err != nil {
		return fmt.Errorf("create topic %s: %w", t.Name, err)
	}
	return nil
}

// Addr is the broker's address, "127.0.0.1:port".
func (s *Server) Addr() string { return s.addr }

// Close stops the broker and writes its state, so that the next start is quick. Calling it again
// does nothing.
func (s *Server) Close() error {
	var err error
	s.close.Do(func() {
		s.cluster.Close()
		err = s.release()
	})
	return err
}
