// Package mongodb is a small MongoDB server for one process: the wire protocol on a loopback port,
// documents in memory, every change in an append-only journal before it is answered.
//
// It keeps what the stores rely on: each command on one collection is atomic, unique and partial
// indexes hold, equality and ranges on indexed fields are looked up. What it does not know is refused
// with MongoDB's own error code; it never guesses. It is no replica set and has no transactions, access
// control or TLS, so it belongs on loopback.
//
// Way in: Start listens; wire.go reads commands; commands.go lists them; plan.go chooses how a
// collection is read; match.go, update.go and project.go work on raw BSON, with lungo for arithmetic
// and number comparison; journal.go, recover.go and snapshot.go keep the state.
package mongodb

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// Config says where a server listens and keeps its state.
type Config struct {
	Addr          string       // host:port; port 0 takes a free one
	Dir           string       // folder of the journal and snapshots; "" keeps state in memory only
	Logger        *slog.Logger // nil logs nothing
	SnapshotBytes int64        // journal size that triggers compaction; 0 means 64 MiB
}

const (
	sweepEvery   = 30 * time.Second
	drainTimeout = 5 * time.Second
)

// Server is a running server.
type Server struct {
	listener net.Listener
	logger   *slog.Logger
	store    *store
	cursors  *cursors
	commands map[string]command
	started  time.Time

	stop    chan struct{}
	closing atomic.Bool
	once    sync.Once
	closed  error
	group   sync.WaitGroup // the accept loop and the housekeeping
	clients sync.WaitGroup
	replies atomic.Int32
	number  atomic.Int32 // of connections so far

	mu    sync.Mutex
	conns map[net.Conn]struct{}
}

// Start opens the state and listens; the server is ready when it returns. A busy port, a folder that
// cannot be used and a damaged file give one error that says what to do.
func Start(ctx context.Context, cfg Config) (*Server, error) {
	logger := cfg.Logger
	if logger == nil {
		logger = slog.New(slog.DiscardHandler)
	}
	limit := cfg.SnapshotBytes
	if limit <= 0 {
		limit = 64 << 20
	}
	var lc net.ListenConfig
	listener, err := lc.Listen(ctx, "tcp", cfg.Addr)
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, fmt.Errorf("listen for MongoDB clients on %s: the port is in use; stop what uses it, or choose another port (--base-port moves all)", cfg.Addr)
	} else if err != nil {
		return nil, fmt.Errorf("listen for MongoDB clients on %s: %w; give an address such as 127.0.0.1:27017", cfg.Addr, err)
	}
	st, err := openStore(cfg.Dir, limit, logger)
	if err != nil {
		listener.Close()
		return nil, err
	}
	s := &Server{
		listener: listener, logger: logger, store: st, started: time.Now(),
		cursors: &cursors{open: map[int64]*cursor{}},
		stop:    make(chan struct{}),
		conns:   map[net.Conn]struct{}{},
	}
	s.commands = s.commandTable()
	s.group.Go(s.accept)
	s.group.Go(s.housekeeping)
	return s, nil
}

// URI is the connection string for a driver.
func (s *Server) URI() string {
	return "mongodb://" + s.listener.Addr().String() + "/?directConnection=true"
}

// Close lets running commands end, closes all connections, and leaves everything on disk.
func (s *Server) Close() error {
	s.once.Do(func() {
		s.closing.Store(true)
		close(s.stop)
		s.listener.Close()
		s.mu.Lock()
		for c := range s.conns {
			c.SetReadDeadline(time.Now()) // wakes the idle; a running command still answers
		}
		s.mu.Unlock()
		drained := make(chan struct{})
		go func() {
			s.clients.Wait()
			close(drained)
		}()
		select {
		case <-drained:
		case <-time.After(drainTimeout):
			s.mu.Lock()
			for c := range s.conns {
				c.Close()
			}
			s.mu.Unlock()
			<-drained
		}
		s.group.Wait()
		if s.store.journal != nil {
			if err := s.store.journal.close(); err != nil {
				s.closed = fmt.Errorf("close database journal: %w", err)
			}
		}
		s.store.release()
	})
	return s.closed
}

func (s *Server) accept() {
	for {
		conn, err := s.listener.Accept()
		if err != nil {
			if s.closing.Load() || errors.Is(err, net.ErrClosed) {
				return
			}
			s.logger.Warn("accept MongoDB client", "error", err)
			select {
			case <-s.stop:
				return
			case <-time.After(50 * time.Millisecond):
			}
			continue
		}
		s.mu.Lock()
		if s.closing.Load() {
			s.mu.Unlock()
			conn.Close()
			return
		}
		s.conns[conn] = struct{}{}
		s.clients.Add(1)
		s.mu.Unlock()
		go s.serve(conn)
	}
}

// serve answers one connection's commands in order. A malformed message ends this connection only.
func (s *Server) serve(conn net.Conn) {
	defer s.clients.Done()
	defer func() {
		s.mu.Lock()
		delete(s.conns, conn)
		s.mu.Unlock()
		conn.Close()
	}()
	id := s.number.Add(1)
	r := bufio.NewReaderSize(conn, 64<<10)
	var in, out []byte
	for {
		var err error
		in, err = readMessage(r, in)
		var req *request
		if err == nil {
			req, err = parseMessage(in)
		}
		if err != nil {
			if !errors.Is(err, io.EOF) && !errors.Is(err, net.ErrClosed) && !s.closing.Load() {
				s.logger.Debug("MongoDB connection ended", "error", err)
			}
			return
		}
		reply := s.answer(req, id)
		if req.silent {
			continue
		}
		out = appendReply(out[:0], req, s.replies.Add(1), reply)
		if _, err := conn.Write(out); err != nil {
			return
		}
		if cap(out) > keepBufferBytes {
			out = nil
		}
		if s.closing.Load() {
			return
		}
	}
}

// answer runs one command. A panic in it is answered as an internal error: one bad command must not
// take the whole storefront down, and locks are released by defer.
func (s *Server) answer(req *request, conn int32) (reply document) {
	defer func() {
		if p := recover(); p != nil {
			s.logger.Error("MongoDB command failed", "command", req.name, "panic", p)
			reply = errorReply(errorf(codeInternalError, "command %s failed inside the server", req.name))
		}
	}()
	run, known := s.commands[req.name]
	if !known {
		return errorReply(errorf(codeCommandNotFound, "no such command: '%s'", req.name))
	}
	if err := run.check(req); err != nil {
		return errorReply(err)
	}
	doc, err := run.run(req, conn)
	if err != nil {
		return errorReply(err)
	}
	return doc
}

// housekeeping compacts the journal when it is full, and removes what has expired.
func (s *Server) housekeeping() {
	ticker := time.NewTicker(sweepEvery)
	defer ticker.Stop()
	var full chan struct{}
	if s.store.journal != nil {
		full = s.store.journal.full
	}
	for {
		select {
		case <-s.stop:
			return
		case <-full:
			if err := s.store.compact(); err != nil {
				s.logger.Error("compact database journal; it is tried again when the journal has grown further", "error", err)
			}
		case now := <-ticker.C:
			s.cursors.expire(now.Add(-cursorTimeout))
			if err := s.store.sweep(now); err != nil {
				s.logger.Error("remove expired documents", "error", err)
			}
		}
	}
}
