package oidc

// A refresh token is the sealed grant itself, so it needs no store and survives a restart. Each is
// good once: the ids of spent and revoked ones are kept in a file until they would have run out.

import (
	"bufio"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/zitadel/oidc/v3/pkg/op"
)

// grant is what a token is made from: who signed in, for which client, with which scopes.
type grant struct {
	ID       string    `json:"id"`
	Sub      string    `json:"sub"`
	ClientID string    `json:"client"`
	Scopes   []string  `json:"scopes"`
	AuthTime time.Time `json:"auth_time"`
	Expires  time.Time `json:"expires"`
}

func (g *grant) GetAMR() []string            { return []string{"pwd"} }
func (g *grant) GetAudience() []string       { return []string{Audience} }
func (g *grant) GetAuthTime() time.Time      { return g.AuthTime }
func (g *grant) GetClientID() string         { return g.ClientID }
func (g *grant) GetScopes() []string         { return g.Scopes }
func (g *grant) GetSubject() string          { return g.Sub }
func (g *grant) SetCurrentScopes(s []string) { g.Scopes = s }

func newID() string {
	var b [18]byte
	rand.Read(b[:]) // never fails
	return base64.RawURLEncoding.EncodeToString(b[:])
}

func (k *keys) sealGrant(g *grant) (string, error) {
	plain, err := json.Marshal(g)
	if err != nil {
		return "", fmt.Errorf("seal refresh token: %w", err)
	}
	aead, err := k.aead()
	if err != nil {
		return "", err
	}
	return base64.RawURLEncoding.EncodeToString(aead.Seal(nil, nil, plain, nil)), nil
}

func (k *keys) openGrant(token string) (*grant, error) {
	sealed, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil {
		return nil, op.ErrInvalidRefreshToken
	}
	aead, err := k.aead()
	if err != nil {
		return nil, err
	}
	plain, err := aead.Open(nil, nil, sealed, nil)
	if err != nil {
		return nil, op.ErrInvalidRefreshToken
	}
	g := new(grant)
	if err := json.Unmarshal(plain, g); err != nil {
		return nil, op.ErrInvalidRefreshToken
	}
	return g, nil
}

func (k *keys) aead() (cipher.AEAD, error) {
	block, err := aes.NewCipher(k.seal[:])
	if err != nil {
		return nil, fmt.Errorf("open refresh token: %w", err)
	}
	return cipher.NewGCMWithRandomNonce(block)
}

// spent is the set of refresh tokens that are used up.
type spent struct {
	mu   sync.Mutex
	ids  map[string]time.Time // id to when it would have run out
	file *os.File
}

type spentLine struct {
	ID      string    `json:"id"`
	Expires time.Time `json:"expires"`
}

// openSpent reads the spent tokens from dir and rewrites the file without those that ran out. A line
// torn by a kill is left out: its token was never answered.
func openSpent(dir string) (*spent, error) {
	s := &spent{ids: make(map[string]time.Time)}
	if dir == "" {
		return s, nil
	}
	path := filepath.Join(dir, "spent-refresh-tokens.jsonl")
	old, err := os.Open(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("load spent refresh tokens: %w; make the file readable to this user", err)
	}
	if err == nil {
		lines := bufio.NewScanner(old)
		for lines.Scan() {
			var l spentLine
			if json.Unmarshal(lines.Bytes(), &l) == nil && time.Now().Before(l.Expires) {
				s.ids[l.ID] = l.Expires
			}
		}
		if err := errors.Join(lines.Err(), old.Close()); err != nil {
			return nil, fmt.Errorf("load spent refresh tokens: %w", err)
		}
	}
	tmp, err := os.OpenFile(path+".tmp", os.O_CREATE|os.O_TRUNC|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, fmt.Errorf("save spent refresh tokens: %w", err)
	}
	s.file = tmp
	for id, expires := range s.ids {
		if err := s.write(id, expires); err != nil {
			return nil, errors.Join(err, tmp.Close())
		}
	}
	if err := os.Rename(path+".tmp", path); err != nil {
		return nil, errors.Join(fmt.Errorf("save spent refresh tokens: %w", err), tmp.Close())
	}
	return s, nil
}

func (s *spent) write(id string, expires time.Time) error {
	if s.file == nil {
		return nil
	}
	line, err := json.Marshal(spentLine{id, expires})
	if err != nil {
		return fmt.Errorf("save spent refresh token: %w", err)
	}
	if _, err := s.file.Write(append(line, '\n')); err != nil {
		return fmt.Errorf("save spent refresh token: %w", err)
	}
	return nil
}

// spend uses a token up; it fails when it was used before.
func (s *spent) spend(g *grant) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.ids[g.ID]; ok {
		return op.ErrInvalidRefreshToken
	}
	if err := s.write(g.ID, g.Expires); err != nil {
		return err
	}
	s.ids[g.ID] = g.Expires
	return nil
}

func (s *spent) has(id string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, ok := s.ids[id]
	return ok
}

func (s *spent) close() error {
	if s.file == nil {
		return nil
	}
	return s.file.Close()
}
