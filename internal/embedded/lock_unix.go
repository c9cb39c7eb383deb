//go:build unix

package embedded

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

// Lock takes the data folder of the named part for this process; release gives it back. The kernel
// releases it when the process dies, however it dies.
func Lock(part, dir string) (release func() error, err error) {
	f, err := os.OpenFile(filepath.Join(dir, ".lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, dirError(part, dir, err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		f.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, fmt.Errorf("open data folder of %s: another process is using %s; stop it or choose another --data-dir", part, dir)
		}
		return nil, dirError(part, dir, err)
	}
	return f.Close, nil
}
