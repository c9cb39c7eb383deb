package main

import (
	"bufio"
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
)

//go:embed apollo.mjs
var script []byte

// packages pins what is asked.
const packages = `{"private": true, "dependencies": {
  "@apollo/composition": "2.14.4",
  "@apollo/query-planner": "2.14.4",
  "graphql": "16.15.0"
}}
`

// answers is what the script writes.
type answers struct {
	Codes []string
	Sets  []asked
}

type asked struct {
	Name     string
	Composed struct {
		Errors, Hints   []message
		Supergraph, API string
	}
	Read *struct{ Error, API string } // our supergraph, read there; nil when we made none
}

type message struct{ Code, Message string }

// apollo is the script as it runs, and is asked one batch of sets after the other.
type apollo struct {
	cmd    *exec.Cmd
	in     io.WriteCloser
	out    *bufio.Reader
	stderr bytes.Buffer
}

// startApollo installs the packages into dir, unless they are there, and starts the script.
func startApollo(ctx context.Context, dir string) (*apollo, error) {
	if err := install(ctx, dir); err != nil {
		return nil, err
	}
	a := &apollo{cmd: exec.CommandContext(ctx, "node", "apollo.mjs")}
	a.cmd.Dir, a.cmd.Stderr = dir, &a.stderr
	in, err := a.cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("run Apollo's composition: %w", err)
	}
	out, err := a.cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("run Apollo's composition: %w", err)
	}
	a.in, a.out = in, bufio.NewReader(out)
	if err := a.cmd.Start(); err != nil {
		return nil, fmt.Errorf("run Apollo's composition: %w", err)
	}
	return a, nil
}

// stop ends the script, whatever it does.
func (a *apollo) stop() {
	a.in.Close()
	_ = a.cmd.Process.Kill()
	_ = a.cmd.Wait()
}

// askApollo starts the script for one batch.
func askApollo(ctx context.Context, dir string, sets []*set) (*answers, error) {
	a, err := startApollo(ctx, dir)
	if err != nil {
		return nil, err
	}
	defer a.stop()
	return a.ask(sets)
}

func (a *apollo) ask(sets []*set) (*answers, error) {
	type subgraph struct {
		Name string `json:"name"`
		URL  string `json:"url"`
		SDL  string `json:"sdl"`
	}
	type question struct {
		Name      string     `json:"name"`
		Subgraphs []subgraph `json:"subgraphs"`
		Ours      string     `json:"ours,omitempty"`
	}
	var questions []question
	for _, s := range sets {
		q := question{Name: s.name}
		for _, g := range s.subgraphs {
			q.Subgraphs = append(q.Subgraphs, subgraph{g.Name, g.URL, g.SDL})
		}
		if s.result != nil {
			q.Ours = s.result.SupergraphSDL
		}
		questions = append(questions, q)
	}
	input, err := json.Marshal(questions)
	if err != nil {
		return nil, fmt.Errorf("write sets for Apollo's composition: %w", err)
	}
	if _, err := a.in.Write(append(input, '\n')); err != nil {
		return nil, fmt.Errorf("run Apollo's composition: %w: %s", err, a.stderr.String())
	}
	output, err := a.out.ReadBytes('\n')
	if err != nil {
		return nil, fmt.Errorf("run Apollo's composition: %w: %s", err, a.stderr.String())
	}
	var out answers
	if err := json.Unmarshal(output, &out); err != nil {
		return nil, fmt.Errorf("read Apollo's answers: %w", err)
	}
	if len(out.Sets) != len(sets) {
		return nil, fmt.Errorf("read Apollo's answers: %d for %d sets", len(out.Sets), len(sets))
	}
	return &out, nil
}

func install(ctx context.Context, dir string) error {
	for _, tool := range []string{"node", "npm"} {
		if _, err := exec.LookPath(tool); err != nil {
			return fmt.Errorf("%s is not installed: the oracle asks Apollo's composition, which runs in Node 18 or newer. Without it, `go test ./router/compose/...` compares with the recorded answers", tool)
		}
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("make folder for npm packages: %w", err)
	}
	if err := os.WriteFile(filepath.Join(dir, "apollo.mjs"), script, 0o644); err != nil {
		return fmt.Errorf("write script: %w", err)
	}
	manifest, installed := filepath.Join(dir, "package.json"), filepath.Join(dir, "installed.json")
	if have, err := os.ReadFile(installed); err == nil && string(have) == packages {
		return nil
	}
	if err := os.WriteFile(manifest, []byte(packages), 0o644); err != nil {
		return fmt.Errorf("write package.json: %w", err)
	}
	npm := exec.CommandContext(ctx, "npm", "install", "--no-audit", "--no-fund", "--ignore-scripts")
	npm.Dir = dir
	if out, err := npm.CombinedOutput(); err != nil {
		return fmt.Errorf("install npm packages into %s: %w: %s", dir, err, out)
	}
	if err := os.WriteFile(installed, []byte(packages), 0o644); err != nil {
		return fmt.Errorf("note what is installed: %w", err)
	}
	return nil
}
