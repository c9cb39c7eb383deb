package partners

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"net/http"
	"slices"
	"strings"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"storefront/internal/errs"
	"storefront/internal/id"
)

// Key is one key of a partner. The secret itself is kept nowhere: it is 256 random bits, so no one can try
// secrets until one has this hash, and a hash made slow on purpose, as for passwords, would protect nothing
// more. It is looked up by its hash, so no comparison tells by its time how much of a secret is right.
type Key struct {
	ID        string     `bson:"id"`
	Hash      string     `bson:"hash"` // hex SHA-256 of the secret
	CreatedAt time.Time  `bson:"createdAt"`
	ExpiresAt *time.Time `bson:"expiresAt,omitempty"`
	RevokedAt *time.Time `bson:"revokedAt,omitempty"`
}

const (
	keyPrefix  = "sfk_"
	keyBytes   = 32
	maxKeys    = 2  // valid at once: the old one, and the new one that takes its place
	keptKeys   = 20 // with those that are not valid any more
	usedEvery  = time.Minute
	usedWithin = 5 * time.Second // that writing a use down may take
)

// holder is whose a key is, or why it is nobody's.
type holder struct {
	partner Partner
	key     Key
	known   bool
}

// Valid reports whether the key may be used.
func (k Key) Valid(now time.Time) bool {
	return k.RevokedAt == nil && (k.ExpiresAt == nil || now.Before(*k.ExpiresAt))
}

// CreateKey gives a partner another key, and returns its secret, which nobody can find out later. lifetime
// 0 is for ever. Conflict says that two are valid already.
func (s *Store) CreateKey(ctx context.Context, name string, lifetime time.Duration) (secret string, k Key, err error) {
	var random [keyBytes]byte
	rand.Read(random[:])
	secret = keyPrefix + base64.RawURLEncoding.EncodeToString(random[:])
	now := s.now().UTC().Truncate(time.Second)
	k = Key{ID: id.New("key"), Hash: hash(secret), CreatedAt: now}
	if lifetime > 0 {
		until := now.Add(lifetime)
		k.ExpiresAt = &until
	}
	_, err = s.change(ctx, name, func(p *Partner) error {
		valid := 0
		for _, k := range p.Keys {
			if k.Valid(now) {
				valid++
			}
		}
		if valid >= maxKeys {
			return errs.New(errs.Conflict, "%s has %d valid keys already; revoke the one that is no longer used", name, valid)
		}
		p.Keys = append(p.Keys, k)
		for i := 0; len(p.Keys) > keptKeys; {
			if i = slices.IndexFunc(p.Keys, func(k Key) bool { return !k.Valid(now) }); i < 0 {
				break
			}
			p.Keys = slices.Delete(p.Keys, i, i+1)
		}
		return nil
	})
	return secret, k, err
}

// RevokeKey ends a key. Routers know within cacheTTL.
func (s *Store) RevokeKey(ctx context.Context, name, keyID string) error {
	now := s.now().UTC().Truncate(time.Second)
	_, err := s.change(ctx, name, func(p *Partner) error {
		i := slices.IndexFunc(p.Keys, func(k Key) bool { return k.ID == keyID })
		if i < 0 {
			return errs.New(errs.NotFound, "%s has no key %s; 'storefront partners key list %s' shows them", name, keyID, name)
		}
		if p.Keys[i].RevokedAt == nil {
			p.Keys[i].RevokedAt = &now
		}
		return nil
	})
	return err
}

// KeyIn is the secret that a request carries, "" for none: "Authorization: Bearer sfk_..." or "X-Api-Key: sfk_...".
// What begins otherwise is somebody else's.
func KeyIn(h http.Header) string {
	if scheme, token, _ := strings.Cut(h.Get("Authorization"), " "); strings.EqualFold(scheme, "Bearer") {
		if token = strings.TrimSpace(token); strings.HasPrefix(token, keyPrefix) {
			return token
		}
	}
	if key := strings.TrimSpace(h.Get("X-Api-Key")); strings.HasPrefix(key, keyPrefix) {
		return key
	}
	return ""
}

// ByKey returns whose key it is; Unauthenticated where it is nobody's, or not valid any more.
func (s *Store) ByKey(ctx context.Context, secret string) (Partner, Key, error) {
	h := hash(secret)
	found, ok := s.keys.Get(h)
	if !ok {
		p, err := s.all.FindOne(ctx, bson.D{{Key: "keys.hash", Value: h}})
		if err != nil && !errs.Is(err, errs.NotFound) {
			return Partner{}, Key{}, err
		}
		if i := slices.IndexFunc(p.Keys, func(k Key) bool { return k.Hash == h }); err == nil && i >= 0 {
			found = holder{p, p.Keys[i], true}
		}
		s.keys.Add(h, found)
	}
	now := s.now()
	switch k := found.key; {
	case !found.known:
		return Partner{}, Key{}, errs.New(errs.Unauthenticated, "nobody has this key")
	case k.RevokedAt != nil:
		return Partner{}, Key{}, errs.New(errs.Unauthenticated, "the key %s was revoked; use another one", k.ID)
	case !k.Valid(now):
		return Partner{}, Key{}, errs.New(errs.Unauthenticated, "the key %s has expired; use another one", k.ID)
	}
	s.use(ctx, found, now)
	return found.partner, found.key, nil
}

// use writes down, once in a while and beside the request, that a key was used.
func (s *Store) use(ctx context.Context, h holder, now time.Time) {
	s.mu.Lock()
	due := now.Sub(s.seen[h.key.ID]) >= usedEvery
	if due {
		if len(s.seen) > cacheSize {
			clear(s.seen)
		}
		s.seen[h.key.ID] = now
	}
	s.mu.Unlock()
	if !due {
		return
	}
	go func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), usedWithin)
		defer cancel()
		// One that is lost is written with a later use.
		_, _ = s.all.Collection().UpdateOne(ctx, bson.D{{Key: "_id", Value: h.partner.Name}},
			bson.D{{Key: "$max", Value: bson.D{{Key: "used." + h.key.ID, Value: now.UTC().Truncate(time.Second)}}}})
	}()
}

func hash(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:])
}
