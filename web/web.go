// Package web holds what a person sees in a browser: the GraphiQL explorer, complete and offline.
//
// GraphiQL and React are the files of their npm releases, stored compressed (see graphiql/VERSIONS).
// Enter at GraphiQL.
package web

import (
	"bytes"
	"compress/gzip"
	"embed"
	"fmt"
	"html/template"
	"io"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strings"
)

//go:embed graphiql
var files embed.FS

// Tab is one example that the explorer opens with.
type Tab struct {
	Query     string `json:"query"`
	Variables string `json:"variables,omitempty"` // a JSON object
	Headers   string `json:"headers,omitempty"`   // a JSON object of headers; the first tab's are those of new tabs too
}

// Options say what the explorer shows.
type Options struct {
	Title    string // of the page; "GraphiQL" when empty
	Endpoint string // of the GraphQL API, as the browser reaches it; "/graphql" when empty
	Tabs     []Tab
}

type settings struct {
	Title    string `json:"title"`
	Endpoint string `json:"endpoint"`
	Tabs     []Tab  `json:"tabs"`
}

// pagePolicy allows the page its own scripts and nothing from elsewhere. GraphiQL's editor sets
// inline styles and its stylesheet carries its fonts as data.
const pagePolicy = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; font-src 'self' data:; " +
	"img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// GraphiQL serves the explorer's page at "/" and its files under "/graphiql/".
func GraphiQL(o Options) (http.Handler, error) {
	s := settings{Title: o.Title, Endpoint: o.Endpoint, Tabs: o.Tabs}
	if s.Title == "" {
		s.Title = "GraphiQL"
	}
	if s.Endpoint == "" {
		s.Endpoint = "/graphql"
	}
	if s.Tabs == nil {
		s.Tabs = []Tab{}
	}
	page, err := render(s)
	if err != nil {
		return nil, fmt.Errorf("render graphiql page: %w", err)
	}
	assets, err := readAssets()
	if err != nil {
		return nil, fmt.Errorf("read graphiql files: %w", err)
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
			return
		}
		h := w.Header()
		h.Set("Content-Security-Policy", pagePolicy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		if r.URL.Path == "/" {
			h.Set("Content-Type", "text/html; charset=utf-8")
			h.Set("Cache-Control", "no-cache")
			_, _ = w.Write(page)
			return
		}
		a, ok := assets[strings.TrimPrefix(r.URL.Path, "/graphiql/")]
		if !ok {
			http.NotFound(w, r)
			return
		}
		a.serve(w, r)
	}), nil
}

func render(s settings) ([]byte, error) {
	t, err := template.ParseFS(files, "graphiql/page.html")
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	err = t.Execute(&b, map[string]any{"Title": s.Title, "Settings": s})
	return b.Bytes(), err
}

// asset is one file, plain and compressed.
type asset struct {
	contentType   string
	plain, zipped []byte
}

func (a asset) serve(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Type", a.contentType)
	h.Set("Cache-Control", "public, max-age=3600")
	h.Set("Vary", "Accept-Encoding")
	body := a.plain
	if a.zipped != nil && strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		h.Set("Content-Encoding", "gzip")
		body = a.zipped
	}
	_, _ = w.Write(body)
}

// readAssets reads the embedded folder; a name loses its ".gz".
func readAssets() (map[string]asset, error) {
	assets := map[string]asset{}
	err := fs.WalkDir(files, "graphiql", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || path.Ext(name) == ".html" {
			return err
		}
		data, err := files.ReadFile(name)
		if err != nil {
			return err
		}
		a := asset{plain: data}
		base := path.Base(name)
		if path.Ext(base) == ".gz" {
			base = strings.TrimSuffix(base, ".gz")
			a.zipped = data
			if a.plain, err = unzip(data); err != nil {
				return fmt.Errorf("unzip %s: %w", name, err)
			}
		}
		if a.contentType = mime.TypeByExtension(path.Ext(base)); a.contentType == "" || !strings.Contains(base, ".") {
			a.contentType = "text/plain; charset=utf-8"
		}
		assets[base] = a
		return nil
	})
	return assets, err
}

func unzip(data []byte) ([]byte, error) {
	r, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(r)
}
