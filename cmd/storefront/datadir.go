package main

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"storefront/internal/embedded"
	"storefront/internal/errs"
)

// marker is in every data folder, so that --fresh never empties somebody's other folder.
const marker = ".storefront-data"

// openDataDir takes the data folder for this process alone, and empties it when fresh is set. A folder
// that holds something else is left alone. release gives it back.
func openDataDir(dir string, fresh bool) (release func() error, err error) {
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, errs.Wrap(errs.BadInput, err, "cannot read the data folder %s; choose another --data-dir", dir)
	}
	if !ours(dir, entries) {
		return nil, errs.New(errs.BadInput, "%s is not empty and not a data folder of Storefront, so it is left alone; choose a new or empty folder", dir)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, errs.Wrap(errs.BadInput, err, "cannot make the folder %s; choose another --data-dir", dir)
	}
	if release, err = embedded.Lock("the shop", dir); err != nil {
		return nil, errs.Wrap(errs.Conflict, err, "cannot take the data folder")
	}
	defer func() {
		if err != nil {
			release()
		}
	}()
	if fresh {
		for _, name := range []string{"mongodb", "kafka", "oidc", "mail", "files", "gateway", "replay", "addresses.json", "secret"} {
			if err := os.RemoveAll(filepath.Join(dir, name)); err != nil {
				return nil, errs.Wrap(errs.BadInput, err, "cannot empty the data folder %s", dir)
			}
		}
	}
	if err := os.WriteFile(filepath.Join(dir, marker), []byte("Data of 'storefront up'. --fresh empties this folder.\n"), 0o600); err != nil {
		return nil, errs.Wrap(errs.BadInput, err, "cannot write into the data folder %s; choose another --data-dir", dir)
	}
	return release, nil
}

// ours reports whether a folder with these entries is a data folder, or may become one: hidden files, a
// mount's lost+found and the journals of replay-orders are in nobody's way.
func ours(dir string, entries []fs.DirEntry) bool {
	if s, err := os.ReadFile(filepath.Join(dir, "secret")); err == nil && isSecret(string(s)) {
		return true
	}
	empty := true
	for _, e := range entries {
		if e.Name() == marker {
			return true
		}
		empty = empty && (strings.HasPrefix(e.Name(), ".") || e.Name() == "lost+found" || e.Name() == "replay")
	}
	return empty
}

// secret reads the data folder's own secret, and makes one at the first start. A damaged one is not
// replaced: links in mails and quotes are signed with it.
func secret(dir string) (string, error) {
	file := filepath.Join(dir, "secret")
	b, err := os.ReadFile(file)
	switch {
	case err == nil && isSecret(string(b)):
		return string(b), nil
	case err == nil:
		return "", errs.New(errs.BadInput, "%s is damaged; put back a copy of it, or remove it for a new one, with which links in mails sent so far no longer work", file)
	case !os.IsNotExist(err):
		return "", errs.Wrap(errs.BadInput, err, "cannot read %s; give this user the right to, or choose another --data-dir", file)
	}
	var random [32]byte
	rand.Read(random[:])
	s := hex.EncodeToString(random[:])
	whole := file + ".new" // a start that is killed leaves no half of a secret
	if err := errors.Join(os.WriteFile(whole, []byte(s), 0o600), os.Rename(whole, file)); err != nil {
		return "", errs.Wrap(errs.BadInput, err, "cannot write %s; choose another --data-dir", file)
	}
	return s, nil
}

// shopsSecret reads the secret of a shop's data folder, and never makes one: a shop that was given --secret has none there.
func shopsSecret(dir string) (string, error) {
	b, err := os.ReadFile(filepath.Join(dir, "secret"))
	if err != nil {
		return "", errs.Wrap(errs.BadInput, err, "cannot read the shop's secret; give --data-dir or --secret")
	}
	return string(b), nil
}

// isSecret reports whether s is one that we made.
func isSecret(s string) bool {
	b, err := hex.DecodeString(s)
	return err == nil && len(b) == 32
}
