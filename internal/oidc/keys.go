package oidc

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
	"golang.org/x/sync/singleflight"
)

// asymmetric are the algorithms that tokens may be signed by: whoever can check such a signature cannot make one.
func asymmetric() []jose.SignatureAlgorithm {
	return []jose.SignatureAlgorithm{jose.RS256, jose.RS384, jose.RS512, jose.PS256, jose.PS384, jose.PS512, jose.ES256, jose.ES384, jose.ES512, jose.EdDSA}
}

const (
	keysFor   = 10 * time.Minute // then they are read again, so that a withdrawn key stops counting
	keysEvery = 2 * time.Second  // is how often they are read at most, whatever tokens come
	maxKeys   = 1 << 20          // bytes
)

// errNoKeys says that an issuer's keys could not be read.
var errNoKeys = errors.New("the issuer's keys cannot be read")

// keySet is one issuer's public keys (RFC 7517), read when a token names one that is not known, and now and then.
// While they cannot be read, those of before are good.
type keySet struct {
	url    string
	client *http.Client
	now    func() time.Time
	one    singleflight.Group

	mu    sync.Mutex
	keys  []jose.JSONWebKey
	read  time.Time // the keys
	tried time.Time // to read them
	err   error     // of that
}

// verify returns what a token carries when a key of the issuer has signed it; errNoKeys when that is not to be known.
func (s *keySet) verify(ctx context.Context, raw string) ([]byte, error) {
	// Compact only: of a token that is JSON, other parts may be signed than those that it is read by.
	token, err := jose.ParseSignedCompact(raw, asymmetric())
	if err != nil {
		return nil, fmt.Errorf("read signature: %w", err)
	}
	if len(token.Signatures) != 1 {
		return nil, errors.New("the token has not one signature")
	}
	keys, old := s.known()
	if old {
		go s.refresh(context.WithoutCancel(ctx))
	}
	payload, named := verifyBy(keys, token)
	if payload != nil {
		return payload, nil
	}
	if err := s.refresh(ctx); err != nil && !named {
		return nil, err
	}
	keys, _ = s.known()
	if payload, _ = verifyBy(keys, token); payload == nil {
		return nil, errors.New("no key of the issuer has signed the token")
	}
	return payload, nil
}

// verifyBy tries the keys that may have signed a token; named says that it names one of them.
func verifyBy(keys []jose.JSONWebKey, token *jose.JSONWebSignature) (payload []byte, named bool) {
	header := token.Signatures[0].Header
	for _, key := range keys {
		if header.KeyID != "" && key.KeyID != header.KeyID || key.Algorithm != "" && key.Algorithm != header.Algorithm {
			continue
		}
		named = header.KeyID != ""
		if payload, err := token.Verify(key.Key); err == nil {
			return payload, true
		}
	}
	return nil, named
}

// known are the keys; old says that it is time to read them again.
func (s *keySet) known() (keys []jose.JSONWebKey, old bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.keys, !s.read.IsZero() && s.now().Sub(s.read) > keysFor
}

// refresh reads the keys, unless that was tried a moment ago. Those who want it at the same time wait for one.
func (s *keySet) refresh(ctx context.Context) error {
	done := s.one.DoChan("", func() (any, error) {
		s.mu.Lock()
		now, err := s.now(), s.err
		soon := !s.tried.IsZero() && now.Sub(s.tried) < keysEvery
		s.mu.Unlock()
		if soon {
			return nil, err
		}
		keys, err := s.fetch(context.WithoutCancel(ctx))
		s.mu.Lock()
		defer s.mu.Unlock()
		s.tried, s.err = now, err
		if err == nil {
			s.keys, s.read = keys, now
		}
		return nil, err
	})
	select {
	case r := <-done:
		return r.Err
	case <-ctx.Done():
		return fmt.Errorf("%w: %w", errNoKeys, ctx.Err())
	}
}

func (s *keySet) fetch(ctx context.Context) ([]jose.JSONWebKey, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url, nil)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errNoKeys, err)
	}
	resp, err := s.client.Do(req)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errNoKeys, err)
	}
	defer resp.Body.Close()
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%w: %s answers %s", errNoKeys, s.url, resp.Status)
	}
	if err := json.NewDecoder(io.LimitReader(resp.Body, maxKeys)).Decode(&set); err != nil {
		return nil, fmt.Errorf("%w: %w", errNoKeys, err)
	}
	var keys []jose.JSONWebKey
	for _, raw := range set.Keys {
		var key jose.JSONWebKey // one of a kind that is not known is passed over, as RFC 7517 says in section 5
		if json.Unmarshal(raw, &key) == nil && key.Valid() && key.IsPublic() && (key.Use == "" || key.Use == "sig") {
			keys = append(keys, key)
		}
	}
	return slices.Clip(keys), nil
}
