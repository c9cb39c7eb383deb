package oidc

import (
	"bytes"
	"io"
	"net/http"
	"sync"
	"time"
)

// keyCache answers a repeated GET from memory for a moment. go-oidc fetches the issuer's keys for each
// token that no key fits; without this, anyone could make us do so at will.
type keyCache struct {
	next http.RoundTripper
	mu   sync.Mutex
	got  map[string]answer // by URL
}

type answer struct {
	header http.Header
	body   []byte
	at     time.Time
}

func newKeyCache() *keyCache {
	return &keyCache{next: http.DefaultTransport, got: make(map[string]answer)}
}

func (c *keyCache) RoundTrip(req *http.Request) (*http.Response, error) {
	url := req.URL.String()
	c.mu.Lock()
	a, ok := c.got[url]
	c.mu.Unlock()
	if ok && time.Since(a.at) < keysFreshFor {
		return a.response(req), nil
	}
	resp, err := c.next.RoundTrip(req)
	if err != nil || resp.StatusCode != http.StatusOK || req.Method != http.MethodGet {
		return resp, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err != nil {
		return nil, err
	}
	a = answer{header: resp.Header.Clone(), body: body, at: time.Now()}
	c.mu.Lock()
	c.got[url] = a
	c.mu.Unlock()
	return a.response(req), nil
}

func (a answer) response(req *http.Request) *http.Response {
	return &http.Response{
		Status: "200 OK", StatusCode: http.StatusOK, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: a.header.Clone(), Body: io.NopCloser(bytes.NewReader(a.body)),
		ContentLength: int64(len(a.body)), Request: req,
	}
}
