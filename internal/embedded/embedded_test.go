package embedded

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestErrorsSayWhatToDo(t *testing.T) {
	t.Parallel()
	ln, err := Listen(t.Context(), "Kafka", ":0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	for addr, want := range map[string]string{
		ln.Addr().String(): "choose another port",
		"192.0.2.1:80":     "listen on 127.0.0.1 only",
		"0.0.0.0:80":       "listen on 127.0.0.1 only",
		"host":             "127.0.0.1:PORT",
		"127.0.0.1:x":      "from 1 to 65535",
	} {
		if _, err := Listen(t.Context(), "Kafka", addr); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s gives %v, want %q", addr, err, want)
		}
	}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{file, filepath.Join(file, "below")} {
		if err := Dir("Kafka", dir); err == nil || !strings.Contains(err.Error(), "is not a folder") {
			t.Errorf("%s gives %v", dir, err)
		}
	}
}

func TestAFolderHasOneOwner(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "a", "b")
	if err := Dir("Kafka", dir); err != nil {
		t.Fatal(err)
	}
	release, err := Lock("Kafka", dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Lock("Kafka", dir); err == nil || !strings.Contains(err.Error(), "another process") {
		t.Fatalf("a second owner gives %v", err)
	}
	if err := release(); err != nil {
		t.Fatal(err)
	}
	again, err := Lock("Kafka", dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := again(); err != nil {
		t.Fatal(err)
	}
}
