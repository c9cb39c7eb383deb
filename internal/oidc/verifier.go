// Package oidc is the client side of OpenID Connect: it verifies access tokens, and it gets tokens
// for the command line and for partners.
//
// It issues nothing and keeps no session. Enter at NewVerifier, SignIn and ClientCredentials.
package oidc

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"

	"storefront/internal/errs"
)

// Config says whose tokens are good.
type Config struct {
	Issuers   []Issuer
	ClockSkew time.Duration // how far clocks may differ: how long after its expiry, and before its beginning, a token is good
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
	Until    time.Time           // when it is good no longer: that much later as clocks may differ
	Named    map[string][]string // those of Config.Claims that the token has, each as texts
}

// HasRole reports whether role is among the roles.
func (c Claims) HasRole(role string) bool { return slices.Contains(c.Roles, role) }

// HasScope reports whether scope is among the scopes.
func (c Claims) HasScope(scope string) bool { return slices.Contains(c.Scopes, scope) }

const (
	cachedTokens = 16384
	cachedFor    = 10 * time.Minute // so that a withdrawn key stops counting
	maxToken     = 16 << 10         // bytes
	maxSkew      = 10 * time.Minute
)

// Verifier verifies access tokens. It is safe for concurrent use.
type Verifier struct {
	cfg     Config
	now     func() time.Time
	issuers []*issuer
	cache   *lru.Cache[[sha256.Size]byte, cached]
}

type cached struct {
	claims Claims
	until  time.Time
}

// NewVerifier returns a verifier of the issuers' tokens. It tries to reach all of them once, at the same time; where
// that fails it goes on trying until ctx ends, and Verify answers Unavailable meanwhile for that issuer's tokens.
func NewVerifier(ctx context.Context, cfg Config) (*Verifier, error) {
	return newVerifier(ctx, cfg, time.Now)
}

func newVerifier(ctx context.Context, cfg Config, now func() time.Time) (*Verifier, error) {
	if len(cfg.Issuers) == 0 {
		return nil, errors.New("verify tokens: an issuer is needed")
	}
	if cfg.ClockSkew < 0 || cfg.ClockSkew > maxSkew {
		return nil, fmt.Errorf("verify tokens: clocks may differ by 0s to %s, not by %s", maxSkew, cfg.ClockSkew)
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	cache, err := lru.New[[sha256.Size]byte, cached](cachedTokens)
	if err != nil {
		return nil, fmt.Errorf("verify tokens: %w", err)
	}
	v := &Verifier{cfg: cfg, now: now, cache: cache}
	client := &http.Client{Timeout: 10 * time.Second}
	for _, one := range cfg.Issuers {
		if err := one.check(); err != nil {
			return nil, err
		}
		if v.issuer(one.URL) != nil {
			return nil, fmt.Errorf("verify tokens: the issuer %s is named twice; name all its audiences at once", one.URL)
		}
		v.issuers = append(v.issuers, &issuer{Issuer: one, client: client, now: now, log: cfg.Logger})
	}
	var all sync.WaitGroup
	for _, i := range v.issuers {
		all.Go(func() {
			if err := i.discover(ctx); err != nil {
				i.log.Warn("the OIDC issuer does not answer yet; trying again in the background", "issuer", i.URL, "error", err)
				go i.keepDiscovering(ctx)
			}
		})
	}
	all.Wait()
	return v, nil
}

// issuer is the one of this URL, nil when its tokens are not believed.
func (v *Verifier) issuer(url string) *issuer {
	for _, i := range v.issuers {
		if i.URL == url {
			return i
		}
	}
	return nil
}

// Ready reports whether an issuer has answered, so that tokens of its can be verified.
func (v *Verifier) Ready() bool {
	return slices.ContainsFunc(v.issuers, func(i *issuer) bool { return i.keys.Load() != nil })
}

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
	now := v.now()
	if hit, ok := v.cache.Get(key); ok && now.Before(hit.until) {
		return hit.claims, nil
	}
	p, body, from, err := v.precheck(raw, now)
	if err != nil {
		return Claims{}, err
	}
	keys := from.keys.Load()
	if keys == nil {
		return Claims{}, errs.New(errs.Unavailable, "the sign-in service cannot be reached; try again in a moment")
	}
	signed, err := keys.verify(ctx, raw)
	if err == nil && !bytes.Equal(signed, body) {
		err = errors.New("what is signed is not what was checked")
	}
	if errors.Is(err, errNoKeys) {
		return Claims{}, errs.Wrap(errs.Unavailable, err, "the sign-in service cannot be reached; try again in a moment")
	}
	if err != nil {
		return Claims{}, errs.Wrap(errs.Unauthenticated, err, "the token is not valid; sign in again for a new one")
	}
	claims := p.claims(seconds(p.Expiry))
	claims.Roles = from.given(claims.Roles)
	claims.Until = claims.Expiry.Add(v.cfg.ClockSkew)
	if len(v.cfg.Claims) > 0 {
		var all map[string]any
		if err := json.Unmarshal(signed, &all); err != nil {
			return Claims{}, errs.Wrap(errs.Unauthenticated, err, "the token's claims cannot be read; sign in again for a new one")
		}
		claims.Named = named(all, v.cfg.Claims)
	}
	until := claims.Until
	if limit := now.Add(cachedFor); until.After(limit) {
		until = limit
	}
	v.cache.Add(key, cached{claims, until})
	return claims, nil
}

// precheck reads a token without trust in it, finds whose it says it is, and checks all but the signature, which has
// to be that of body.
func (v *Verifier) precheck(raw string, now time.Time) (p payload, body []byte, from *issuer, err error) {
	noJWT := errs.New(errs.Unauthenticated, "the token is not a JWT; send the access token you got at sign-in")
	parts := strings.Split(raw, ".")
	if len(parts) != 3 {
		return p, nil, nil, noJWT
	}
	body, err = base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil || json.Unmarshal(body, &p) != nil {
		return p, nil, nil, noJWT
	}
	from = v.issuer(p.Issuer)
	switch {
	case from == nil:
		return p, nil, nil, errs.New(errs.Unauthenticated, "the token was issued by another sign-in service; sign in at %s", v.names())
	case now.After(seconds(p.Expiry).Add(v.cfg.ClockSkew)):
		return p, nil, nil, errs.New(errs.Unauthenticated, "the token has expired; sign in again")
	case now.Add(v.cfg.ClockSkew).Before(seconds(p.NotBefore)):
		return p, nil, nil, errs.New(errs.Unauthenticated, "the token is not valid yet; set the clocks right, or sign in again")
	case !slices.ContainsFunc(p.Audience, func(a string) bool { return slices.Contains(from.Audiences, a) }):
		return p, nil, nil, errs.New(errs.Unauthenticated, "the token is meant for another audience; ask for one for %q", strings.Join(from.Audiences, `" or "`))
	case p.Subject == "": // or all of an issuer's people would be one
		return p, nil, nil, errs.New(errs.Unauthenticated, "the token does not say whose it is; have the sign-in service put sub into access tokens")
	case p.AccessTokenHash != "":
		return p, nil, nil, errs.New(errs.Unauthenticated, "this is an ID token; send the access token instead")
	}
	return p, body, from, nil
}

// seconds is a time as JWT writes it.
func seconds(since1970 float64) time.Time { return time.Unix(int64(since1970), 0) }

func (v *Verifier) names() string {
	names := make([]string, len(v.issuers))
	for n, i := range v.issuers {
		names[n] = i.URL
	}
	return strings.Join(names, " or ")
}
