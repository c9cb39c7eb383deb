package server

import (
	"context"
	"crypto/tls"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"storefront/internal/errs"
	"storefront/internal/watch"
)

// Certificate is what a server shows of itself over TLS. It follows its files: a new one is shown to whoever
// connects from then on, and connections that are open stay.
type Certificate struct {
	certFile, keyFile string
	now               func() time.Time
	current           atomic.Pointer[tls.Certificate]
	known             [2][]byte // the files' content at start
}

// LoadCertificate reads a certificate chain and its key, in PEM. It is an error when they do not belong together,
// or the certificate is not valid at the moment.
func LoadCertificate(certFile, keyFile string, now func() time.Time) (*Certificate, error) {
	c := &Certificate{certFile: certFile, keyFile: keyFile, now: now}
	var err error
	if c.known, err = c.load(); err != nil {
		return nil, err
	}
	return c, nil
}

// load shows what is in the files from now on.
func (c *Certificate) load() (texts [2][]byte, err error) {
	for i, file := range []string{c.certFile, c.keyFile} {
		if texts[i], err = os.ReadFile(file); err != nil {
			return texts, errs.Wrap(errs.BadInput, err, "cannot read the certificate")
		}
	}
	pair, err := tls.X509KeyPair(texts[0], texts[1])
	if err != nil {
		return texts, errs.Wrap(errs.BadInput, err, "%s and %s are no certificate and its key", c.certFile, c.keyFile)
	}
	switch now := c.now(); {
	case now.After(pair.Leaf.NotAfter):
		return texts, errs.New(errs.BadInput, "the certificate %s has expired on %s", c.certFile, pair.Leaf.NotAfter.Format(time.RFC3339))
	case now.Before(pair.Leaf.NotBefore):
		return texts, errs.New(errs.BadInput, "the certificate %s is valid from %s on only", c.certFile, pair.Leaf.NotBefore.Format(time.RFC3339))
	}
	c.current.Store(&pair)
	return texts, nil
}

// Follow takes the files over whenever one of them changes, until ctx ends. What is not valid is told in the log,
// and the certificate from before is shown on.
func (c *Certificate) Follow(ctx context.Context, every time.Duration, log *slog.Logger) {
	var one sync.Mutex
	changed := func([]byte) {
		one.Lock()
		defer one.Unlock()
		if _, err := c.load(); err != nil {
			log.Error("the new certificate is refused; the one from before is shown", "error", err)
			return
		}
		log.Info("a new certificate is shown", "valid until", c.current.Load().Leaf.NotAfter.UTC().Format(time.RFC3339))
	}
	failed := func(err error) {
		log.Warn("a file of the certificate cannot be read; the certificate from before is shown", "error", err)
	}
	var both sync.WaitGroup
	for _, f := range []watch.File{
		{Path: c.certFile, Every: every, Known: c.known[0], Changed: changed, Failed: failed},
		{Path: c.keyFile, Every: every, Known: c.known[1], Changed: changed, Failed: failed},
	} {
		both.Go(func() { f.Run(ctx) })
	}
	both.Wait()
}

// config is TLS by Go's defaults, which change with what is known to be safe, from TLS 1.2 on.
func (c *Certificate) config() *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
		return c.current.Load(), nil
	}}
}
