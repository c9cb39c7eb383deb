package main

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"testing"

	embedded "storefront/internal/embedded/mongodb"
	"storefront/internal/embedded/mongodb/mongotest"
)

func start(t *testing.T, dir string) *embedded.Server {
	t.Helper()
	s, err := embedded.Start(context.Background(), embedded.Config{Addr: "127.0.0.1:0", Dir: dir, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestAgainstRealServer is a short run of what the command does, against the server of
// STOREFRONT_TEST_MONGODB_URI.
func TestAgainstRealServer(t *testing.T) {
	if !mongotest.Real() {
		t.Skip("STOREFRONT_TEST_MONGODB_URI names no server to compare with")
	}
	var out strings.Builder
	if err := run(t.Context(), config{uri: mongotest.URI(t), operations: 4000, seed: 1, show: 5}, &out); err != nil {
		t.Errorf("%v\n%s", err, &out)
	}
	t.Log(out.String())
}

// TestAgainstItself holds a server in memory against one with a journal, which is closed and started
// again before the states are compared once more. It also shows that the commands reach what they are
// for: writes that are refused, and conditions that are met and are not.
func TestAgainstItself(t *testing.T) {
	memory, dir := start(t, ""), t.TempDir()
	defer memory.Close()
	disk := start(t, dir)
	w, err := newWorkload(t.Context(), memory.URI(), disk.URI(), 1)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.run(t.Context(), 4000); err != nil {
		t.Fatal(err)
	}
	if err := disk.Close(); err != nil {
		t.Fatal(err)
	}
	disk = start(t, dir)
	defer disk.Close()
	again, err := connect(disk.URI())
	if err != nil {
		t.Fatal(err)
	}
	w.disconnecters, w.right = append(w.disconnecters, again), again.Database(w.right.Name())
	if err := w.compareState(t.Context()); err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	if w.report(&out, 5); len(w.differences) > 0 {
		t.Errorf("%d differences\n%s", len(w.differences), &out)
	}
	w.close()
}

// TestCommandsReach counts the outcomes of one client's commands.
func TestCommandsReach(t *testing.T) {
	s := start(t, "")
	defer s.Close()
	w, err := newWorkload(t.Context(), s.URI(), s.URI(), 1)
	if err != nil {
		t.Fatal(err)
	}
	defer w.close()
	source, counts := newSource(3, 0), map[string]int{}
	for range 4000 {
		collection := pick(source, "orders", "products", "reviews", "c0")
		op := source.next(collection, collection == "c0")
		a, err := ask(t.Context(), w.left, op)
		if err != nil {
			t.Fatal(err)
		}
		for _, line := range a {
			if i := strings.Index(line, "error "); i >= 0 {
				counts[op.name()+" "+line[i:]]++
				counts[op.name()+" "+strings.Join(strings.Fields(line[i:])[:2], " ")]++
			} else if !strings.HasPrefix(line, "{") && !strings.HasPrefix(line, "value {") && !strings.HasPrefix(line, "upserted") && !strings.HasPrefix(line, "last") {
				counts[op.name()+" "+line]++
			} else if len(line) > 8 {
				counts[op.name()+" "+line[:8]]++
			}
		}
	}
	for _, want := range []string{"update n 0", "update n 1", "update nModified 0", "update nModified 1", "update error 2", "update error 11000 index once",
		"insert error 11000 index _id_", "findAndModify last n 0", "createIndexes error 11000", "dropIndexes error 27", "update error 40", "update error 66"} {
		if counts[want] == 0 {
			t.Errorf("no %q", want)
		}
	}
	for _, k := range slices.Sorted(maps.Keys(counts)) {
		t.Logf("%5d %s", counts[k], k)
	}
}
