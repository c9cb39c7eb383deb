package main

// A router's supergraph file: read at start, and again whenever it changes.

import (
	"context"
	"os"
	"os/signal"
	"syscall"
	"time"

	"storefront/internal/errs"
	"storefront/internal/watch"
	"storefront/router/execute/transport"
	"storefront/router/supergraph"
	"storefront/schema"
)

// lookEvery is how often a router looks at its supergraph file. A change is taken at the second look.
const lookEvery = 500 * time.Millisecond

// supergraphText is the content of the supergraph file, or the built-in supergraph.
func supergraphText(file string) (string, error) {
	if file == "" {
		return schema.Supergraph, nil
	}
	b, err := os.ReadFile(file)
	if err != nil {
		return "", errs.Wrap(errs.BadInput, err, "cannot read the supergraph")
	}
	return string(b), nil
}

// read makes of a supergraph's text what a gateway serves.
func (c routerConfig) read(sdl string) (*supergraph.Supergraph, *transport.Transport, *transport.Headers, answerLimits, error) {
	sg, err := supergraph.Parse(sdl)
	if err != nil {
		return nil, nil, nil, answerLimits{}, inFile(supergraphName(c.Supergraph), err)
	}
	reach, rules, limits, err := c.reach(sg)
	return sg, reach, rules, limits, err
}

// watch takes the supergraph over whenever its file changes, and at once on SIGHUP. stop ends that.
func (r *router) watch(cfg routerConfig, known string) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	look := make(chan os.Signal, 1)
	signal.Notify(look, syscall.SIGHUP)
	done := make(chan struct{})
	file := watch.File{Path: cfg.Supergraph, Every: lookEvery, Known: []byte(known), Look: look,
		Changed: func(content []byte) { r.reload(ctx, cfg, string(content)) },
		Failed: func(err error) {
			r.log.Warn("the supergraph file cannot be read; the supergraph from before is served", "error", err)
		}}
	go func() {
		defer close(done)
		file.Run(ctx)
	}()
	return func() {
		signal.Stop(look)
		cancel()
		<-done
	}
}

// reload serves another supergraph, or says why not and goes on with the one from before.
func (r *router) reload(ctx context.Context, cfg routerConfig, sdl string) {
	began := time.Now()
	sg, reach, rules, _, err := cfg.read(sdl) // the limits of answers stay those of the start
	warm := 0
	if err == nil {
		cfg.tellUnknown(sg)
		warm, err = r.gateway.Replace(ctx, sg, reach, headers{cfg.signer, rules})
	}
	cfg.metrics.Reloaded(err)
	if err != nil {
		r.log.Error("the new supergraph is refused; the one from before is served", "file", cfg.Supergraph, "error", err)
		return
	}
	r.log.Info("the new supergraph is served", "file", cfg.Supergraph, "prepared", warm, "took", time.Since(began).Round(time.Millisecond).String())
}
