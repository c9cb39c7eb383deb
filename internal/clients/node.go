package main

import (
	"bytes"
	"context"
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

// install puts the packages of js/package-lock.json into the cache folder, unless they are there, and the scripts
// into a folder in it.
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
	installed := filepath.Join(cache, "installed.json")
	if have, err := os.ReadFile(installed); err != nil || !bytes.Equal(have, lock) {
		if err := errors.Join(os.RemoveAll(cache), os.MkdirAll(cache, 0o755)); err != nil {
			return nil, fmt.Errorf("make a folder for npm packages: %w", err)
		}
		for _, name := range []string{"package.json", "package-lock.json"} {
			text, err := fs.ReadFile(js, name)
			if err == nil {
				err = os.WriteFile(filepath.Join(cache, name), text, 0o644)
			}
			if err != nil {
				return nil, fmt.Errorf("write %s: %w", name, err)
			}
		}
		cmd := exec.CommandContext(ctx, "npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts")
		cmd.Dir = cache
		if _, err := output(cmd); err != nil {
			return nil, fmt.Errorf("install npm packages into %s: %w", cache, err)
		}
		if err := os.WriteFile(installed, lock, 0o644); err != nil {
			return nil, fmt.Errorf("note what is installed: %w", err)
		}
	}
	dir, err := os.MkdirTemp(cache, "run-")
	if err == nil {
		err = errors.Join(os.CopyFS(dir, js), os.Symlink(filepath.Join("..", "node_modules"), filepath.Join(dir, "node_modules")))
	}
	if err != nil {
		return nil, fmt.Errorf("write scripts: %w", err)
	}
	return &node{dir}, nil
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
