// Package embedded holds what the embedded servers below it share: a loopback listener and a data
// folder, each with an error that says what to do. The servers themselves are in the folders below.
//
// Nothing here or below listens on anything but loopback.
package embedded

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
)

// Listen opens a TCP listener for the named part on addr, "host:port". An empty addr or host means
// 127.0.0.1, an empty port or 0 any free port. A host that is not loopback is refused.
func Listen(ctx context.Context, part, addr string) (net.Listener, error) {
	if addr == "" {
		addr = "127.0.0.1:0"
	}
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, fmt.Errorf("listen for %s: %q is not an address; write it as 127.0.0.1:PORT", part, addr)
	}
	if host == "" {
		host = "127.0.0.1"
	}
	if port == "" {
		port = "0"
	}
	if n, err := strconv.Atoi(port); err != nil || n < 0 || n > 65535 {
		return nil, fmt.Errorf("listen for %s: %q is not a port; choose one from 1 to 65535, or 0 for any", part, port)
	}
	if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return nil, fmt.Errorf("listen for %s: %q is not a loopback address; the embedded servers listen on 127.0.0.1 only", part, host)
	}
	ln, err := new(net.ListenConfig).Listen(ctx, "tcp", net.JoinHostPort(host, port))
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, fmt.Errorf("listen for %s: port %s is in use; stop the program that holds it, or choose another port (--base-port moves all): %w", part, port, err)
	case errors.Is(err, syscall.EACCES):
		return nil, fmt.Errorf("listen for %s: this user may not open port %s; choose one above 1023: %w", part, port, err)
	case err != nil:
		return nil, fmt.Errorf("listen for %s: %w", part, err)
	}
	return ln, nil
}

// Dir makes the named part's data folder when it is absent, and checks that it can be listed and
// written to.
func Dir(part, dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return dirError(part, dir, err)
	}
	if _, err := os.ReadDir(dir); err != nil {
		return dirError(part, dir, err)
	}
	probe, err := os.CreateTemp(dir, ".probe-*")
	if err != nil {
		return dirError(part, dir, err)
	}
	probe.Close()
	if err := os.Remove(probe.Name()); err != nil {
		return dirError(part, dir, err)
	}
	return nil
}

func dirError(part, dir string, err error) error {
	abs, absErr := filepath.Abs(dir)
	if absErr != nil {
		abs = dir
	}
	switch {
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("open data folder of %s: this user may not read and write %s; change its owner or mode, or choose another --data-dir: %w", part, abs, err)
	case errors.Is(err, syscall.ENOTDIR), errors.Is(err, fs.ErrExist):
		return fmt.Errorf("open data folder of %s: %s is not a folder; remove that file or choose another --data-dir: %w", part, abs, err)
	case errors.Is(err, syscall.ENOSPC):
		return fmt.Errorf("open data folder of %s: the disk of %s is full; make room or choose another --data-dir: %w", part, abs, err)
	}
	return fmt.Errorf("open data folder of %s: %s: %w", part, abs, err)
}
