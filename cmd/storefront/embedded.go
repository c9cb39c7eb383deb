package main

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strconv"

	"storefront/consumers"
	"storefront/internal/blob"
	"storefront/internal/embedded/kafka"
	"storefront/internal/embedded/mongodb"
	"storefront/internal/embedded/oidc"
	"storefront/internal/embedded/redis"
	"storefront/internal/embedded/smtp"
	"storefront/internal/errs"
)

// embeddedServices are those parts that no address was given for.
type embeddedServices struct {
	mail    *smtp.Server
	oidc    *oidc.Server
	closers []func() error
}

// startEmbedded starts what cfg names no address for, and writes the addresses into cfg.
func startEmbedded(ctx context.Context, cfg *UpConfig, log *slog.Logger) (_ *embeddedServices, err error) {
	e := &embeddedServices{}
	defer func() {
		if err != nil {
			e.Close()
		}
	}()
	if cfg.MongoDB == "" {
		s, err := mongodb.Start(ctx, mongodb.Config{Addr: cfg.addr(11), Dir: filepath.Join(cfg.DataDir, "mongodb"), Logger: log})
		if err != nil {
			return nil, err
		}
		e.closers = append(e.closers, s.Close)
		cfg.MongoDB = s.URI()
	}
	if len(cfg.Brokers) == 0 {
		var topics []kafka.Topic
		for _, t := range consumers.Topics(int32(cfg.Partitions), 1) {
			topics = append(topics, kafka.Topic{Name: t.Name, Partitions: int(t.Partitions), Compacted: t.Compacted})
		}
		s, err := kafka.Start(ctx, kafka.Config{Port: port(cfg.addr(12)), Dir: filepath.Join(cfg.DataDir, "kafka"), Topics: topics, Logger: log})
		if err != nil {
			return nil, err
		}
		e.closers = append(e.closers, s.Close)
		cfg.Brokers = []string{s.Addr()}
	}
	if cfg.Redis == "" {
		s, err := redis.Start(ctx, redis.Config{Addr: cfg.addr(13), Logger: log})
		if err != nil {
			return nil, err
		}
		e.closers = append(e.closers, s.Close)
		cfg.Redis = s.URL()
	}
	if len(cfg.Issuers) == 0 {
		if e.oidc, err = oidc.Start(ctx, oidc.Config{Addr: cfg.addr(10), Dir: filepath.Join(cfg.DataDir, "oidc"),
			Users: demoUsers(), Clients: demoClients(cfg.SecretFlags), Logger: log}); err != nil {
			return nil, err
		}
		e.closers = append(e.closers, e.oidc.Close)
		cfg.Issuers = []string{e.oidc.Issuer()}
	}
	if cfg.SMTP == "" {
		if e.mail, err = smtp.Start(ctx, smtp.Config{SMTPAddr: cfg.addr(14), HTTPAddr: cfg.addr(15), Dir: cfg.DataDir, Logger: log}); err != nil {
			return nil, err
		}
		e.closers = append(e.closers, e.mail.Close)
		cfg.SMTP = e.mail.SMTPAddr()
	}
	if cfg.Blob == "" {
		if cfg.Blob, err = blob.FolderURL(filepath.Join(cfg.DataDir, "files")); err != nil {
			return nil, err
		}
	}
	return e, nil
}

// Close stops what was started, the last first.
func (e *embeddedServices) Close() error {
	var all []error
	for i := len(e.closers) - 1; i >= 0; i-- {
		all = append(all, e.closers[i]())
	}
	return errors.Join(all...)
}

func port(addr string) int {
	_, p, _ := net.SplitHostPort(addr)
	n, _ := strconv.Atoi(p)
	return n
}

// webClient is the public client that people sign in with; cliClient is the command line's own, which
// works for the shop; acmeClient is the demo partner.
const (
	webClient  = "storefront-web"
	cliClient  = "storefront-cli"
	acmeClient = "acme"
	demoSecret = "acme-demo-secret"
)

func demoUsers() []oidc.User {
	return []oidc.User{
		{Username: "ada", Password: "demo", Subject: "ada", Name: "Ada Brandt", Email: "ada@storefront.example", Locale: "en-GB"},
		{Username: "ben", Password: "demo", Subject: "ben", Name: "Ben Okafor", Email: "ben@storefront.example", Locale: "de-DE"},
		{Username: "sam", Password: "demo", Subject: "sam", Name: "Sam Weiss", Email: "sam@storefront.example", Locale: "en-GB", Roles: []string{"staff"}},
	}
}

func demoClients(c SecretFlags) []oidc.Client {
	loopback := []string{"http://127.0.0.1:*/", "http://localhost:*/"}
	return []oidc.Client{
		{ID: webClient, Public: true, RedirectURIs: loopback},
		{ID: cliClient, Secret: cliSecret(c), Roles: []string{"staff"}},
		{ID: acmeClient, Secret: demoSecret, Roles: []string{partnerRole}},
	}
}

// cliSecret is the command line's own, made of the data folder's secret.
func cliSecret(c SecretFlags) string { return hex.EncodeToString(c.key("cli"))[:40] }

// addresses is what a running shop writes down for the other commands.
type addresses struct {
	Router  string   `json:"router"`
	MongoDB string   `json:"mongodb"`
	Brokers []string `json:"brokers"`
	Redis   string   `json:"redis"`
	Issuer  string   `json:"issuer"`            // that commands sign in at
	Issuers []string `json:"issuers,omitempty"` // all, as --oidc-issuer takes them
	Mail    string   `json:"mail,omitempty"`
	Process int      `json:"process"`

	Traces         string `json:"traces,omitempty"`
	MongoPrefix    string `json:"mongodbPrefix,omitempty"`
	KafkaNamespace string `json:"kafkaNamespace,omitempty"`

	Subgraphs    []string `json:"subgraphs"`              // NAME=URL
	WebhookAllow []string `json:"webhookAllow,omitempty"` // networks
}

func addressFile(dir string) string { return filepath.Join(dir, "addresses.json") }

func (s *shop) remember() error {
	a := addresses{Router: s.cfg.PublicURL, MongoDB: s.cfg.MongoDB, Brokers: s.cfg.Brokers, Redis: s.cfg.Redis, Issuer: s.cfg.issuer(), Issuers: s.cfg.Issuers, Process: os.Getpid(),
		MongoPrefix: s.cfg.MongoPrefix, KafkaNamespace: s.cfg.KafkaNamespace, Subgraphs: s.cfg.Subgraphs, WebhookAllow: s.cfg.WebhookAllow}
	if s.embedded.mail != nil {
		a.Mail = s.embedded.mail.URL()
	}
	if s.traces != nil {
		a.Traces = s.traces.URL()
	}
	b, err := json.MarshalIndent(a, "", "  ")
	if err != nil {
		return err
	}
	if err := os.WriteFile(addressFile(s.cfg.DataDir), b, 0o600); err != nil {
		return errs.Wrap(errs.BadInput, err, "cannot write into the data folder %s", s.cfg.DataDir)
	}
	return nil
}

// running reads the addresses of the shop that runs on a data folder.
func running(dir string) (addresses, error) {
	var a addresses
	b, err := os.ReadFile(addressFile(dir))
	if err != nil {
		return a, errs.New(errs.Unavailable, "no shop runs on the data folder %s; start one with 'storefront up', or give the addresses by flags", dir)
	}
	if err := json.Unmarshal(b, &a); err != nil {
		return a, errs.Wrap(errs.Unavailable, err, "%s is damaged; restart 'storefront up'", addressFile(dir))
	}
	return a, nil
}
