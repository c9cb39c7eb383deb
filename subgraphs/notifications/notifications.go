// Package notifications tells people what became of their orders, and what else they want to hear: by
// mail and by a list in the app. Each message is one document, made once per thing that happened; a pool
// of senders mails it afterwards, so no event waits for a mail server.
//
// It owns notifications, preferences, back-in-stock wishes and promotions, and keeps a read model of who
// to write to about which order. It never decides anything about an order. Enter at Service: react.go
// has a method per event, send.go the senders, letter.go what a mail looks like, allowance.go how many go to
// an address that nobody has checked.
package notifications

import (
	"fmt"
	"log/slog"
	netmail "net/mail"
	"net/url"
	"strings"
	"time"

	"storefront/internal/errs"
	"storefront/internal/mail"
	"storefront/internal/postal"
)

// Config of a Service.
type Config struct {
	Store     Store
	Mail      mail.Sender
	From      string // an address, "The Shop <shop@example.com>"; the name signs the mails
	PublicURL string // where HTTP is reached: links to unsubscribe begin with it
	ShopURL   string // the shop's own pages, with orders at /orders/ID; empty: mails have no button to them
	Secret    []byte // signs unsubscribe links; those of an earlier secret stop working
	Now       func() time.Time
	Log       *slog.Logger
	Senders   int // mails under way at the same time; 8 when 0
}

// Service holds the rules of notifications. It is safe for concurrent use, and several may share a store.
type Service struct {
	store     Store
	mail      mail.Sender
	from      string
	domain    string // of From, for message ids
	shop      string // name of the shop
	publicURL string
	shopURL   string
	secret    []byte
	now       func() time.Time
	log       *slog.Logger
	senders   int
	writer    *writer

	slots    chan struct{} // one for each job on its way through direct
	direct   chan job      // what goes before all in bulk; a slot each, so sending never blocks
	woken    chan struct{} // wakes the sweep that fills direct
	promoted chan struct{} // wakes the promotion runner
}

// queue is how many notifications wait in memory for a sender; the others are found by the sweep.
const queue = 512

// New returns a Service. Its error says which address of the configuration is wrong.
func New(cfg Config) (*Service, error) {
	from, err := netmail.ParseAddress(cfg.From)
	if err == nil {
		from.Address, err = postal.ASCIIEmail([]string{"from"}, from.Address)
	}
	if err != nil {
		return nil, errs.Wrap(errs.BadInput, err, "the sender of mails is not an address; write it like Shop <shop@example.com>")
	}
	for name, link := range map[string]string{"public URL": cfg.PublicURL, "shop URL": cfg.ShopURL} {
		if u, err := url.Parse(link); err != nil || (u.Scheme != "http" && u.Scheme != "https") && (link != "" || name == "public URL") {
			return nil, errs.New(errs.BadInput, "the %s %q is no address; write it like https://shop.example.com", name, link)
		}
	}
	w, err := newWriter()
	if err != nil {
		return nil, fmt.Errorf("read mail templates: %w", err)
	}
	s := &Service{
		store: cfg.Store, mail: cfg.Mail, from: cfg.From, shop: from.Name,
		domain:    from.Address[strings.LastIndexByte(from.Address, '@')+1:],
		publicURL: strings.TrimRight(cfg.PublicURL, "/"), shopURL: strings.TrimRight(cfg.ShopURL, "/"),
		secret: cfg.Secret, now: cfg.Now, log: cfg.Log, senders: cfg.Senders, writer: w,
		slots: make(chan struct{}, queue), direct: make(chan job, queue), woken: make(chan struct{}, 1), promoted: make(chan struct{}, 1),
	}
	if s.senders <= 0 {
		s.senders = 8
	}
	if s.shop == "" {
		s.shop = s.domain
	}
	return s, nil
}
