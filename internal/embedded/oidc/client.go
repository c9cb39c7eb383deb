package oidc

import (
	"slices"
	"strings"
	"time"

	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"
)

// client shows a Client to the provider.
type client struct {
	Client
	exact []string // redirect URIs as they are
	globs []string // patterns of those with any port
}

var _ op.HasRedirectGlobs = (*client)(nil)

func newClient(c Client) *client {
	out := &client{Client: c}
	for _, uri := range c.RedirectURIs {
		base, anyPort := strings.CutSuffix(uri, ":*/")
		if !anyPort || (base != "http://127.0.0.1" && base != "http://localhost") {
			out.exact = append(out.exact, uri)
			continue
		}
		// "*" would match "1@elsewhere.example" too, so the port is spelled out digit by digit.
		for n := 1; n <= 5; n++ {
			out.globs = append(out.globs, base+":"+strings.Repeat("[0-9]", n)+"/")
		}
		out.globs = append(out.globs, base+"/")
	}
	return out
}

func (c *client) GetID() string                    { return c.ID }
func (c *client) RedirectURIs() []string           { return c.exact }
func (c *client) PostLogoutRedirectURIs() []string { return c.exact }

// RedirectURIGlobs are doublestar patterns, where "**" is any path.
func (c *client) RedirectURIGlobs() []string { return c.under("**") }

// PostLogoutRedirectURIGlobs are path.Match patterns, where "*" is one step of a path.
func (c *client) PostLogoutRedirectURIGlobs() []string { return c.under("*") }

func (c *client) under(tail string) []string {
	out := make([]string, len(c.globs))
	for i, g := range c.globs {
		out[i] = g + tail
	}
	return out
}

func (c *client) ApplicationType() op.ApplicationType {
	if c.Public {
		return op.ApplicationTypeUserAgent
	}
	return op.ApplicationTypeWeb
}

func (c *client) AuthMethod() oidc.AuthMethod {
	if c.Public {
		return oidc.AuthMethodNone
	}
	return oidc.AuthMethodBasic
}

func (c *client) GrantTypes() []oidc.GrantType {
	if c.Public {
		return []oidc.GrantType{oidc.GrantTypeCode, oidc.GrantTypeRefreshToken}
	}
	return []oidc.GrantType{oidc.GrantTypeCode, oidc.GrantTypeRefreshToken, oidc.GrantTypeClientCredentials}
}

func (c *client) ResponseTypes() []oidc.ResponseType {
	return []oidc.ResponseType{oidc.ResponseTypeCode}
}
func (c *client) LoginURL(id string) string            { return "/login?request=" + id }
func (c *client) AccessTokenType() op.AccessTokenType  { return op.AccessTokenTypeJWT }
func (c *client) IDTokenLifetime() time.Duration       { return accessLifetime }
func (c *client) DevMode() bool                        { return true } // http redirects, to loopback
func (c *client) IsScopeAllowed(scope string) bool     { return slices.Contains(c.Scopes, scope) }
func (c *client) IDTokenUserinfoClaimsAssertion() bool { return true }
func (c *client) ClockSkew() time.Duration             { return 0 }

func (c *client) RestrictAdditionalIdTokenScopes() func([]string) []string {
	return func(scopes []string) []string { return scopes }
}

func (c *client) RestrictAdditionalAccessTokenScopes() func([]string) []string {
	return func(scopes []string) []string { return scopes }
}
