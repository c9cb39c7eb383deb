package oidc

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	embedded "storefront/internal/embedded/oidc"
	"storefront/internal/errs"
)

func issue(t *testing.T, s *embedded.Server) string {
	t.Helper()
	raw, err := s.IssueToken("ada")
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func TestSeveralIssuers(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	a, b := provider(t, config("")), provider(t, config(dir))
	cfg := of(a.Issuer(), b.Issuer())
	cfg.Issuers[1].Audiences = []string{"bookshop", embedded.Audience}
	v, err := NewVerifier(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []*embedded.Server{a, b} {
		if c, err := v.Verify(t.Context(), issue(t, s)); err != nil || c.Issuer != s.Issuer() || c.Subject != "usr_ada" {
			t.Errorf("a token of %s: %+v, %v", s.Issuer(), c, err)
		}
	}

	// One that says to be a, with b's key.
	taken := t.TempDir()
	key, err := os.ReadFile(filepath.Join(dir, "signing-key.pem"))
	if err == nil {
		err = os.WriteFile(filepath.Join(taken, "signing-key.pem"), key, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	liar := config(taken)
	liar.Issuer = a.Issuer()
	if _, err := v.Verify(t.Context(), issue(t, provider(t, liar))); !errs.Is(err, errs.Unauthenticated) || !strings.Contains(err.Error(), "not valid") {
		t.Errorf("a token of one issuer signed with another's key: %v", err)
	}
	if _, err := v.Verify(t.Context(), issue(t, provider(t, config("")))); !errs.Is(err, errs.Unauthenticated) || !strings.Contains(err.Error(), a.Issuer()+" or "+b.Issuer()) {
		t.Errorf("a token of nobody's: %v", err)
	}

	cfg = of(a.Issuer(), b.Issuer())
	cfg.Issuers[1].Audiences = []string{"bookshop"}
	if v, err = NewVerifier(t.Context(), cfg); err != nil {
		t.Fatal(err)
	}
	if _, err := v.Verify(t.Context(), issue(t, b)); !errs.Is(err, errs.Unauthenticated) || !strings.Contains(err.Error(), `for "bookshop"`) {
		t.Errorf("an audience that the other issuer's tokens have: %v", err)
	}
	if _, err := v.Verify(t.Context(), issue(t, a)); err != nil {
		t.Errorf("the other issuer's tokens: %v", err)
	}
}

// TestOneIssuerIsDown: the others' people sign in, and its own as soon as it answers.
func TestOneIssuerIsDown(t *testing.T) {
	t.Parallel()
	a, b := provider(t, config("")), provider(t, config(""))
	back := config("")
	back.Addr = b.Addr()
	gone, old := b.Issuer(), issue(t, b)
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	v, err := NewVerifier(t.Context(), of(gone, a.Issuer()))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := v.Verify(t.Context(), issue(t, a)); err != nil || !v.Ready() {
		t.Errorf("beside one that is down: %v, ready %v", err, v.Ready())
	}
	if _, err := v.Verify(t.Context(), old); !errs.Is(err, errs.Unavailable) {
		t.Errorf("a token of the one that is down: %v", err)
	}
	raw := issue(t, provider(t, back))
	for deadline := time.Now().Add(30 * time.Second); ; {
		if _, err = v.Verify(t.Context(), raw); err == nil {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("after it came back: %v", err)
		}
	}
}

// counted is an embedded provider behind a proxy that counts how often its keys are read.
type counted struct {
	*httptest.Server
	to    atomic.Pointer[url.URL]
	keys  atomic.Int64
	close atomic.Bool // answers with 503
}

func newCounted(t *testing.T) *counted {
	t.Helper()
	c := &counted{}
	proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(c.to.Load()); r.Out.Host = r.In.Host }}
	c.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/keys") {
			c.keys.Add(1)
		}
		if c.close.Load() {
			http.Error(w, "away", http.StatusServiceUnavailable)
			return
		}
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(c.Close)
	return c
}

// serve puts a provider with a key of its own behind the proxy.
func (c *counted) serve(t *testing.T) *embedded.Server {
	t.Helper()
	cfg := config("")
	cfg.Issuer = c.URL
	s := provider(t, cfg)
	to, err := url.Parse("http://" + s.Addr())
	if err != nil {
		t.Fatal(err)
	}
	c.to.Store(to)
	return s
}

func TestKeysRotate(t *testing.T) {
	t.Parallel()
	c := newCounted(t)
	first := c.serve(t)
	var now atomic.Int64 // the verifier's clock
	now.Store(time.Now().UnixNano())
	v, err := newVerifier(t.Context(), of(c.URL), func() time.Time { return time.Unix(0, now.Load()) })
	if err != nil {
		t.Fatal(err)
	}
	good := func(what, raw string, reads int64) {
		t.Helper()
		if _, err := v.Verify(t.Context(), raw); err != nil || c.keys.Load() != reads {
			t.Errorf("%s: %v; the keys were read %d times, want %d", what, err, c.keys.Load(), reads)
		}
	}
	old := []string{issue(t, first), issue(t, first), issue(t, first)}
	good("the first token", old[0], 1)
	second := c.serve(t)
	now.Add(int64(keysEvery))
	good("a token by a new key", issue(t, second), 2)
	if _, err := v.Verify(t.Context(), old[1]); !errs.Is(err, errs.Unauthenticated) {
		t.Errorf("a token by the withdrawn key: %v", err)
	}

	// Any number of tokens by keys that nobody knows: one read, until some time has passed.
	stranger := config("")
	stranger.Issuer = c.URL
	unknown := provider(t, stranger)
	now.Add(int64(keysEvery))
	before := c.keys.Load()
	var all sync.WaitGroup
	for range 20 {
		raw := issue(t, unknown)
		all.Go(func() {
			if _, err := v.Verify(t.Context(), raw); !errs.Is(err, errs.Unauthenticated) {
				t.Errorf("a token by an unknown key: %v", err)
			}
		})
	}
	all.Wait()
	if reads := c.keys.Load() - before; reads != 1 {
		t.Errorf("20 unknown keys made %d reads, want 1", reads)
	}

	// While the keys cannot be read, those of before are good, and it is not tried at every token.
	c.close.Store(true)
	now.Add(int64(keysEvery))
	before = c.keys.Load()
	for range 5 {
		if _, err := v.Verify(t.Context(), issue(t, unknown)); !errs.Is(err, errs.Unavailable) {
			t.Errorf("an unknown key while the issuer is away: %v", err)
		}
	}
	good("a known key while the issuer is away", issue(t, second), before+1)
}

// TestKeysAreReadAgain: a key that was withdrawn stops counting also when no token of another comes.
func TestKeysAreReadAgain(t *testing.T) {
	t.Parallel()
	c := newCounted(t)
	first := c.serve(t)
	var now atomic.Int64
	now.Store(time.Now().UnixNano())
	v, err := newVerifier(t.Context(), of(c.URL), func() time.Time { return time.Unix(0, now.Load()) })
	if err != nil {
		t.Fatal(err)
	}
	if _, err := v.Verify(t.Context(), issue(t, first)); err != nil {
		t.Fatal(err)
	}
	c.serve(t)
	now.Add(int64(keysFor + time.Second))
	for deadline := time.Now().Add(30 * time.Second); ; {
		_, err := v.Verify(t.Context(), issue(t, first))
		if errs.Is(err, errs.Unauthenticated) {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("a token by a key that was withdrawn: %v", err)
		}
	}
}

// TestTimesAndAlgorithms makes tokens of its own, with a key that the issuer shows.
func TestTimesAndAlgorithms(t *testing.T) {
	t.Parallel()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	shared := []byte("a secret of thirty-two characters")
	mux := http.NewServeMux()
	s := httptest.NewServer(mux)
	defer s.Close()
	answer := func(path string, v any) {
		mux.HandleFunc(path, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			json.NewEncoder(w).Encode(v)
		})
	}
	answer("/.well-known/openid-configuration", map[string]any{"issuer": s.URL, "jwks_uri": s.URL + "/keys", "id_token_signing_alg_values_supported": []string{"HS256", "RS256"}})
	answer("/keys", jose.JSONWebKeySet{Keys: []jose.JSONWebKey{
		{KeyID: "rsa", Key: key.Public(), Use: "sig"}, {KeyID: "shared", Key: shared}, {KeyID: "enc", Key: key.Public(), Use: "enc"}}})
	cfg := of(s.URL)
	cfg.Claims = []string{"department", "realm_access.roles", "https://shop.example/level"}
	v, err := NewVerifier(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	token := func(algorithm jose.SignatureAlgorithm, kid string, with any, changes map[string]any) string {
		t.Helper()
		claims := map[string]any{"iss": s.URL, "sub": "ada", "aud": embedded.Audience, "exp": now.Add(time.Hour).Unix(),
			"department": "sales", "realm_access": map[string]any{"roles": []string{"a", "b"}}, "https://shop.example/level": 3}
		for name, value := range changes {
			claims[name] = value
		}
		signer, err := jose.NewSigner(jose.SigningKey{Algorithm: algorithm, Key: jose.JSONWebKey{Key: with, KeyID: kid}}, nil)
		if err != nil {
			t.Fatal(err)
		}
		body, err := json.Marshal(claims)
		if err != nil {
			t.Fatal(err)
		}
		signed, err := signer.Sign(body)
		if err != nil {
			t.Fatal(err)
		}
		raw, err := signed.CompactSerialize()
		if err != nil {
			t.Fatal(err)
		}
		return raw
	}
	for what, c := range map[string]struct{ raw, want string }{
		"RS256":                          {token(jose.RS256, "rsa", key, nil), ""},
		"PS512":                          {token(jose.PS512, "rsa", key, nil), ""},
		"no key named":                   {token(jose.RS256, "", key, nil), ""},
		"expired within the skew":        {token(jose.RS256, "rsa", key, map[string]any{"exp": now.Add(-20 * time.Second).Unix()}), ""},
		"expired before":                 {token(jose.RS256, "rsa", key, map[string]any{"exp": now.Add(-40 * time.Second).Unix()}), "has expired"},
		"no expiry":                      {token(jose.RS256, "rsa", key, map[string]any{"exp": nil}), "has expired"},
		"begins within the skew":         {token(jose.RS256, "rsa", key, map[string]any{"nbf": now.Add(20 * time.Second).Unix()}), ""},
		"begins later":                   {token(jose.RS256, "rsa", key, map[string]any{"nbf": now.Add(2 * time.Minute).Unix()}), "not valid yet"},
		"a shared secret":                {token(jose.HS256, "shared", shared, nil), "not valid"},
		"the public key as a secret":     {token(jose.HS256, "rsa", x509.MarshalPKCS1PublicKey(&key.PublicKey), nil), "not valid"},
		"nobody":                         {token(jose.RS256, "rsa", key, map[string]any{"sub": nil}), "does not say whose it is"},
		"nobody by name":                 {token(jose.RS256, "rsa", key, map[string]any{"sub": ""}), "does not say whose it is"},
		"a key that is for encrypting":   {token(jose.RS256, "enc", key, nil), "not valid"},
		"one of several audiences":       {token(jose.RS256, "rsa", key, map[string]any{"aud": []string{"other", embedded.Audience}}), ""},
		"a person of another's audience": {token(jose.RS256, "rsa", key, map[string]any{"aud": "other"}), "another audience"},
	} {
		got, err := v.Verify(t.Context(), c.raw)
		switch {
		case c.want != "" && (!errs.Is(err, errs.Unauthenticated) || !strings.Contains(err.Error(), c.want)):
			t.Errorf("%s: %v, want %q", what, err, c.want)
		case c.want == "" && err != nil:
			t.Errorf("%s: %v", what, err)
		case c.want == "" && (got.Named["department"][0] != "sales" || len(got.Named["realm_access.roles"]) != 2 || got.Named["https://shop.example/level"][0] != "3"):
			t.Errorf("%s: the claims are %v", what, got.Named)
		}
	}
	for want, changes := range map[string]map[string]any{"a": {"client_id": "a", "azp": "b"}, "b": {"azp": "b", "cid": "c"}, "c": {"cid": "c"}, "d": {"appid": "d"}, "": nil} {
		if got, err := v.Verify(t.Context(), token(jose.RS256, "rsa", key, changes)); err != nil || got.ClientID != want {
			t.Errorf("with %v the client is %q, %v", changes, got.ClientID, err)
		}
	}
	for _, wrong := range []Config{{}, of("ldap://x"), of(s.URL, s.URL), {Issuers: []Issuer{{URL: s.URL}}}, {Issuers: of(s.URL).Issuers, ClockSkew: time.Hour}} {
		if _, err := NewVerifier(t.Context(), wrong); err == nil {
			t.Errorf("%+v is taken", wrong)
		}
	}
}

// TestOnlyWhatIsSignedCounts: a token may be JSON as well (RFC 7515, section 7.2), and have more in it then than is
// signed.
func TestOnlyWhatIsSignedCounts(t *testing.T) {
	t.Parallel()
	s := provider(t, config(""))
	v := verifier(t, s.Issuer())
	parts := strings.Split(issue(t, s), ".")
	body, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		t.Fatal(err)
	}
	forged := strings.Replace(string(body), `"usr_ada"`, `"usr_sam","roles":["staff"]`, 1)
	if forged == string(body) {
		t.Fatalf("%s is nobody's token", body)
	}
	more := base64.RawURLEncoding.EncodeToString([]byte(forged))
	for _, raw := range []string{
		fmt.Sprintf(`{"protected":%q,"payload":%q,"signature":%q,"more":".%s."}`, parts[0], parts[1], parts[2], more),
		fmt.Sprintf(`{"payload":%q,"signatures":[{"protected":%q,"signature":%q}],"more":".%s."}`, parts[1], parts[0], parts[2], more),
	} {
		if c, err := v.Verify(t.Context(), raw); !errs.Is(err, errs.Unauthenticated) {
			t.Errorf("whoever has a token of ada's may be %+v, %v", c, err)
		}
	}
	if c, err := v.Verify(t.Context(), strings.Join(parts, ".")); err != nil || c.Subject != "usr_ada" {
		t.Errorf("the token itself: %+v, %v", c, err)
	}
}

// TestRolesThatAnIssuerGives: what its tokens say of roles counts as far as it is believed.
func TestRolesThatAnIssuerGives(t *testing.T) {
	t.Parallel()
	s := provider(t, config(""))
	raw, err := s.IssueToken("sam")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ may, want []string }{
		{nil, []string{"staff"}}, {[]string{}, nil}, {[]string{"partner"}, nil}, {[]string{"partner", "staff"}, []string{"staff"}},
	} {
		cfg := of(s.Issuer())
		cfg.Issuers[0].Roles = c.may
		v, err := NewVerifier(t.Context(), cfg)
		if err != nil {
			t.Fatal(err)
		}
		for range 2 { // the second time from what is remembered of the token
			if got, err := v.Verify(t.Context(), raw); err != nil || got.Subject != "usr_sam" || !slices.Equal(got.Roles, c.want) {
				t.Errorf("an issuer that may give %q gives %q, %v; want %q", c.may, got.Roles, err, c.want)
			}
		}
	}
}
