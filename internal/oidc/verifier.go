// Package oidc is the client side of OpenID Connect: it verifies access tokens, and it gets tokens
// for the command line and for partners.
//
// It issues nothing and keeps no session. Enter at NewVerifier, SignIn and ClientCredentials.
package oidc

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	lru "github.com/hashicorp/golang-lru/v2"

	"storefront/internal/errs"
)

// Config says whose tokens are good.
type Config struct {
	Issuer    string        // the issuer's URL, exactly as in its discovery document
	Audience  string        // must be in a token's "aud"
	ClockSkew time.Duration // how long after its expiry a token is still good; 0 means 30 s
	Claims    []string      // further claims that are kept of a token; one of an object as realm_access.roles
	Logger    *slog.Logger
}

// Claims are what a verified access token says about its bearer.
type Claims struct {
	Issuer   string
	Subject  string
	Name     string
	Email    string
	Locale   string // BCP 47, empty when unknown
	ClientID string // the application that got the token
	Roles    []string
	Scopes   []string
	Expiry   time.Time
	Named    map[string][]string // those of Config.Claims that the token has, each as texts
}

// HasRole reports whether role is among the roles.
func (c Claims) HasRole(role string) bool { return slices.Contains(c.Roles, role) }

// HasScope reports whether scope is among the scopes.
func (c Claims) HasScope(scope string) bool { return slices.Contains(c.Scopes, scope) }

const (
	cachedTokens = 16384
	cachedFor    = 10 * time.Minute // so that a withdrawn key stops counting
	keysFreshFor = 2 * time.Second  // so that bad tokens cannot make us fetch keys without end
	maxToken     = 16 << 10         // bytes
)

// Verifier verifies access tokens. It is safe for concurrent use.
type Verifier struct {
	cfg      Config
	client   *http.Client
	verifier atomic.Pointer[oidc.IDTokenVerifier] // nil until the issuer has answered
	cache    *lru.Cache[[sha256.Size]byte, cached]
}

type cached struct {
	claims Claims
	until  time.Time
}

// NewVerifier returns a verifier of the issuer's tokens. It tries to reach the issuer once; when that
// fails it goes on trying until ctx ends, and Verify answers Unavailable meanwhile.
func NewVerifier(ctx context.Context, cfg Config) (*Verifier, error) {
	if u, err := url.Parse(cfg.Issuer); err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
		return nil, fmt.Errorf("verify tokens: %q is not an issuer; give its URL, such as https://login.example.com", cfg.Issuer)
	}
	if cfg.Audience == "" {
		return nil, errors.New("verify tokens: an audience is needed")
	}
	if cfg.ClockSkew == 0 {
		cfg.ClockSkew = 30 * time.Second
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	cache, err := lru.New[[sha256.Size]byte, cached](cachedTokens)
	if err != nil {
		return nil, fmt.Errorf("verify tokens: %w", err)
	}
	v := &Verifier{cfg: cfg, cache: cache, client: &http.Client{Timeout: 10 * time.Second, Transport: newKeyCache()}}
	if err := v.discover(ctx); err != nil {
		cfg.Logger.Warn("the OIDC issuer does not answer yet; trying again in the background", "issuer", cfg.Issuer, "error", err)
		go v.keepDiscovering(ctx)
	}
	return v, nil
}

func (v *Verifier) discover(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(oidc.ClientContext(ctx, v.client), 3*time.Second)
	defer cancel()
	provider, err := oidc.NewProvider(ctx, v.cfg.Issuer)
	if err != nil {
		return fmt.Errorf("discover %s: %w", v.cfg.Issuer, err)
	}
	v.verifier.Store(provider.VerifierContext(ctx, &oidc.Config{
		ClientID: v.cfg.Audience,
		Now:      func() time.Time { return time.Now().Add(-v.cfg.ClockSkew) },
	}))
	return nil
}

func (v *Verifier) keepDiscovering(ctx context.Context) {
	wait := 100 * time.Millisecond
	timer := time.NewTimer(wait)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		err := v.discover(ctx)
		if err == nil {
			v.cfg.Logger.Info("the OIDC issuer answers", "issuer", v.cfg.Issuer)
			return
		}
		v.cfg.Logger.Debug("the OIDC issuer does not answer yet", "error", err)
		wait = min(2*wait, 5*time.Second)
		timer.Reset(wait)
	}
}

// Ready reports whether the issuer has answered, so that tokens can be verified.
func (v *Verifier) Ready() bool { return v.verifier.Load() != nil }

// Verify checks the token's signature, issuer, audience and times. The error is Unauthenticated, or
// Unavailable when the issuer cannot be reached. A token seen before is not checked again until it
// expires, or ten minutes have passed.
func (v *Verifier) Verify(ctx context.Context, raw string) (Claims, error) {
	if raw == "" {
		return Claims{}, errs.New(errs.Unauthenticated, "no token was given; sign in first")
	}
	if len(raw) > maxToken {
		return Claims{}, errs.New(errs.Unauthenticated, "the token is too long; sign in again for a new one")
	}
	key := sha256.Sum256([]byte(raw))
	now := time.Now()
	if hit, ok := v.cache.Get(key); ok && now.Before(hit.until) {
		return hit.claims, nil
	}
	// Checked first, without trust, because it can be said more clearly here.
	if err := v.precheck(raw, now); err != nil {
		return Claims{}, err
	}
	verifier := v.verifier.Load()
	if verifier == nil {
		return Claims{}, errs.New(errs.Unavailable, "the sign-in service cannot be reached; try again in a moment")
	}
	token, err := verifier.Verify(ctx, raw)
	if err != nil {
		return Claims{}, verifyError(err)
	}
	var p payload
	if err := token.Claims(&p); err != nil {
		return Claims{}, errs.Wrap(errs.Unauthenticated, err, "the token's claims cannot be read; sign in again for a new one")
	}
	claims := p.claims(token.Expiry)
	if len(v.cfg.Claims) > 0 {
		var all map[string]any
		if err := token.Claims(&all); err != nil {
			return Claims{}, errs.Wrap(errs.Unauthenticated, err, "the token's claims cannot be read; sign in again for a new one")
		}
		claims.Named = named(all, v.cfg.Claims)
	}
	until := token.Expiry.Add(v.cfg.ClockSkew)
	if limit := now.Add(cachedFor); until.After(limit) {
		until = limit
	}
	v.cache.Add(key, cached{claims, until})
	return claims, nil
}

func (v *Verifier) precheck(raw string, now time.Time) error {
	parts := strings.Split(raw, ".")
	if len(parts) != 3 {
		return errs.New(errs.Unauthenticated, "the token is not a JWT; send the access token you got at sign-in")
	}
	body, err := base64.RawURLEncoding.DecodeString(parts[1])
	var p payload
	if err == nil {
		err = json.Unmarshal(body, &p)
	}
	switch {
	case err != nil:
		return errs.New(errs.Unauthenticated, "the token is not a JWT; send the access token you got at sign-in")
	case p.Issuer != v.cfg.Issuer:
		return errs.New(errs.Unauthenticated, "the token was issued by another sign-in service; sign in at %s", v.cfg.Issuer)
	case now.After(time.Unix(int64(p.Expiry), 0).Add(v.cfg.ClockSkew)):
		return errs.New(errs.Unauthenticated, "the token has expired; sign in again")
	case !slices.Contains(p.Audience, v.cfg.Audience):
		return errs.New(errs.Unauthenticated, "the token is meant for another audience; ask for one for %q", v.cfg.Audience)
	case p.AccessTokenHash != "":
		return errs.New(errs.Unauthenticated, "this is an ID token; send the access token instead")
	}
	return nil
}

func verifyError(err error) error {
	if _, ok := errors.AsType[*oidc.TokenExpiredError](err); ok {
		return errs.New(errs.Unauthenticated, "the token has expired; sign in again")
	}
	// go-oidc has no type for this one.
	if strings.Contains(err.Error(), "fetching keys") {
		return errs.Wrap(errs.Unavailable, err, "the sign-in service cannot be reached; try again in a moment")
	}
	return errs.Wrap(errs.Unauthenticated, err, "the token is not valid; sign in again for a new one")
}
