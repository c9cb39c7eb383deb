package smtp

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/mail"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"storefront/internal/embedded"
)

// The envelope and the time are written before the mail's own headers.
const (
	headerFrom = "Return-Path"
	headerTo   = "X-Envelope-To"
	headerTime = "X-Received"
)

// entry is what the list needs of a mail; the rest is read when the mail is.
type entry struct {
	id       int64
	from     string
	to       []string // lower case
	subject  string
	received time.Time
	raw      []byte // in memory only
}

// mailbox keeps the mails in the order they came.
type mailbox struct {
	dir     string // empty: memory
	keep    int
	log     *slog.Logger
	release func() error

	adding sync.RWMutex // held for reading while a mail is kept, for writing by close
	closed bool

	mu      sync.RWMutex
	entries []entry // oldest first
	next    int64
}

func openMailbox(dir string, keep int, log *slog.Logger) (*mailbox, error) {
	b := &mailbox{keep: keep, log: log, next: 1, release: func() error { return nil }}
	if dir == "" {
		return b, nil
	}
	b.dir = filepath.Join(dir, "mail")
	if err := embedded.Dir("mail", b.dir); err != nil {
		return nil, err
	}
	release, err := embedded.Lock("mail", b.dir)
	if err != nil {
		return nil, err
	}
	b.release = release
	if err := b.load(); err != nil {
		return nil, errors.Join(err, release())
	}
	return b, nil
}

// load reads the head of every mail in the folder.
func (b *mailbox) load() error {
	files, err := os.ReadDir(b.dir)
	if err != nil {
		return fmt.Errorf("read mails: %w", err)
	}
	for _, f := range files {
		name, ok := strings.CutSuffix(f.Name(), ".eml")
		id, err := strconv.ParseInt(name, 10, 64)
		if !ok || err != nil {
			if strings.HasSuffix(f.Name(), ".part") { // a kill came while it was written
				if err := os.Remove(filepath.Join(b.dir, f.Name())); err != nil {
					return fmt.Errorf("remove unfinished mail: %w", err)
				}
			}
			continue
		}
		e, err := readHead(filepath.Join(b.dir, f.Name()))
		if err != nil {
			b.log.Warn("mail left out: its file cannot be read; remove the file", "file", f.Name(), "error", err)
			continue
		}
		e.id = id
		b.entries = append(b.entries, e)
		b.next = max(b.next, id+1)
	}
	slices.SortFunc(b.entries, func(x, y entry) int { return cmp.Compare(x.id, y.id) })
	b.drop()
	return nil
}

func readHead(path string) (entry, error) {
	f, err := os.Open(path)
	if err != nil {
		return entry{}, err
	}
	defer f.Close()
	m, err := mail.ReadMessage(io.LimitReader(f, 64<<10))
	if err != nil {
		return entry{}, err
	}
	received, err := time.Parse(time.RFC3339Nano, m.Header.Get(headerTime))
	if err != nil {
		return entry{}, fmt.Errorf("no %s header", headerTime)
	}
	return entry{
		from:     strings.Trim(m.Header.Get(headerFrom), "<>"),
		to:       strings.Split(m.Header.Get(headerTo), ", "),
		subject:  decodeWords(m.Header.Get("Subject")),
		received: received,
	}, nil
}

// add keeps a mail; when it returns, a kill no longer loses it.
func (b *mailbox) add(from string, to []string, raw []byte, now time.Time) error {
	b.adding.RLock()
	defer b.adding.RUnlock()
	if b.closed {
		return errors.New("keep mail: the catcher is stopping")
	}
	e := entry{from: from, received: now}
	for _, address := range to {
		e.to = append(e.to, strings.ToLower(address))
	}
	if m, err := mail.ReadMessage(bytes.NewReader(raw)); err == nil {
		e.subject = decodeWords(m.Header.Get("Subject"))
	}
	var stored bytes.Buffer
	fmt.Fprintf(&stored, "%s: <%s>\r\n%s: %s\r\n%s: %s\r\n", headerFrom, from, headerTo, strings.Join(e.to, ", "),
		headerTime, now.UTC().Format(time.RFC3339Nano))
	stored.Write(raw)

	b.mu.Lock()
	e.id = b.next
	b.next++
	b.mu.Unlock()

	if b.dir == "" {
		e.raw = stored.Bytes()
	} else if err := b.write(e.id, stored.Bytes()); err != nil {
		b.log.Error("mail could not be kept", "error", err)
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	at := len(b.entries)
	for at > 0 && b.entries[at-1].id > e.id { // two mails may finish out of turn
		at--
	}
	b.entries = slices.Insert(b.entries, at, e)
	b.drop()
	return nil
}

func (b *mailbox) path(id int64) string { return filepath.Join(b.dir, fmt.Sprintf("%010d.eml", id)) }

func (b *mailbox) write(id int64, data []byte) error {
	part := b.path(id) + ".part"
	if err := os.WriteFile(part, data, 0o600); err != nil {
		return fmt.Errorf("write mail: %w", err)
	}
	if err := os.Rename(part, b.path(id)); err != nil {
		return fmt.Errorf("write mail: %w", err)
	}
	return nil
}

// drop removes the oldest mails above the limit. The caller holds the lock.
func (b *mailbox) drop() {
	n := len(b.entries) - b.keep
	if n <= 0 {
		return
	}
	for _, e := range b.entries[:n] {
		if b.dir == "" {
			continue
		}
		if err := os.Remove(b.path(e.id)); err != nil {
			b.log.Warn("old mail not removed", "error", err)
		}
	}
	clear(b.entries[:n]) // so that their memory goes too
	b.entries = b.entries[n:]
}

// list returns the entries to the address, newest first.
func (b *mailbox) list(to string, limit int) (found []entry, total int) {
	to = strings.ToLower(to)
	b.mu.RLock()
	defer b.mu.RUnlock()
	for _, e := range slices.Backward(b.entries) {
		if to != "" && !slices.Contains(e.to, to) {
			continue
		}
		total++
		if limit <= 0 || len(found) < limit {
			found = append(found, e)
		}
	}
	return found, total
}

var errNoMail = errors.New("there is no such mail; it may have been dropped for newer ones")

func (b *mailbox) get(id int64) (entry, []byte, error) {
	b.mu.RLock()
	at, ok := slices.BinarySearchFunc(b.entries, id, func(e entry, id int64) int { return cmp.Compare(e.id, id) })
	if !ok {
		b.mu.RUnlock()
		return entry{}, nil, errNoMail
	}
	e := b.entries[at]
	b.mu.RUnlock()
	if b.dir == "" {
		return e, e.raw, nil
	}
	raw, err := os.ReadFile(b.path(id))
	if errors.Is(err, os.ErrNotExist) {
		return entry{}, nil, errNoMail
	}
	if err != nil {
		return entry{}, nil, fmt.Errorf("read mail: %w", err)
	}
	return e, raw, nil
}

func (b *mailbox) find(to string, limit int) ([]Mail, error) {
	entries, _ := b.list(to, limit)
	mails := make([]Mail, 0, len(entries))
	for _, e := range entries {
		m, err := b.read(e.id)
		if errors.Is(err, errNoMail) {
			continue // dropped since
		}
		if err != nil {
			return nil, err
		}
		mails = append(mails, m)
	}
	return mails, nil
}

// close waits for the mails being kept and takes no more.
func (b *mailbox) close() error {
	b.adding.Lock()
	defer b.adding.Unlock()
	b.closed = true
	return b.release()
}
