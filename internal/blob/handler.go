package blob

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"gocloud.dev/blob"

	"storefront/internal/errs"
)

// Handler serves a folder: GET and HEAD of a key for anyone, or by signed URL under "private/", and
// PUT by signed URL. It reads the key from the path after BaseURL's own. A bucket serves itself, and
// its Handler answers 404.
func (s *Store) Handler() http.Handler {
	f, ok := s.signer.(*folderSigner)
	if !ok {
		return http.NotFoundHandler()
	}
	h := &handler{store: s, signer: f}
	if u, err := url.Parse(s.baseURL); err == nil {
		h.prefix = u.Path + "/"
	}
	return h
}

type handler struct {
	store  *Store
	signer *folderSigner
	prefix string
}

func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	header := w.Header()
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; sandbox")
	header.Set("Access-Control-Allow-Origin", "*") // what may be done is in the URL, not in a cookie
	header.Set("Cross-Origin-Resource-Policy", "cross-origin")
	key, ok := strings.CutPrefix(r.URL.Path, h.prefix)
	if !ok || CheckKey(key) != nil {
		http.Error(w, "there is no such file", http.StatusNotFound)
		return
	}
	switch r.Method {
	case http.MethodGet, http.MethodHead:
		h.get(w, r, key)
	case http.MethodPut:
		h.put(w, r, key)
	case http.MethodOptions:
		header.Set("Access-Control-Allow-Methods", "GET, HEAD, PUT")
		header.Set("Access-Control-Allow-Headers", "Content-Type")
		header.Set("Access-Control-Max-Age", "86400")
		w.WriteHeader(http.StatusNoContent)
	default:
		header.Set("Allow", "GET, HEAD, PUT, OPTIONS")
		http.Error(w, "use GET, HEAD or a signed PUT", http.StatusMethodNotAllowed)
	}
}

func (h *handler) get(w http.ResponseWriter, r *http.Request, key string) {
	cache := "public, max-age=86400"
	if strings.HasPrefix(key, privatePrefix) {
		if _, err := h.signer.check(http.MethodGet, key, r.URL.Query(), time.Now()); err != nil {
			h.fail(w, err)
			return
		}
		cache = "private, no-store"
	}
	attrs, err := h.store.bucket.Attributes(r.Context(), key)
	if err != nil {
		h.fail(w, readError(err))
		return
	}
	file, err := h.store.bucket.NewReader(r.Context(), key, nil)
	if err != nil {
		h.fail(w, readError(err))
		return
	}
	defer file.Close()
	header := w.Header()
	header.Set("Cache-Control", cache)
	header.Set("ETag", etag(attrs))
	header.Set("Content-Type", attrs.ContentType)
	if !slices.Contains(ContentTypes(), attrs.ContentType) {
		// A browser must not take for a page what was not put here as an image.
		header.Set("Content-Type", "application/octet-stream")
		header.Set("Content-Disposition", "attachment")
	}
	http.ServeContent(w, r, "", attrs.ModTime, file)
}

func etag(a *blob.Attributes) string {
	if len(a.MD5) > 0 {
		return `"` + hex.EncodeToString(a.MD5) + `"`
	}
	return fmt.Sprintf(`"%x-%x"`, a.ModTime.UnixNano(), a.Size)
}

var errTooLarge = errors.New("the file is too large")

func (h *handler) put(w http.ResponseWriter, r *http.Request, key string) {
	a, err := h.signer.check(http.MethodPut, key, r.URL.Query(), time.Now())
	if err != nil {
		h.fail(w, err)
		return
	}
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != a.contentType {
		http.Error(w, "the Content-Type must be "+a.contentType, http.StatusUnsupportedMediaType)
		return
	}
	if r.ContentLength > a.maxBytes {
		h.tooLarge(w, a)
		return
	}
	body := bufio.NewReaderSize(&limited{r: r.Body, left: a.maxBytes}, 4096)
	head, err := body.Peek(1024)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, errTooLarge) {
		http.Error(w, "the file broke off; send it again", http.StatusBadRequest)
		return
	}
	if !looksLike(a.contentType, head) {
		http.Error(w, "the file is not of type "+a.contentType, http.StatusUnsupportedMediaType)
		return
	}
	switch err := h.store.Put(r.Context(), key, a.contentType, body); {
	case errors.Is(err, errTooLarge):
		h.tooLarge(w, a)
	case r.Context().Err() != nil, errors.Is(err, io.ErrUnexpectedEOF):
		http.Error(w, "the file broke off; send it again", http.StatusBadRequest)
	case err != nil:
		h.fail(w, err)
	default:
		w.Header().Set("Location", h.store.URL(key))
		w.WriteHeader(http.StatusCreated)
	}
}

func (h *handler) tooLarge(w http.ResponseWriter, a allowed) {
	w.Header().Set("Connection", "close") // the rest of the file is not read
	http.Error(w, fmt.Sprintf("the file is too large; this address takes at most %d bytes", a.maxBytes), http.StatusRequestEntityTooLarge)
}

func (h *handler) fail(w http.ResponseWriter, err error) {
	e, ok := errors.AsType[*errs.Error](err)
	switch {
	case ok && e.Code == errs.NotFound:
		http.Error(w, e.Message, http.StatusNotFound)
	case ok && e.Code == errs.Forbidden:
		http.Error(w, e.Message, http.StatusForbidden)
	default:
		h.store.log.Error("blob request failed", "error", err)
		http.Error(w, "the file cannot be served now", http.StatusInternalServerError)
	}
}

// looksLike reports whether a file that begins with head may be of the type.
func looksLike(contentType string, head []byte) bool {
	if contentType == "image/svg+xml" {
		return bytes.Contains(bytes.ToLower(head), []byte("<svg"))
	}
	return http.DetectContentType(head) == contentType
}

// limited fails with errTooLarge once more than left bytes were read.
type limited struct {
	r    io.Reader
	left int64
}

func (l *limited) Read(p []byte) (int, error) {
	if int64(len(p)) > l.left+1 {
		p = p[:l.left+1]
	}
	n, err := l.r.Read(p)
	if int64(n) > l.left {
		return int(l.left), errTooLarge
	}
	l.left -= int64(n)
	return n, err
}
