package main

// Whose tokens are believed.

import (
	"context"
	"log/slog"
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

// verifier verifies the issuers' tokens, and keeps these claims of them beside the usual ones; nil without an issuer.
func (c OIDCFlags) verifier(ctx context.Context, claims []string, log *slog.Logger) (*oidc.Verifier, error) {
	if len(c.Issuers) == 0 {
		return nil, nil
	}
	cfg := oidc.Config{ClockSkew: c.ClockSkew, Claims: claims, Logger: log}
	for _, text := range c.Issuers {
		words := strings.Fields(text)
		one := oidc.Issuer{URL: words[0], Audiences: words[1:]}
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
