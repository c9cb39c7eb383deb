package main

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// A script that nobody runs would check nothing; one that reports is one to run.
func TestEveryScriptIsRun(t *testing.T) {
	t.Parallel()
	files, err := fs.Glob(sources, "js/*.mjs")
	if err != nil {
		t.Fatal(err)
	}
	var reporting []string
	for _, file := range files {
		text, err := fs.ReadFile(sources, file)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(text), "client(") && strings.Contains(string(text), "await mode(") || strings.Contains(string(text), "auditServer") {
			reporting = append(reporting, strings.TrimSuffix(strings.TrimPrefix(file, "js/"), ".mjs"))
		}
	}
	slices.Sort(reporting)
	if listed := slices.Sorted(slices.Values(scripts())); !slices.Equal(listed, reporting) {
		t.Errorf("run: %q, there are %q", listed, reporting)
	}
}

// The clients are those versions that were checked in, from whatever registry npm is set up for.
func TestPackagesArePinned(t *testing.T) {
	t.Parallel()
	var manifest struct{ Dependencies map[string]string }
	read := func(name string, into any) string {
		text, err := fs.ReadFile(sources, "js/"+name)
		if err == nil {
			err = json.Unmarshal(text, into)
		}
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	read("package.json", &manifest)
	var lock struct {
		Packages map[string]struct{ Version, Integrity string }
	}
	if text := read("package-lock.json", &lock); strings.Contains(text, `"resolved"`) {
		t.Error("the lock file names where packages were downloaded; write it with npm install --omit-lockfile-registry-resolved")
	}
	for name, version := range manifest.Dependencies {
		locked := lock.Packages["node_modules/"+name]
		version = version[strings.LastIndex(version, "@")+1:] // of "npm:name@1.2.3", which is here by another name
		if !regexp.MustCompile(`^\d+\.\d+\.\d+$`).MatchString(version) || locked.Version != version || locked.Integrity == "" {
			t.Errorf("%s: %q in package.json, %q in the lock file", name, version, locked.Version)
		}
	}
}

func TestReport(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	good := row{Client: "urql", Version: "6.0.3", Mode: "queries", Passed: 4, Seconds: 0.25}
	if err := report(&out, []row{good}); err != nil || !strings.Contains(out.String(), "urql    6.0.3    queries  4 of 4  0.2") {
		t.Errorf("%v, printed\n%s", err, out.String())
	}
	out.Reset()
	bad := row{Client: "Relay", Version: "21.0.1", Mode: "ids", Passed: 1, Failed: []string{"an id: got 1, want 2"}}
	if err := report(&out, []row{good, bad}); err == nil || !strings.Contains(out.String(), "Relay, ids: an id: got 1, want 2") || !strings.Contains(out.String(), "5 passed, 1 failed") {
		t.Errorf("%v, printed\n%s", err, out.String())
	}
}

// Without Node the command says what it needs.
func TestWithoutNode(t *testing.T) {
	t.Setenv("PATH", "")
	if err := run(t.Context(), config{cache: t.TempDir()}, &bytes.Buffer{}); err == nil || !strings.Contains(err.Error(), "node is not installed") {
		t.Errorf("without node: %v", err)
	}
	if err := run(t.Context(), config{only: "nothing"}, &bytes.Buffer{}); err == nil || !strings.Contains(err.Error(), "apollo") {
		t.Errorf("no script: %v", err)
	}
}
