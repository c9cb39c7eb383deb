package operations

import (
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"storefront/internal/errs"
	"storefront/internal/mongodb"
)

// Release is one manifest of a client as it was published. The first one has the number 1.
type Release struct {
	Key        string    `bson:"_id"`
	Client     string    `bson:"client"`
	Number     int       `bson:"number"`
	Digest     string    `bson:"digest"` // of all its operations
	Format     string    `bson:"format"`
	Operations int       `bson:"operations"`
	At         time.Time `bson:"at"`
	Signature  string    `bson:"signature"`
	Signed     bool      `bson:"-"` // the signature holds; else the shop's secret was another, or somebody has changed it
}

// Published is one operation as a client may call it.
type Published struct {
	Client string
	Operation
	Release   int        // that brought its text
	RetiredAt *time.Time // nil while it may be called
}

// Difference is what publishing a manifest would do.
type Difference struct {
	Added    []Operation // ids that are new, or were retired
	Changed  []Operation // ids that have another text or name
	Same     int
	Missing  []Published // published and not in the manifest: they stay until they are retired
	release  Release     // the last one
	repeated bool        // the last release is this manifest
}

// None reports whether publishing would change nothing.
func (d Difference) None() bool { return d.repeated && len(d.Added) == 0 && len(d.Changed) == 0 }

// Diff compares a manifest with what a client has published.
func (s *Store) Diff(ctx context.Context, client string, m Manifest) (Difference, error) {
	var d Difference
	stored, err := s.documents(ctx, client)
	if err != nil {
		return d, err
	}
	releases, err := s.Releases(ctx, client)
	if err != nil {
		return d, err
	}
	if n := len(releases); n > 0 {
		d.release = releases[n-1]
		d.repeated = d.release.Signed && d.release.Digest == m.digest()
	}
	given := map[string]bool{}
	for _, o := range m.Operations {
		given[o.ID] = true
		was, there := stored[o.ID]
		switch {
		case !there || was.RetiredAt != nil || !was.signed(s.key):
			d.Added = append(d.Added, o)
		case was.Operation != o:
			d.Changed = append(d.Changed, o)
		default:
			d.Same++
		}
	}
	for _, was := range stored {
		if !given[was.Operation.ID] && was.RetiredAt == nil && was.signed(s.key) {
			d.Missing = append(d.Missing, was.published())
		}
	}
	slices.SortFunc(d.Missing, func(a, b Published) int { return cmp.Compare(a.ID, b.ID) })
	return d, nil
}

// Publish makes a manifest the client's next release; the same as the last one changes nothing. An id that
// was published before has the new text from now on, ids that the manifest does not have stay. Cut short,
// it goes on when it is called again. Conflict says that somebody else published for this client meanwhile.
func (s *Store) Publish(ctx context.Context, client string, m Manifest, now time.Time) (Difference, Release, error) {
	d, err := s.Diff(ctx, client, m)
	if err != nil || d.None() {
		return d, d.release, err
	}
	r := d.release
	if !d.repeated {
		r = Release{Client: client, Number: r.Number + 1, Digest: m.digest(), Format: m.Format, Operations: len(m.Operations), At: now.UTC().Truncate(time.Second)}
		r.Key = key(client, fmt.Sprintf("%08d", r.Number))
		r.Signature = r.signature(s.key)
		if _, err := s.releases.InsertOne(ctx, r); mongo.IsDuplicateKeyError(err) {
			return d, r, errs.New(errs.Conflict, "release %d of %s was published meanwhile; look at it by 'storefront operations diff', and publish again", r.Number, client)
		} else if err != nil {
			return d, r, mongodb.Wrap(err, "publish release %d of %s", r.Number, client)
		}
	}
	for _, o := range slices.Concat(d.Added, d.Changed) {
		if err := s.put(ctx, document{Key: key(client, o.ID), Client: client, Operation: o, Release: r.Number, PublishedAt: now.UTC()}); err != nil {
			return d, r, err
		}
	}
	return d, r, nil
}

// Retire ends ids of a client: whoever calls one is told so. Unknown ones are an error, and nothing is
// retired then. One that is retired already stays so.
func (s *Store) Retire(ctx context.Context, client string, ids []string, now time.Time) error {
	stored, err := s.documents(ctx, client)
	if err != nil {
		return err
	}
	for _, id := range ids {
		if _, there := stored[id]; !there {
			return errs.New(errs.NotFound, "%s has published no operation with the id %q; 'storefront operations list --client %s' shows them", client, id, client)
		}
	}
	at := now.UTC().Truncate(time.Second)
	for _, id := range ids {
		d := stored[id]
		if d.RetiredAt != nil && d.signed(s.key) {
			continue
		}
		d.RetiredAt = &at
		if err := s.put(ctx, d); err != nil {
			return err
		}
	}
	return nil
}

// Releases lists what a client has published, the first first; of every client when client is "".
func (s *Store) Releases(ctx context.Context, client string) ([]Release, error) {
	cursor, err := s.releases.Find(ctx, ofClient(client), options.Find().SetSort(bson.D{{Key: "_id", Value: 1}}))
	if err != nil {
		return nil, mongodb.Wrap(err, "find releases")
	}
	var list []Release
	if err := cursor.All(ctx, &list); err != nil {
		return nil, mongodb.Wrap(err, "find releases")
	}
	for i, r := range list {
		list[i].Signed = hmac.Equal([]byte(r.Signature), []byte(r.signature(s.key)))
	}
	return list, nil
}

// List returns a client's operations by id, of every client when client is "". Those whose signature does
// not hold are left out: nobody can call them.
func (s *Store) List(ctx context.Context, client string) ([]Published, error) {
	stored, err := s.documents(ctx, client)
	if err != nil {
		return nil, err
	}
	var list []Published
	for _, d := range stored {
		if d.signed(s.key) {
			list = append(list, d.published())
		}
	}
	slices.SortFunc(list, func(a, b Published) int {
		return cmp.Or(cmp.Compare(a.Client, b.Client), cmp.Compare(a.ID, b.ID))
	})
	return list, nil
}

// documents returns a client's by their operations' ids, and those of every client by client and id.
func (s *Store) documents(ctx context.Context, client string) (map[string]document, error) {
	cursor, err := s.published.Find(ctx, ofClient(client))
	if err != nil {
		return nil, mongodb.Wrap(err, "find operations")
	}
	var list []document
	if err := cursor.All(ctx, &list); err != nil {
		return nil, mongodb.Wrap(err, "find operations")
	}
	found := make(map[string]document, len(list))
	for _, d := range list {
		switch {
		case d.Key != key(d.Client, d.Operation.ID): // nobody finds it there
		case client == "":
			found[d.Key] = d
		default:
			found[d.Operation.ID] = d
		}
	}
	return found, nil
}

func ofClient(client string) bson.D {
	if client == "" {
		return bson.D{}
	}
	return bson.D{{Key: "client", Value: client}}
}

func (s *Store) put(ctx context.Context, d document) error {
	d.Signature = d.signature(s.key)
	_, err := s.published.ReplaceOne(ctx, bson.D{{Key: "_id", Value: d.Key}}, d, options.Replace().SetUpsert(true))
	s.cache.Remove(d.Key)
	return mongodb.Wrap(err, "write operation %s", d.Operation.ID)
}

// digest is the same for the same operations in any order.
func (m Manifest) digest() string {
	list := slices.Clone(m.Operations)
	slices.SortFunc(list, func(a, b Operation) int { return cmp.Compare(a.ID, b.ID) })
	text, err := json.Marshal(list)
	if err != nil {
		panic(err) // strings always can
	}
	sum := sha256.Sum256(text)
	return base64.RawURLEncoding.EncodeToString(sum[:])
}
