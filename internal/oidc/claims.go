package oidc

import (
	"cmp"
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
	NotBefore       float64 `json:"nbf"`
	AccessTokenHash string  `json:"at_hash"`
	Name            string  `json:"name"`
	Email           string  `json:"email"`
	Locale          string  `json:"locale"`
	ClientID        string  `json:"client_id"` // RFC 9068
	AuthorizedParty string  `json:"azp"`       // OpenID Connect Core, section 2
	CID             string  `json:"cid"`       // the same, of Okta
	AppID           string  `json:"appid"`     // and of Entra ID's first version
	Roles           list    `json:"roles"`
	Scope           list    `json:"scope"` // RFC 8693, section 4.2
	Scp             list    `json:"scp"`   // the same, of providers such as Entra ID and Okta
}

func (p payload) claims(expiry time.Time) Claims {
	return Claims{
		Issuer: p.Issuer, Subject: p.Subject, Name: p.Name, Email: p.Email, Locale: p.Locale,
		ClientID: cmp.Or(p.ClientID, p.AuthorizedParty, p.CID, p.AppID), Roles: p.Roles, Scopes: slices.Concat(p.Scope, p.Scp), Expiry: expiry,
	}
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

// named are the claims of these names, as texts.
func named(all map[string]any, names []string) map[string][]string {
	found := map[string][]string{}
	for _, name := range names {
		if texts := textsOf(at(all, name)); len(texts) > 0 {
			found[name] = texts
		}
	}
	return found
}

// at is the claim of a name, or what a name such as realm_access.roles leads to.
func at(all map[string]any, name string) any {
	if v, ok := all[name]; ok { // names are URLs at some providers, with dots in them
		return v
	}
	first, rest, ok := strings.Cut(name, ".")
	inner, is := all[first].(map[string]any)
	if !ok || !is {
		return nil
	}
	return at(inner, rest)
}

// textsOf are the texts of a text, a number, a boolean or a list of these.
func textsOf(v any) []string {
	switch v := v.(type) {
	case string:
		return []string{v}
	case bool, float64:
		return []string{fmt.Sprint(v)}
	case []any:
		var list []string
		for _, one := range v {
			if _, nested := one.([]any); !nested {
				list = append(list, textsOf(one)...)
			}
		}
		return list
	}
	return nil
}
