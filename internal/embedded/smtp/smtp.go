// Package smtp is the embedded mail catcher: an SMTP server that delivers nothing and keeps every
// mail, and a page on a second loopback port where the mails can be read.
//
// Mails are .eml files in a folder, or in memory; a mail is kept before its sender hears so. The list
// of them is in memory and the folder is read once, at start. Enter at Start.
package smtp

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	gosmtp "github.com/emersion/go-smtp"

	"storefront/internal/embedded"
)

// Config says where the catcher listens and what it keeps.
type Config struct {
	SMTPAddr string // "127.0.0.1:port"; empty or port 0 means any free port
	HTTPAddr string // likewise, for the page
	Dir      string // mails go to its folder "mail"; empty means memory only
	Keep     int    // how many mails; the oldest go first. 0 means 10,000
	Logger   *slog.Logger
}

const (
	maxMailBytes  = 8 << 20
	maxRecipients = 100
)

// Server is a running mail catcher.
type Server struct {
	mail     net.Listener
	smtpAddr string
	httpAddr string
	box      *mailbox
	smtp     *gosmtp.Server
	http     *http.Server
	served   chan error
	close    sync.Once
}

// Start reads the mails that are there and listens. ctx bounds the start only.
func Start(ctx context.Context, cfg Config) (*Server, error) {
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.Keep <= 0 {
		cfg.Keep = 10_000
	}
	mail, err := embedded.Listen(ctx, "mail (SMTP)", cfg.SMTPAddr)
	if err != nil {
		return nil, err
	}
	page, err := embedded.Listen(ctx, "the mail page", cfg.HTTPAddr)
	if err != nil {
		return nil, errors.Join(err, mail.Close())
	}
	box, err := openMailbox(cfg.Dir, cfg.Keep, cfg.Logger)
	if err != nil {
		return nil, errors.Join(err, mail.Close(), page.Close())
	}
	s := &Server{
		mail: mail, smtpAddr: mail.Addr().String(), httpAddr: page.Addr().String(), box: box, served: make(chan error, 2),
		smtp: gosmtp.NewServer(gosmtp.BackendFunc(func(*gosmtp.Conn) (gosmtp.Session, error) { return &session{box: box}, nil })),
		http: &http.Server{Handler: newPage(box), ReadHeaderTimeout: 10 * time.Second, WriteTimeout: time.Minute},
	}
	errorLog := slog.NewLogLogger(cfg.Logger.Handler(), slog.LevelDebug)
	s.smtp.Domain = "localhost"
	s.smtp.MaxMessageBytes = maxMailBytes
	s.smtp.MaxRecipients = maxRecipients
	s.smtp.ReadTimeout, s.smtp.WriteTimeout = 5*time.Minute, time.Minute
	s.smtp.EnableSMTPUTF8 = true
	s.smtp.ErrorLog, s.http.ErrorLog = errorLog, errorLog
	s.serve(mail, page)
	return s, nil
}

func (s *Server) serve(mail, page net.Listener) {
	go func() { s.served <- s.smtp.Serve(mail) }()
	go func() {
		err := s.http.Serve(page)
		if errors.Is(err, http.ErrServerClosed) {
			err = nil
		}
		s.served <- err
	}()
}

// SMTPAddr is where mail is taken, "127.0.0.1:port".
func (s *Server) SMTPAddr() string { return s.smtpAddr }

// URL is the page where mails can be read.
func (s *Server) URL() string { return "http://" + s.httpAddr + "/" }

// Mails returns the newest mails first, at most limit of them (0 means all), to the address or, when
// it is empty, to anyone.
func (s *Server) Mails(to string, limit int) ([]Mail, error) { return s.box.find(to, limit) }

// Close stops both servers. Calling it again does nothing.
func (s *Server) Close() error {
	var err error
	s.close.Do(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		// Clients keep idle connections, so the server is not asked to wait for them. A mail being
		// kept right now is.
		err = errors.Join(s.box.close(), s.smtp.Close())
		_ = s.mail.Close() // go-smtp knows the listener, and has closed it, only once Serve has begun
		err = errors.Join(err, s.http.Shutdown(ctx), <-s.served, <-s.served)
	})
	return err
}

// session takes one mail after the other on one connection.
type session struct {
	box  *mailbox
	from string
	to   []string
}

func (s *session) Reset()        { s.from, s.to = "", nil }
func (s *session) Logout() error { return nil }

func (s *session) Mail(from string, _ *gosmtp.MailOptions) error {
	s.from = from
	return nil
}

func (s *session) Rcpt(to string, _ *gosmtp.RcptOptions) error {
	s.to = append(s.to, to)
	return nil
}

func (s *session) Data(r io.Reader) error {
	raw, err := io.ReadAll(r) // go-smtp ends it at maxMailBytes
	if err != nil {
		return err // go-smtp answers with the code it holds
	}
	if err := s.box.add(s.from, s.to, raw, time.Now()); err != nil {
		return &gosmtp.SMTPError{Code: 451, EnhancedCode: gosmtp.EnhancedCode{4, 3, 0}, Message: "the mail could not be kept; try again"}
	}
	return nil
}
