package notifications

import (
	"context"
	"errors"
	"math/rand/v2"
	"strings"
	"sync"
	"time"

	"storefront/internal/errs"
	"storefront/internal/mail"
	"storefront/internal/outbox"
)

// Mails go out like this:
//
//	event -> announce: Insert (Pending, leased) ------> direct -> sender -> SMTP -> Update (Sent)
//	                   Insert (Pending, due) -> Claim --^         ^
//	              bulk: Insert (Pending, due) -> Claim -> swept --+
//
// A sender takes what is in direct first, whether it is fresh or tried again, so no promotion holds up an
// order's mail. The mails of one order go one after the other, in the order of what they tell.
//
// Insert is the one thing that a handler waits for. A sender works on a notification only while its
// lease is good, so several processes never mail the same one at the same time. A crash between the
// mail server's yes and the mark makes one mail twice, which SMTP cannot rule out; both carry the same
// Message-ID, by which mail programs show them once. Nothing stands between the two steps.

const (
	sweepEvery  = 500 * time.Millisecond
	sweepBatch  = 64
	lease       = time.Minute
	sendTimeout = 20 * time.Second
	drain       = 5 * time.Second

	maxTries     = 25               // with the waits between them, some four hours
	longestWait  = 10 * time.Minute // between two tries
	orderWait    = time.Minute      // for what is most often there sooner
	contactLimit = 24 * time.Hour   // how long the mail of an order that nobody knows is kept
	// A mail that old says nothing of use any more, and no server is waited for longer. It keeps quiet a service that
	// is rebuilt from the topics.
	mailLimit = 72 * time.Hour
)

// job is a notification to be mailed by whom holds its lease; to is nil when it is yet to be found.
type job struct {
	n    Notification
	to   *recipient
	slot bool
}

// recipient is where a notification goes.
type recipient struct {
	person  Person
	address string
	locale  string
	name    string
	number  string
}

// announce makes a notification, once; the mail follows.
func (s *Service) announce(ctx context.Context, n Notification) error {
	to, err := s.recipient(ctx, n)
	if err != nil && !errs.Is(err, errs.NotFound) {
		return err
	}
	return s.announceTo(ctx, n, to, err == nil)
}

// announceTo is announce for a recipient that is at hand; known says whether the address is there too.
func (s *Service) announceTo(ctx context.Context, n Notification, to recipient, known bool) error {
	if n.Listed = to.person.wants(n.Kind, InApp); known {
		s.compose(&n, to)
	} else {
		s.compose(&n, recipient{})
	}
	now, events := s.now().UTC(), []outbox.Event(nil)
	j := job{}
	switch {
	case !to.person.wants(n.Kind, Email):
		events = n.off("not wanted", now)
	case now.Sub(n.CreatedAt) > mailLimit:
		events = n.off("too old", now)
	case known && to.address == "":
		events = n.off("no address", now)
	default:
		n.Mail, n.DueAt = Pending, &now
		if j.slot = !n.Bulk && s.slot(); j.slot { // the sweep finds the others
			until := now.Add(lease)
			n.DueAt = &until
		}
	}
	added, err := s.store.Insert(ctx, &n, events...)
	if j.slot && (err != nil || !added) {
		<-s.slots
	} else if j.slot {
		if j.n = n; known {
			j.to = &to
		}
		s.direct <- j
	}
	return err
}

// slot takes one if there is one.
func (s *Service) slot() bool {
	select {
	case s.slots <- struct{}{}:
		return true
	default:
		return false
	}
}

// recipient finds whom to write to; NotFound when the order is not known yet, and then the person's
// preferences are there all the same.
func (s *Service) recipient(ctx context.Context, n Notification) (recipient, error) {
	people, err := s.store.People(ctx, []string{n.Owner})
	if err != nil {
		return recipient{}, err
	}
	p := people[n.Owner]
	to := recipient{person: p, address: p.Email, locale: p.Locale, name: p.Name}
	if n.OrderID == "" {
		return to, nil
	}
	c, err := s.store.Contact(ctx, n.OrderID)
	return to.by(c), err
}

// by is the same person reached as an order says.
func (to recipient) by(c Contact) recipient {
	to.address, to.locale, to.number = c.Email, c.Locale, c.Number
	return to
}

// compose writes what the app's list shows, in the recipient's language.
func (s *Service) compose(n *Notification, to recipient) {
	if n.Locale = to.locale; to.number != "" {
		n.Facts.Number = to.number
	}
	if n.Facts.Name == "" {
		n.Facts.Name = to.name
	}
	n.Title, n.Text = s.writer.title(*n, s.shop), s.writer.text(*n, s.shop)
}

// Run mails notifications and promotions until ctx ends; what has begun is finished, at most drain long.
// Several may run side by side.
func (s *Service) Run(ctx context.Context) error {
	work, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	defer context.AfterFunc(ctx, func() { time.AfterFunc(drain, cancel) })()
	swept := make(chan job)
	var running sync.WaitGroup
	for range s.senders {
		running.Go(func() { s.sender(ctx, work, swept) })
	}
	running.Go(func() { s.sweep(ctx, s.woken, s.refill) })
	running.Go(func() { s.sweep(ctx, nil, func(ctx context.Context) bool { return s.bulk(ctx, swept) }) })
	running.Go(func() { s.promote(ctx) })
	running.Wait()
	return nil
}

// sender takes what is in bulk only when there is nothing else.
func (s *Service) sender(ctx, work context.Context, swept <-chan job) {
	for {
		select {
		case j := <-s.direct:
			s.deliver(work, j)
			continue
		default:
		}
		if ctx.Err() != nil {
			return // direct is empty
		}
		select {
		case j := <-s.direct:
			s.deliver(work, j)
		case j := <-swept:
			s.deliver(work, j)
		case <-ctx.Done():
		}
	}
}

// nudge lets the mails of an order that wait for something look again at once.
func (s *Service) nudge(ctx context.Context, orderID string) error {
	err := s.store.Nudge(ctx, orderID, s.now())
	select {
	case s.woken <- struct{}{}:
	default:
	}
	return err
}

// deliver mails one notification and notes what came of it.
func (s *Service) deliver(ctx context.Context, j job) {
	if j.slot {
		defer func() { <-s.slots }()
	}
	n := j.n
	if ctx.Err() != nil || s.now().After(n.DueAt.Add(-sendTimeout)) {
		return // the lease is too short by now: whoever claims it next goes on
	}
	if wait, reason := s.waits(ctx, n); wait {
		s.note(ctx, n, s.putOff(n, orderWait, false, reason))
		return
	}
	if j.to == nil {
		to, err := s.recipient(ctx, n)
		if err != nil {
			s.note(ctx, n, s.unreached(n, err))
			return
		}
		j.to = &to
		s.compose(&n, to)
	}
	if !j.to.person.wants(n.Kind, Email) || j.to.address == "" {
		s.note(ctx, n, func(n *Notification) []outbox.Event { return n.off("not wanted", s.now().UTC()) })
		return
	}
	switch ok, err := s.may(ctx, n, *j.to); {
	case err != nil:
		s.note(ctx, n, s.putOff(n, orderWait, false, databaseAway))
		return
	case !ok:
		s.note(ctx, n, s.withhold(n))
		return
	}
	m, err := s.letter(n, *j.to)
	if err == nil {
		sending, cancel := context.WithTimeout(ctx, sendTimeout)
		err = s.mail.Send(sending, m)
		cancel()
	}
	if !errors.Is(err, mail.ErrUnsent) {
		n.Tries++
	}
	if err != nil {
		s.note(ctx, n, s.failure(n, err))
		return
	}
	s.note(ctx, n, func(n *Notification) []outbox.Event { return n.sent(s.now().UTC().Truncate(time.Millisecond)) })
}

const databaseAway = "the database was away"

// waits says whether a mail lets an earlier one of its order go first. A confirmation is always the first.
func (s *Service) waits(ctx context.Context, n Notification) (bool, string) {
	if n.OrderID == "" || n.Kind == OrderConfirmation {
		return false, ""
	}
	earlier, err := s.store.Earlier(ctx, n.OrderID, n.Sort)
	if err != nil {
		return true, databaseAway
	}
	return earlier, EarlierFirst
}

// unreached puts off a mail whose recipient could not be read: the order's first event is still to come,
// or the database is away.
func (s *Service) unreached(n Notification, err error) func(*Notification) []outbox.Event {
	reason, giveUp := databaseAway, false
	if errs.Is(err, errs.NotFound) {
		reason, giveUp = OrderUnknown, s.now().Sub(n.CreatedAt) > contactLimit
	}
	return s.putOff(n, orderWait, giveUp, reason)
}

// failure decides whether a mail is tried again. Errors of the mail package hold no address.
func (s *Service) failure(n Notification, err error) func(*Notification) []outbox.Event {
	if errors.Is(err, mail.ErrUnsent) {
		return s.putOff(n, longestWait, s.now().Sub(n.CreatedAt) > mailLimit, "the mail server was not reached")
	}
	if errs.Is(err, errs.Unavailable) {
		return s.putOff(n, longestWait, n.Tries >= maxTries, "the mail server did not take it")
	}
	return s.putOff(n, longestWait, true, err.Error())
}

func (s *Service) putOff(n Notification, longest time.Duration, giveUp bool, reason string) func(*Notification) []outbox.Event {
	if giveUp {
		s.log.Warn("mail given up", "notification", n.ID, "kind", n.Kind, "tries", n.Tries, "reason", reason)
	}
	wait := min(longest, time.Second<<min(n.Waits, 20))
	due := s.now().UTC().Add(wait/2 + rand.N(wait))
	return func(n *Notification) []outbox.Event { n.later(due, giveUp, reason); return nil }
}

// note writes the outcome. It insists: a mail that is sent but not marked would be sent again.
func (s *Service) note(ctx context.Context, composed Notification, change func(*Notification) []outbox.Event) {
	var err error
	for try := range 5 {
		if try > 0 {
			select {
			case <-time.After(100 * time.Millisecond << try):
			case <-ctx.Done():
			}
		}
		var n Notification
		if n, err = s.store.Update(ctx, composed.ID, func(n *Notification) ([]outbox.Event, error) {
			if n.Mail != Pending {
				return nil, nil
			}
			n.Title, n.Text, n.Locale, n.Facts, n.Tries = composed.Title, composed.Text, composed.Locale, composed.Facts, composed.Tries
			return change(n), nil
		}); err == nil {
			s.next(ctx, n)
			return
		}
	}
	s.log.Error("note a mail's outcome", "notification", composed.ID, "error", err)
}

// next lets the order's later mails go. They look again by themselves where this fails.
func (s *Service) next(ctx context.Context, n Notification) {
	if n.OrderID == "" || n.Mail == Pending {
		return
	}
	if err := s.nudge(ctx, n.OrderID); err != nil && ctx.Err() == nil {
		s.log.WarnContext(ctx, "wake mails of an order", "order", n.OrderID, "error", err)
	}
}

// letter is the mail of a notification.
func (s *Service) letter(n Notification, to recipient) (mail.Message, error) {
	l := letter{Shop: s.shop, ShopURL: s.publicURL}
	if s.shopURL != "" {
		if l.ShopURL = s.shopURL; n.OrderID != "" {
			l.OrderURL = s.shopURL + "/orders/" + n.OrderID
		}
	}
	m := mail.Message{From: s.from, To: to.address, MessageID: strings.ToLower(n.ID) + "@" + s.domain,
		Headers: map[string]string{"X-Storefront-Kind": string(n.Kind), "Auto-Submitted": "auto-generated"}}
	if n.OrderID != "" {
		m.Headers["X-Storefront-Order"] = n.OrderID
	}
	if n.Kind.unsubscribable() {
		l.Unsubscribe = s.unsubscribeURL(n.Owner, n.Kind)
		m.ListUnsubscribe = l.Unsubscribe
	}
	var err error
	m.Subject = strings.NewReplacer("\r", "", "\n", " ").Replace(n.Title)
	m.HTML, m.Text, err = s.writer.write(n, l)
	return m, err
}
