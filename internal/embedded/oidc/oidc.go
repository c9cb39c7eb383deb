// Package oidc is the embedded OpenID Connect provider, for demo users and clients given to it.
//
// It has discovery, JWKS, the authorization code flow with PKCE and a sign-in page, client
// credentials, refresh tokens, userinfo, revocation and end of session; access tokens are JWTs
// (RS256). The signing key lives in a folder, so tokens survive a restart. Passwords are demo
// passwords: the sign-in page shows them. Enter at Start.
package oidc

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"

	"storefront/internal/embedded"
)

// Audience is the "aud" of every access token.
const Audience = "storefront"

// WebClient is the id of the public client that IssueToken issues tokens for.
const WebClient = "storefront-web"

const (
	accessLifetime  = time.Hour
	refreshLifetime = 30 * 24 * time.Hour
	signInLifetime  = 15 * time.Minute // from the sign-in page to the use of the code
)

// User is a demo person.
type User struct {
	Username, Password   string
	Subject, Name, Email string
	Locale               string // BCP 47, such as "en-GB"
	Roles                []string
}

// Client is a registered application. A public client has no secret and must use PKCE; another one
// may use client credentials and then carries Roles itself.
type Client struct {
	ID, Secret   string
	RedirectURIs []string // one that ends in ":*/", on 127.0.0.1 or localhost, allows any port and path
	Public       bool
	Scopes       []string // allowed beside the standard ones
	Roles        []string
}

// Config says who can sign in and where the provider listens.
type Config struct {
	Addr    string // "127.0.0.1:port"; empty or port 0 means any free port
	Issuer  string // empty means "http://" and the address it listens on
	Dir     string // holds the signing key; empty means a new key at each start
	Users   []User
	Clients []Client
	Logger  *slog.Logger
}

// Server is a running provider.
type Server struct {
	addr     string
	issuer   string
	store    *storage
	provider *op.Provider
	server   *http.Server
	served   chan error
	release  func() error
	close    sync.Once
}

const part = "the OIDC provider"

// Start loads or makes the key and listens. ctx bounds the start only.
func Start(ctx context.Context, cfg Config) (*Server, error) {
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	ln, err := embedded.Listen(ctx, part, cfg.Addr)
	if err != nil {
		return nil, err
	}
	s := &Server{addr: ln.Addr().String(), issuer: cfg.Issuer, served: make(chan error, 1), release: func() error { return nil }}
	if s.issuer == "" {
		s.issuer = "http://" + s.addr
	}
	if err := s.prepare(cfg); err != nil {
		return nil, errors.Join(err, ln.Close(), s.release())
	}
	s.serve(ln, cfg.Logger)
	return s, nil
}

func (s *Server) prepare(cfg Config) error {
	u, err := url.Parse(s.issuer)
	if err != nil || u.Host == "" || u.Path != "" || u.RawQuery != "" || (u.Scheme != "http" && u.Scheme != "https") {
		return fmt.Errorf("start %s: %q is not an issuer; give a URL without a path, such as http://127.0.0.1:9000", part, s.issuer)
	}
	if cfg.Dir != "" {
		if err := embedded.Dir(part, cfg.Dir); err != nil {
			return err
		}
		release, err := embedded.Lock(part, cfg.Dir)
		if err != nil {
			return err
		}
		s.release = release
	}
	keys, err := loadKeys(cfg.Dir)
	if err != nil {
		return err
	}
	spent, err := openSpent(cfg.Dir)
	if err != nil {
		return err
	}
	s.store = newStorage(cfg, keys, spent)
	s.provider, err = op.NewProvider(&op.Config{
		CryptoKey:                keys.seal,
		DefaultLogoutRedirectURI: s.issuer + "/signed-out",
		CodeMethodS256:           true,
		AuthMethodPost:           true,
		GrantTypeRefreshToken:    true,
		SupportedScopes:          s.store.scopes(),
		SupportedClaims:          []string{"sub", "iss", "aud", "exp", "scope", "roles", "name", "email", "locale", "client_id", "azp"},
	}, s.store, op.StaticIssuer(s.issuer), op.WithAllowInsecure())
	if err != nil {
		return fmt.Errorf("start %s: %w", part, err)
	}
	return nil
}

func (s *Server) serve(ln net.Listener, log *slog.Logger) {
	mux := http.NewServeMux()
	callback := op.AuthCallbackURL(s.provider)
	page := &signIn{store: s.store, done: func(ctx context.Context, id string) string {
		return callback(op.ContextWithIssuer(ctx, s.issuer), id)
	}}
	mux.HandleFunc("GET /login", page.show)
	mux.HandleFunc("POST /login", page.submit)
	mux.HandleFunc("GET /signed-out", page.signedOut)
	mux.Handle("/", s.provider)
	s.server = &http.Server{
		Handler:           http.MaxBytesHandler(mux, 64<<10),
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       30 * time.Second,
		WriteTimeout:      time.Minute,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
	go func() { s.served <- s.server.Serve(ln) }()
}

// Addr is where the provider listens, "127.0.0.1:port".
func (s *Server) Addr() string { return s.addr }

// Issuer is the "iss" of its tokens and the base of its discovery document.
func (s *Server) Issuer() string { return s.issuer }

// IssueToken returns an access token of the user for the public web client, as a sign-in would.
func (s *Server) IssueToken(username string) (string, error) {
	u, ok := s.store.byName[username]
	if !ok {
		return "", fmt.Errorf("issue token: there is no demo user %q; the users are %s", username, s.store.names())
	}
	c, ok := s.store.clients[WebClient]
	if !ok {
		return "", fmt.Errorf("issue token: no client %q is registered", WebClient)
	}
	ctx := op.ContextWithIssuer(context.Background(), s.issuer)
	req := &grant{Sub: u.Subject, ClientID: WebClient, Scopes: []string{oidc.ScopeOpenID, oidc.ScopeProfile, oidc.ScopeEmail}}
	token, _, _, err := op.CreateAccessToken(ctx, req, op.AccessTokenTypeJWT, s.provider, c, "")
	if err != nil {
		return "", fmt.Errorf("issue token: %w", err)
	}
	return token, nil
}

// Close stops the provider; requests under way have five seconds. Calling it again does nothing.
func (s *Server) Close() error {
	var err error
	s.close.Do(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		err = s.server.Shutdown(ctx)
		if serveErr := <-s.served; !errors.Is(serveErr, http.ErrServerClosed) {
			err = errors.Join(err, serveErr)
		}
		err = errors.Join(err, s.store.spent.close(), s.release())
	})
	return err
}
