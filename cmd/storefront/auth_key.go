package main

// Partners that sign in by a key rather than by OIDC.

import (
	"context"
	"net/http"
	"slices"

	"storefront/internal/errs"
	"storefront/router/gateway"
)

// byKey is who holds a partner's key. The key is taken out of the headers, so that nothing forwards it. A
// stream that was opened with it ends when the key does, and when the partner's scopes change.
func (a authenticator) byKey(ctx context.Context, secret string, h http.Header) (*gateway.Identity, error) {
	if a.partners == nil {
		return nil, errs.New(errs.Unauthenticated, "this router knows no partners' keys, since it has no --mongodb-uri; sign in by OIDC")
	}
	if h.Get("Authorization") != "" && h.Get("X-Api-Key") != "" {
		return nil, errs.New(errs.BadInput, "send a key in one header: authorization or x-api-key, not both")
	}
	p, key, err := a.partners.ByKey(ctx, secret)
	if err != nil {
		return nil, err
	}
	h.Del("Authorization")
	h.Del("X-Api-Key")
	out := partnerIdentity(p, firstLanguage(h.Get("Accept-Language")))
	if key.ExpiresAt != nil {
		out.Expiry = *key.ExpiresAt
	}
	out.Holds = func(ctx context.Context) error {
		now, _, err := a.partners.ByKey(ctx, secret)
		if err != nil {
			return err
		}
		return sameScopes(now.Scopes, p.Scopes)
	}
	return out, nil
}

// sameScopes is Forbidden when a partner's scopes are no longer those that it began with, in whatever order.
func sameScopes(now, before []string) error {
	if slices.Equal(slices.Sorted(slices.Values(now)), slices.Sorted(slices.Values(before))) {
		return nil
	}
	return errs.New(errs.Forbidden, "the partner's scopes have changed; connect again")
}
