package oidc

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func start(t *testing.T, dir string) *Server {
	t.Helper()
	s, err := Start(t.Context(), Config{
		Dir: dir,
		Users: []User{
			{Username: "ada", Password: "ada-demo", Subject: "usr_ada", Name: "Ada <Byron>", Email: "ada@example.com", Locale: "en-GB"},
			{Username: "sam", Password: "sam-demo", Subject: "usr_sam", Name: "Sam Staff", Email: "sam@example.com", Roles: []string{"staff"}},
		},
		Clients: []Client{
			{ID: WebClient, Public: true, RedirectURIs: []string{"http://127.0.0.1:*/"}},
			{ID: "acme", Secret: "acme-secret", Scopes: []string{"orders:read"}, Roles: []string{"partner"}},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// browser follows redirects within the provider and stops at the application.
func browser(t *testing.T, s *Server) *http.Client {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &http.Client{Jar: jar, CheckRedirect: func(r *http.Request, _ []*http.Request) error {
		if r.URL.Host != s.Addr() {
			return http.ErrUseLastResponse
		}
		return nil
	}}
}

func body(t *testing.T, resp *http.Response, err error) string {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func authorize(s *Server, extra url.Values) string {
	q := url.Values{"client_id": {WebClient}, "redirect_uri": {"http://127.0.0.1:5173/"}, "response_type": {"code"}, "scope": {"openid profile"}, "state": {"st"}}
	for name, values := range extra {
		q[name] = values
	}
	return s.Issuer() + "/authorize?" + q.Encode()
}

func TestDiscovery(t *testing.T) {
	t.Parallel()
	s := start(t, "")
	resp, err := http.Get(s.Issuer() + "/.well-known/openid-configuration")
	var doc struct {
		Issuer    string   `json:"issuer"`
		JWKS      string   `json:"jwks_uri"`
		Grants    []string `json:"grant_types_supported"`
		Challenge []string `json:"code_challenge_methods_supported"`
		Scopes    []string `json:"scopes_supported"`
	}
	if err := json.Unmarshal([]byte(body(t, resp, err)), &doc); err != nil {
		t.Fatal(err)
	}
	all := strings.Join(doc.Grants, " ") + " " + strings.Join(doc.Challenge, " ") + " " + strings.Join(doc.Scopes, " ")
	for _, want := range []string{"authorization_code", "client_credentials", "refresh_token", "S256", "orders:read", "offline_access"} {
		if !strings.Contains(all, want) {
			t.Errorf("discovery lacks %s: %+v", want, doc)
		}
	}
	if doc.Issuer != s.Issuer() {
		t.Errorf("the issuer is %s", doc.Issuer)
	}
	resp, err = http.Get(doc.JWKS)
	if keys := body(t, resp, err); !strings.Contains(keys, `"RSA"`) || strings.Contains(keys, `"d"`) {
		t.Errorf("the key set is %s", keys)
	}
}

func TestSignInPage(t *testing.T) {
	t.Parallel()
	s := start(t, "")
	b := browser(t, s)
	resp, err := b.Get(authorize(s, url.Values{"login_hint": {"sam"}}))
	page := body(t, resp, err)
	for _, want := range []string{"Ada &lt;Byron&gt;", "ada / ada-demo", "staff", `value="sam"`, WebClient} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %s", want)
		}
	}
	if resp.Header.Get("Cache-Control") != "no-store" || !strings.Contains(resp.Header.Get("Content-Security-Policy"), "frame-ancestors 'none'") {
		t.Errorf("the page comes with %v", resp.Header)
	}
	form := resp.Request.URL.String()

	resp, err = b.PostForm(form, url.Values{"username": {"ada"}, "password": {"wrong"}})
	if page := body(t, resp, err); resp.StatusCode != http.StatusUnauthorized || !strings.Contains(page, "password is wrong") {
		t.Fatalf("a wrong password is answered %s %s", resp.Status, page)
	}
	resp, err = b.PostForm(form, url.Values{"username": {"ada"}, "password": {"ada-demo"}})
	body(t, resp, err)
	to, err := resp.Location()
	if err != nil || to.Host != "127.0.0.1:5173" || to.Query().Get("code") == "" || to.Query().Get("state") != "st" {
		t.Fatalf("the sign-in leads to %v, %v", to, err)
	}

	// A public client without PKCE gets no token for the code.
	resp, err = b.PostForm(s.Issuer()+"/oauth/token", url.Values{"grant_type": {"authorization_code"}, "client_id": {WebClient},
		"code": {to.Query().Get("code")}, "redirect_uri": {"http://127.0.0.1:5173/"}})
	if answer := body(t, resp, err); resp.StatusCode != http.StatusBadRequest || strings.Contains(answer, "access_token") {
		t.Fatalf("without PKCE the token endpoint answers %s %s", resp.Status, answer)
	}

	resp, err = b.Get(s.Issuer() + "/login?request=unknown")
	if page := body(t, resp, err); resp.StatusCode != http.StatusBadRequest || !strings.Contains(page, "expired") {
		t.Fatalf("an unknown sign-in is answered %s %s", resp.Status, page)
	}
}

func TestEndSession(t *testing.T) {
	t.Parallel()
	s := start(t, "")
	b := browser(t, s)
	resp, err := b.Get(s.Issuer() + "/end_session")
	if page := body(t, resp, err); resp.StatusCode != 200 || !strings.Contains(page, "You are signed out") {
		t.Fatalf("the end of a session is answered %s %s", resp.Status, page)
	}
	end := func(to string) *http.Response {
		resp, err := b.Get(s.Issuer() + "/end_session?" + url.Values{"client_id": {WebClient}, "post_logout_redirect_uri": {to}}.Encode())
		body(t, resp, err)
		return resp
	}
	if to, err := end("http://127.0.0.1:5173/bye").Location(); err != nil || to.Host != "127.0.0.1:5173" {
		t.Errorf("the end of a session leads to %v, %v", to, err)
	}
	for _, bad := range []string{"http://evil.example/", "http://127.0.0.1:1@evil.example/"} {
		if resp := end(bad); resp.StatusCode != http.StatusBadRequest {
			t.Errorf("%s is answered %s", bad, resp.Status)
		}
	}
}

func TestADamagedKeyIsRefused(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "signing-key.pem")
	for _, content := range []string{"", "nonsense", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"} {
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := Start(t.Context(), Config{Dir: dir})
		if err == nil || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), "remove it for a new key") {
			t.Fatalf("a damaged key gives %v", err)
		}
	}
	if _, err := Start(t.Context(), Config{Issuer: "somewhere"}); err == nil || !strings.Contains(err.Error(), "issuer") {
		t.Fatalf("a wrong issuer gives %v", err)
	}
}
