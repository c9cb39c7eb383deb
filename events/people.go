package events

const (
	typeUserRegistered   = "storefront.user.registered"
	typeUserUpdated      = "storefront.user.updated"
	typeNotificationSent = "storefront.notification.sent"
)

// UserRegistered is a person's first sign-in.
type UserRegistered struct {
	Stamp
	ID     string `json:"id"` // usr_...
	Name   string `json:"name,omitempty"`
	Email  string `json:"email,omitempty"`
	Locale string `json:"locale,omitempty"`
}

// UserUpdated is a profile as it is now.
type UserUpdated struct {
	Stamp
	ID      string `json:"id"`
	Name    string `json:"name,omitempty"`
	Email   string `json:"email,omitempty"`
	Locale  string `json:"locale,omitempty"`
	Version int    `json:"version"`
}

// NotificationSent says that a message went out, once per event that caused it.
type NotificationSent struct {
	Stamp
	ID      string `json:"id"` // ntf_...
	Owner   string `json:"owner"`
	Channel string `json:"channel"` // EMAIL or IN_APP
	Kind    string `json:"kind"`    // ORDER_CONFIRMATION, PAYMENT_FAILED, ...
	OrderID string `json:"orderId,omitempty"`
}

func (e UserRegistered) EventTopic() string { return UserTopic }
func (e UserRegistered) EventType() string  { return typeUserRegistered }
func (e UserRegistered) EventKey() string   { return e.ID }

func (e UserUpdated) EventTopic() string { return UserTopic }
func (e UserUpdated) EventType() string  { return typeUserUpdated }
func (e UserUpdated) EventKey() string   { return e.ID }

func (e NotificationSent) EventTopic() string { return NotificationTopic }
func (e NotificationSent) EventType() string  { return typeNotificationSent }
func (e NotificationSent) EventKey() string   { return e.ID }
