package blob

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"storefront/internal/errs"
)

var png = append([]byte("\x89PNG\x0D\x0A\x1A\x0A"), bytes.Repeat([]byte{7}, 5000)...)

// folder opens a store over a fresh folder and serves it under /media.
func folder(t *testing.T) (*Store, string) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "media")
	mux := http.NewServeMux()
	srv := httptest.NewServer(mux)
	t.Cleanup(srv.Close)
	u, err := FolderURL(dir)
	if err != nil {
		t.Fatal(err)
	}
	s, err := Open(t.Context(), u, Options{BaseURL: srv.URL + "/media", Secret: []byte("0123456789abcdef")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	mux.Handle("/media/", s.Handler())
	return s, dir
}

func do(t *testing.T, method, url string, headers map[string]string, body io.Reader) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, body)
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range headers {
		req.Header.Set(name, value)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	got, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(got)
}

func TestSignedUploadAndPublicRead(t *testing.T) {
	t.Parallel()
	s, _ := folder(t)
	u, headers, err := s.SignedPut(t.Context(), "products/prd_1/front.png", "image/png", int64(len(png)), time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	if resp, body := do(t, "PUT", u, headers, bytes.NewReader(png)); resp.StatusCode != http.StatusCreated {
		t.Fatalf("the upload is answered %s %s", resp.Status, body)
	}
	resp, body := do(t, "GET", s.URL("products/prd_1/front.png"), nil, nil)
	if resp.StatusCode != 200 || body != string(png) || resp.Header.Get("Content-Type") != "image/png" ||
		resp.Header.Get("X-Content-Type-Options") != "nosniff" || resp.Header.Get("Cache-Control") == "" {
		t.Fatalf("the read is answered %s with %v", resp.Status, resp.Header)
	}
	again, _ := do(t, "GET", s.URL("products/prd_1/front.png"), map[string]string{"If-None-Match": resp.Header.Get("ETag")}, nil)
	if again.StatusCode != http.StatusNotModified {
		t.Fatalf("an unchanged file is answered %s", again.Status)
	}
	part, body := do(t, "GET", s.URL("products/prd_1/front.png"), map[string]string{"Range": "bytes=1-3"}, nil)
	if part.StatusCode != http.StatusPartialContent || body != "PNG" {
		t.Fatalf("a range is answered %s %q", part.Status, body)
	}
	info, err := s.Stat(t.Context(), "products/prd_1/front.png")
	if err != nil || info.Size != int64(len(png)) || info.ContentType != "image/png" {
		t.Fatalf("the file is %+v, %v", info, err)
	}
}

func TestUploadsKeepToWhatWasSigned(t *testing.T) {
	t.Parallel()
	s, dir := folder(t)
	const key = "products/a.png"
	u, headers, err := s.SignedPut(t.Context(), key, "image/png", 6000, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	big := append(bytes.Clone(png), make([]byte, 2000)...)
	change := func(old, new string) string { return strings.Replace(u, old, new, 1) }
	f := s.signer.(*folderSigner)
	old := f.url(allowed{"PUT", key, "image/png", 6000, time.Now().Add(-time.Minute).Unix()})
	for name, c := range map[string]struct {
		url     string
		headers map[string]string
		body    io.Reader
		want    int
	}{
		"too large":          {u, headers, bytes.NewReader(big), 413},
		"too large, chunked": {u, headers, io.MultiReader(bytes.NewReader(big)), 413},
		"other type":         {u, map[string]string{"Content-Type": "image/jpeg"}, bytes.NewReader(png), 415},
		"other content":      {u, headers, strings.NewReader("<html><script>"), 415},
		"other key":          {change("a.png", "b.png"), headers, bytes.NewReader(png), 403},
		"other size":         {change("max=6000", "max=9999"), headers, bytes.NewReader(png), 403},
		"other type in URL":  {change("image%2Fpng", "image%2Fgif"), headers, bytes.NewReader(png), 403},
		"expired":            {old, headers, bytes.NewReader(png), 403},
		"no signature":       {s.URL(key), headers, bytes.NewReader(png), 403},
		"a read's signature": {f.url(allowed{method: "GET", key: key, expires: time.Now().Add(time.Hour).Unix()}), headers, bytes.NewReader(png), 403},
		"traversal":          {change("products/a.png", "..%2f..%2fa.png"), headers, bytes.NewReader(png), 404},
	} {
		if resp, body := do(t, "PUT", c.url, c.headers, c.body); resp.StatusCode != c.want {
			t.Errorf("%s is answered %s %s, want %d", name, resp.Status, body, c.want)
		}
	}
	if resp, _ := do(t, "DELETE", u, nil, nil); resp.StatusCode != http.StatusMethodNotAllowed {
		t.Errorf("a deletion is answered %s", resp.Status)
	}
	var left []string
	err = filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			left = append(left, path)
		}
		return err
	})
	if err != nil || len(left) > 0 {
		t.Fatalf("refused uploads left %v, %v", left, err)
	}
}

func TestKeys(t *testing.T) {
	t.Parallel()
	s, _ := folder(t)
	for _, key := range []string{"", "/", "a/", "/a", "a//b", "..", "a/../b", ".hidden", "a/.b", "a\\b", "a b", "a\x00", "ä", "a.attrs", strings.Repeat("a", 513)} {
		if err := s.Put(t.Context(), key, "image/png", bytes.NewReader(png)); !errs.Is(err, errs.BadInput) {
			t.Errorf("key %q gives %v", key, err)
		}
		if _, _, err := s.SignedPut(t.Context(), key, "image/png", 1, time.Minute); !errs.Is(err, errs.BadInput) {
			t.Errorf("key %q is signed: %v", key, err)
		}
	}
	if _, _, err := s.SignedPut(t.Context(), "a.html", "text/html", 1, time.Minute); !errs.Is(err, errs.BadInput) {
		t.Errorf("an upload of HTML is signed: %v", err)
	}
	if _, _, err := s.Get(t.Context(), "nothing.png"); !errs.Is(err, errs.NotFound) {
		t.Errorf("a missing file gives %v", err)
	}
	if resp, _ := do(t, "GET", s.URL("nothing.png"), nil, nil); resp.StatusCode != 404 {
		t.Errorf("a missing file is answered %s", resp.Status)
	}
	if err := s.Delete(t.Context(), "nothing.png"); err != nil {
		t.Errorf("deleting a missing file gives %v", err)
	}
}

func TestPrivateFilesSVGAndOtherTypes(t *testing.T) {
	t.Parallel()
	s, _ := folder(t)
	ctx := t.Context()
	for key, kind := range map[string]string{"private/review.svg": "image/svg+xml", "page.html": "text/html"} {
		if err := s.Put(ctx, key, kind, strings.NewReader("<svg/>")); err != nil {
			t.Fatal(err)
		}
	}
	if resp, _ := do(t, "GET", s.URL("private/review.svg"), nil, nil); resp.StatusCode != http.StatusForbidden {
		t.Errorf("a private file is answered %s", resp.Status)
	}
	u, err := s.SignedGet(ctx, "private/review.svg", time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	resp, body := do(t, "GET", u, nil, nil)
	if resp.StatusCode != 200 || body != "<svg/>" || !strings.Contains(resp.Header.Get("Content-Security-Policy"), "default-src 'none'") ||
		resp.Header.Get("Content-Type") != "image/svg+xml" || resp.Header.Get("Cache-Control") != "private, no-store" {
		t.Errorf("a signed read is answered %s %s with %v", resp.Status, body, resp.Header)
	}
	resp, _ = do(t, "GET", s.URL("page.html"), nil, nil)
	if resp.Header.Get("Content-Type") != "application/octet-stream" || resp.Header.Get("Content-Disposition") != "attachment" {
		t.Errorf("a page is served with %v", resp.Header)
	}
}

func TestOpenSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	opts := Options{BaseURL: "http://127.0.0.1:1/media", Secret: make([]byte, 16)}
	for u, want := range map[string]string{
		"ftp://x":                         "neither",
		"file://tmp/x":                    "three slashes",
		"file:///":                        "folder is missing",
		"file://" + file:                  "a folder this user may write",
		"s3://?region=eu-west-1":          "bucket's name",
		"s3://b?region=x&endpoint=nohost": "not a URL",
		"%":                               "not a URL",
	} {
		if _, err := Open(t.Context(), u, opts); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s gives %v, want %q", u, err, want)
		}
	}
	if _, err := Open(t.Context(), "file:///x", Options{BaseURL: opts.BaseURL}); err == nil || !strings.Contains(err.Error(), "secret") {
		t.Errorf("no secret gives %v", err)
	}
}

// objects is an S3 endpoint that keeps objects by path and checks that an upload was signed with its
// type.
type objects struct {
	mu   sync.Mutex
	data map[string][]byte
	kind map[string]string
}

func (o *objects) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	o.mu.Lock()
	defer o.mu.Unlock()
	switch r.Method {
	case http.MethodPut:
		signed := r.URL.Query().Get("X-Amz-SignedHeaders") + r.Header.Get("Authorization")
		if !strings.Contains(signed, "content-type") || r.Header.Get("X-Amz-Checksum-Crc32") != "" {
			http.Error(w, "unsigned type or unknown checksum", http.StatusForbidden)
			return
		}
		body, err := io.ReadAll(r.Body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		o.data[r.URL.Path], o.kind[r.URL.Path] = body, r.Header.Get("Content-Type")
		w.Header().Set("ETag", `"x"`)
	case http.MethodGet, http.MethodHead:
		body, ok := o.data[r.URL.Path]
		if !ok {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		w.Header().Set("Content-Type", o.kind[r.URL.Path])
		w.Header().Set("Content-Length", fmt.Sprint(len(body)))
		w.Header().Set("Last-Modified", time.Now().UTC().Format(http.TimeFormat))
		if r.Method == http.MethodGet {
			_, _ = w.Write(body)
		}
	}
}

func TestS3(t *testing.T) {
	t.Setenv("AWS_ACCESS_KEY_ID", "test")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "test-secret")
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	srv := httptest.NewServer(&objects{data: map[string][]byte{}, kind: map[string]string{}})
	defer srv.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	s, err := Open(ctx, "s3://media?region=eu-central-1&endpoint="+url.QueryEscape(srv.URL), Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := s.Put(ctx, "products/a.png", "image/png", bytes.NewReader(png)); err != nil {
		t.Fatal(err)
	}
	r, info, err := s.Get(ctx, "products/a.png")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got, png) || info.ContentType != "image/png" {
		t.Fatalf("read %d bytes of %+v, %v", len(got), info, err)
	}
	u, headers, err := s.SignedPut(ctx, "products/b.png", "image/png", 100, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	if resp, body := do(t, "PUT", u, headers, bytes.NewReader(png)); resp.StatusCode != 200 {
		t.Fatalf("a signed upload to %s is answered %s %s", u, resp.Status, body)
	}
	if resp, body := do(t, "GET", s.URL("products/b.png"), nil, nil); resp.StatusCode != 200 || body != string(png) {
		t.Fatalf("a public read of %s is answered %s", s.URL("products/b.png"), resp.Status)
	}
	if _, err := s.Stat(ctx, "nothing.png"); !errs.Is(err, errs.NotFound) {
		t.Fatalf("a missing file gives %v", err)
	}
	aws, err := Open(ctx, "s3://media?region=eu-central-1", Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer aws.Close()
	if got := aws.URL("a.png"); got != "https://media.s3.eu-central-1.amazonaws.com/a.png" {
		t.Fatalf("the public URL is %s", got)
	}
}

func FuzzCheckKey(f *testing.F) {
	for _, k := range []string{"a/b.png", "../x", "a/..", "..a", "a..b/c"} {
		f.Add(k)
	}
	root := filepath.FromSlash("/srv/media")
	f.Fuzz(func(t *testing.T, key string) {
		if CheckKey(key) != nil {
			return
		}
		path := filepath.Join(root, filepath.FromSlash(key))
		if !strings.HasPrefix(path, root+string(filepath.Separator)) || strings.Contains(key, "..") && strings.HasPrefix(key, "..") {
			t.Fatalf("key %q is outside: %s", key, path)
		}
	})
}
