// Package testgateway is the built-in payment gateway: it moves no money, and is honest about it. Every
// answer is in its ledger first, so the ledger is the judge of what was charged. Calls with one key are
// one call. What a payment method does is said by its token: see Tokens. What goes wrong on the way, for
// all of them, is said by Faults.
package testgateway

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"storefront/internal/errs"
	"storefront/internal/id"
	"storefront/internal/money"
	"storefront/subgraphs/payments"
)

// Config of a Gateway.
type Config struct {
	Dir    string // where the ledger lies; "" keeps it in memory
	Now    func() time.Time
	Secret []byte        // webhooks are signed with; fresh when empty
	Slow   time.Duration // how long tok_slow takes; 2 s when 0
	Lost   time.Duration // how long a lost answer is waited for, tok_timeout's and those of Faults; 1 s when 0
	Faults Faults        // none when it is the zero value
	Log    *slog.Logger  // nil logs nothing
}

// Gateway implements payments.Gateway and payments.Challenger. It is safe for concurrent use.
type Gateway struct {
	cfg Config

	mu     sync.Mutex
	book   *book
	ledger *ledger        // nil in memory
	calls  map[string]int // of each step with each key, when calls are to fail
	sender *sender        // nil when there are no webhooks
}

var (
	_ payments.Gateway    = (*Gateway)(nil)
	_ payments.Challenger = (*Gateway)(nil)
)

// Open reads the ledger and returns the gateway. Dir belongs to one process at a time: a second one is
// refused. BadInput when webhooks have nowhere to go.
func Open(cfg Config) (*Gateway, error) {
	if cfg.Slow == 0 {
		cfg.Slow = 2 * time.Second
	}
	if cfg.Lost == 0 {
		cfg.Lost = time.Second
	}
	if len(cfg.Secret) == 0 {
		cfg.Secret = make([]byte, 32)
		rand.Read(cfg.Secret)
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Faults.Webhooks && cfg.Faults.To == "" {
		return nil, errs.New(errs.BadInput, "webhooks have nowhere to go")
	}
	g := &Gateway{cfg: cfg, book: newBook(), calls: map[string]int{}}
	if cfg.Dir != "" {
		var err error
		if g.ledger, err = openLedger(cfg.Dir, g.book.apply); err != nil {
			return nil, err
		}
	}
	if cfg.Faults.Webhooks {
		g.sender = newSender(cfg.Faults.To, cfg.Log)
	}
	return g, nil
}

// Close gives the ledger's folder back. Webhooks that were not delivered are forgotten.
func (g *Gateway) Close() error {
	if g.sender != nil {
		g.sender.close()
	}
	if g.ledger == nil {
		return nil
	}
	return g.ledger.close()
}

// Sums adds up the ledger by currency.
func (g *Gateway) Sums() map[string]Sums {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.book.sums()
}

// Configuration lists the test tokens.
func (g *Gateway) Configuration() payments.PaymentConfiguration {
	return payments.PaymentConfiguration{Gateway: "test", TestTokens: Tokens()}
}

// write puts an entry into the ledger, then into the book. The caller holds the mutex.
func (g *Gateway) write(e entry) error {
	e.At = g.cfg.Now().UTC()
	if g.ledger != nil {
		if err := g.ledger.append(e); err != nil {
			return err
		}
	}
	if err := g.book.apply(e); err != nil {
		return err
	}
	g.announce(g.book.charges[e.Charge])
	return nil
}

// Authorize does what the token says.
func (g *Gateway) Authorize(ctx context.Context, key string, a payments.Authorization) (payments.Charge, error) {
	return answer(ctx, g, "authorize", key, func() (payments.Charge, error) { return g.byToken(ctx, key, a) })
}

func (g *Gateway) byToken(ctx context.Context, key string, a payments.Authorization) (payments.Charge, error) {
	if a.Token == tokenSlow {
		if err := wait(ctx, g.cfg.Slow); err != nil {
			return payments.Charge{}, err
		}
	}
	c, fresh, err := g.authorize(key, a)
	if err == nil && fresh && a.Token == tokenTimeout {
		if err := wait(ctx, g.cfg.Lost); err != nil {
			return payments.Charge{}, err
		}
		return payments.Charge{}, fmt.Errorf("authorize %s: %w", a.PaymentID, context.DeadlineExceeded)
	}
	return c, err
}

func (g *Gateway) authorize(key string, a payments.Authorization) (c payments.Charge, fresh bool, err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if known, ok := g.book.byKey[key]; ok {
		if known.amount != a.Amount.Amount || known.currency != a.Amount.Currency || known.payment != a.PaymentID {
			return c, false, errs.New(errs.Conflict, "key %s was used for another authorization", key)
		}
		return known.view(), false, nil
	}
	op, code, message := outcome(a.Token)
	e := entry{Op: op, Key: key, Charge: id.Of("tch", key), Payment: a.PaymentID, Amount: a.Amount.Amount, Currency: a.Amount.Currency, Code: code, Message: message, Refuses: a.Token == tokenNoRefund}
	if op == opChallenge {
		e.URL = a.URL
	}
	if err := g.write(e); err != nil {
		return c, false, err
	}
	return g.book.charges[e.Charge].view(), true, nil
}

// Capture takes what is held.
func (g *Gateway) Capture(ctx context.Context, key, chargeID string) (payments.Charge, error) {
	return g.change(ctx, key, chargeID, opCapture, payments.ChargeAuthorized)
}

// Void gives back what is held, or ends a 3-D Secure that was not passed.
func (g *Gateway) Void(ctx context.Context, key, chargeID string) (payments.Charge, error) {
	return g.change(ctx, key, chargeID, opVoid, payments.ChargeAuthorized, payments.ChargeActionRequired)
}

// change does op once per key when the charge is in one of these states, and answers with the charge as it is.
func (g *Gateway) change(ctx context.Context, key, chargeID string, op operation, ready ...payments.ChargeStatus) (payments.Charge, error) {
	return answer(ctx, g, string(op), key, func() (payments.Charge, error) {
		g.mu.Lock()
		defer g.mu.Unlock()
		c, err := g.charge(chargeID)
		if err != nil {
			return payments.Charge{}, err
		}
		switch known, done := g.book.byKey[key]; {
		case done && known != c:
			return payments.Charge{}, errs.New(errs.Conflict, "key %s was used for another charge", key)
		case !done && slices.Contains(ready, c.Status):
			if err := g.write(entry{Op: op, Key: key, Charge: chargeID, Amount: c.amount, Currency: c.currency}); err != nil {
				return payments.Charge{}, err
			}
		}
		return c.view(), nil
	})
}

// Refund gives back part of what was captured, never more than that.
func (g *Gateway) Refund(ctx context.Context, key, chargeID string, amount money.Money, _ string) (payments.ChargeRefund, error) {
	return answer(ctx, g, "refund", key, func() (payments.ChargeRefund, error) { return g.refund(key, chargeID, amount) })
}

func (g *Gateway) refund(key, chargeID string, amount money.Money) (payments.ChargeRefund, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	c, err := g.charge(chargeID)
	if err != nil {
		return payments.ChargeRefund{}, err
	}
	if known, ok := g.book.refunds[key]; ok {
		if known.charge != chargeID || known.Amount != amount {
			return payments.ChargeRefund{}, errs.New(errs.Conflict, "key %s was used for another refund", key)
		}
		return known.ChargeRefund, nil
	}
	if amount.Currency != c.currency || amount.Amount <= 0 || amount.Amount > c.captured-c.refunded {
		return payments.ChargeRefund{Key: key, Status: payments.RefundFailed, Message: fmt.Sprintf(
			"%s cannot be refunded; %s is left", amount, money.New(c.captured-c.refunded, c.currency))}, nil
	}
	if c.refuses {
		err = g.write(entry{Op: opRefuse, Key: key, Charge: chargeID, Amount: amount.Amount, Currency: c.currency, Message: "The card takes no money back."})
		return g.book.refunds[key].ChargeRefund, err
	}
	err = g.write(entry{Op: opRefund, Key: key, Charge: chargeID, Amount: amount.Amount, Currency: c.currency, Refund: id.Of("trf", key)})
	return g.book.refunds[key].ChargeRefund, err
}

// Lookup finds the charge that Authorize made with key.
func (g *Gateway) Lookup(ctx context.Context, key string) (payments.Charge, error) {
	return answer(ctx, g, "lookup", key, func() (payments.Charge, error) {
		g.mu.Lock()
		defer g.mu.Unlock()
		c, ok := g.book.byKey[key]
		if !ok {
			return payments.Charge{}, errs.New(errs.NotFound, "no charge was made with key %s", key)
		}
		return c.view(), nil
	})
}

// Fetch returns a charge as it is.
func (g *Gateway) Fetch(ctx context.Context, chargeID string) (payments.Charge, error) {
	return answer(ctx, g, "fetch", chargeID, func() (payments.Charge, error) {
		g.mu.Lock()
		defer g.mu.Unlock()
		c, err := g.charge(chargeID)
		if err != nil {
			return payments.Charge{}, err
		}
		return c.view(), nil
	})
}

func (g *Gateway) charge(id string) (*charge, error) {
	if c, ok := g.book.charges[id]; ok {
		return c, nil
	}
	return nil, errs.New(errs.NotFound, "there is no charge %q", id)
}

func wait(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return nil
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
