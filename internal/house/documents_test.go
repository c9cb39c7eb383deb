package house

import (
	"net/url"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// What is checked in must work in any folder, on any machine, with any module proxy.
func TestNoPathsOfThisMachine(t *testing.T) {
	t.Parallel()
	var here []string
	add := func(dir string) {
		if dir = filepath.ToSlash(dir); strings.Count(dir, "/") > 1 { // "/src" may stand for something else
			here = append(here, dir)
		}
	}
	add(root(t))
	if home, err := os.UserHomeDir(); err == nil {
		add(home)
	}
	for _, line := range strings.Split(goCommand(t, root(t), "env", "GOMODCACHE", "GOCACHE", "GOPROXY"), "\n") {
		if strings.HasPrefix(line, "/") {
			add(line)
		}
		for _, proxy := range strings.FieldsFunc(line, func(r rune) bool { return r == ',' || r == '|' }) {
			if u, err := url.Parse(proxy); err == nil && u.Host != "" {
				here = append(here, u.Host)
			}
		}
	}
	for _, name := range files(t) {
		content := text(t, name)
		for _, place := range here {
			if at := strings.Index(content, place); at >= 0 {
				t.Errorf("%s:%d names %s", name, 1+strings.Count(content[:at], "\n"), place)
			}
		}
	}
}

var (
	link = regexp.MustCompile(`\]\(([^)#]+)(?:#[^)]*)?\)`)
	// A word in backquotes that looks like a path of ours: it begins with one of the root's folders.
	quoted = regexp.MustCompile("`((?:cmd|consumers|deploy|docs|events|internal|loaders|router|schema|subgraphs|web)/[A-Za-z0-9_./-]*)`")
)

func TestDocumentsNameFilesThatExist(t *testing.T) {
	t.Parallel()
	for _, name := range files(t) {
		if path.Ext(name) != ".md" {
			continue
		}
		content, dir := read(t, name), path.Dir(name)
		for _, m := range link.FindAllStringSubmatch(content, -1) {
			if u, err := url.Parse(m[1]); err == nil && u.Scheme == "" {
				exists(t, name, path.Join(dir, m[1]))
			}
		}
		for _, m := range quoted.FindAllStringSubmatch(content, -1) {
			exists(t, name, strings.TrimSuffix(m[1], "/"))
		}
	}
}

func exists(t *testing.T, document, name string) {
	t.Helper()
	if _, err := os.Stat(filepath.Join(root(t), filepath.FromSlash(name))); err != nil {
		t.Errorf("%s names %s, which is not there", document, name)
	}
}

func TestDocumentsNameWhatTheBinaryKnows(t *testing.T) {
	t.Parallel()
	flags, variables := configNames(t)
	flags["help"] = true
	known := commands(t)
	for _, name := range files(t) {
		if path.Ext(name) != ".md" {
			continue
		}
		content := read(t, name)
		for _, m := range regexp.MustCompile(`\bSTOREFRONT_[A-Z_]+\b`).FindAllString(content, -1) {
			if !variables[m] && !strings.HasPrefix(m, "STOREFRONT_TEST_") {
				t.Errorf("%s names the variable %s, which no command knows", name, m)
			}
		}
		for _, m := range regexp.MustCompile("(?:\\./cmd/storefront|\\bstorefront) ([a-z][a-z-]+)([^\n`|]*)").FindAllStringSubmatch(codeOf(content), -1) {
			if !known[m[1]] {
				t.Errorf("%s names the command storefront %s, which is not there", name, m[1])
				continue
			}
			for _, f := range regexp.MustCompile(`(?:^| )--([a-z][a-z-]*)`).FindAllStringSubmatch(m[2], -1) {
				if !flags[f[1]] {
					t.Errorf("%s names the flag --%s of storefront %s, which is not there", name, f[1], m[1])
				}
			}
		}
	}
}

// codeOf is what stands between backquotes and in fenced blocks.
func codeOf(markdown string) string {
	var b strings.Builder
	for i, part := range strings.Split(markdown, "`") {
		if i%2 == 1 {
			b.WriteString(part + "\n")
		}
	}
	return b.String()
}

func TestArchitectureIsShort(t *testing.T) {
	t.Parallel()
	if lines := strings.Count(read(t, "ARCHITECTURE.md"), "\n"); lines > 330 {
		t.Errorf("ARCHITECTURE.md has %d lines; 330 are enough to find one's way", lines)
	}
}

func TestReadmeListsEveryVariable(t *testing.T) {
	t.Parallel()
	readme := read(t, "README.md")
	_, variables := configNames(t)
	for v, known := range variables {
		if known && !strings.Contains(readme, "`"+v+"`") {
			t.Errorf("README.md's table of configuration lacks %s", v)
		}
	}
}
