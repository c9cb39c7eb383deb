package mail

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http/httptest"
	"sync/atomic"
	"testing"

	"github.com/emersion/go-sasl"
	gosmtp "github.com/emersion/go-smtp"

	"storefront/internal/errs"
)

// relay is a mail server that wants a password and counts the mails that came over TLS.
type relay struct {
	secure, plain atomic.Int64
}

type relaySession struct {
	relay  *relay
	secure bool
	known  bool
}

func (s *relaySession) Reset()                                 {}
func (s *relaySession) Logout() error                          { return nil }
func (s *relaySession) AuthMechanisms() []string               { return []string{sasl.Plain} }
func (s *relaySession) Rcpt(string, *gosmtp.RcptOptions) error { return nil }
func (s *relaySession) Mail(string, *gosmtp.MailOptions) error {
	if !s.known {
		return gosmtp.ErrAuthRequired
	}
	return nil
}

func (s *relaySession) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, username, password string) error {
		if username != "shop" || password != "secret" {
			return errors.New("wrong")
		}
		s.known = true
		return nil
	}), nil
}

func (s *relaySession) Data(r io.Reader) error {
	if s.secure {
		s.relay.secure.Add(1)
	} else {
		s.relay.plain.Add(1)
	}
	_, err := io.Copy(io.Discard, r)
	return err
}

func startRelay(t *testing.T, implicit bool) (*relay, string, *x509.CertPool) {
	t.Helper()
	certs := httptest.NewTLSServer(nil) // its certificate is good for 127.0.0.1
	defer certs.Close()
	r := new(relay)
	srv := gosmtp.NewServer(gosmtp.BackendFunc(func(c *gosmtp.Conn) (gosmtp.Session, error) {
		_, secure := c.TLSConnectionState()
		return &relaySession{relay: r, secure: secure}, nil
	}))
	srv.AllowInsecureAuth = true
	srv.TLSConfig = &tls.Config{Certificates: certs.TLS.Certificates}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if implicit {
		ln = tls.NewListener(ln, srv.TLSConfig)
	}
	go func() { _ = srv.Serve(ln) }()
	t.Cleanup(func() { srv.Close() })
	roots := x509.NewCertPool()
	roots.AddCert(certs.Certificate())
	return r, ln.Addr().String(), roots
}

func TestTLSAndSignIn(t *testing.T) {
	t.Parallel()
	for mode, want := range map[TLSMode][2]int64{TLSStart: {1, 0}, TLSOffered: {1, 0}, TLSImplicit: {1, 0}, TLSNone: {0, 1}} {
		t.Run(string(mode), func(t *testing.T) {
			t.Parallel()
			r, addr, roots := startRelay(t, mode == TLSImplicit)
			s := NewSMTP(Config{Addr: addr, Username: "shop", Password: "secret", TLS: mode, RootCAs: roots})
			defer s.Close()
			if err := s.Send(t.Context(), message()); err != nil {
				t.Fatal(err)
			}
			if got := [2]int64{r.secure.Load(), r.plain.Load()}; got != want {
				t.Fatalf("mails over TLS and plain: %v, want %v", got, want)
			}
		})
	}
}

func TestNoTrustNoMail(t *testing.T) {
	t.Parallel()
	r, addr, roots := startRelay(t, false)
	for name, cfg := range map[string]Config{
		"unknown certificate": {Addr: addr, Username: "shop", Password: "secret", TLS: TLSStart},
		"wrong password":      {Addr: addr, Username: "shop", Password: "guess", TLS: TLSStart, RootCAs: roots},
	} {
		s := NewSMTP(cfg)
		if err := s.Send(t.Context(), message()); !errs.Is(err, errs.Unavailable) {
			t.Errorf("%s gives %v", name, err)
		}
		s.Close()
	}
	if r.secure.Load()+r.plain.Load() != 0 {
		t.Fatal("a mail was sent all the same")
	}
}
