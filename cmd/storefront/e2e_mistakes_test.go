package main

import (
	"context"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// fails runs a command that is to end by itself, with one line that holds all these words.
func fails(t *testing.T, words []string, args ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	began := time.Now()
	_, err := storefront(ctx, args...)
	if err == nil || ctx.Err() != nil {
		t.Errorf("storefront %s: %v after %s", strings.Join(args, " "), err, time.Since(began))
		return
	}
	said := err.Error()
	if strings.Contains(said, "\n") {
		t.Errorf("storefront %s says more than a line: %s", strings.Join(args, " "), said)
	}
	for _, w := range words {
		if !strings.Contains(said, w) {
			t.Errorf("storefront %s says %q, nothing of %q", strings.Join(args, " "), said, w)
		}
	}
}

func TestMistakesGetOneClearLine(t *testing.T) {
	t.Parallel()
	base := freeBase(t)
	for _, offset := range []int{3, 11, 17} { // a subgraph, MongoDB, and one that is nobody's
		l, err := net.Listen("tcp", "127.0.0.1:"+strconv.Itoa(base+offset))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { l.Close() })
	}
	at := func(offset int) string { return strconv.Itoa(base + offset) }
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	up := func(more ...string) []string {
		return append([]string{"up", "--data-dir", t.TempDir(), "--base-port", "0", "--demo=false", "--log-level", "error"}, more...)
	}
	for name, c := range map[string]struct{ args, words []string }{
		"unknown command":       {[]string{"upp"}, []string{`"upp"`, "storefront help"}},
		"unknown flag":          {up("--carier-step", "1s"), []string{"--carier-step", "did you mean --carrier-step"}},
		"value of a flag":       {up("--carrier-step", "soon"), []string{"carrier-step", "soon"}},
		"busy port":             {up("--listen", "127.0.0.1:"+at(17)), []string{at(17), "stop"}},
		"busy port of a part":   {up("--base-port", at(0), "--mongodb-uri", theShop(t).shop.cfg.MongoDB, "--mongodb-prefix", theShop(t).shop.cfg.MongoPrefix, "--listen", "127.0.0.1:0"), []string{at(3), "stop"}},
		"busy port of MongoDB":  {up("--base-port", at(0), "--listen", "127.0.0.1:0"), []string{at(11), "stop"}},
		"data folder is a file": {up("--data-dir", file), []string{file, "--data-dir"}},
		"data folder in use":    {up("--data-dir", theShop(t).dir), []string{theShop(t).dir, "--data-dir"}},
		"address of MongoDB":    {up("--mongodb-uri", "http://127.0.0.1"), []string{"MongoDB", "mongodb://"}},
		"no MongoDB there":      {up("--mongodb-uri", "mongodb://127.0.0.1:1"), []string{"127.0.0.1:1", "--mongodb-uri"}},
		"no Redis there":        {up("--redis-url", "redis://127.0.0.1:1"), []string{"127.0.0.1:1", "--redis-url"}},
		"no Kafka there":        {up("--kafka-brokers", "127.0.0.1:1"), []string{"127.0.0.1:1", "--kafka-brokers"}},
		"origin with a path":    {up("--cors-origin", "https://shop.example/"), []string{"--cors-origin", "https://shop.example"}},
		"header of proxies":     {up("--init-header", "x-forwarded-for"), []string{"--init-header", "x-forwarded-for"}},
		"unknown gateway":       {up("--payment-gateway", "cash"), []string{"--payment-gateway", "cash", "stripe"}},
		"long drain":            {[]string{"router", "--supergraph", file, "--drain-time", "1m"}, []string{"--drain-time", "9s"}},
		"fewer than no batches": {[]string{"router", "--supergraph", file, "--max-batch=-1"}, []string{"--max-batch", "1000"}},
		"no shop":               {[]string{"token", "--user", "ada", "--data-dir", t.TempDir()}, []string{"storefront up"}},
		"no such person":        {[]string{"token", "--user", "eve", "--data-dir", theShop(t).dir}, []string{"eve"}},
		"nothing to import":     {[]string{"import", filepath.Join(t.TempDir(), "absent.csv"), "--data-dir", theShop(t).dir}, []string{"absent.csv"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			fails(t, c.words, c.args...)
		})
	}
}

// TestDamagedData spoils one file after another of a shop that was stopped: it does not start on any.
func TestDamagedData(t *testing.T) {
	t.Parallel()
	h, err := openEmbedded(t.Context(), t.TempDir(), "error")
	if err != nil {
		t.Fatal(err)
	}
	h.sell(t, 3, "SPOILT")
	guest := h.guest()
	guest.ends(t, guest.order(t, "tok_visa", line("SPOILT", 1)), "DELIVERED")
	if err := h.shop.stop(); err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{"mongodb", "kafka", "gateway", "oidc", "secret"} {
		name, whole := largest(t, filepath.Join(h.dir, part))
		spoilt := append([]byte(nil), whole...)
		for i := len(spoilt) / 3; i < len(spoilt)/3+20 && i < len(spoilt); i++ {
			spoilt[i] ^= 0x55
		}
		if err := os.WriteFile(name, spoilt, 0o600); err != nil {
			t.Fatal(err)
		}
		fails(t, []string{h.dir}, "up", "--data-dir", h.dir, "--base-port", "0", "--demo=false", "--log-level", "error")
		if err := os.WriteFile(name, whole, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	again, err := openEmbedded(t.Context(), h.dir, "error")
	if err != nil {
		t.Fatalf("with its files as they were: %v", err)
	}
	again.stock(t, "SPOILT", 2, 0)
	if err := again.shop.stop(); err != nil {
		t.Error(err)
	}
}

// largest is the largest file at or under a path.
func largest(t *testing.T, root string) (name string, content []byte) {
	t.Helper()
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		if len(b) > len(content) {
			name, content = path, b
		}
		return err
	})
	if err != nil || name == "" {
		t.Fatalf("no file under %s: %v", root, err)
	}
	return name, content
}
