package oidc

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"

	"storefront/internal/errs"
)

// Token is what the token endpoint answered. RefreshToken and IDToken are empty where the grant gives
// none.
type Token struct {
	AccessToken  string
	RefreshToken string
	IDToken      string
	ExpiresIn    time.Duration
}

// landing is where SignIn asks to be sent back to. Nothing listens there: the redirect is read, not
// followed.
const landing = "http://127.0.0.1:1/signed-in"

const requestTimeout = 15 * time.Second

// SignIn signs a person in at the embedded provider, without a browser: it walks the authorization
// code flow with PKCE and fills in the sign-in form. The error is Unauthenticated when the name or
// the password is wrong, Unavailable when the issuer does not answer.
func SignIn(ctx context.Context, issuer, clientID, username, password string) (Token, error) {
	jar, err := cookiejar.New(nil)
	if err != nil {
		return Token{}, fmt.Errorf("sign in: %w", err)
	}
	client := &http.Client{Jar: jar, Timeout: requestTimeout, CheckRedirect: stopAtLanding}
	ctx = oidc.ClientContext(ctx, client)
	provider, err := discoverIssuer(ctx, issuer)
	if err != nil {
		return Token{}, err
	}
	conf := oauth2.Config{
		ClientID: clientID, Endpoint: provider.Endpoint(), RedirectURL: landing,
		Scopes: []string{oidc.ScopeOpenID, "profile", "email", oidc.ScopeOfflineAccess},
	}
	conf.Endpoint.AuthStyle = oauth2.AuthStyleInParams
	state, verifier := rand.Text(), oauth2.GenerateVerifier()

	page, err := get(ctx, client, conf.AuthCodeURL(state, oauth2.S256ChallengeOption(verifier)))
	if err != nil {
		return Token{}, fmt.Errorf("open sign-in page: %w", err)
	}
	if page.StatusCode != http.StatusOK {
		return Token{}, fmt.Errorf("open sign-in page: %s answers %s; is %q a client of it?", issuer, page.Status, clientID)
	}
	back, err := postForm(ctx, client, page.Request.URL.String(), url.Values{"username": {username}, "password": {password}})
	if err != nil {
		return Token{}, fmt.Errorf("send sign-in form: %w", err)
	}
	if back.StatusCode == http.StatusUnauthorized {
		return Token{}, errs.New(errs.Unauthenticated, "the user name %q or its password is wrong", username)
	}
	to, err := back.Location()
	if err != nil || !strings.HasPrefix(to.String(), landing) {
		return Token{}, fmt.Errorf("send sign-in form: %s answers %s; only the embedded provider's form can be filled in", issuer, back.Status)
	}
	q := to.Query()
	if q.Get("code") == "" || q.Get("state") != state {
		return Token{}, fmt.Errorf("sign in: %s refused: %s %s", issuer, q.Get("error"), q.Get("error_description"))
	}
	t, err := conf.Exchange(ctx, q.Get("code"), oauth2.VerifierOption(verifier))
	if err != nil {
		return Token{}, tokenError("exchange code", err)
	}
	return fromOAuth(t), nil
}

// Refresh exchanges a refresh token of a public client for new tokens; the old one is used up.
func Refresh(ctx context.Context, issuer, clientID, refreshToken string) (Token, error) {
	ctx = oidc.ClientContext(ctx, &http.Client{Timeout: requestTimeout})
	provider, err := discoverIssuer(ctx, issuer)
	if err != nil {
		return Token{}, err
	}
	conf := oauth2.Config{ClientID: clientID, Endpoint: provider.Endpoint()}
	conf.Endpoint.AuthStyle = oauth2.AuthStyleInParams
	t, err := conf.TokenSource(ctx, &oauth2.Token{RefreshToken: refreshToken}).Token()
	if err != nil {
		return Token{}, tokenError("refresh token", err)
	}
	return fromOAuth(t), nil
}

// ClientCredentials gets a token for a client itself, with the scopes, or all it may have when none is
// named. It works with any provider. The error is Unauthenticated when the provider refuses.
func ClientCredentials(ctx context.Context, issuer, id, secret string, scopes ...string) (Token, error) {
	ctx = oidc.ClientContext(ctx, &http.Client{Timeout: requestTimeout})
	provider, err := discoverIssuer(ctx, issuer)
	if err != nil {
		return Token{}, err
	}
	conf := clientcredentials.Config{
		ClientID: id, ClientSecret: secret, Scopes: scopes,
		TokenURL: provider.Endpoint().TokenURL, AuthStyle: oauth2.AuthStyleInHeader,
	}
	t, err := conf.Token(ctx)
	if err != nil {
		return Token{}, tokenError("get client token", err)
	}
	return fromOAuth(t), nil
}

func discoverIssuer(ctx context.Context, issuer string) (*oidc.Provider, error) {
	provider, err := oidc.NewProvider(ctx, issuer)
	if err != nil {
		return nil, errs.Wrap(errs.Unavailable, err, "the sign-in service at %s does not answer; start it, or give the right issuer", issuer)
	}
	return provider, nil
}

func fromOAuth(t *oauth2.Token) Token {
	id, _ := t.Extra("id_token").(string) // absent for client credentials
	return Token{
		AccessToken: t.AccessToken, RefreshToken: t.RefreshToken, IDToken: id,
		ExpiresIn: time.Until(t.Expiry).Round(time.Second), // client credentials set no ExpiresIn
	}
}

// tokenError leaves out the response's body, which may hold a token.
func tokenError(verb string, err error) error {
	if e, ok := errors.AsType[*oauth2.RetrieveError](err); ok {
		return errs.New(errs.Unauthenticated, "%s: the sign-in service refused: %s %s", verb, e.ErrorCode, e.ErrorDescription)
	}
	return fmt.Errorf("%s: %w", verb, err)
}

func stopAtLanding(req *http.Request, via []*http.Request) error {
	if strings.HasPrefix(req.URL.String(), landing) {
		return http.ErrUseLastResponse
	}
	if len(via) > 10 {
		return errors.New("too many redirects")
	}
	return nil
}

func get(ctx context.Context, client *http.Client, address string) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	return do(client, req)
}

func postForm(ctx context.Context, client *http.Client, address string, form url.Values) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, address, strings.NewReader(form.Encode()))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return do(client, req)
}

// do returns the response with its body closed; only its status and headers are of use here.
func do(client *http.Client, req *http.Request) (*http.Response, error) {
	resp, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	return resp, resp.Body.Close()
}
