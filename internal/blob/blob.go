// Package blob keeps files, such as product images, in a folder or in an S3 bucket.
//
// A client uploads by a signed URL, so that no service handles the bytes. A bucket serves such URLs
// itself; for a folder Handler does, with the same rules. Keys are paths of letters, digits and
// "._-"; what is under "private/" is read by signed URL only. Enter at Open.
package blob

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"gocloud.dev/blob"
	"gocloud.dev/gcerrors"

	"storefront/internal/errs"
)

// Options are what Open needs beside the store's URL.
type Options struct {
	// BaseURL is what a key is appended to for a public read, without the last "/". For a folder it
	// is where Handler is served; for a bucket it may be a CDN and defaults to the bucket itself.
	BaseURL string
	// Secret signs a folder's URLs, 16 bytes or more. Every process that signs or serves needs the
	// same.
	Secret []byte
	Logger *slog.Logger
}

// Info is what a store knows of a file.
type Info struct {
	ContentType string
	Size        int64 // bytes
	ModTime     time.Time
}

// Store is an open folder or bucket. It is safe for concurrent use.
type Store struct {
	bucket  *blob.Bucket
	baseURL string
	log     *slog.Logger
	signer  signer
}

// signer makes URLs that need no other authorization.
type signer interface {
	signPut(ctx context.Context, key, contentType string, maxBytes int64, ttl time.Duration) (string, map[string]string, error)
	signGet(ctx context.Context, key string, ttl time.Duration) (string, error)
}

const privatePrefix = "private/"

// ContentTypes are those a signed upload may have.
func ContentTypes() []string {
	return []string{"image/png", "image/jpeg", "image/webp", "image/gif", "image/svg+xml"}
}

// Open opens "file:///folder", which is made when absent, or
// "s3://bucket?region=REGION[&endpoint=URL]". An endpoint other than AWS's own is addressed by path.
// Credentials for S3 come from where the AWS SDK looks for them.
func Open(ctx context.Context, rawURL string, opts Options) (*Store, error) {
	if opts.Logger == nil {
		opts.Logger = slog.New(slog.DiscardHandler)
	}
	u, err := url.Parse(rawURL)
	if err != nil {
		return nil, fmt.Errorf("open blob store: %q is not a URL; give file:///folder or s3://bucket?region=REGION", rawURL)
	}
	s := &Store{baseURL: strings.TrimSuffix(opts.BaseURL, "/"), log: opts.Logger}
	switch u.Scheme {
	case "file":
		err = s.openFolder(u, opts)
	case "s3":
		err = s.openS3(ctx, u)
	default:
		err = fmt.Errorf("open blob store: %q is neither file:///folder nor s3://bucket?region=REGION", rawURL)
	}
	if err != nil {
		return nil, err
	}
	return s, nil
}

// CheckKey returns a BadInput error when key is not one: at most 512 bytes of letters, digits and
// "._-" in parts joined by "/", none of them beginning with a dot.
func CheckKey(key string) error {
	bad := len(key) == 0 || len(key) > 512 || strings.HasSuffix(key, ".attrs")
	for part := range strings.SplitSeq(key, "/") {
		bad = bad || part == "" || part[0] == '.'
		for _, c := range []byte(part) {
			letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
			bad = bad || !letter && !strings.ContainsRune("._-", rune(c))
		}
	}
	if bad {
		return errs.Input([]string{"key"}, "a key is a path of letters, digits and . _ - such as products/prd_1/front.png")
	}
	return nil
}

// Put writes the file, or replaces it, whole or not at all.
func (s *Store) Put(ctx context.Context, key, contentType string, r io.Reader) error {
	if err := CheckKey(key); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	w, err := s.bucket.NewWriter(ctx, key, &blob.WriterOptions{ContentType: contentType, DisableContentTypeDetection: true})
	if err != nil {
		return fmt.Errorf("write blob: %w", err)
	}
	if _, err := io.Copy(w, r); err != nil {
		cancel() // so that Close drops what was written
		return errors.Join(fmt.Errorf("write blob: %w", err), ignoreCanceled(w.Close()))
	}
	if err := w.Close(); err != nil {
		return fmt.Errorf("write blob: %w", err)
	}
	return nil
}

func ignoreCanceled(err error) error {
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// Get opens the file for reading. The caller closes it. A missing file is NotFound.
func (s *Store) Get(ctx context.Context, key string) (io.ReadCloser, Info, error) {
	if err := CheckKey(key); err != nil {
		return nil, Info{}, err
	}
	r, err := s.bucket.NewReader(ctx, key, nil)
	if err != nil {
		return nil, Info{}, readError(err)
	}
	return r, Info{ContentType: r.ContentType(), Size: r.Size(), ModTime: r.ModTime()}, nil
}

// Stat returns what is known of the file. A missing file is NotFound. Call it after an upload by
// signed URL: S3 itself does not hold an upload to its size.
func (s *Store) Stat(ctx context.Context, key string) (Info, error) {
	if err := CheckKey(key); err != nil {
		return Info{}, err
	}
	a, err := s.bucket.Attributes(ctx, key)
	if err != nil {
		return Info{}, readError(err)
	}
	return Info{ContentType: a.ContentType, Size: a.Size, ModTime: a.ModTime}, nil
}

// Delete removes the file; a missing one is no error.
func (s *Store) Delete(ctx context.Context, key string) error {
	if err := CheckKey(key); err != nil {
		return err
	}
	if err := s.bucket.Delete(ctx, key); err != nil && gcerrors.Code(err) != gcerrors.NotFound {
		return fmt.Errorf("delete blob: %w", err)
	}
	return nil
}

func readError(err error) error {
	if gcerrors.Code(err) == gcerrors.NotFound {
		return errs.Wrap(errs.NotFound, err, "there is no such file")
	}
	return fmt.Errorf("read blob: %w", err)
}

// SignedPut returns a URL where one file of contentType and at most maxBytes can be PUT for as long
// as ttl, and the headers that the request must carry. S3 holds the upload to its type and time, not
// to its size; see Stat.
func (s *Store) SignedPut(ctx context.Context, key, contentType string, maxBytes int64, ttl time.Duration) (string, map[string]string, error) {
	if err := CheckKey(key); err != nil {
		return "", nil, err
	}
	if !slices.Contains(ContentTypes(), contentType) {
		return "", nil, errs.Input([]string{"contentType"}, "an upload must be one of %s", strings.Join(ContentTypes(), ", "))
	}
	if maxBytes < 1 || ttl <= 0 {
		return "", nil, fmt.Errorf("sign upload: size %d and time %s must be above 0", maxBytes, ttl)
	}
	return s.signer.signPut(ctx, key, contentType, maxBytes, ttl)
}

// SignedGet returns a URL where the file can be read for as long as ttl.
func (s *Store) SignedGet(ctx context.Context, key string, ttl time.Duration) (string, error) {
	if err := CheckKey(key); err != nil {
		return "", err
	}
	if ttl <= 0 {
		return "", fmt.Errorf("sign read: time %s must be above 0", ttl)
	}
	return s.signer.signGet(ctx, key, ttl)
}

// URL is where anyone can read the file. It does not tell whether there is one.
func (s *Store) URL(key string) string { return s.baseURL + "/" + key }

// Close releases the store.
func (s *Store) Close() error { return s.bucket.Close() }

// FolderURL is the "file://" URL of a folder.
func FolderURL(dir string) (string, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return "", fmt.Errorf("find folder %s: %w", dir, err)
	}
	return (&url.URL{Scheme: "file", Path: filepath.ToSlash(abs)}).String(), nil
}

func mkdir(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("open blob folder: %w; make %s a folder this user may write, or choose another", err, dir)
	}
	probe, err := os.CreateTemp(dir, ".probe-*")
	if err != nil {
		return fmt.Errorf("open blob folder: %w; let this user write to %s, or choose another", err, dir)
	}
	return errors.Join(probe.Close(), os.Remove(probe.Name()))
}
