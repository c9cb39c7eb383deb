package events

const (
	typePaymentAuthorized     = "storefront.payment.authorized"
	typePaymentActionRequired = "storefront.payment.action_required"
	typePaymentProcessed      = "storefront.payment.processed"
	typePaymentFailed         = "storefront.payment.failed"
	typePaymentVoided         = "storefront.payment.voided"
	typePaymentRefunded       = "storefront.payment.refunded"
	typePaymentRefundFailed   = "storefront.payment.refund_failed"
)

// PaymentAuthorized asks inventory to confirm the goods; the capture waits for its answer.
type PaymentAuthorized struct {
	Stamp
	PaymentID string `json:"paymentId"` // pay_...
	OrderID   string `json:"orderId"`
	Customer  string `json:"customer"`
	Amount    Money  `json:"amount"`
}

// PaymentActionRequired says that the customer has to pass 3-D Secure at URL.
type PaymentActionRequired struct {
	Stamp
	PaymentID string `json:"paymentId"`
	OrderID   string `json:"orderId"`
	Customer  string `json:"customer"`
	URL       string `json:"url"`
}

// PaymentProcessed says that the money was captured.
type PaymentProcessed struct {
	Stamp
	PaymentID string `json:"paymentId"`
	OrderID   string `json:"orderId"`
	Customer  string `json:"customer"`
	Amount    Money  `json:"amount"`
}

// PaymentFailed is final for the order: nothing was taken.
type PaymentFailed struct {
	Stamp
	PaymentID string `json:"paymentId"`
	OrderID   string `json:"orderId"`
	Customer  string `json:"customer"`
	Code      string `json:"code"`    // CARD_DECLINED, INSUFFICIENT_FUNDS, ACTION_ABANDONED, ...
	Message   string `json:"message"` // for the customer
}

// PaymentVoided says that an authorization was given back before any capture.
type PaymentVoided struct {
	Stamp
	PaymentID string `json:"paymentId"`
	OrderID   string `json:"orderId"`
	Customer  string `json:"customer"`
	Reason    string `json:"reason"` // CANCELLED or RESERVATION_EXPIRED
}

// PaymentRefunded says that captured money went back, all or part of it.
type PaymentRefunded struct {
	Stamp
	PaymentID string `json:"paymentId"`
	RefundID  string `json:"refundId"`
	OrderID   string `json:"orderId"`
	Customer  string `json:"customer"`
	Amount    Money  `json:"amount"`
	Refunded  Money  `json:"refunded"` // sum of all refunds of this payment so far
	Reason    string `json:"reason"`
	Version   int    `json:"version,omitempty"` // of Refunded: it grows with every refund that went or failed; 0 before there were versions
}

// PaymentRefundFailed says that the gateway or the bank refused a refund for good: nothing of it went back, or
// it came back after PaymentRefunded. Staff may have it tried again, which ends with another event of RefundID.
type PaymentRefundFailed struct {
	Stamp
	PaymentID string `json:"paymentId"`
	RefundID  string `json:"refundId"`
	OrderID   string `json:"orderId"`
	Customer  string `json:"customer"`
	Amount    Money  `json:"amount"`
	Refunded  Money  `json:"refunded"` // sum of all refunds of this payment that stand
	Reason    string `json:"reason"`   // of the refund
	Message   string `json:"message"`  // the gateway's, for staff
	Version   int    `json:"version"`  // as PaymentRefunded's
}

func (e PaymentAuthorized) EventTopic() string { return PaymentTopic }
func (e PaymentAuthorized) EventType() string  { return typePaymentAuthorized }
func (e PaymentAuthorized) EventKey() string   { return e.OrderID }

func (e PaymentActionRequired) EventTopic() string { return PaymentTopic }
func (e PaymentActionRequired) EventType() string  { return typePaymentActionRequired }
func (e PaymentActionRequired) EventKey() string   { return e.OrderID }

func (e PaymentProcessed) EventTopic() string { return PaymentTopic }
func (e PaymentProcessed) EventType() string  { return typePaymentProcessed }
func (e PaymentProcessed) EventKey() string   { return e.OrderID }

func (e PaymentFailed) EventTopic() string { return PaymentTopic }
func (e PaymentFailed) EventType() string  { return typePaymentFailed }
func (e PaymentFailed) EventKey() string   { return e.OrderID }

func (e PaymentVoided) EventTopic() string { return PaymentTopic }
func (e PaymentVoided) EventType() string  { return typePaymentVoided }
func (e PaymentVoided) EventKey() string   { return e.OrderID }

func (e PaymentRefunded) EventTopic() string { return PaymentTopic }
func (e PaymentRefunded) EventType() string  { return typePaymentRefunded }
func (e PaymentRefunded) EventKey() string   { return e.OrderID }

func (e PaymentRefundFailed) EventTopic() string { return PaymentTopic }
func (e PaymentRefundFailed) EventType() string  { return typePaymentRefundFailed }
func (e PaymentRefundFailed) EventKey() string   { return e.OrderID }
