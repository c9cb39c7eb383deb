package oidc

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"
	"golang.org/x/text/language"
)

// storage is what the provider asks: users and clients from the configuration, sign-ins under way in
// memory. Access tokens are not stored.
type storage struct {
	users   []User
	byName  map[string]User
	bySub   map[string]User
	clients map[string]*client
	keys    *keys
	spent   *spent

	mu       sync.Mutex
	requests map[string]*authRequest
	codes    map[string]string // code to request id
}

var (
	_ op.Storage                        = (*storage)(nil)
	_ op.ClientCredentialsStorage       = (*storage)(nil)
	_ op.CanGetPrivateClaimsFromRequest = (*storage)(nil)
)

func newStorage(cfg Config, k *keys, sp *spent) *storage {
	s := &storage{
		users: cfg.Users, keys: k, spent: sp,
		byName: make(map[string]User), bySub: make(map[string]User), clients: make(map[string]*client),
		requests: make(map[string]*authRequest), codes: make(map[string]string),
	}
	for _, u := range cfg.Users {
		s.byName[u.Username], s.bySub[u.Subject] = u, u
	}
	for _, c := range cfg.Clients {
		s.clients[c.ID] = newClient(c)
	}
	return s
}

func (s *storage) names() string {
	var names []string
	for _, u := range s.users {
		names = append(names, u.Username)
	}
	return strings.Join(names, ", ")
}

func (s *storage) scopes() []string {
	scopes := []string{oidc.ScopeOpenID, oidc.ScopeProfile, oidc.ScopeEmail, oidc.ScopeOfflineAccess}
	for _, c := range s.clients {
		scopes = append(scopes, c.Scopes...)
	}
	slices.Sort(scopes)
	return slices.Compact(scopes)
}

func sameSecret(a, b string) bool {
	x, y := sha256.Sum256([]byte(a)), sha256.Sum256([]byte(b))
	return subtle.ConstantTimeCompare(x[:], y[:]) == 1
}

var errNoRequest = errors.New("this sign-in has expired; go back to the application and sign in again")

// signIn marks the request as signed in when the password is right.
func (s *storage) signIn(id, username, password string) error {
	u, known := s.byName[username]
	if !sameSecret(u.Password, password) || !known {
		return errors.New("the user name or the password is wrong")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	r, ok := s.requests[id]
	if !ok || time.Now().After(r.expires) {
		return errNoRequest
	}
	signed := *r // the provider may be reading the old one
	signed.subject, signed.authTime = u.Subject, time.Now()
	s.requests[id] = &signed
	return nil
}

func (s *storage) CreateAuthRequest(_ context.Context, req *oidc.AuthRequest, _ string) (op.AuthRequest, error) {
	if slices.Contains(req.Prompt, oidc.PromptNone) {
		return nil, oidc.ErrLoginRequired() // there is no session to go on with
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	for id, r := range s.requests {
		if now.After(r.expires) {
			delete(s.requests, id)
		}
	}
	for code, id := range s.codes {
		if _, ok := s.requests[id]; !ok {
			delete(s.codes, code)
		}
	}
	r := &authRequest{AuthRequest: req, id: newID(), expires: now.Add(signInLifetime)}
	s.requests[r.id] = r
	return r, nil
}

func (s *storage) AuthRequestByID(_ context.Context, id string) (op.AuthRequest, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, ok := s.requests[id]
	if !ok || time.Now().After(r.expires) {
		return nil, errNoRequest
	}
	return r, nil
}

func (s *storage) AuthRequestByCode(ctx context.Context, code string) (op.AuthRequest, error) {
	s.mu.Lock()
	id, ok := s.codes[code]
	delete(s.codes, code) // a code is good for one try
	s.mu.Unlock()
	if !ok {
		return nil, errors.New("the code is unknown, used or expired")
	}
	return s.AuthRequestByID(ctx, id)
}

func (s *storage) SaveAuthCode(_ context.Context, id, code string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.codes[code] = id
	return nil
}

func (s *storage) DeleteAuthRequest(_ context.Context, id string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.requests, id)
	return nil
}

func (s *storage) CreateAccessToken(context.Context, op.TokenRequest) (string, time.Time, error) {
	return newID(), time.Now().Add(accessLifetime), nil
}

func (s *storage) CreateAccessAndRefreshTokens(ctx context.Context, req op.TokenRequest, current string) (string, string, time.Time, error) {
	id, expires, err := s.CreateAccessToken(ctx, req)
	if err != nil {
		return "", "", time.Time{}, err
	}
	next := &grant{ID: newID(), Sub: req.GetSubject(), Scopes: req.GetScopes(), Expires: time.Now().Add(refreshLifetime)}
	if r, ok := req.(op.IDTokenRequest); ok {
		next.ClientID, next.AuthTime = r.GetClientID(), r.GetAuthTime()
	}
	if current != "" {
		old, err := s.keys.openGrant(current)
		if err != nil {
			return "", "", time.Time{}, err
		}
		if err := s.spent.spend(old); err != nil {
			return "", "", time.Time{}, oidc.ErrInvalidGrant().WithParent(err)
		}
	}
	token, err := s.keys.sealGrant(next)
	return id, token, expires, err
}

func (s *storage) TokenRequestByRefreshToken(_ context.Context, token string) (op.RefreshTokenRequest, error) {
	g, err := s.keys.openGrant(token)
	if err != nil {
		return nil, err
	}
	_, known := s.bySub[g.Sub]
	if !known || s.spent.has(g.ID) || time.Now().After(g.Expires) {
		return nil, op.ErrInvalidRefreshToken
	}
	return g, nil
}

func (s *storage) TerminateSession(context.Context, string, string) error { return nil }

func (s *storage) RevokeToken(_ context.Context, token, _, clientID string) *oidc.Error {
	g, err := s.keys.openGrant(token)
	if err != nil {
		return nil // an access token runs out by itself; RFC 7009 wants no error
	}
	if g.ClientID != clientID {
		return oidc.ErrInvalidClient().WithDescription("the token was issued to another client")
	}
	if err := s.spent.spend(g); err != nil && !errors.Is(err, op.ErrInvalidRefreshToken) {
		return oidc.ErrServerError().WithParent(err)
	}
	return nil
}

func (s *storage) GetRefreshTokenInfo(_ context.Context, _ string, token string) (string, string, error) {
	g, err := s.keys.openGrant(token)
	if err != nil {
		return "", "", op.ErrInvalidRefreshToken
	}
	return g.Sub, token, nil
}

func (s *storage) SigningKey(context.Context) (op.SigningKey, error) { return signingKey{s.keys}, nil }

func (s *storage) SignatureAlgorithms(context.Context) ([]jose.SignatureAlgorithm, error) {
	return []jose.SignatureAlgorithm{jose.RS256}, nil
}

func (s *storage) KeySet(context.Context) ([]op.Key, error) { return []op.Key{publicKey{s.keys}}, nil }

func (s *storage) GetClientByClientID(_ context.Context, id string) (op.Client, error) {
	c, ok := s.clients[id]
	if !ok {
		return nil, fmt.Errorf("client %q is not registered", id)
	}
	return c, nil
}

func (s *storage) AuthorizeClientIDSecret(_ context.Context, id, secret string) error {
	c, ok := s.clients[id]
	if !ok || c.Public || !sameSecret(c.Secret, secret) {
		return errors.New("the client id or its secret is wrong")
	}
	return nil
}

func (s *storage) ClientCredentials(ctx context.Context, id, secret string) (op.Client, error) {
	if err := s.AuthorizeClientIDSecret(ctx, id, secret); err != nil {
		return nil, err
	}
	return s.clients[id], nil
}

func (s *storage) ClientCredentialsTokenRequest(_ context.Context, id string, scopes []string) (op.TokenRequest, error) {
	for _, scope := range scopes {
		if !s.clients[id].IsScopeAllowed(scope) {
			return nil, oidc.ErrInvalidScope().WithDescription("this client may ask for: %s", strings.Join(s.clients[id].Scopes, " "))
		}
	}
	if len(scopes) == 0 {
		scopes = s.clients[id].Scopes
	}
	return &grant{Sub: id, ClientID: id, Scopes: scopes}, nil
}

// GetPrivateClaimsFromRequest puts into an access token what the storefront reads from it.
func (s *storage) GetPrivateClaimsFromRequest(_ context.Context, req op.TokenRequest, _ []string) (map[string]any, error) {
	r, ok := req.(interface{ GetClientID() string })
	if !ok {
		return nil, errors.New("the token request names no client")
	}
	claims := map[string]any{"scope": strings.Join(req.GetScopes(), " "), "azp": r.GetClientID()}
	if u, ok := s.bySub[req.GetSubject()]; ok {
		claims["name"], claims["email"], claims["locale"], claims["roles"] = u.Name, u.Email, u.Locale, orNone(u.Roles)
	} else if c, ok := s.clients[r.GetClientID()]; ok {
		claims["name"], claims["roles"] = c.ID, orNone(c.Roles)
	}
	return claims, nil
}

func orNone(roles []string) []string {
	if roles == nil {
		return []string{}
	}
	return roles
}

func (s *storage) setUserinfo(info *oidc.UserInfo, subject string) error {
	u, ok := s.bySub[subject]
	if !ok {
		return fmt.Errorf("no user has the subject %q", subject)
	}
	info.Subject = u.Subject
	info.Name, info.PreferredUsername = u.Name, u.Username
	info.Email, info.EmailVerified = u.Email, true
	if tag, err := language.Parse(u.Locale); err == nil {
		info.Locale = oidc.NewLocale(tag)
	}
	info.AppendClaims("roles", orNone(u.Roles))
	return nil
}

func (s *storage) SetUserinfoFromScopes(_ context.Context, info *oidc.UserInfo, subject, _ string, _ []string) error {
	return s.setUserinfo(info, subject)
}

func (s *storage) SetUserinfoFromToken(_ context.Context, info *oidc.UserInfo, _, subject, _ string) error {
	return s.setUserinfo(info, subject)
}

// Introspection and JWT assertions are not offered: the tokens speak for themselves.

func (s *storage) SetIntrospectionFromToken(context.Context, *oidc.IntrospectionResponse, string, string, string) error {
	return errors.New("introspection is not offered; verify the token by the keys at jwks_uri")
}

func (s *storage) GetPrivateClaimsFromScopes(context.Context, string, string, []string) (map[string]any, error) {
	return nil, errors.New("claims need the token request")
}

func (s *storage) GetKeyByIDAndClientID(context.Context, string, string) (*jose.JSONWebKey, error) {
	return nil, errors.New("JWT assertions are not offered; use the client's secret")
}

func (s *storage) ValidateJWTProfileScopes(context.Context, string, []string) ([]string, error) {
	return nil, errors.New("JWT assertions are not offered; use the client's secret")
}

func (s *storage) Health(context.Context) error { return nil }

// authRequest is a sign-in under way.
type authRequest struct {
	*oidc.AuthRequest
	id       string
	subject  string // empty until signed in
	authTime time.Time
	expires  time.Time
}

func (r *authRequest) GetID() string                      { return r.id }
func (r *authRequest) GetACR() string                     { return "" }
func (r *authRequest) GetAMR() []string                   { return []string{"pwd"} }
func (r *authRequest) GetAudience() []string              { return []string{Audience} }
func (r *authRequest) GetAuthTime() time.Time             { return r.authTime }
func (r *authRequest) GetClientID() string                { return r.ClientID }
func (r *authRequest) GetNonce() string                   { return r.Nonce }
func (r *authRequest) GetResponseMode() oidc.ResponseMode { return r.ResponseMode }
func (r *authRequest) GetScopes() []string                { return r.Scopes }
func (r *authRequest) GetSubject() string                 { return r.subject }
func (r *authRequest) Done() bool                         { return r.subject != "" }
func (r *authRequest) GetCodeChallenge() *oidc.CodeChallenge {
	if r.CodeChallenge == "" {
		return nil
	}
	return &oidc.CodeChallenge{Challenge: r.CodeChallenge, Method: r.CodeChallengeMethod}
}
