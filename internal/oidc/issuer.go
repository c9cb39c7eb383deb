package oidc

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"sync/atomic"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
)

// Issuer is one whose tokens are believed.
type Issuer struct {
	URL       string   // exactly as in its discovery document
	Audiences []string // one of which is to be in a token's "aud"
	Roles     []string // that its tokens may give, others that they name do not count; nil for all
}

const discoverTimeout = 3 * time.Second // of one try, and so of a start

// issuer is an Issuer as it is known so far.
type issuer struct {
	Issuer
	client *http.Client
	now    func() time.Time
	log    *slog.Logger
	keys   atomic.Pointer[keySet] // nil until the issuer has answered
}

func (i Issuer) check() error {
	if u, err := url.Parse(i.URL); err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
		return fmt.Errorf("verify tokens: %q is not an issuer; give its URL, such as https://login.example.com", i.URL)
	}
	if len(i.Audiences) == 0 || slices.Contains(i.Audiences, "") {
		return fmt.Errorf("verify tokens: an audience is needed for the tokens of %s", i.URL)
	}
	return nil
}

// given are those roles that count, of the ones that a token names.
func (i Issuer) given(named []string) []string {
	if i.Roles == nil {
		return named
	}
	return slices.DeleteFunc(slices.Clone(named), func(role string) bool { return !slices.Contains(i.Roles, role) })
}

// discover reads where the issuer has its keys.
func (i *issuer) discover(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(oidc.ClientContext(ctx, i.client), discoverTimeout)
	defer cancel()
	provider, err := oidc.NewProvider(ctx, i.URL)
	if err != nil {
		return fmt.Errorf("discover %s: %w", i.URL, err)
	}
	var document struct {
		Keys string `json:"jwks_uri"`
	}
	if err := provider.Claims(&document); err != nil {
		return fmt.Errorf("discover %s: %w", i.URL, err)
	}
	if document.Keys == "" {
		return fmt.Errorf("discover %s: %w", i.URL, errors.New("it names no jwks_uri"))
	}
	i.keys.Store(&keySet{url: document.Keys, client: i.client, now: i.now})
	return nil
}

func (i *issuer) keepDiscovering(ctx context.Context) {
	wait := 100 * time.Millisecond
	timer := time.NewTimer(wait)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		err := i.discover(ctx)
		if err == nil {
			i.log.Info("the OIDC issuer answers", "issuer", i.URL)
			return
		}
		i.log.Debug("the OIDC issuer does not answer yet", "error", err)
		wait = min(2*wait, 5*time.Second)
		timer.Reset(wait)
	}
}
