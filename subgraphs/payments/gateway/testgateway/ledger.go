package testgateway

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"storefront/internal/embedded"
)

const ledgerFile = "ledger.jsonl"

// operation is what a ledger entry did to its charge.
type operation string

const (
	opAuthorize operation = "authorize" // the money is held
	opChallenge operation = "challenge" // the customer has to pass 3-D Secure first
	opApprove   operation = "approve"   // ... and did: the money is held
	opDecline   operation = "decline"   // nothing is held, for good
	opCapture   operation = "capture"
	opVoid      operation = "void"
	opRefund    operation = "refund"
	opRefuse    operation = "refuse" // a refund, for good
)

// entry is one line of the ledger. It never holds a payment method.
type entry struct {
	At       time.Time `json:"at"`
	Op       operation `json:"op"`
	Key      string    `json:"key,omitempty"`
	Charge   string    `json:"charge"`
	Payment  string    `json:"payment,omitempty"`
	Amount   int64     `json:"amount"`
	Currency string    `json:"currency"`
	URL      string    `json:"url,omitempty"`
	Code     string    `json:"code,omitempty"`
	Message  string    `json:"message,omitempty"`
	Refund   string    `json:"refund,omitempty"`
	Refuses  bool      `json:"refuses,omitempty"` // of authorize: the first refund
}

// ledger is the append-only file. A line that was written whole survives the death of the process, and of
// the machine once keep has returned, which is before its answer leaves: the shop never knows of a charge
// that the ledger may forget. What was being written when the end came is cut off at the next start.
type ledger struct {
	file   *os.File
	unlock func() error
	end    atomic.Int64 // of what is written; the gateway's mutex is for who moves it

	keeping sync.Mutex
	kept    int64 // of what is on the disk
	lost    error // of the first sync that failed: what it should have kept, a second one does not
}

// openLedger takes dir for this process and hands every entry to apply.
func openLedger(dir string, apply func(entry) error) (*ledger, error) {
	if err := embedded.Dir("the test gateway", dir); err != nil {
		return nil, err
	}
	unlock, err := embedded.Lock("the test gateway", dir)
	if err != nil {
		return nil, err
	}
	l := &ledger{unlock: unlock}
	if l.file, err = os.OpenFile(filepath.Join(dir, ledgerFile), os.O_RDWR|os.O_CREATE, 0o600); err != nil {
		unlock()
		return nil, fmt.Errorf("open ledger: %w", err)
	}
	end, err := readEntries(l.file, apply)
	if err == nil {
		err = errors.Join(l.file.Truncate(end), syncDir(dir))
	}
	l.end.Store(end)
	if err != nil {
		l.close()
		return nil, fmt.Errorf("open ledger %s: %w", l.file.Name(), err)
	}
	return l, nil
}

func (l *ledger) append(e entry) error {
	line, err := json.Marshal(e)
	if err != nil {
		return fmt.Errorf("encode ledger entry: %w", err)
	}
	n, err := l.file.WriteAt(append(line, '\n'), l.end.Load())
	if err != nil {
		return fmt.Errorf("write ledger: %w", err)
	}
	l.end.Add(int64(n))
	return nil
}

// keep returns once all that was written before is on the disk. Those who wait for one sync share the next.
func (l *ledger) keep() error {
	written := l.end.Load()
	l.keeping.Lock()
	defer l.keeping.Unlock()
	if l.kept >= written || l.lost != nil {
		return l.lost
	}
	end := l.end.Load()
	if err := l.file.Sync(); err != nil {
		l.lost = fmt.Errorf("keep ledger: %w", err)
		return l.lost
	}
	l.kept = end
	return nil
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

func (l *ledger) close() error { return errors.Join(l.file.Close(), l.unlock()) }

// readEntries reads whole lines and returns where the last one ends. A last line that has no end, or is
// no entry, was torn off; such a line before it means damage.
func readEntries(r io.Reader, apply func(entry) error) (end int64, err error) {
	in := bufio.NewReaderSize(r, 1<<20)
	for number := 1; ; number++ {
		line, err := in.ReadBytes('\n')
		if err == io.EOF {
			return end, nil
		}
		if err != nil {
			return end, err
		}
		var e entry
		if err := json.Unmarshal(line, &e); err != nil {
			if _, more := in.Peek(1); more == io.EOF {
				return end, nil
			}
			return end, fmt.Errorf("line %d is damaged (%.40q); restore the file or move it away", number, bytes.TrimSpace(line))
		}
		if err := apply(e); err != nil {
			return end, fmt.Errorf("line %d: %w", number, err)
		}
		end += int64(len(line))
	}
}

// Sums is what the ledger says of one currency, in minor units. Authorized, captured and voided money
// is counted once each: what was captured was authorized before.
type Sums struct {
	Authorized, Captured, Refunded, Voided int64
	Charges                                int // captured ones
}

// ReadLedger sums up the ledger in dir by currency, also while another process writes it. A folder
// without one has no sums.
func ReadLedger(dir string) (map[string]Sums, error) {
	file, err := os.Open(filepath.Join(dir, ledgerFile))
	if errors.Is(err, fs.ErrNotExist) {
		return map[string]Sums{}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("open ledger: %w", err)
	}
	defer file.Close()
	b := newBook()
	if _, err := readEntries(file, b.apply); err != nil {
		return nil, fmt.Errorf("read ledger %s: %w", file.Name(), err)
	}
	return b.sums(), nil
}
