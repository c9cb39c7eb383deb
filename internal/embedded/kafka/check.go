package kafka

// kfake repairs what it cannot read by cutting the file there and going on. After a kill that is
// right: the tail is torn and was never answered. In the middle of a file it would silently drop
// records that were answered, and in groups.log it leaves the torn tail in place, where it hides
// every offset committed later. So the files are read once before kfake sees them.

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
)

const advice = "restore the folder from a copy, or begin anew with --fresh"

// maxEntry bounds a batch or log entry: the broker takes no batch above 1 MiB, and a length beyond
// this is a damaged length, not a long entry.
const maxEntry = 64 << 20

var errDamaged = errors.New("damaged")

// checkDir cuts torn tails off the data files in dir and fails on any other damage.
func checkDir(ctx context.Context, dir string, log *slog.Logger) error {
	segments, err := filepath.Glob(filepath.Join(dir, "partitions", "*", "*.dat"))
	if err != nil {
		return fmt.Errorf("list Kafka segments: %w", err)
	}
	_, err = os.Stat(filepath.Join(dir, "meta.json"))
	if errors.Is(err, fs.ErrNotExist) && len(segments) > 0 {
		return fmt.Errorf("check Kafka data: %s is missing though there are records; %s", filepath.Join(dir, "meta.json"), advice)
	}
	for _, name := range []string{"meta.json", "topics.json", "broker_configs.json"} {
		if err := checkJSON(filepath.Join(dir, name), len(segments) > 0); err != nil {
			return err
		}
	}
	for _, name := range []string{"groups.log", "pids.log"} {
		if err := checkFile(filepath.Join(dir, name), scanLog, log); err != nil {
			return err
		}
	}
	for _, path := range segments {
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("check Kafka data: %w", err)
		}
		if err := checkFile(path, scanSegment, log); err != nil {
			return err
		}
	}
	return nil
}

func checkJSON(path string, needed bool) error {
	raw, err := os.ReadFile(path)
	switch {
	case errors.Is(err, fs.ErrNotExist) && !needed:
		return nil
	case err != nil:
		return fmt.Errorf("check Kafka data: %w; %s", err, advice)
	case !json.Valid(raw):
		return fmt.Errorf("check Kafka data: %s is damaged; %s", path, advice)
	}
	return nil
}

func checkFile(path string, scan func([]byte) (int, error), log *slog.Logger) error {
	raw, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("check Kafka data: %w; make the file readable to this user", err)
	}
	n, err := scan(raw)
	if err != nil {
		return fmt.Errorf("check Kafka data: %s is damaged at byte %d; %s", path, n, advice)
	}
	if n == len(raw) {
		return nil
	}
	if err := os.Truncate(path, int64(n)); err != nil {
		return fmt.Errorf("cut torn tail off %s: %w", path, err)
	}
	log.Info("cut off a torn tail that an earlier kill left", "file", filepath.Base(path),
		"folder", filepath.Base(filepath.Dir(path)), "bytes", len(raw)-n)
	return nil
}

// scanSegment returns how many bytes of raw are whole record batches. A last batch that is shorter
// than its length says is torn; any other fault is damage. The format is Kafka's record batch v2:
// base offset (8), length of what follows (4), leader epoch (4), magic (1), CRC-32C of the rest (4).
func scanSegment(raw []byte) (int, error) {
	pos := 0
	for pos+12 <= len(raw) {
		length := int64(binary.BigEndian.Uint32(raw[pos+8:]))
		if length < 9 || length > maxEntry {
			return pos, errDamaged
		}
		if int64(pos)+12+length > int64(len(raw)) {
			return pos, nil
		}
		end := pos + 12 + int(length)
		if crc32.Checksum(raw[pos+21:end], crc32.MakeTable(crc32.Castagnoli)) != binary.BigEndian.Uint32(raw[pos+17:]) {
			return pos, errDamaged
		}
		pos = end
	}
	return pos, nil
}

// scanLog does the same for kfake's state logs: length of what follows the CRC (4), CRC-32C of that
// (4), then a version (2) and the entry, little-endian.
func scanLog(raw []byte) (int, error) {
	pos := 0
	for pos+8 <= len(raw) {
		length := int64(binary.LittleEndian.Uint32(raw[pos:]))
		if length < 2 || length > maxEntry {
			return pos, errDamaged
		}
		if int64(pos)+8+length > int64(len(raw)) {
			return pos, nil
		}
		end := pos + 8 + int(length)
		if crc32.Checksum(raw[pos+8:end], crc32.MakeTable(crc32.Castagnoli)) != binary.LittleEndian.Uint32(raw[pos+4:]) {
			return pos, errDamaged
		}
		pos = end
	}
	return pos, nil
}

// partitionTopic is the topic of a partition folder, "<topic>-<number>".
func partitionTopic(folder string) string {
	if i := strings.LastIndexByte(folder, '-'); i > 0 {
		return folder[:i]
	}
	return folder
}
