// Command asyncapi writes events/asyncapi.yaml, the events' contract as an AsyncAPI 3.0 document: `go
// generate ./events` calls it. What it says comes from the event types, their comments and goldens, and
// from what each service handles; nothing is written by hand but what the document says of itself.
//
// Enter at Generate in document.go. messages.go has what is sent, channels.go where and by whom, schema.go
// makes schemas of types, and comments.go reads what the sources say.
package main

import (
	"fmt"
	"os"
	"path/filepath"
)

// Output is where the document is, seen from the module's root.
const Output = "events/asyncapi.yaml"

func main() {
	if err := write(); err != nil {
		fmt.Fprintln(os.Stderr, "asyncapi:", err)
		os.Exit(1)
	}
}

func write() error {
	root, err := moduleRoot()
	if err != nil {
		return err
	}
	document, err := Generate(os.DirFS(root))
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(root, filepath.FromSlash(Output)), document, 0o644)
}

func moduleRoot() (string, error) {
	dir, err := os.Getwd()
	for err == nil {
		if _, e := os.Stat(filepath.Join(dir, "go.mod")); e == nil {
			return dir, nil
		}
		if dir == filepath.Dir(dir) {
			return "", fmt.Errorf("no go.mod above this folder; run it inside the repository")
		}
		dir = filepath.Dir(dir)
	}
	return "", err
}
