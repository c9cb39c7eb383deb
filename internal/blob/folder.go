package blob

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"gocloud.dev/blob/fileblob"

	"storefront/internal/errs"
)

func (s *Store) openFolder(u *url.URL, opts Options) error {
	if u.Host != "" && u.Host != "." {
		return fmt.Errorf("open blob store: write the folder as file:///%s, with three slashes", u.Host+u.Path)
	}
	dir := filepath.FromSlash(u.Path)
	if dir == "" || dir == "/" {
		return errors.New("open blob store: the folder is missing; give file:///folder")
	}
	if len(opts.Secret) < 16 {
		return errors.New("open blob store: a folder needs a secret of 16 bytes or more to sign its URLs")
	}
	if b, err := url.Parse(s.baseURL); err != nil || b.Host == "" {
		return fmt.Errorf("open blob store: %q is not the URL where the folder is served; give one such as http://127.0.0.1:4000/media", s.baseURL)
	}
	if err := mkdir(dir); err != nil {
		return err
	}
	bucket, err := fileblob.OpenBucket(dir, &fileblob.Options{NoTempDir: true, DirFileMode: 0o755})
	if err != nil {
		return fmt.Errorf("open blob folder: %w", err)
	}
	s.bucket = bucket
	s.signer = &folderSigner{secret: opts.Secret, baseURL: s.baseURL}
	return nil
}

// folderSigner signs a folder's URLs by an HMAC over all that a URL allows.
type folderSigner struct {
	secret  []byte
	baseURL string
}

// allowed is what a signed URL allows.
type allowed struct {
	method      string
	key         string
	contentType string // of an upload
	maxBytes    int64  // of an upload
	expires     int64  // Unix seconds
}

func (f *folderSigner) mac(a allowed) string {
	m := hmac.New(sha256.New, f.secret)
	// None of the fields can hold a line end: keys and types are checked, the rest are numbers.
	fmt.Fprintf(m, "storefront blob\n%s\n%s\n%s\n%d\n%d", a.method, a.key, a.contentType, a.maxBytes, a.expires)
	return base64.RawURLEncoding.EncodeToString(m.Sum(nil))
}

func (f *folderSigner) url(a allowed) string {
	q := url.Values{"expires": {strconv.FormatInt(a.expires, 10)}, "signature": {f.mac(a)}}
	if a.method == http.MethodPut {
		q.Set("type", a.contentType)
		q.Set("max", strconv.FormatInt(a.maxBytes, 10))
	}
	return f.baseURL + "/" + a.key + "?" + q.Encode()
}

func (f *folderSigner) signPut(_ context.Context, key, contentType string, maxBytes int64, ttl time.Duration) (string, map[string]string, error) {
	a := allowed{http.MethodPut, key, contentType, maxBytes, time.Now().Add(ttl).Unix()}
	return f.url(a), map[string]string{"Content-Type": contentType}, nil
}

func (f *folderSigner) signGet(_ context.Context, key string, ttl time.Duration) (string, error) {
	return f.url(allowed{method: http.MethodGet, key: key, expires: time.Now().Add(ttl).Unix()}), nil
}

// check reads what the request's URL allows; the error is Forbidden.
func (f *folderSigner) check(method, key string, q url.Values, now time.Time) (allowed, error) {
	a := allowed{method: method, key: key, contentType: q.Get("type")}
	expires, err := strconv.ParseInt(q.Get("expires"), 10, 64)
	if err != nil {
		return a, errs.New(errs.Forbidden, "this address is not signed; ask for a signed one")
	}
	a.expires = expires
	if method == http.MethodPut {
		if a.maxBytes, err = strconv.ParseInt(q.Get("max"), 10, 64); err != nil {
			return a, errs.New(errs.Forbidden, "this address is not signed; ask for a signed one")
		}
	}
	if strings.ContainsAny(a.contentType, "\r\n") || !hmac.Equal([]byte(f.mac(a)), []byte(q.Get("signature"))) {
		return a, errs.New(errs.Forbidden, "the address's signature is wrong; use it exactly as it was given")
	}
	if now.Unix() > a.expires {
		return a, errs.New(errs.Forbidden, "the address has expired; ask for a new one")
	}
	return a, nil
}
