package main

// TLS at the router itself, and what tells browsers never to come without it.

import (
	"context"
	"net/http"
	"time"

	"storefront/internal/errs"
	"storefront/internal/server"
)

// TLSFlags are what the router shows of itself.
type TLSFlags struct {
	TLSCert string `flag:"tls-cert" env:"STOREFRONT_TLS_CERT" help:"PEM file with the certificate, and those between it and its authority; with it the router serves HTTPS, HTTP/2 included. It is read again when it changes"`
	TLSKey  string `flag:"tls-key" env:"STOREFRONT_TLS_KEY" help:"PEM file with the certificate's key"`
	HSTS    bool   `flag:"hsts" env:"STOREFRONT_HSTS" default:"false" help:"tell browsers to come by HTTPS only, where a proxy in front of the router has the certificate; always told with --tls-cert"`
}

// certificateEvery is how often the files of the certificate are looked at. A change is taken at the second look.
const certificateEvery = time.Second

// certificate reads the certificate; nil for none.
func (f TLSFlags) certificate() (*server.Certificate, error) {
	if f.TLSCert == "" && f.TLSKey == "" {
		return nil, nil
	}
	if f.TLSCert == "" || f.TLSKey == "" {
		return nil, errs.New(errs.BadInput, "give --tls-cert and --tls-key, both or neither")
	}
	return server.LoadCertificate(f.TLSCert, f.TLSKey, time.Now)
}

// strict tells browsers for a year that there is no other way but HTTPS (RFC 6797).
func (f TLSFlags) strict(next http.Handler) http.Handler {
	if f.TLSCert == "" && !f.HSTS {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Strict-Transport-Security", "max-age=31536000")
		next.ServeHTTP(w, r)
	})
}

// follow keeps the certificate as its files are; nil for none. stop ends that.
func (r *router) follow(c *server.Certificate) (stop func()) {
	if c == nil {
		return func() {}
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		c.Follow(ctx, certificateEvery, r.log)
	}()
	return func() {
		cancel()
		<-done
	}
}
