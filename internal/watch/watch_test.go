package watch

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

// TestLooks goes through looks one by one: what was written before each, and what is taken by it.
func TestLooks(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	var taken []string
	failures := 0
	w := &watching{File: File{Path: path, Changed: func(b []byte) { taken = append(taken, string(b)) }, Failed: func(error) { failures++ }}}
	at := time.Unix(1_900_000_000, 0)
	for i, step := range []struct {
		write  string // "-" removes the file, "" leaves it
		atOnce bool
		taken  []string
	}{
		{"", false, nil}, // nothing is there
		{"", false, nil},
		{"one", false, nil}, // it may be half of it
		{"", false, []string{"one"}},
		{"", false, []string{"one"}},
		{"two", false, []string{"one"}},
		{"two, whole", false, []string{"one"}}, // it was indeed
		{"", false, []string{"one", "two, whole"}},
		{"two, whole", false, []string{"one", "two, whole"}}, // touched
		{"", false, []string{"one", "two, whole"}},
		{"-", false, []string{"one", "two, whole"}},
		{"three", true, []string{"one", "two, whole", "three"}}, // told to look
		{"", true, []string{"one", "two, whole", "three"}},
		{"one", false, []string{"one", "two, whole", "three"}},
		{"", false, []string{"one", "two, whole", "three", "one"}},
	} {
		switch step.write {
		case "":
		case "-":
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
		default:
			if err := os.WriteFile(path, []byte(step.write), 0o600); err != nil {
				t.Fatal(err)
			}
			at = at.Add(time.Second)
			if err := os.Chtimes(path, at, at); err != nil {
				t.Fatal(err)
			}
		}
		w.look(step.atOnce)
		if !slices.Equal(taken, step.taken) {
			t.Fatalf("look %d: taken %q, want %q", i, taken, step.taken)
		}
	}
	if failures != 2 {
		t.Errorf("%d failures are told, want one for each time the file was not there", failures)
	}
}
