package web_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"storefront/web"
)

func get(t *testing.T, h http.Handler, path string, header ...string) *http.Response {
	t.Helper()
	r := httptest.NewRequest(http.MethodGet, path, nil)
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Result()
}

// TestPageIsWhole follows every reference of the page: each is a local file that is served.
func TestPageIsWhole(t *testing.T) {
	h, err := web.GraphiQL(web.Options{Title: "Shop </script>", Tabs: []web.Tab{{Query: "{ a(b: \"</script>\") }"}}})
	if err != nil {
		t.Fatal(err)
	}
	res := get(t, h, "/")
	body, _ := io.ReadAll(res.Body)
	page := string(body)
	if res.StatusCode != http.StatusOK || !strings.Contains(res.Header.Get("Content-Security-Policy"), "script-src 'self'") {
		t.Fatalf("page: %s %v", res.Status, res.Header)
	}
	if n := strings.Count(page, "</script>"); n != 5 {
		t.Fatalf("a setting broke out of its script block: %d closing tags\n%s", n, page)
	}
	refs := regexp.MustCompile(`(?:src|href)="([^"]+)"`).FindAllStringSubmatch(page, -1)
	if len(refs) < 6 {
		t.Fatalf("page refers to %d files", len(refs))
	}
	for _, ref := range refs {
		if strings.HasPrefix(ref[1], "data:") {
			continue
		}
		plain := get(t, h, "/"+ref[1])
		zipped := get(t, h, "/"+ref[1], "Accept-Encoding", "gzip, br")
		if plain.StatusCode != http.StatusOK || zipped.StatusCode != http.StatusOK {
			t.Errorf("%s: %s", ref[1], plain.Status)
		}
		want := "text/javascript; charset=utf-8"
		if strings.HasSuffix(ref[1], ".css") {
			want = "text/css; charset=utf-8"
		}
		if got := plain.Header.Get("Content-Type"); got != want {
			t.Errorf("%s is %s", ref[1], got)
		}
	}
	if res := get(t, h, "/graphiql/nothing.js"); res.StatusCode != http.StatusNotFound {
		t.Errorf("missing file: %s", res.Status)
	}
}
