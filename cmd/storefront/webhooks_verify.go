package main

// The receiving side of a webhook, for who wants to see one, and for trying.

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"storefront/internal/errs"
	"storefront/internal/webhooks"
)

// maxCall bounds a call's body, in bytes.
const maxCall = 16 << 20

// verifyCall reads a call as it came over HTTP: lines of headers, an empty one, and the body.
func verifyCall(std stdio, in io.Reader, secret string) error {
	text, err := io.ReadAll(io.LimitReader(in, maxCall))
	if err != nil {
		return errs.Wrap(errs.BadInput, err, "cannot read the call")
	}
	head, body, ok := strings.Cut(string(text), "\r\n\r\n")
	if !ok {
		head, body, _ = strings.Cut(string(text), "\n\n")
	}
	h := http.Header{}
	for line := range strings.Lines(head) {
		if name, value, ok := strings.Cut(line, ":"); ok {
			h.Add(strings.TrimSpace(name), strings.TrimSpace(value))
		}
	}
	if err := webhooks.Verify(secret, h, []byte(body), time.Now()); err != nil {
		return err
	}
	fmt.Fprintln(std.out, "the call is the shop's")
	return nil
}

// receiveCalls is a receiver: it prints each call that is the shop's, and refuses others with status 401. It
// ends after so many good ones, 0 for none.
func receiveCalls(ctx context.Context, std stdio, address, secret string, calls int) error {
	ln, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	if err != nil {
		return errs.Wrap(errs.BadInput, err, "cannot wait for calls at %s; choose another address", address)
	}
	got := make(chan string)
	server := &http.Server{ReadTimeout: 15 * time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxCall))
		if err == nil {
			err = webhooks.Verify(secret, r.Header, body, time.Now())
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusUnauthorized)
			fmt.Fprintln(std.err, "refused a call:", err)
			return
		}
		select {
		case got <- fmt.Sprintf("%s %s", r.Header.Get(webhooks.HeaderID), body):
		case <-r.Context().Done(): // it is not printed, so it is to come again
			http.Error(w, "ending", http.StatusServiceUnavailable)
		}
	})}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(ln) }()
	defer func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
		defer cancel()
		_ = server.Shutdown(ctx)
	}()
	fmt.Fprintf(std.err, "waiting for calls at http://%s\n", ln.Addr())
	for n := 0; calls == 0 || n < calls; n++ {
		select {
		case line := <-got:
			fmt.Fprintln(std.out, line)
		case err := <-failed:
			return fmt.Errorf("wait for calls: %w", err)
		case <-ctx.Done():
			return nil
		}
	}
	return nil
}
