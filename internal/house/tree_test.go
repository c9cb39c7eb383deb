package house

import (
	"bytes"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"
)

// services are the subgraphs, in the order of their ports.
var services = []string{"products", "orders", "inventory", "users", "reviews", "payments", "notifications", "shipping"}

// root is the repository's folder.
func root(t *testing.T) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		if dir == filepath.Dir(dir) {
			t.Fatal("no go.mod above this package")
		}
		dir = filepath.Dir(dir)
	}
}

// files lists the repository's files by slash path, without what is built, kept or hidden.
func files(t *testing.T) []string {
	t.Helper()
	var list []string
	dir := root(t)
	err := fs.WalkDir(os.DirFS(dir), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if base := path.Base(name); name == "bin" || strings.HasPrefix(base, ".") && base != "." && base != ".ci" {
				return fs.SkipDir
			}
			return nil
		}
		if ext := path.Ext(name); d.Type().IsRegular() && ext != ".test" && ext != ".prof" {
			list = append(list, name)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func read(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(root(t), filepath.FromSlash(name)))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// text is a file's content, "" when it is not text.
func text(t *testing.T, name string) string {
	if s := read(t, name); !bytes.ContainsRune([]byte(s[:min(len(s), 8000)]), 0) {
		return s
	}
	return ""
}
