package testgateway

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"sync"
	"time"
)

const (
	webhookTimeout = 10 * time.Second
	webhooksAtOnce = 16
	retryFirst     = 100 * time.Millisecond
	retryLast      = 30 * time.Second
	retriesToTell  = 8 // after these, about 13 s, it is worth a line in the log
)

// sender brings webhooks to the shop as a gateway on the internet does: by HTTP, again until they are taken,
// in no order. It knows them only as long as it runs; what a kill loses, the shop finds by asking.
type sender struct {
	to     string
	client *http.Client
	log    *slog.Logger
	ctx    context.Context // ends with close
	cancel context.CancelFunc
	slots  chan struct{}

	mu      sync.Mutex
	closed  bool
	running sync.WaitGroup
}

func newSender(to string, log *slog.Logger) *sender {
	ctx, cancel := context.WithCancel(context.Background())
	return &sender{to: to, client: &http.Client{Timeout: webhookTimeout}, log: log, ctx: ctx, cancel: cancel, slots: make(chan struct{}, webhooksAtOnce)}
}

// send delivers after a delay.
func (s *sender) send(after time.Duration, header http.Header, body []byte, tries int) {
	time.AfterFunc(after, func() {
		if !s.enter() {
			return
		}
		defer s.running.Done()
		select {
		case s.slots <- struct{}{}:
		case <-s.ctx.Done():
			return
		}
		err := s.post(header, body)
		<-s.slots
		if err == nil || s.ctx.Err() != nil {
			return
		}
		if tries == retriesToTell {
			s.log.Warn("webhook is not taken yet", "to", s.to, "tries", tries+1, "error", err)
		}
		s.send(min(retryFirst<<min(tries, 16), retryLast), header, body, tries+1)
	})
}

// enter is false once the sender is closed.
func (s *sender) enter() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false
	}
	s.running.Add(1)
	return true
}

func (s *sender) post(header http.Header, body []byte) error {
	r, err := http.NewRequestWithContext(s.ctx, http.MethodPost, s.to, bytes.NewReader(body))
	if err != nil {
		return err
	}
	r.Header = header.Clone()
	r.Header.Set("Content-Type", "application/json")
	res, err := s.client.Do(r)
	if err != nil {
		return err
	}
	io.Copy(io.Discard, io.LimitReader(res.Body, 1<<16)) // so that the connection can be used again
	res.Body.Close()
	if res.StatusCode/100 != 2 {
		return errors.New(res.Status)
	}
	return nil
}

// close forgets what is not delivered and waits for what is being.
func (s *sender) close() {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.cancel()
	s.running.Wait()
	s.client.CloseIdleConnections()
}

// announce sends the webhooks of a charge's newest change.
func (g *Gateway) announce(c *charge) {
	if g.sender == nil {
		return
	}
	f := g.cfg.Faults
	header, body := g.Sign(c.payment, c.ID)
	random := f.random("webhook %s %d", c.ID, c.changes)
	for range max(f.Repeat, 1) {
		g.sender.send(time.Duration(random.Float64()*float64(f.Shuffle)), header, body, 0)
	}
}
