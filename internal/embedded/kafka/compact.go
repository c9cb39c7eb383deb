package kafka

// Compaction happens at start, before the first client is let in. kfake deletes a partition's
// segments and then writes the compacted ones, so the originals are linked aside first; when a kill
// comes in between, the next start puts them back.

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

func asideDir(dir string) string { return filepath.Join(dir, "compacting") }

// compactedTopics are the topics whose policy says so, whoever created them.
func compactedTopics(dir string) (map[string]bool, error) {
	var file struct {
		Topics []struct {
			Name    string            `json:"name"`
			Configs map[string]string `json:"configs"`
		} `json:"topics"`
	}
	raw, err := os.ReadFile(filepath.Join(dir, "topics.json"))
	if err != nil {
		return nil, fmt.Errorf("read topics: %w", err)
	}
	if err := json.Unmarshal(raw, &file); err != nil {
		return nil, fmt.Errorf("read topics: %w", err)
	}
	compacted := make(map[string]bool)
	for _, t := range file.Topics {
		compacted[t.Name] = strings.Contains(t.Configs["cleanup.policy"], "compact")
	}
	return compacted, nil
}

// compact compacts the compacted topics when one of their partitions is larger than the limit.
func (s *Server) compact(ctx context.Context, cfg Config) error {
	compacted, err := compactedTopics(cfg.Dir)
	if err != nil {
		return err
	}
	folders, err := filepath.Glob(filepath.Join(cfg.Dir, "partitions", "*"))
	if err != nil {
		return fmt.Errorf("list partitions: %w", err)
	}
	var partitions []string
	var size, largest int64
	for _, folder := range folders {
		if !compacted[partitionTopic(filepath.Base(folder))] {
			continue
		}
		n, err := segmentBytes(folder)
		if err != nil {
			return err
		}
		size, largest = size+n, max(largest, n)
		partitions = append(partitions, folder)
	}
	if largest <= cfg.CompactAbove {
		return nil
	}
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("compact topics: %w", err)
	}
	if err := linkAside(cfg.Dir, partitions); err != nil {
		return err
	}
	s.cluster.Compact()
	if err := dropAside(cfg.Dir, os.RemoveAll); err != nil {
		return fmt.Errorf("compact topics: %w", err)
	}
	var after int64
	for _, folder := range partitions {
		n, err := segmentBytes(folder)
		if err != nil {
			return err
		}
		after += n
	}
	cfg.Logger.Info("compacted topics", "bytes_before", size, "bytes_after", after)
	return nil
}

func segmentBytes(folder string) (int64, error) {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return 0, fmt.Errorf("read partition: %w", err)
	}
	var n int64
	for _, e := range entries {
		info, err := e.Info()
		if err != nil {
			return 0, fmt.Errorf("read partition: %w", err)
		}
		if filepath.Ext(e.Name()) == ".dat" {
			n += info.Size()
		}
	}
	return n, nil
}

func asidePart(dir string) string { return asideDir(dir) + ".part" }

// dropAside gives up what was set aside. The folder loses its name first: a kill amid the removal would
// leave a part of it, which the next start would take for all there is.
func dropAside(dir string, remove func(string) error) error {
	if err := remove(asidePart(dir)); err != nil { // what an earlier kill left
		return err
	}
	if err := os.Rename(asideDir(dir), asidePart(dir)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return remove(asidePart(dir))
}

// linkAside links every file of the partitions into the aside folder. The folder gets its name last,
// so that it is there whole or not at all.
func linkAside(dir string, partitions []string) error {
	tmp := asidePart(dir)
	if err := os.RemoveAll(tmp); err != nil {
		return fmt.Errorf("set partitions aside: %w", err)
	}
	for _, folder := range partitions {
		to := filepath.Join(tmp, filepath.Base(folder))
		if err := os.MkdirAll(to, 0o700); err != nil {
			return fmt.Errorf("set partitions aside: %w", err)
		}
		if err := linkFiles(folder, to); err != nil {
			return err
		}
	}
	if err := os.Rename(tmp, asideDir(dir)); err != nil {
		return fmt.Errorf("set partitions aside: %w", err)
	}
	return nil
}

func linkFiles(from, to string) error {
	entries, err := os.ReadDir(from)
	if err != nil {
		return fmt.Errorf("link partition: %w", err)
	}
	for _, e := range entries {
		if err := os.Link(filepath.Join(from, e.Name()), filepath.Join(to, e.Name())); err != nil {
			return fmt.Errorf("link partition: %w", err)
		}
	}
	return nil
}

// restoreUncompacted puts back the partitions of a compaction that a kill interrupted. No client was
// let in since they were set aside, so they hold every record.
func restoreUncompacted(dir string) error {
	aside := asideDir(dir)
	folders, err := filepath.Glob(filepath.Join(aside, "*"))
	if err != nil {
		return fmt.Errorf("list partitions set aside: %w", err)
	}
	for _, folder := range folders {
		live := filepath.Join(dir, "partitions", filepath.Base(folder))
		if err := os.RemoveAll(live); err != nil {
			return fmt.Errorf("restore partition: %w", err)
		}
		if err := os.MkdirAll(live, 0o755); err != nil {
			return fmt.Errorf("restore partition: %w", err)
		}
		if err := linkFiles(folder, live); err != nil {
			return err
		}
	}
	if err := dropAside(dir, os.RemoveAll); err != nil {
		return fmt.Errorf("restore partitions: %w", err)
	}
	return nil
}
