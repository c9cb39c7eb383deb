package payments

import (
	"time"

	"storefront/events"
	"storefront/internal/eventmeta"
	"storefront/internal/id"
	"storefront/internal/money"
	"storefront/internal/outbox"
)

// PaymentStatus is how far the money of an order has come.
type PaymentStatus string

// PENDING -> AUTHORIZING -> (ACTION_REQUIRED) -> AUTHORIZED -> CAPTURED; FAILED or VOIDED before that.
const (
	Pending        PaymentStatus = "PENDING"
	Authorizing    PaymentStatus = "AUTHORIZING"
	ActionRequired PaymentStatus = "ACTION_REQUIRED"
	Authorized     PaymentStatus = "AUTHORIZED"
	Captured       PaymentStatus = "CAPTURED"
	Failed         PaymentStatus = "FAILED"
	Voided         PaymentStatus = "VOIDED"
)

// Why a payment is called off.
const (
	Cancelled          = "CANCELLED"
	ReservationExpired = "RESERVATION_EXPIRED"
)

// Step is a call to the gateway.
type Step string

// The steps, as they stand in keys; a refund's key says which one it is.
const (
	StepAuthorize Step = "authorize"
	StepCapture   Step = "capture"
	StepVoid      Step = "void"
	StepRefund    Step = "refund"
)

// Intent is a step that was decided and whose outcome is not written yet. There is one at a time.
type Intent struct {
	Step  Step      `bson:"step"`
	Key   string    `bson:"key"` // the gateway's idempotency key
	At    time.Time `bson:"at"`
	Tries int       `bson:"tries,omitempty"` // by Settle
}

// Payment is the money of one order. What was learnt of the order comes in any order and is kept; what
// follows from it is decided in one place, decide.
type Payment struct {
	ID             string        `bson:"_id"`
	Version        int           `bson:"version"`
	OrderID        string        `bson:"orderId"`
	Customer       string        `bson:"customer"`
	Status         PaymentStatus `bson:"status"`
	Amount         money.Money   `bson:"amount"`
	Token          string        `bson:"token,omitempty"`          // until it is used
	Placed         bool          `bson:"placed,omitempty"`         // OrderPlaced was seen
	StockHeld      bool          `bson:"stockHeld,omitempty"`      // StockReserved was seen
	StockConfirmed bool          `bson:"stockConfirmed,omitempty"` // StockConfirmed was seen
	CalledOff      string        `bson:"calledOff,omitempty"`      // Cancelled or ReservationExpired
	Intent         *Intent       `bson:"intent,omitempty"`
	DueAt          *time.Time    `bson:"dueAt,omitempty"` // when Settle looks at it
	ChargeID       string        `bson:"chargeId,omitempty"`
	ActionURL      *string       `bson:"actionUrl,omitempty"`
	FailureCode    *string       `bson:"failureCode,omitempty"`
	FailureMessage *string       `bson:"failureMessage,omitempty"`
	Refunds        []Refund      `bson:"refunds,omitempty"`
	RefundVersion  int           `bson:"refundVersion,omitempty"` // grows with every refund that went or failed
	FailedRefunds  int           `bson:"failedRefunds,omitempty"` // how many wait for staff
	CreatedAt      time.Time     `bson:"createdAt"`
	UpdatedAt      time.Time     `bson:"updatedAt"`

	Origin eventmeta.Origin `bson:"origin"` // what Settle does belongs to the order's trace
}

// Identity is the id and the version.
func (p *Payment) Identity() (string, *int) { return p.ID, &p.Version }

// IsEntity marks Payment as an entity of the graph.
func (Payment) IsEntity() {}

// PaymentID is the id of an order's payment.
func PaymentID(orderID string) string { return id.Swap(orderID, "pay") }

// Captured is what was taken, refunds not counted.
func (p Payment) Captured() money.Money {
	if p.Status != Captured {
		return money.New(0, p.Amount.Currency)
	}
	return p.Amount
}

// Refunded is what went back.
func (p Payment) Refunded() money.Money {
	return p.refunds(func(r Refund) bool { return r.Status == RefundSucceeded })
}

// key is the gateway's idempotency key of a step.
func (p *Payment) key(step string) string { return p.ID + ":" + step }

// The transitions. Each is safe to repeat, in any order, in any state; decide draws the conclusions.

func (p *Payment) place(customer string, amount money.Money, token string) {
	if p.Placed {
		return
	}
	p.Placed, p.Customer, p.Amount = true, customer, amount
	if p.CalledOff == "" {
		p.Token = token
	}
}

func (p *Payment) hold() { p.StockHeld = true }

func (p *Payment) confirm() { p.StockConfirmed = true }

func (p *Payment) callOff(reason string) {
	if p.CalledOff == "" {
		p.CalledOff = reason
	}
}

// decide begins the next step, or does what needs no gateway. While a step is under way it does nothing.
func (p *Payment) decide(now time.Time) []outbox.Event {
	var out []outbox.Event
	for p.Intent == nil {
		was := p.Status
		free := p.Amount.Amount == 0
		switch {
		case p.Status == Pending && p.CalledOff != "":
			p.to(Voided, now)
			if p.CalledOff == ReservationExpired { // the order waits for this answer
				out = append(out, p.voided(now))
			}
		case p.Status == Pending && p.Placed && p.StockHeld && free:
			p.to(Authorized, now)
			out = append(out, p.authorized(now))
		case p.Status == Pending && p.Placed && p.StockHeld:
			p.to(Authorizing, now)
			p.begin(StepAuthorize, p.key(string(StepAuthorize)), now)
		case p.Status == Authorized && p.CalledOff != "" && free:
			p.to(Voided, now)
			out = append(out, p.voided(now))
		case (p.Status == Authorized || p.Status == ActionRequired) && p.CalledOff != "":
			p.begin(StepVoid, p.key(string(StepVoid)), now)
		case p.Status == Authorized && p.StockConfirmed && free:
			p.to(Captured, now)
			out = append(out, p.processed(now))
		case p.Status == Authorized && p.StockConfirmed:
			p.begin(StepCapture, p.key(string(StepCapture)), now)
		case p.Status == Captured:
			p.nextRefund(now)
		case p.Status == Failed || p.Status == Voided:
			p.dropRefunds()
		}
		if p.Status == was {
			return out
		}
	}
	return out
}

// apply notes what the gateway says of the charge. A charge only goes forward, so news that is older
// than what is known changes nothing, and a repeat neither.
func (p *Payment) apply(c Charge, now time.Time) []outbox.Event {
	var out []outbox.Event
	waiting := p.Status == Authorizing || p.Status == ActionRequired
	if waiting && p.ChargeID == "" {
		p.ChargeID = c.ID
	}
	switch open := waiting || p.Status == Authorized; {
	case c.ID != p.ChargeID || !open:
	case c.Status == ChargeActionRequired && p.Status == Authorizing:
		p.to(ActionRequired, now)
		p.ActionURL = &c.ActionURL
		if p.CalledOff == "" {
			out = append(out, events.PaymentActionRequired{Stamp: events.Stamp{At: now}, PaymentID: p.ID, OrderID: p.OrderID,
				Customer: p.Customer, URL: c.ActionURL})
		}
	case c.Status == ChargeCaptured && p.StockConfirmed:
		p.to(Captured, now) // if it was called off meanwhile, decide refunds it
		out = append(out, p.processed(now))
	case c.Status == ChargeCaptured && p.CalledOff != "":
		p.to(Captured, now) // by somebody at the gateway, not by us: the order ends all the same
		out = append(out, p.voided(now))
	case waiting && (c.Status == ChargeAuthorized || c.Status == ChargeCaptured):
		p.to(Authorized, now)
		if p.CalledOff == "" {
			out = append(out, p.authorized(now))
		}
	case c.Status == ChargeFailed:
		out = append(out, p.fail(c.Code, c.Message, now))
	case c.Status == ChargeVoided && p.CalledOff != "":
		p.to(Voided, now)
		out = append(out, p.voided(now))
	case c.Status == ChargeVoided:
		out = append(out, p.fail("AUTHORIZATION_EXPIRED", "The payment was not completed in time.", now))
	}
	if c.ID == p.ChargeID {
		for _, r := range c.Refunds {
			out = append(out, p.applyRefund(r, now)...)
		}
	}
	if i := p.Intent; i != nil && (i.Step == StepAuthorize && p.Status != Authorizing ||
		i.Step == StepCapture && p.Status != Authorized ||
		i.Step == StepVoid && p.Status != Authorized && p.Status != ActionRequired) {
		p.settled()
	}
	if p.Status == ActionRequired && p.Intent == nil {
		p.due(now.Add(lookAfter)) // should its webhook be lost
	}
	return out
}

// lookAfter is how often a payment that waits for its customer, or a refund for its bank, is asked for.
const lookAfter = 30 * time.Second

func (p *Payment) to(status PaymentStatus, now time.Time) {
	p.Status, p.UpdatedAt, p.ActionURL = status, now, nil
	if status != Authorizing {
		p.Token = ""
	}
	if p.Intent == nil {
		p.DueAt = nil
	}
}

func (p *Payment) begin(step Step, key string, now time.Time) {
	p.Intent = &Intent{Step: step, Key: key, At: now}
}

func (p *Payment) settled() { p.Intent, p.DueAt = nil, nil }

func (p *Payment) due(t time.Time) { p.DueAt = &t }

func (p *Payment) fail(code, message string, now time.Time) outbox.Event {
	p.to(Failed, now)
	p.FailureCode, p.FailureMessage = &code, &message
	return events.PaymentFailed{Stamp: events.Stamp{At: now}, PaymentID: p.ID, OrderID: p.OrderID, Customer: p.Customer, Code: code, Message: message}
}

func (p *Payment) authorized(now time.Time) outbox.Event {
	return events.PaymentAuthorized{Stamp: events.Stamp{At: now}, PaymentID: p.ID, OrderID: p.OrderID, Customer: p.Customer, Amount: events.Money(p.Amount)}
}

func (p *Payment) processed(now time.Time) outbox.Event {
	return events.PaymentProcessed{Stamp: events.Stamp{At: now}, PaymentID: p.ID, OrderID: p.OrderID, Customer: p.Customer, Amount: events.Money(p.Amount)}
}

func (p *Payment) voided(now time.Time) outbox.Event {
	return events.PaymentVoided{Stamp: events.Stamp{At: now}, PaymentID: p.ID, OrderID: p.OrderID, Customer: p.Customer, Reason: p.CalledOff}
}
