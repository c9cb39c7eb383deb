// Package server is how every part listens, says that it is well, drains and shuts down.
package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"syscall"
	"time"

	"storefront/internal/errs"
)

// Check says whether a part can do its work now; its error says what is missing.
type Check func(ctx context.Context) error

// Server is one HTTP listener with /healthz (the process lives), /readyz (it can do its work) and
// /metrics beside the handler.
type Server struct {
	name     string
	scheme   string
	listener net.Listener
	http     *http.Server
	log      *slog.Logger
}

// Config of a Server. Ready, Metrics and Certificate may be nil. A client that reads nothing ends its answer, unless
// the Handler sets deadlines of its own (http.ResponseController.SetWriteDeadline).
type Config struct {
	Name        string
	Addr        string // host:port; port 0 takes any that is free
	Handler     http.Handler
	Ready       Check
	Metrics     http.Handler
	Certificate *Certificate // serves TLS, and HTTP/2 to whoever speaks it
	Connections Bound        // of one client
	Log         *slog.Logger
}

// Start listens and serves until Shutdown. A busy port is an error that says so.
func Start(cfg Config) (*Server, error) {
	l, err := net.Listen("tcp", cfg.Addr)
	if err != nil {
		return nil, listenError(cfg.Name, cfg.Addr, err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) {
		if cfg.Ready != nil {
			if err := cfg.Ready(r.Context()); err != nil {
				http.Error(w, "not ready: "+err.Error(), http.StatusServiceUnavailable)
				return
			}
		}
		fmt.Fprintln(w, "ready")
	})
	if cfg.Metrics != nil {
		mux.Handle("GET /metrics", cfg.Metrics)
	}
	mux.Handle("/", cfg.Handler)
	s := &Server{name: cfg.Name, scheme: "http", listener: l, log: cfg.Log, http: &http.Server{
		Handler:           paced(mux, bodyGrace),
		ReadHeaderTimeout: 3 * time.Second, // also of sockets that send nothing
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
		ErrorLog:          slog.NewLogLogger(cfg.Log.Handler(), slog.LevelDebug),
	}}
	cfg.Connections.on(s.http)
	serve := s.http.Serve
	if cfg.Certificate != nil {
		s.scheme, s.http.TLSConfig = "https", cfg.Certificate.config()
		serve = func(l net.Listener) error { return s.http.ServeTLS(l, "", "") }
	}
	go func() {
		if err := serve(l); err != nil && !errors.Is(err, http.ErrServerClosed) {
			cfg.Log.Error("server stopped", "server", cfg.Name, "error", err)
		}
	}()
	return s, nil
}

// Addr is where it listens, as host:port.
func (s *Server) Addr() string { return s.listener.Addr().String() }

// URL is its address with a path.
func (s *Server) URL(path string) string { return s.scheme + "://" + s.Addr() + path }

// Shutdown lets requests finish until ctx ends, then cuts them off.
func (s *Server) Shutdown(ctx context.Context) error {
	if err := s.http.Shutdown(ctx); err != nil {
		return errors.Join(fmt.Errorf("drain %s: %w", s.name, err), s.http.Close())
	}
	return nil
}

func listenError(name, addr string, err error) error {
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return errs.Wrap(errs.Conflict, err, "%s: something else listens on %s already; stop it or choose another address", name, addr)
	case errors.Is(err, syscall.EACCES):
		return errs.Wrap(errs.Forbidden, err, "%s: this user may not listen on %s; choose a port above 1023", name, addr)
	}
	return errs.Wrap(errs.BadInput, err, "%s: cannot listen on %q; an address looks like 127.0.0.1:4000", name, addr)
}
