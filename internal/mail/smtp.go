package mail

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/emersion/go-sasl"
	gosmtp "github.com/emersion/go-smtp"

	"storefront/internal/errs"
)

// TLSMode says how a connection to the server is made safe.
type TLSMode string

// The TLS modes. The zero value is TLSNone for a server on loopback, TLSImplicit for port 465, and else
// TLSOffered. A password is sent over TLS or to loopback only, whatever the mode.
const (
	TLSNone     TLSMode = "none"     // plain text
	TLSOffered  TLSMode = "offered"  // as TLSStart when the server offers it, else plain text
	TLSStart    TLSMode = "starttls" // plain text turned into TLS, usually port 587
	TLSImplicit TLSMode = "tls"      // TLS from the first byte, usually port 465
)

// Config says which server sends the mail.
type Config struct {
	Addr     string // "host:port"
	Username string // empty: no sign-in
	Password string
	TLS      TLSMode
	PoolSize int            // connections at the same time; 0 means 4
	RootCAs  *x509.CertPool // nil means the system's
}

const (
	commandTimeout = 30 * time.Second
	idleTimeout    = 20 * time.Second // servers close idle connections, many after a minute or less
)

// SMTP is a Sender over one SMTP server. It is safe for concurrent use.
type SMTP struct {
	cfg   Config
	host  string
	slots chan struct{} // one for each connection that is in use

	mu     sync.Mutex
	idle   []*conn // the one used last comes last
	closed bool
}

var _ Sender = (*SMTP)(nil)

// NewSMTP returns a sender; it connects when the first mail is sent.
func NewSMTP(cfg Config) *SMTP {
	if cfg.PoolSize <= 0 {
		cfg.PoolSize = 4
	}
	host, port, err := net.SplitHostPort(cfg.Addr)
	if err != nil {
		host = cfg.Addr // dialing tells what is wrong with it
	}
	switch {
	case cfg.TLS != "":
	case isLoopback(host):
		cfg.TLS = TLSNone
	case port == "465":
		cfg.TLS = TLSImplicit
	default:
		cfg.TLS = TLSOffered
	}
	return &SMTP{cfg: cfg, host: host, slots: make(chan struct{}, cfg.PoolSize)}
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || (ip != nil && ip.IsLoopback())
}

// Send implements Sender. It waits for a free connection as long as ctx allows.
func (s *SMTP) Send(ctx context.Context, m Message) error {
	e, err := build(m, time.Now())
	if err != nil {
		return err
	}
	select {
	case s.slots <- struct{}{}:
		defer func() { <-s.slots }()
	case <-ctx.Done():
		return errs.Wrap(errs.Unavailable, unsent(ctx.Err()), "the mail waited too long for a connection; try again")
	}
	for {
		c, reused, err := s.take(ctx)
		if err != nil {
			return unsent(err)
		}
		begun, err := c.send(ctx, e)
		if err == nil {
			s.put(c)
			return nil
		}
		if refused, ok := errors.AsType[*gosmtp.SMTPError](err); ok {
			s.keepAfterRefusal(c)
			return refusal(refused)
		}
		c.smtp.Close()
		// A connection that lay idle may have been closed by the server. As long as no byte of the
		// mail was sent, trying another one cannot send it twice.
		if reused && !begun && ctx.Err() == nil {
			continue
		}
		if !begun {
			err = unsent(err)
		}
		return errs.Wrap(errs.Unavailable, err, "the mail server broke off; try again")
	}
}

// unsent adds ErrUnsent to an error, whose code stays.
func unsent(err error) error { return fmt.Errorf("%w: %w", ErrUnsent, err) }

// refusal leaves out the server's words: they often quote the address.
func refusal(e *gosmtp.SMTPError) error {
	code := errs.BadInput
	if e.Code < 500 {
		code = errs.Unavailable
	}
	return errs.New(code, "the mail server refused the mail with code %d (%d.%d.%d)", e.Code,
		e.EnhancedCode[0], e.EnhancedCode[1], e.EnhancedCode[2])
}

// conn is one connection.
type conn struct {
	net  net.Conn
	smtp *gosmtp.Client
	used time.Time
}

// send hands the mail over; begun says whether its content may have reached the server.
func (c *conn) send(ctx context.Context, e envelope) (begun bool, err error) {
	stop := context.AfterFunc(ctx, func() { c.net.Close() })
	defer stop()
	if err := c.smtp.Mail(e.from, &gosmtp.MailOptions{Size: int64(len(e.data))}); err != nil {
		return false, err
	}
	if err := c.smtp.Rcpt(e.to, nil); err != nil {
		return false, err
	}
	w, err := c.smtp.Data()
	if err != nil {
		return false, err
	}
	if _, err := bytes.NewReader(e.data).WriteTo(w); err != nil {
		return true, err
	}
	if err := w.Close(); err != nil {
		return true, err
	}
	c.used = time.Now()
	return true, nil
}

// take returns an idle connection, or a new one.
func (s *SMTP) take(ctx context.Context) (c *conn, reused bool, err error) {
	for {
		s.mu.Lock()
		if s.closed {
			s.mu.Unlock()
			return nil, false, errors.New("send mail: the sender is closed")
		}
		if len(s.idle) == 0 {
			s.mu.Unlock()
			c, err := s.connect(ctx)
			return c, false, err
		}
		c = s.idle[len(s.idle)-1]
		s.idle = s.idle[:len(s.idle)-1]
		s.mu.Unlock()
		if time.Since(c.used) < idleTimeout {
			return c, true, nil
		}
		c.smtp.Close()
	}
}

func (s *SMTP) put(c *conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		c.smtp.Close()
		return
	}
	s.idle = append(s.idle, c)
}

// keepAfterRefusal keeps a connection whose server answered in order.
func (s *SMTP) keepAfterRefusal(c *conn) {
	if err := c.smtp.Reset(); err != nil {
		c.smtp.Close()
		return
	}
	c.used = time.Now()
	s.put(c)
}

func (s *SMTP) connect(ctx context.Context) (*conn, error) {
	c, err := s.dial(ctx)
	if err != nil {
		return nil, errs.Wrap(errs.Unavailable, err, "the mail server at %s cannot be reached; start it or correct its address", s.cfg.Addr)
	}
	if s.cfg.Username == "" {
		return c, nil
	}
	if _, secure := c.smtp.TLSConnectionState(); !secure && !isLoopback(s.host) {
		c.smtp.Close()
		return nil, errs.New(errs.Unavailable, "the mail server at %s offers no TLS, and our password is not sent without it; use TLS mode starttls or tls", s.cfg.Addr)
	}
	if err := c.smtp.Auth(sasl.NewPlainClient("", s.cfg.Username, s.cfg.Password)); err != nil {
		c.smtp.Close()
		return nil, errs.New(errs.Unavailable, "the mail server at %s refused our sign-in; correct the user name or password", s.cfg.Addr)
	}
	return c, nil
}

func (s *SMTP) dial(ctx context.Context) (*conn, error) {
	ctx, cancel := context.WithTimeout(ctx, commandTimeout)
	defer cancel()
	if s.cfg.TLS != TLSOffered {
		return s.dialAs(ctx, s.cfg.TLS)
	}
	c, err := s.dialAs(ctx, TLSNone)
	if err != nil {
		return nil, err
	}
	if offered, _ := c.smtp.Extension("STARTTLS"); !offered {
		return c, nil
	}
	c.smtp.Close() // go-smtp turns on TLS at the start of a connection only
	return s.dialAs(ctx, TLSStart)
}

func (s *SMTP) dialAs(ctx context.Context, mode TLSMode) (*conn, error) {
	raw, err := new(net.Dialer).DialContext(ctx, "tcp", s.cfg.Addr)
	if err != nil {
		return nil, err
	}
	stop := context.AfterFunc(ctx, func() { raw.Close() })
	defer stop()
	conf := &tls.Config{ServerName: s.host, MinVersion: tls.VersionTLS12, RootCAs: s.cfg.RootCAs}
	var client *gosmtp.Client
	switch mode {
	case TLSNone:
		client = gosmtp.NewClient(raw)
	case TLSImplicit:
		client = gosmtp.NewClient(tls.Client(raw, conf))
	case TLSStart:
		client, err = gosmtp.NewClientStartTLS(raw, conf)
	default:
		err = fmt.Errorf("%q is no TLS mode; use none, offered, starttls or tls", mode)
	}
	if err != nil {
		return nil, errors.Join(err, raw.Close())
	}
	client.CommandTimeout, client.SubmissionTimeout = commandTimeout, 2*commandTimeout
	if err := client.Hello("localhost"); err != nil {
		return nil, errors.Join(err, client.Close())
	}
	return &conn{net: raw, smtp: client, used: time.Now()}, nil
}

// Close closes the idle connections. A mail under way is still sent.
func (s *SMTP) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	for _, c := range s.idle {
		c.smtp.Close() // nothing is lost by it
	}
	s.idle = nil
	return nil
}
