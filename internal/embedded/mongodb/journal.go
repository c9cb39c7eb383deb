package mongodb

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"sync"

	"go.mongodb.org/mongo-driver/x/bsonx/bsoncore"
)

// A journal or snapshot file is a head (magic, generation) and records: the payload's length, its
// CRC-32C, the CRC-32C of these eight bytes, and the payload, a BSON document. The head's own sum tells
// a length that was damaged from one whose payload a crash cut off.
const (
	journalMagic  = "SFJRNL01"
	snapshotMagic = "SFSNAP01"
	fileHead      = 16
	recordHead    = 12
	maxPayload    = 1 << 30
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// journal is the append-only file of the present generation. A change is in it (in the operating
// system's hands: it outlives a kill of this process) before it is answered.
type journal struct {
	dir   string
	limit int64
	full  chan struct{} // wakes the compaction

	mu     sync.Mutex
	file   *os.File
	gen    uint64
	size   int64
	buffer []byte
	failed error // set when a broken write could not be taken back
}

func journalPath(dir string, gen uint64) string {
	return filepath.Join(dir, fmt.Sprintf("journal-%010d", gen))
}

func snapshotPath(dir string, gen uint64) string {
	return filepath.Join(dir, fmt.Sprintf("snapshot-%010d", gen))
}

func createFile(name, magic string, gen uint64) (*os.File, error) {
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, err
	}
	if _, err := f.Write(binary.LittleEndian.AppendUint64([]byte(magic), gen)); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// createJournal begins a journal that is there with its whole head or not at all, also after a power cut:
// one without it was damaged, not torn.
func createJournal(dir string, gen uint64) (*os.File, error) {
	name := journalPath(dir, gen)
	f, err := createFile(name+".tmp", journalMagic, gen)
	if err != nil {
		return nil, err
	}
	if err := errors.Join(f.Sync(), os.Rename(name+".tmp", name), syncDir(dir)); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

func appendRecord(dst, payload []byte) []byte {
	start := len(dst)
	dst = binary.LittleEndian.AppendUint32(dst, uint32(len(payload)))
	dst = binary.LittleEndian.AppendUint32(dst, crc32.Checksum(payload, castagnoli))
	dst = binary.LittleEndian.AppendUint32(dst, crc32.Checksum(dst[start:], castagnoli))
	return append(dst, payload...)
}

// append writes one record. When it returns nil the record survives the process.
func (j *journal) append(payload []byte) error {
	if len(payload) > maxPayload {
		return fmt.Errorf("a change of %d bytes is too large", len(payload))
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.failed != nil {
		return j.failed
	}
	j.buffer = appendRecord(j.buffer[:0], payload)
	n, err := j.file.WriteAt(j.buffer, j.size)
	if err != nil {
		if n > 0 {
			if cut := j.file.Truncate(j.size); cut != nil {
				j.failed = fmt.Errorf("the journal is no longer writable: %w", errors.Join(err, cut))
			}
		}
		return err
	}
	j.size += int64(n)
	if cap(j.buffer) > 4<<20 {
		j.buffer = nil
	}
	if j.size > j.limit {
		select {
		case j.full <- struct{}{}:
		default:
		}
	}
	return nil
}

// rotate begins the next generation and returns its number; what came before is on disk when it returns.
func (j *journal) rotate() (uint64, error) {
	j.mu.Lock()
	next := j.gen + 1
	f, err := createJournal(j.dir, next)
	if err != nil {
		j.mu.Unlock()
		return 0, fmt.Errorf("create journal: %w", err)
	}
	old := j.file
	j.file, j.gen, j.size = f, next, fileHead
	j.mu.Unlock()
	err = errors.Join(old.Sync(), old.Close(), syncDir(j.dir))
	if err != nil {
		return 0, fmt.Errorf("flush journal: %w", err)
	}
	return next, nil
}

func (j *journal) close() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.failed == nil {
		j.failed = errors.New("the journal is closed")
	}
	return errors.Join(j.file.Sync(), j.file.Close())
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// errTorn says that a file ends inside a record, as a crash leaves it.
var errTorn = errors.New("the last record is incomplete")

// readFile yields the payloads of a file's records; each is the callee's to keep. It returns how many
// bytes are whole. errTorn means the rest was cut off by a crash; any other error is damage.
func readFile(name, magic string, gen uint64, fn func(payload []byte) error) (int64, error) {
	f, err := os.Open(name)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	size := info.Size()
	r := bufio.NewReaderSize(f, 1<<20)
	head := make([]byte, fileHead)
	if size < fileHead {
		return 0, fmt.Errorf("only %d bytes of it are left", size)
	}
	if _, err := io.ReadFull(r, head); err != nil {
		return 0, err
	}
	if string(head[:8]) != magic || binary.LittleEndian.Uint64(head[8:]) != gen {
		return 0, errors.New("it does not begin as a file of this kind and generation does")
	}
	at := int64(fileHead)
	for at < size {
		if size-at < recordHead {
			return at, errTorn
		}
		if _, err := io.ReadFull(r, head[:recordHead]); err != nil {
			return at, err
		}
		if crc32.Checksum(head[:8], castagnoli) != binary.LittleEndian.Uint32(head[8:]) {
			if bytes.Equal(head[:recordHead], make([]byte, recordHead)) && onlyZeros(r) {
				return at, errTorn // space the file system gave but never filled
			}
			return at, fmt.Errorf("wrong checksum at byte %d", at)
		}
		n := int64(binary.LittleEndian.Uint32(head))
		if n > size-at-recordHead {
			return at, errTorn
		}
		payload := make([]byte, n)
		if _, err := io.ReadFull(r, payload); err != nil {
			return at, err
		}
		if crc32.Checksum(payload, castagnoli) != binary.LittleEndian.Uint32(head[4:]) || validate(payload) != nil {
			return at, fmt.Errorf("wrong checksum at byte %d", at)
		}
		if err := fn(payload); err != nil {
			return at, fmt.Errorf("record at byte %d: %w", at, err)
		}
		at += recordHead + n
	}
	return at, nil
}

func onlyZeros(r io.Reader) bool {
	buffer := make([]byte, 64<<10)
	for {
		n, err := r.Read(buffer)
		if !bytes.Equal(buffer[:n], make([]byte, n)) {
			return false
		}
		if err != nil {
			return err == io.EOF
		}
	}
}

// The payloads: {ns, ops: [{s: seq, d: document}, {s: seq}, ...]} for records put and removed,
// {ns, create|drop: true}, {ns, index: definition}, {ns, dropIndex: name}. Each says how things are
// afterwards, so replaying a stretch twice ends the same.

func changePayload(ns string, changes []recordChange) []byte {
	size := 64 + len(ns)
	for _, ch := range changes {
		size += 32
		if ch.new != nil {
			size += len(ch.new.doc)
		}
	}
	start, p := bsoncore.AppendDocumentStart(make([]byte, 0, size))
	p = bsoncore.AppendStringElement(p, "ns", ns)
	list, p := bsoncore.AppendArrayElementStart(p, "ops")
	for _, ch := range changes {
		var op int32
		op, p = bsoncore.AppendDocumentElementStart(p, "")
		if ch.new != nil {
			p = bsoncore.AppendInt64Element(p, "s", int64(ch.new.seq))
			p = bsoncore.AppendDocumentElement(p, "d", ch.new.doc)
		} else {
			p = bsoncore.AppendInt64Element(p, "s", int64(ch.old.seq))
		}
		p, _ = bsoncore.AppendDocumentEnd(p, op)
	}
	p, _ = bsoncore.AppendArrayEnd(p, list)
	p, _ = bsoncore.AppendDocumentEnd(p, start)
	return p
}

func catalogPayload(ns, what string, v value) []byte {
	return bsoncore.BuildDocument(nil,
		bsoncore.AppendStringElement(nil, "ns", ns),
		bsoncore.AppendValueElement(nil, what, v))
}
