package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var bashBlock = regexp.MustCompile("(?s)```bash\n(.*?)```")

// A partner's day is pasted out of README into a shell, as a reader would.
func TestAPartnersDay(t *testing.T) {
	t.Parallel()
	bash, err := exec.LookPath("bash")
	if err != nil {
		t.Skip("no bash")
	}
	readme, err := os.ReadFile(filepath.Join("..", "..", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	words := bashBlock.FindStringSubmatch(string(readme))
	_, day, _ := strings.Cut(string(readme), "\n### Partners\n")
	day, _, _ = strings.Cut(day, "\n## ")
	blocks := bashBlock.FindAllStringSubmatch(day, -1)
	if len(blocks) < 6 || !strings.Contains(words[1], "graphql()") {
		t.Fatalf("README has %d blocks of a partner's day", len(blocks))
	}
	h := ownShop(t)
	h.sell(t, 5, "DAY")
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	address, _, err := publicURL("127.0.0.1:0") // a free port
	if err != nil {
		t.Fatal(err)
	}
	receiver := strings.TrimPrefix(address, "http://")
	var script strings.Builder
	paste := func(text string) {
		text = strings.ReplaceAll(text, "http://127.0.0.1:4000", h.url)
		script.WriteString(strings.ReplaceAll(text, "127.0.0.1:4030", receiver))
	}
	paste(words[1])
	// The same words with the binary that is being tested.
	script.WriteString("storefront() { " + childVariable + "=1 STOREFRONT_DATA_DIR='" + h.dir + "' '" + self + "' \"$@\"; }\n")
	for i, b := range blocks {
		script.WriteString("echo '== " + string(rune('0'+i)) + "'\n")
		paste(b[1])
	}
	cmd := exec.CommandContext(t.Context(), bash, "-c", script.String())
	cmd.Dir = filepath.Join("..", "..")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("the shell ends with %v", err)
	}
	parts := strings.Split(string(out), "== ")
	if len(parts) != len(blocks)+1 {
		t.Fatalf("it says\n%s", out)
	}
	for i, want := range [][]string{
		{"Catalogue", "published release 1 of acme, a manifest of Apollo: 3 new"},
		{"600/m", "acme-stock-1", "3/h", "this is the only time"},
		{`"title":"Article DAY"`, "PERSISTED_OPERATION_REQUIRED"},
		{`{"data":{"availability":[{"sku":"DAY","available":5}]}}`, `"RATE_LIMITED"`, `"operation";q=3;w=3600`, "Retry-After: "},
		{"waiting for calls", `"type":"acme-watch-1"`, `"data":{"productAvailability":{"sku":"DAY","available":5}}`, "acme-watch-1"},
		{"acme-watch-1", "key_", "0 new, 0 changed, 3 as before", "published operations stay valid", "retired 1 operations"},
	} {
		for _, w := range want {
			if !strings.Contains(parts[i+1], w) {
				t.Errorf("block %d says\n%s\nwant %s", i, parts[i+1], w)
			}
		}
	}
	if n := strings.Count(parts[4], `"available":5`); n != 3 {
		t.Errorf("%d of four calls were answered", n)
	}
}
