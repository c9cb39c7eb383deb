package server

import (
	"log/slog"
	"net/http"
	"net/http/pprof"
)

// StartDebug listens where only those who run the process reach it, with Go's profiles under
// /debug/pprof/ beside /metrics.
func StartDebug(addr string, metrics http.Handler, log *slog.Logger) (*Server, error) {
	mux := http.NewServeMux()
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	mux.HandleFunc("/debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("/debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	return Start(Config{Name: "debug", Addr: addr, Handler: mux, Metrics: metrics, Log: log})
}
