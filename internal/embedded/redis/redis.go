// Package redis is the embedded Redis: miniredis on a loopback port, with its clock running.
//
// It keeps nothing on disk. Everything the storefront puts into Redis is a cache or has its source
// elsewhere, and losing it must never matter. Enter at Start.
package redis

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"time"

	"github.com/alicebob/miniredis/v2"

	"storefront/internal/embedded"
)

// Config says where the server listens.
type Config struct {
	Addr   string // "127.0.0.1:port"; empty or port 0 means any free port
	Logger *slog.Logger
}

// Server is a running Redis.
type Server struct {
	redis *miniredis.Miniredis
	addr  string
	stop  context.CancelFunc
	done  chan struct{}
	close sync.Once
}

// Start listens and returns. ctx bounds the start only.
func Start(ctx context.Context, cfg Config) (*Server, error) {
	ln, err := embedded.Listen(ctx, "Redis", cfg.Addr)
	if err != nil {
		return nil, err
	}
	// miniredis opens its own listener; ours was to find the port free and the address sound.
	addr := ln.Addr().(*net.TCPAddr).String()
	if err := ln.Close(); err != nil {
		return nil, fmt.Errorf("listen for Redis: %w", err)
	}
	m := miniredis.NewMiniRedis()
	if err := m.StartAddr(addr); err != nil {
		return nil, fmt.Errorf("listen for Redis on %s: %w; choose another port", addr, err)
	}
	running, stop := context.WithCancel(context.Background())
	s := &Server{redis: m, addr: addr, stop: stop, done: make(chan struct{})}
	go s.tick(running)
	return s, nil
}

const (
	shortestTick = 50 * time.Millisecond
	tickShare    = 20 // a tick may take a twentieth of the time
)

// tick lets time pass for keys with a time to live; miniredis stands still by itself. Each tick
// visits every key, so with many keys the ticks are further apart.
func (s *Server) tick(ctx context.Context) {
	defer close(s.done)
	last := time.Now()
	timer := time.NewTimer(shortestTick)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		now := time.Now()
		s.redis.FastForward(now.Sub(last))
		last = now
		timer.Reset(max(shortestTick, tickShare*time.Since(now)))
	}
}

// Addr is the server's address, "127.0.0.1:port".
func (s *Server) Addr() string { return s.addr }

// URL is the address as go-redis reads it, "redis://127.0.0.1:port/0".
func (s *Server) URL() string { return "redis://" + s.addr + "/0" }

// Close stops the server and closes its connections. Calling it again does nothing.
func (s *Server) Close() error {
	s.close.Do(func() {
		s.stop()
		<-s.done
		s.redis.Close()
	})
	return nil
}
