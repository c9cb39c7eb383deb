package oidc

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/go-jose/go-jose/v4"
)

// keys are the RSA key that signs tokens, and the key that seals refresh tokens.
type keys struct {
	id   string
	rsa  *rsa.PrivateKey
	seal [32]byte
}

// loadKeys reads the signing key from dir, or makes one there. The sealing key is derived from it.
func loadKeys(dir string) (*keys, error) {
	if dir == "" {
		return newKeys()
	}
	path := filepath.Join(dir, "signing-key.pem")
	raw, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		k, err := newKeys()
		if err != nil {
			return nil, err
		}
		return k, k.save(path)
	}
	if err != nil {
		return nil, fmt.Errorf("load signing key: %w; make the file readable to this user", err)
	}
	block, _ := pem.Decode(raw)
	if block == nil {
		return nil, keyDamaged(path)
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, keyDamaged(path)
	}
	key, ok := parsed.(*rsa.PrivateKey)
	if !ok {
		return nil, keyDamaged(path)
	}
	return derive(key, block.Bytes), nil
}

func keyDamaged(path string) error {
	return fmt.Errorf("load signing key: %s is damaged; restore it, or remove it for a new key (everyone signs in again)", path)
}

func newKeys() (*keys, error) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, fmt.Errorf("make signing key: %w", err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, fmt.Errorf("make signing key: %w", err)
	}
	return derive(key, der), nil
}

func derive(key *rsa.PrivateKey, der []byte) *keys {
	public := sha256.Sum256(x509.MarshalPKCS1PublicKey(&key.PublicKey))
	return &keys{
		id:   base64.RawURLEncoding.EncodeToString(public[:12]),
		rsa:  key,
		seal: sha256.Sum256(append([]byte("refresh token seal\x00"), der...)),
	}
}

// save writes the key so that it is there whole or not at all.
func (k *keys) save(path string) error {
	der, err := x509.MarshalPKCS8PrivateKey(k.rsa)
	if err != nil {
		return fmt.Errorf("save signing key: %w", err)
	}
	var b bytes.Buffer
	if err := pem.Encode(&b, &pem.Block{Type: "PRIVATE KEY", Bytes: der}); err != nil {
		return fmt.Errorf("save signing key: %w", err)
	}
	if err := os.WriteFile(path+".tmp", b.Bytes(), 0o600); err != nil {
		return fmt.Errorf("save signing key: %w", err)
	}
	if err := os.Rename(path+".tmp", path); err != nil {
		return fmt.Errorf("save signing key: %w", err)
	}
	return nil
}

// signingKey and publicKey show the RSA key to the provider.
type signingKey struct{ k *keys }

func (s signingKey) SignatureAlgorithm() jose.SignatureAlgorithm { return jose.RS256 }
func (s signingKey) Key() any                                    { return s.k.rsa }
func (s signingKey) ID() string                                  { return s.k.id }

type publicKey struct{ k *keys }

func (p publicKey) Algorithm() jose.SignatureAlgorithm { return jose.RS256 }
func (p publicKey) Use() string                        { return "sig" }
func (p publicKey) Key() any                           { return &p.k.rsa.PublicKey }
func (p publicKey) ID() string                         { return p.k.id }
