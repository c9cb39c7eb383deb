package mongodb

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
)

// dump is everything a store holds: collections, index definitions and documents, in order.
func dump(s *store) string {
	var b strings.Builder
	for _, c := range s.list("") {
		fmt.Fprintf(&b, "%s %d %d\n", c.ns, c.records.Len(), c.size)
		for _, ix := range c.indexes {
			fmt.Fprintf(&b, " index %s entries %d\n", ix.document(), ix.tree.Len())
		}
		c.records.Scan(func(seq uint64, r *record) bool {
			fmt.Fprintf(&b, " %d %s\n", seq, r.doc)
			return true
		})
	}
	return b.String()
}

// copyDir copies a data folder as it is at this moment, which is what a kill leaves.
func copyDir(t testing.TB, dir string) string {
	t.Helper()
	to := t.TempDir()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		data, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err == nil {
			err = os.WriteFile(filepath.Join(to, e.Name()), data, 0o600)
		}
		if err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
	}
	return to
}

// reopen loads a folder and returns its dump.
func reopen(t testing.TB, dir string) string {
	t.Helper()
	s, err := Start(t.Context(), Config{Addr: "127.0.0.1:0", Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	return dump(s.store)
}

// work makes changes of every kind the journal knows.
func work(t testing.TB, db *mongo.Database) {
	t.Helper()
	ctx := t.Context()
	c := db.Collection("orders")
	must[string](t)(c.Indexes().CreateOne(ctx, mongo.IndexModel{Keys: bson.D{{Key: "n", Value: 1}}, Options: options.Index().SetUnique(true)}))
	must[string](t)(c.Indexes().CreateOne(ctx, mongo.IndexModel{Keys: bson.D{{Key: "gone", Value: 1}}}))
	for i := range 20 {
		must[*mongo.InsertOneResult](t)(c.InsertOne(ctx, bson.D{{Key: "_id", Value: i}, {Key: "n", Value: i}, {Key: "l", Value: bson.A{i, "x"}}}))
	}
	must[*mongo.UpdateResult](t)(c.UpdateMany(ctx, bson.D{{Key: "n", Value: bson.D{{Key: "$lt", Value: 5}}}}, bson.D{{Key: "$currentDate", Value: bson.D{{Key: "at", Value: true}}}}))
	must[*mongo.DeleteResult](t)(c.DeleteOne(ctx, bson.D{{Key: "_id", Value: 7}}))
	must[*mongo.UpdateResult](t)(c.UpdateOne(ctx, bson.D{{Key: "_id", Value: 50}}, bson.D{{Key: "$set", Value: bson.D{{Key: "n", Value: 7}}}}, options.UpdateOne().SetUpsert(true)))
	if err := c.Indexes().DropOne(ctx, "gone_1"); err != nil {
		t.Fatal(err)
	}
	gone := db.Collection("gone")
	must[*mongo.InsertOneResult](t)(gone.InsertOne(ctx, bson.D{{Key: "_id", Value: 1}}))
	if err := gone.Drop(ctx); err != nil {
		t.Fatal(err)
	}
}

func TestRestart(t *testing.T) {
	dir := t.TempDir()
	s := start(t, dir)
	work(t, connect(t, s.URI()).Database("shop"))
	want := dump(s.store)
	if got := reopen(t, copyDir(t, dir)); got != want {
		t.Errorf("after a kill:\n%s\nwant\n%s", got, want)
	}
	if err := s.store.compact(); err != nil {
		t.Fatal(err)
	}
	if got := reopen(t, copyDir(t, dir)); got != want {
		t.Errorf("after compaction:\n%s\nwant\n%s", got, want)
	}
	if _, err := Start(t.Context(), Config{Addr: "127.0.0.1:0", Dir: dir}); err == nil || !strings.Contains(err.Error(), "in use") {
		t.Errorf("a second server on the folder: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if got := reopen(t, dir); got != want {
		t.Errorf("after closing:\n%s\nwant\n%s", got, want)
	}
}

// TestTornTail cuts the journal at every byte of its last record: the state before it must come back.
func TestTornTail(t *testing.T) {
	dir := t.TempDir()
	s := start(t, dir)
	db := connect(t, s.URI()).Database("shop")
	work(t, db)
	before, size := dump(s.store), s.store.journal.size
	must[*mongo.UpdateResult](t)(db.Collection("orders").UpdateOne(t.Context(), bson.D{{Key: "_id", Value: 3}}, bson.D{{Key: "$set", Value: bson.D{{Key: "last", Value: "change"}}}}))
	after, whole := dump(s.store), s.store.journal.size
	for cut := size; cut <= whole; cut++ {
		killed := copyDir(t, dir)
		if err := os.Truncate(journalPath(killed, 1), cut); err != nil {
			t.Fatal(err)
		}
		want := before
		if cut == whole {
			want = after
		}
		if got := reopen(t, killed); got != want {
			t.Fatalf("cut at %d of %d..%d:\n%s\nwant\n%s", cut, size, whole, got, want)
		}
		if got := reopen(t, killed); got != want { // the cut itself must leave a good file
			t.Fatalf("cut at %d, second start:\n%s", cut, got)
		}
	}
}

func TestDamageIsNamed(t *testing.T) {
	dir := t.TempDir()
	s := start(t, dir)
	work(t, connect(t, s.URI()).Database("shop"))
	flip := func(name string, at int64) string {
		damagedDir := copyDir(t, dir)
		data, err := os.ReadFile(filepath.Join(damagedDir, name))
		if err != nil {
			t.Fatal(err)
		}
		data[at] ^= 0x40
		if err := os.WriteFile(filepath.Join(damagedDir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
		return damagedDir
	}
	check := func(dir, name string) {
		t.Helper()
		_, err := Start(t.Context(), Config{Addr: "127.0.0.1:0", Dir: dir})
		if err == nil || !strings.Contains(err.Error(), name) || !strings.Contains(err.Error(), "--fresh") {
			t.Errorf("damaged %s: %v", name, err)
		}
	}
	for _, at := range []int64{0, 9, fileHead, fileHead + 3, fileHead + 6, fileHead + 10, fileHead + 20} {
		check(flip("journal-0000000001", at), "journal-0000000001")
	}
	for _, left := range []int64{0, fileHead - 1} {
		emptied := copyDir(t, dir)
		if err := os.Truncate(journalPath(emptied, 1), left); err != nil {
			t.Fatal(err)
		}
		check(emptied, "journal-0000000001")
	}
	if err := s.store.compact(); err != nil {
		t.Fatal(err)
	}
	check(flip("snapshot-0000000002", 300), "snapshot-0000000002")
	alone := copyDir(t, dir)
	if err := os.Remove(journalPath(alone, 2)); err != nil {
		t.Fatal(err)
	}
	check(alone, "journal-0000000002")
	missing := copyDir(t, dir)
	if err := os.Remove(snapshotPath(missing, 2)); err != nil {
		t.Fatal(err)
	}
	check(missing, "journal-0000000001")
}

// TestCompactionWhileWriting lets clients write through many compactions; what was answered is there
// after a kill, and a folder copied in the middle opens.
func TestCompactionWhileWriting(t *testing.T) {
	dir := t.TempDir()
	s, err := Start(t.Context(), Config{Addr: "127.0.0.1:0", Dir: dir, SnapshotBytes: 64 << 10})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	db := connect(t, s.URI()).Database("shop")
	must[string](t)(db.Collection("c0").Indexes().CreateOne(t.Context(), mongo.IndexModel{Keys: bson.D{{Key: "u", Value: 1}}, Options: options.Index().SetUnique(true)}))
	var clients sync.WaitGroup
	for w := range 4 {
		clients.Go(func() {
			c := db.Collection(fmt.Sprintf("c%d", w%2))
			for i := range 400 {
				id := fmt.Sprintf("%d-%d", w, i%50)
				var err error
				if i%50 == 49 { // frees the unique value for another record
					_, err = c.DeleteMany(t.Context(), bson.D{{Key: "w", Value: w}})
				} else {
					_, err = c.UpdateOne(t.Context(), bson.D{{Key: "_id", Value: id}},
						bson.D{{Key: "$inc", Value: bson.D{{Key: "n", Value: 1}}}, {Key: "$set", Value: bson.D{{Key: "w", Value: w}, {Key: "u", Value: fmt.Sprintf("%d-%d", w, (i*7)%50+i)}, {Key: "pad", Value: strings.Repeat("x", 200)}}}},
						options.UpdateOne().SetUpsert(true))
				}
				if err != nil && !mongo.IsDuplicateKeyError(err) {
					t.Error(err)
				}
			}
		})
	}
	done := make(chan struct{})
	go func() { clients.Wait(); close(done) }()
	for writing := true; writing; {
		select {
		case <-done:
			writing = false
		default:
		}
		if err := s.store.compact(); err != nil {
			t.Error(err)
		}
	}
	want := dump(s.store)
	if got := reopen(t, copyDir(t, dir)); got != want {
		t.Errorf("after compactions under load:\n%s\nwant\n%s", got, want)
	}
	if s.store.journal.gen < 3 {
		t.Errorf("only %d generations", s.store.journal.gen)
	}
}

func TestStartErrors(t *testing.T) {
	s := start(t, "")
	busy := s.listener.Addr().String()
	if _, err := Start(t.Context(), Config{Addr: busy}); err == nil || !strings.Contains(err.Error(), "in use") {
		t.Errorf("busy port: %v", err)
	}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Start(t.Context(), Config{Addr: "127.0.0.1:0", Dir: file}); err == nil || !strings.Contains(err.Error(), "choose another") {
		t.Errorf("folder that is a file: %v", err)
	}
}

// TestJournalFailure makes the journal unwritable: the write is refused and leaves no trace.
func TestJournalFailure(t *testing.T) {
	dir := t.TempDir()
	s, err := Start(t.Context(), Config{Addr: "127.0.0.1:0", Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	c := connect(t, s.URI()).Database("shop").Collection("c")
	must[*mongo.InsertOneResult](t)(c.InsertOne(t.Context(), bson.D{{Key: "_id", Value: 1}, {Key: "n", Value: 1}}))
	before := dump(s.store)
	s.store.journal.mu.Lock()
	s.store.journal.file.Close()
	s.store.journal.mu.Unlock()
	if _, err := c.UpdateOne(t.Context(), bson.D{{Key: "_id", Value: 1}}, bson.D{{Key: "$inc", Value: bson.D{{Key: "n", Value: 1}}}}); code(err) != 1 {
		t.Errorf("update: %v", err)
	}
	if _, err := c.InsertMany(t.Context(), []any{bson.D{{Key: "_id", Value: 2}}}); err == nil {
		t.Error("insert was answered though it is not in the journal")
	}
	if _, err := c.DeleteOne(t.Context(), bson.D{{Key: "_id", Value: 1}}); code(err) != 1 {
		t.Errorf("delete: %v", err)
	}
	if got := dump(s.store); got != before {
		t.Errorf("a refused write changed\n%s\nto\n%s", before, got)
	}
	if err := s.Close(); err == nil {
		t.Error("Close hides that the journal could not be flushed")
	}
}

func TestTTL(t *testing.T) {
	s := start(t, "")
	c := connect(t, s.URI()).Database("shop").Collection("sessions")
	for _, sign := range []int{1, -1} {
		if err := c.Drop(t.Context()); err != nil {
			t.Fatal(err)
		}
		must[string](t)(c.Indexes().CreateOne(t.Context(), mongo.IndexModel{Keys: bson.D{{Key: "at", Value: sign}}, Options: options.Index().SetExpireAfterSeconds(60)}))
		now := time.Now()
		for i, at := range []any{now.Add(-2 * time.Minute), now.Add(-time.Second), "text", nil, bson.A{now.Add(-time.Hour), now}} {
			must[*mongo.InsertOneResult](t)(c.InsertOne(t.Context(), bson.D{{Key: "_id", Value: i}, {Key: "at", Value: at}}))
		}
		if err := s.store.sweep(now); err != nil {
			t.Fatal(err)
		}
		var ids []int
		if err := c.Distinct(context.Background(), "_id", bson.D{}).Decode(&ids); err != nil || fmt.Sprint(ids) != "[1 2 3]" {
			t.Errorf("order %d: left %v, %v", sign, ids, err)
		}
	}
}
