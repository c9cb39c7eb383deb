package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/tools/txtar"

	"storefront/router/compose"
)

// recordedFile is the file of a set that holds Apollo's recorded answer.
const recordedFile = "apollo.txt"

// set is one schema set, and what our composition makes of it.
type set struct {
	name, path string
	archive    *txtar.Archive
	subgraphs  []compose.Subgraph
	result     *compose.Result
	errs       compose.Errors
}

// readSets reads every .txtar file of a folder, in the order of their names. Every .graphqls file in
// one is a subgraph, but supergraph.graphqls, which is what composition is expected to make of them.
func readSets(dir string) ([]*set, error) {
	paths, err := filepath.Glob(filepath.Join(dir, "*.txtar"))
	if err != nil {
		return nil, fmt.Errorf("list sets: %w", err)
	}
	if len(paths) == 0 {
		return nil, fmt.Errorf("list sets: no .txtar file in %s", dir)
	}
	var sets []*set
	for _, path := range paths {
		a, err := txtar.ParseFile(path)
		if err != nil {
			return nil, fmt.Errorf("read set: %w", err)
		}
		s := &set{name: strings.TrimSuffix(filepath.Base(path), ".txtar"), path: path, archive: a}
		for _, f := range a.Files {
			if name, ok := strings.CutSuffix(f.Name, ".graphqls"); ok && name != "supergraph" {
				s.subgraphs = append(s.subgraphs, compose.Subgraph{Name: name, URL: "http://" + name, SDL: string(f.Data), File: f.Name})
			}
		}
		sets = append(sets, s)
	}
	return sets, nil
}

func (s *set) compose() { s.result, s.errs = compose.Compose(s.subgraphs) }

// recorded is Apollo's answer as the set holds it; false when it holds none.
func (s *set) recorded() (answer, bool) {
	for _, f := range s.archive.Files {
		if f.Name == recordedFile {
			return parseAnswer(string(f.Data)), true
		}
	}
	return answer{}, false
}

// record writes Apollo's answers into the sets, and the list of codes its errors can have.
func record(cfg config, sets []*set, answers *answers) error {
	for i, s := range sets {
		var kept []txtar.File
		for _, f := range s.archive.Files {
			if f.Name != recordedFile {
				kept = append(kept, f)
			}
		}
		s.archive.Files = append(kept, txtar.File{Name: recordedFile, Data: []byte(answers.Sets[i].answer().String())})
		if err := os.WriteFile(s.path, txtar.Format(s.archive), 0o644); err != nil {
			return fmt.Errorf("record answer: %w", err)
		}
	}
	if err := os.WriteFile(cfg.codes, []byte(strings.Join(answers.Codes, "\n")+"\n"), 0o644); err != nil {
		return fmt.Errorf("record codes: %w", err)
	}
	return nil
}
