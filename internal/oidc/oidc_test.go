package oidc

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	embedded "storefront/internal/embedded/oidc"
	"storefront/internal/errs"
)

func config(dir string) embedded.Config {
	return embedded.Config{
		Dir: dir,
		Users: []embedded.User{
			{Username: "ada", Password: "ada-demo", Subject: "usr_ada", Name: "Ada Byron", Email: "ada@example.com", Locale: "en-GB"},
			{Username: "sam", Password: "sam-demo", Subject: "usr_sam", Name: "Sam Staff", Email: "sam@example.com", Locale: "de-DE", Roles: []string{"staff"}},
		},
		Clients: []embedded.Client{
			{ID: embedded.WebClient, Public: true, RedirectURIs: []string{"http://127.0.0.1:*/", "http://localhost:*/"}},
			{ID: "acme", Secret: "acme-secret", Scopes: []string{"orders:read", "catalogue:read"}, Roles: []string{"partner"}},
		},
	}
}

func provider(t *testing.T, cfg embedded.Config) *embedded.Server {
	t.Helper()
	s, err := embedded.Start(t.Context(), cfg)
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

// of believes these issuers' tokens for the embedded provider's audience.
func of(issuers ...string) Config {
	cfg := Config{ClockSkew: 30 * time.Second}
	for _, url := range issuers {
		cfg.Issuers = append(cfg.Issuers, Issuer{URL: url, Audiences: []string{embedded.Audience}})
	}
	return cfg
}

func verifier(t *testing.T, issuer string) *Verifier {
	t.Helper()
	v, err := NewVerifier(t.Context(), of(issuer))
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestSignInRefreshAndVerify(t *testing.T) {
	t.Parallel()
	s := provider(t, config(""))
	v := verifier(t, s.Issuer())
	ctx := t.Context()
	tok, err := SignIn(ctx, s.Issuer(), embedded.WebClient, "sam", "sam-demo")
	if err != nil {
		t.Fatal(err)
	}
	c, err := v.Verify(ctx, tok.AccessToken)
	if err != nil {
		t.Fatal(err)
	}
	if c.Subject != "usr_sam" || c.Name != "Sam Staff" || c.Email != "sam@example.com" || c.Locale != "de-DE" ||
		c.ClientID != embedded.WebClient || !c.HasRole("staff") || !c.HasScope("openid") || c.Issuer != s.Issuer() {
		t.Fatalf("claims are %+v", c)
	}
	if left := time.Until(c.Expiry); left > time.Hour || left < 59*time.Minute || tok.ExpiresIn < 59*time.Minute {
		t.Fatalf("the token is good for %s and says %s, want an hour", left, tok.ExpiresIn)
	}
	if tok.RefreshToken == "" || tok.IDToken == "" {
		t.Fatal("no refresh token or no ID token")
	}
	if _, err := v.Verify(ctx, tok.IDToken); !errs.Is(err, errs.Unauthenticated) || !strings.Contains(err.Error(), "ID token") {
		t.Fatalf("an ID token gives %v", err)
	}

	next, err := Refresh(ctx, s.Issuer(), embedded.WebClient, tok.RefreshToken)
	if err != nil {
		t.Fatal(err)
	}
	if c, err := v.Verify(ctx, next.AccessToken); err != nil || c.Subject != "usr_sam" {
		t.Fatalf("the refreshed token gives %+v, %v", c, err)
	}
	if _, err := Refresh(ctx, s.Issuer(), embedded.WebClient, tok.RefreshToken); !errs.Is(err, errs.Unauthenticated) {
		t.Fatalf("a used refresh token gives %v", err)
	}

	req, _ := http.NewRequestWithContext(ctx, http.MethodGet, s.Issuer()+"/userinfo", nil)
	req.Header.Set("Authorization", "Bearer "+next.AccessToken)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, _ := io.ReadAll(resp.Body)
	if !strings.Contains(string(body), `"sub":"usr_sam"`) || !strings.Contains(string(body), "staff") {
		t.Fatalf("userinfo is %s %s", resp.Status, body)
	}
}

func TestWrongSignIns(t *testing.T) {
	t.Parallel()
	s := provider(t, config(""))
	if _, err := SignIn(t.Context(), s.Issuer(), embedded.WebClient, "sam", "guess"); !errs.Is(err, errs.Unauthenticated) {
		t.Errorf("a wrong password gives %v", err)
	}
	if _, err := SignIn(t.Context(), s.Issuer(), embedded.WebClient, "nobody", ""); !errs.Is(err, errs.Unauthenticated) {
		t.Errorf("an unknown user gives %v", err)
	}
	if _, err := SignIn(t.Context(), s.Issuer(), "nothing", "sam", "sam-demo"); err == nil {
		t.Error("an unknown client signs in")
	}
	if _, err := ClientCredentials(t.Context(), s.Issuer(), "acme", "wrong"); !errs.Is(err, errs.Unauthenticated) {
		t.Errorf("a wrong secret gives %v", err)
	}
	if _, err := ClientCredentials(t.Context(), s.Issuer(), "acme", "acme-secret", "orders:write"); !errs.Is(err, errs.Unauthenticated) {
		t.Errorf("a scope that is not allowed gives %v", err)
	}
	if _, err := ClientCredentials(t.Context(), s.Issuer(), embedded.WebClient, ""); !errs.Is(err, errs.Unauthenticated) {
		t.Errorf("a public client's credentials give %v", err)
	}
}

func TestRedirectsStayOnLoopback(t *testing.T) {
	t.Parallel()
	s := provider(t, config(""))
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	ask := func(redirect string) int {
		q := url.Values{"client_id": {embedded.WebClient}, "redirect_uri": {redirect}, "response_type": {"code"},
			"scope": {"openid"}, "code_challenge": {strings.Repeat("x", 43)}, "code_challenge_method": {"S256"}}
		resp, err := client.Get(s.Issuer() + "/authorize?" + q.Encode())
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		return resp.StatusCode
	}
	for _, ok := range []string{"http://127.0.0.1:5173/", "http://localhost:3000/auth/callback?x=1", "http://127.0.0.1/cb"} {
		if got := ask(ok); got != http.StatusFound {
			t.Errorf("%s is answered %d, want 302", ok, got)
		}
	}
	for _, bad := range []string{"http://evil.example/", "http://127.0.0.1:1@evil.example/", "http://localhost.evil.example:80/",
		"https://127.0.0.1:1/", "http://127.0.0.1:80evil.example/", "http://localhost:3000x/", "javascript:alert(1)"} {
		if got := ask(bad); got != http.StatusBadRequest {
			t.Errorf("%s is answered %d, want 400", bad, got)
		}
	}
}

func TestTokensSurviveARestart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	cfg := config(dir)
	s := provider(t, cfg)
	cfg.Addr = s.Addr()
	tok, err := SignIn(t.Context(), s.Issuer(), embedded.WebClient, "ada", "ada-demo")
	if err != nil {
		t.Fatal(err)
	}
	used, err := Refresh(t.Context(), s.Issuer(), embedded.WebClient, tok.RefreshToken)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = provider(t, cfg)
	if c, err := verifier(t, s.Issuer()).Verify(t.Context(), tok.AccessToken); err != nil || c.Subject != "usr_ada" {
		t.Fatalf("the old token gives %+v, %v", c, err)
	}
	if _, err := Refresh(t.Context(), s.Issuer(), embedded.WebClient, tok.RefreshToken); err == nil {
		t.Fatal("a refresh token used before the restart is good again")
	}
	if _, err := Refresh(t.Context(), s.Issuer(), embedded.WebClient, used.RefreshToken); err != nil {
		t.Fatalf("the unused refresh token gives %v", err)
	}
}

func TestClientCredentialsAndIssueToken(t *testing.T) {
	t.Parallel()
	s := provider(t, config(""))
	v := verifier(t, s.Issuer())
	tok, err := ClientCredentials(t.Context(), s.Issuer(), "acme", "acme-secret", "orders:read")
	if err != nil {
		t.Fatal(err)
	}
	if tok.ExpiresIn < 59*time.Minute || tok.ExpiresIn > time.Hour {
		t.Errorf("the client's token says it is good for %s, want an hour", tok.ExpiresIn)
	}
	c, err := v.Verify(t.Context(), tok.AccessToken)
	if err != nil || c.Subject != "acme" || c.ClientID != "acme" || !c.HasRole("partner") || !slices.Equal(c.Scopes, []string{"orders:read"}) {
		t.Fatalf("the client's claims are %+v, %v", c, err)
	}
	raw, err := s.IssueToken("ada")
	if err != nil {
		t.Fatal(err)
	}
	if c, err := v.Verify(t.Context(), raw); err != nil || c.Subject != "usr_ada" || len(c.Roles) != 0 {
		t.Fatalf("the issued token gives %+v, %v", c, err)
	}
	if _, err := s.IssueToken("bob"); err == nil || !strings.Contains(err.Error(), "ada, sam") {
		t.Fatalf("an unknown user gives %v", err)
	}
}

func TestBadTokens(t *testing.T) {
	t.Parallel()
	s := provider(t, config(""))
	other := provider(t, config(""))
	v := verifier(t, s.Issuer())
	good, err := s.IssueToken("ada")
	if err != nil {
		t.Fatal(err)
	}
	foreign, err := other.IssueToken("ada")
	if err != nil {
		t.Fatal(err)
	}
	parts := strings.Split(good, ".")
	forge := func(old, new string) string {
		body, err := base64.RawURLEncoding.DecodeString(parts[1])
		if err != nil {
			t.Fatal(err)
		}
		changed := strings.Replace(string(body), old, new, 1)
		if changed == string(body) {
			t.Fatalf("no %s in %s", old, body)
		}
		return parts[0] + "." + base64.RawURLEncoding.EncodeToString([]byte(changed)) + "." + parts[2]
	}
	for name, c := range map[string]struct{ raw, want string }{
		"empty":    {"", "sign in first"},
		"nonsense": {"nonsense", "not a JWT"},
		"foreign":  {foreign, "another sign-in service"},
		"subject":  {forge("usr_ada", "usr_sam"), "not valid"},
		"audience": {forge(`"aud":["storefront"]`, `"aud":["bookshop"]`), "another audience"},
		"expired":  {forge(`"exp":`, `"exp":1,"x":`), "has expired; sign in again"},
		"unsigned": {base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none"}`)) + "." + parts[1] + ".", "not valid"},
		"long":     {strings.Repeat("a", maxToken+1), "too long"},
	} {
		if _, err := v.Verify(t.Context(), c.raw); !errs.Is(err, errs.Unauthenticated) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s gives %v, want %q", name, err, c.want)
		}
	}
	if _, err := v.Verify(t.Context(), good); err != nil {
		t.Fatal(err)
	}
}

func TestAnExpiredTokenLeavesTheCache(t *testing.T) {
	t.Parallel()
	s := provider(t, config(""))
	v := verifier(t, s.Issuer())
	raw, err := s.IssueToken("ada")
	if err != nil {
		t.Fatal(err)
	}
	want, err := v.Verify(t.Context(), raw)
	if err != nil {
		t.Fatal(err)
	}
	key := sha256.Sum256([]byte(raw))
	hit, ok := v.cache.Get(key)
	if !ok || hit.until.After(time.Now().Add(cachedFor)) || hit.until.After(want.Expiry.Add(30*time.Second)) {
		t.Fatalf("cached until %s", hit.until)
	}
	v.cache.Add(key, cached{Claims{Subject: "stale"}, time.Now().Add(-time.Second)})
	if c, err := v.Verify(t.Context(), raw); err != nil || c.Subject != "usr_ada" {
		t.Fatalf("a stale entry gives %+v, %v", c, err)
	}
}

func TestTheIssuerMayComeLater(t *testing.T) {
	t.Parallel()
	s := provider(t, config(""))
	raw, err := s.IssueToken("ada")
	if err != nil {
		t.Fatal(err)
	}
	_ = raw
	cfg := config(t.TempDir())
	cfg.Addr = s.Addr()
	issuer := s.Issuer()
	s.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	v := verifier(t, issuer)
	if _, err := v.Verify(ctx, raw); !errs.Is(err, errs.Unavailable) || v.Ready() {
		t.Fatalf("without an issuer Verify gives %v", err)
	}
	s = provider(t, cfg)
	fresh, err := s.IssueToken("ada")
	if err != nil {
		t.Fatal(err)
	}
	for {
		c, err := v.Verify(ctx, fresh)
		if err == nil && c.Subject == "usr_ada" {
			break
		}
		if ctx.Err() != nil {
			t.Fatalf("after the issuer came back Verify gives %v", err)
		}
	}
	if _, err := v.Verify(ctx, raw); !errs.Is(err, errs.Unauthenticated) {
		t.Fatalf("a token of the old key gives %v", err)
	}
}

func BenchmarkVerifyCached(b *testing.B) {
	s, err := embedded.Start(b.Context(), config(""))
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	v, err := NewVerifier(b.Context(), of(s.Issuer()))
	if err != nil {
		b.Fatal(err)
	}
	raw, err := s.IssueToken("ada")
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := v.Verify(b.Context(), raw); err != nil {
			b.Fatal(err)
		}
	}
}
