package main

// Whose tokens are believed.

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"time"

	"storefront/internal/errs"
	"storefront/internal/oidc"
)

// OIDCFlags say whose tokens are believed.
type OIDCFlags struct {
	Issuers   []string      `flag:"oidc-issuer" env:"STOREFRONT_OIDC_ISSUER" help:"OIDC issuer, https://host/path, and behind it, after a space each, the audiences of its tokens where they are not those of --oidc-audience; repeatable"`
	Audiences []string      `flag:"oidc-audience" env:"STOREFRONT_OIDC_AUDIENCE" default:"storefront" help:"audience that access tokens must have; repeatable, one of them is enough"`
	ClockSkew time.Duration `flag:"oidc-clock-skew" env:"STOREFRONT_OIDC_CLOCK_SKEW" default:"30s" help:"how far the clocks of issuers may differ from ours: how long after its end, and before its beginning, a token is good; at most 10m"`
}

// issuer is the first, which commands sign in at; "" without any.
func (c OIDCFlags) issuer() string {
	if len(c.Issuers) == 0 {
		return ""
	}
	return issuerURL(c.Issuers[0])
}

// issuerURL is the first issuer of a list as --oidc-issuer takes it, without its audiences.
func issuerURL(list string) string {
	first, _, _ := strings.Cut(list, ",")
	url, _, _ := strings.Cut(strings.TrimSpace(first), " ")
	return url
}

// issuerSettings is what the configuration file says of one issuer.
type issuerSettings struct {
	Roles []string `yaml:"roles"` // that its tokens may give; * for any
}

// issuerRoles are the roles that tokens may give, by their issuer: one that is not here gives none. Nil: all give any.
type issuerRoles map[string][]string

// of is nil where an issuer's tokens may give any role.
func (r issuerRoles) of(url string) []string {
	if r == nil || slices.Contains(r[url], "*") {
		return nil
	}
	return append([]string{}, r[url]...)
}

// readIssuers reads which issuers may give which roles from a configuration file; nil where it does not say.
func (c OIDCFlags) readIssuers(path string) (issuerRoles, error) {
	file, check, err := openRouterFile(path)
	if err != nil || check.lines["issuers"] == 0 {
		return nil, err
	}
	wrong := func(setting, format string, args ...any) (issuerRoles, error) {
		return nil, errs.New(errs.BadInput, "%s:%d: %s: %s", path, check.lines[setting], setting, fmt.Sprintf(format, args...))
	}
	if len(file.Issuers) == 0 {
		return wrong("issuers", "it names none; write each with the roles that its tokens may give, or leave it out")
	}
	known := make([]string, len(c.Issuers))
	for i, text := range c.Issuers {
		known[i] = issuerURL(text)
	}
	all := issuerRoles{}
	for _, url := range slices.Sorted(maps.Keys(file.Issuers)) {
		setting := "issuers." + url
		if !slices.Contains(known, url) {
			return wrong(setting, "--oidc-issuer does not name it; it names %s", cmp.Or(strings.Join(known, ", "), "none"))
		}
		var s issuerSettings
		if err := settings(file.Issuers[url], &s); err != nil {
			return nil, yamlMistake(path, err)
		}
		if check.lines[setting+".roles"] == 0 {
			return wrong(setting, "write the roles that its tokens may give, such as roles: [staff], [] for none, or ['*'] for any")
		}
		all[url] = s.Roles
	}
	return all, nil
}

// verifier verifies the issuers' tokens as far as each may give roles, and keeps these claims of them beside the usual
// ones; nil without an issuer.
func (c OIDCFlags) verifier(ctx context.Context, claims []string, may issuerRoles, log *slog.Logger) (*oidc.Verifier, error) {
	if len(c.Issuers) == 0 {
		return nil, nil
	}
	cfg := oidc.Config{ClockSkew: c.ClockSkew, Claims: claims, Logger: log}
	for _, text := range c.Issuers {
		words := strings.Fields(text)
		one := oidc.Issuer{URL: words[0], Audiences: words[1:], Roles: may.of(words[0])}
		if len(one.Audiences) == 0 {
			one.Audiences = c.Audiences
		}
		cfg.Issuers = append(cfg.Issuers, one)
	}
	v, err := oidc.NewVerifier(ctx, cfg)
	if err != nil {
		return nil, errs.Wrap(errs.BadInput, err, "mend --oidc-issuer, --oidc-audience or --oidc-clock-skew")
	}
	return v, nil
}
