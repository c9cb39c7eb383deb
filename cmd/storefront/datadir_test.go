package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"storefront/internal/errs"
)

func put(t *testing.T, dir, name, text string) string {
	t.Helper()
	file := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestDataDirOfSomebodyElseIsLeftAlone(t *testing.T) {
	t.Parallel()
	for _, fresh := range []bool{false, true} {
		dir := t.TempDir()
		photo := put(t, dir, "files/photo.jpg", "dear to someone")
		put(t, dir, "secret", "not one of ours")
		if _, err := openDataDir(dir, fresh); !errs.Is(err, errs.BadInput) {
			t.Errorf("fresh %t: %v, want BadInput", fresh, err)
		}
		if _, err := os.Stat(photo); err != nil {
			t.Error(err)
		}
	}
}

func TestDataDirIsOneShopsAlone(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "new")
	release, err := openDataDir(dir, false)
	if err != nil {
		t.Fatal(err)
	}
	was, err := secret(dir)
	if err != nil {
		t.Fatal(err)
	}
	journal := put(t, dir, "mongodb/journal", "orders")
	if _, err := openDataDir(dir, true); !errs.Is(err, errs.Conflict) {
		t.Errorf("--fresh beside a running shop: %v, want Conflict", err)
	}
	if _, err := os.Stat(journal); err != nil {
		t.Errorf("the running shop lost its data: %v", err)
	}
	if err := release(); err != nil {
		t.Fatal(err)
	}
	put(t, dir, "replay/invoices.jsonl", "sent")
	if release, err = openDataDir(dir, true); err != nil {
		t.Fatal(err)
	}
	defer release()
	for _, name := range []string{"mongodb", "replay", "secret"} {
		if _, err := os.Stat(filepath.Join(dir, name)); !os.IsNotExist(err) {
			t.Errorf("%s is still there after --fresh: %v", name, err)
		}
	}
	if is, err := secret(dir); err != nil || is == was {
		t.Errorf("a fresh shop has the secret of the one before it (%v)", err)
	}
}

func TestDamagedSecretIsNotReplaced(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := put(t, dir, "secret", "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcd")
	if _, err := secret(dir); !errs.Is(err, errs.BadInput) {
		t.Errorf("%v, want BadInput", err)
	}
	if b, err := os.ReadFile(file); err != nil || len(b) != 62 {
		t.Errorf("the file has become %d bytes (%v)", len(b), err)
	}
}

// A shop that was given --secret has none in its folder, and what runs beside it makes it none.
func TestSecretOfARunningShopIsOnlyRead(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	put(t, dir, "addresses.json", "{}")
	beside := RouterConfig{Beside: dir}
	if err := beside.takeFromShop(); !errs.Is(err, errs.BadInput) || !strings.Contains(err.Error(), "--secret") {
		t.Errorf("a router beside a shop without a secret in its folder: %v, want BadInput that names --secret", err)
	}
	if _, err := os.Stat(filepath.Join(dir, "secret")); !os.IsNotExist(err) {
		t.Errorf("the folder has got a secret (%v)", err)
	}
	beside.Secret = strings.Repeat("s", 32)
	if err := beside.takeFromShop(); err != nil {
		t.Error(err)
	}
}
