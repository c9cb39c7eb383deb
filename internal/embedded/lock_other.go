//go:build !unix

package embedded

import (
	"fmt"
	"os"
	"path/filepath"
)

// Lock opens the data folder's lock file. Without advisory locks it cannot tell that another process
// has the folder.
func Lock(part, dir string) (release func() error, err error) {
	f, err := os.OpenFile(filepath.Join(dir, ".lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open data folder of %s: %w", part, err)
	}
	return f.Close, nil
}
