package main

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"storefront/internal/errs"
	"storefront/internal/identity"
	"storefront/internal/oidc"
	"storefront/internal/partners"
	"storefront/router/gateway"
)

// guestHeader carries the secret that cartCreate gave a guest.
const guestHeader = "X-Guest-Token"

// partnerRole is the role of clients that may send ids of published operations only.
const partnerRole = "partner"

// authenticator turns a request's bearer token and guest token into an identity. Without a verifier no
// token is believed; guests are known only where subgraphs are told who is asking.
type authenticator struct {
	verifier *oidc.Verifier
	guests   bool
	partners *partners.Store // nil: nobody has a key
}

func (a authenticator) Authenticate(ctx context.Context, h http.Header) (*gateway.Identity, error) {
	if id, ok := ctx.Value(actingFor{}).(*gateway.Identity); ok {
		return id, nil
	}
	if secret := partners.KeyIn(h); secret != "" {
		return a.byKey(ctx, secret, h)
	}
	who := identity.Identity{Locale: firstLanguage(h.Get("Accept-Language"))}
	out := &gateway.Identity{}
	if header := h.Get("Authorization"); header != "" {
		if a.verifier == nil {
			return nil, errs.New(errs.Unauthenticated, "this router knows no OIDC issuer, so nobody can sign in here; leave the header authorization out")
		}
		scheme, token, _ := strings.Cut(header, " ")
		if !strings.EqualFold(scheme, "Bearer") || token == "" {
			return nil, errs.New(errs.Unauthenticated, "the header authorization has to be: Bearer TOKEN")
		}
		claims, err := a.verifier.Verify(ctx, strings.TrimSpace(token))
		if err != nil {
			return nil, err
		}
		who.User = identity.UserID(claims.Issuer, claims.Subject)
		who.Issuer, who.Subject, who.Name, who.Email = claims.Issuer, claims.Subject, claims.Name, claims.Email
		who.Client, who.Roles, who.Scopes, who.Claims = claims.ClientID, claims.Roles, claims.Scopes, claims.Named
		if claims.Locale != "" {
			who.Locale = claims.Locale
		}
		out.Expiry = claims.Expiry
		if !time.Now().Before(claims.Expiry) { // a stream is not over as it begins
			out.Expiry = claims.Until
		}
		if slices.Contains(claims.Roles, partnerRole) {
			if claims.ClientID == "" { // what it may send and how much is known by its name
				return nil, errs.New(errs.Unauthenticated, "the token is a partner's and does not say which: it has to have client_id, azp, cid or appid")
			}
			out.Partner = claims.ClientID
			out.Priority = a.agreedPriority(ctx, claims.ClientID)
		}
	}
	if token := h.Get(guestHeader); token != "" && a.guests {
		// "undefined" and the like, which broken clients send, would make one guest of many people.
		if len(token) < 16 || len(token) > 100 {
			return nil, errs.New(errs.BadInput, "the header x-guest-token is the one that cartCreate gave, 32 characters")
		}
		who.Guest = identity.GuestID(token)
	}
	out.ID, out.All, out.Scopes, out.Rights, out.Value = who.User, who.Staff(), who.Scopes, policyRights(who), who
	if who.Guest != "" {
		out.Also = []string{who.Guest}
	}
	return out, nil
}

// agreedPriority is that of a partner's contract; the usual one while the database is away.
func (a authenticator) agreedPriority(ctx context.Context, name string) gateway.Priority {
	if a.partners == nil {
		return ""
	}
	p, err := a.partners.Find(ctx, name)
	if err != nil {
		return ""
	}
	return gateway.Priority(p.Priority)
}

// firstLanguage is the first tag of an Accept-Language header, "" when there is none that looks like one.
func firstLanguage(header string) string {
	tag, _, _ := strings.Cut(header, ",")
	tag, _, _ = strings.Cut(tag, ";")
	if tag = strings.TrimSpace(tag); len(tag) < 2 || len(tag) > 35 || tag == "*" {
		return ""
	}
	return tag
}
