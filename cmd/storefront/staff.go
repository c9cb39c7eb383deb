package main

import (
	"context"
	"os"
	"path/filepath"
	"sync"
	"time"

	"storefront/internal/client"
	"storefront/internal/errs"
	"storefront/internal/oidc"
)

// ShopFlags say which shop a command works for, and as whom.
type ShopFlags struct {
	Router  string `flag:"router" env:"STOREFRONT_ROUTER" help:"the router, http://host:port; the running shop's when absent"`
	Issuer  string `flag:"oidc-issuer" env:"STOREFRONT_OIDC_ISSUER" help:"OIDC issuer; the running shop's when absent"`
	Client  string `flag:"client" env:"STOREFRONT_CLIENT" default:"storefront-cli" help:"OIDC client with the role staff"`
	Key     string `flag:"client-secret" env:"STOREFRONT_CLIENT_SECRET" help:"its secret; made of the shop's own secret when absent"`
	Secret  string `flag:"secret" env:"STOREFRONT_SECRET" help:"the shop's secret; read from the data folder when absent"`
	DataDir string `flag:"data-dir" env:"STOREFRONT_DATA_DIR" default:".storefront" help:"the running shop's data folder"`
}

// complete fills in what the running shop says of itself.
func (f *ShopFlags) complete() error {
	if f.Issuer = issuerURL(f.Issuer); f.Router == "" || f.Issuer == "" {
		shop, err := running(f.DataDir)
		if err != nil {
			return err
		}
		if f.Router == "" {
			f.Router = shop.Router
		}
		if f.Issuer == "" {
			f.Issuer = shop.Issuer
		}
	}
	if f.Secret == "" {
		b, err := os.ReadFile(filepath.Join(f.DataDir, "secret"))
		if err != nil && f.Key == "" {
			return errs.Wrap(errs.BadInput, err, "cannot read the shop's secret; give --data-dir, --secret or --client-secret")
		}
		f.Secret = string(b)
	}
	if f.Key == "" {
		f.Key = cliSecret(SecretFlags{f.Secret})
	}
	return nil
}

// staff is a client that works for the shop.
func (f ShopFlags) staff(connections int) *client.Client {
	return client.New(f.Router+"/graphql", connections, staffToken(f.Issuer, f.Client, f.Key))
}

// staffToken gets a token by client credentials, and a fresh one before it runs out.
func staffToken(issuer, id, secret string) func(context.Context) (string, error) {
	var mu sync.Mutex
	var token string
	var until time.Time
	return func(ctx context.Context) (string, error) {
		mu.Lock()
		defer mu.Unlock()
		if time.Now().Before(until) {
			return token, nil
		}
		t, err := oidc.ClientCredentials(ctx, issuer, id, secret)
		switch {
		case errs.Is(err, errs.Unauthenticated):
			return "", errs.Wrap(errs.BadInput, err, "the sign-in service does not take the client %s; give --client and --client-secret", id)
		case err != nil: // away for the moment, as during a restart
			return "", errs.Wrap(errs.Unavailable, err, "the sign-in service at %s does not answer", issuer)
		}
		token, until = t.AccessToken, time.Now().Add(t.ExpiresIn-min(time.Minute, t.ExpiresIn/3))
		return token, nil
	}
}
