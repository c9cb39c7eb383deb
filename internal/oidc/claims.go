package oidc

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
)

// payload is an access token's claims, as different providers write them.
type payload struct {
	Issuer          string  `json:"iss"`
	Subject         string  `json:"sub"`
	Audience        list    `json:"aud"`
	Expiry          float64 `json:"exp"` // seconds since 1970; a fraction is allowed by RFC 7519
	AccessTokenHash string  `json:"at_hash"`
	Name            string  `json:"name"`
	Email           string  `json:"email"`
	Locale          string  `json:"locale"`
	ClientID        string  `json:"client_id"` // RFC 9068
	AuthorizedParty string  `json:"azp"`       // OpenID Connect Core, section 2
	Roles           list    `json:"roles"`
	Scope           list    `json:"scope"` // RFC 8693, section 4.2
	Scp             list    `json:"scp"`   // the same, of providers such as Entra ID and Okta
}

func (p payload) claims(expiry time.Time) Claims {
	c := Claims{
		Issuer: p.Issuer, Subject: p.Subject, Name: p.Name, Email: p.Email, Locale: p.Locale,
		ClientID: p.ClientID, Roles: p.Roles, Scopes: slices.Concat(p.Scope, p.Scp), Expiry: expiry,
	}
	if c.ClientID == "" {
		c.ClientID = p.AuthorizedParty
	}
	return c
}

// list is a JSON array of strings, or one string of words.
type list []string

func (l *list) UnmarshalJSON(b []byte) error {
	var many []string
	if err := json.Unmarshal(b, &many); err == nil {
		*l = many
		return nil
	}
	var one string
	if err := json.Unmarshal(b, &one); err != nil {
		return fmt.Errorf("read list of strings: %w", err)
	}
	*l = strings.Fields(one)
	return nil
}
