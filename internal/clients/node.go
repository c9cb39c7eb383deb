package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

//go:embed js
var sources embed.FS

// scriptTime is how long one script may take; each of its modes has a limit of its own.
const scriptTime = 5 * time.Minute

// node runs scripts in a folder of this run, over packages that runs share.
type node struct{ dir string }

// install puts the packages of js/package-lock.json into a folder of the cache, unless they are there, and the scripts
// into one of this run beside them.
func install(ctx context.Context, cache string) (*node, error) {
	for _, tool := range []string{"node", "npm"} {
		if _, err := exec.LookPath(tool); err != nil {
			return nil, fmt.Errorf("%s is not installed: the clients are npm packages and run in Node 18 or newer; on Debian, apt-get install nodejs npm", tool)
		}
	}
	js, err := fs.Sub(sources, "js")
	if err != nil {
		return nil, err
	}
	lock, err := fs.ReadFile(js, "package-lock.json")
	if err != nil {
		return nil, err
	}
	packages := filepath.Join(cache, fmt.Sprintf("%x", sha256.Sum256(lock))[:12])
	if _, err := os.Stat(packages); err != nil {
		if err := download(ctx, js, packages); err != nil {
			return nil, fmt.Errorf("install npm packages into %s: %w", packages, err)
		}
	}
	dir, err := os.MkdirTemp(packages, "run-")
	if err == nil {
		err = errors.Join(os.CopyFS(dir, js), os.Symlink(filepath.Join("..", "node_modules"), filepath.Join(dir, "node_modules")))
	}
	if err != nil {
		return nil, fmt.Errorf("write scripts: %w", err)
	}
	return &node{dir}, nil
}

// download installs the packages beside the folder and gives them its name once they are whole. Another run may be
// first.
func download(ctx context.Context, js fs.FS, packages string) error {
	if err := os.MkdirAll(filepath.Dir(packages), 0o755); err != nil {
		return err
	}
	building, err := os.MkdirTemp(filepath.Dir(packages), "building-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(building)
	for _, name := range []string{"package.json", "package-lock.json"} {
		text, err := fs.ReadFile(js, name)
		if err == nil {
			err = os.WriteFile(filepath.Join(building, name), text, 0o644)
		}
		if err != nil {
			return err
		}
	}
	cmd := exec.CommandContext(ctx, "npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts")
	cmd.Dir = building
	if _, err := output(cmd); err != nil {
		return err
	}
	if err := os.Rename(building, packages); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return nil
}

func (n *node) remove() error { return os.RemoveAll(n.dir) }

// row is what a script says of one mode of a client.
type row struct {
	Client, Version, Mode string
	Passed                int // checks
	Failed                []string
	Seconds               float64
}

// run runs a script at a shop. One that breaks off is a row too.
func (n *node) run(ctx context.Context, name string, s *shop) (rows []row) {
	ctx, cancel := context.WithTimeout(ctx, scriptTime)
	defer cancel()
	broken := func(format string, args ...any) []row {
		return append(rows, row{Client: name + ".mjs", Mode: "-", Version: "-", Failed: []string{fmt.Sprintf(format, args...)}})
	}
	given, err := json.Marshal(s)
	if err != nil {
		return broken("%v", err)
	}
	cmd := exec.CommandContext(ctx, "node", name+".mjs")
	cmd.Dir, cmd.Stdin = n.dir, bytes.NewReader(given)
	var complaints bytes.Buffer
	cmd.Stderr = &complaints
	out, err := cmd.Output()
	for line := range bytes.Lines(out) {
		var r row
		if err := json.Unmarshal(line, &r); err != nil {
			return broken("it printed %q", line)
		}
		rows = append(rows, r)
	}
	if err != nil || len(rows) == 0 {
		return broken("it broke off: %v\n%s", err, strings.TrimSpace(complaints.String()))
	}
	return rows
}
