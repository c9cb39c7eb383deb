package consumers

import (
	"storefront/subgraphs/notifications"
)

// notificationsGroup names notifications' offsets. Renaming it reads every event again.
const notificationsGroup = "storefront-notifications"

// Notifications writes to people about their orders, their account and what they wait for.
func Notifications(s *notifications.Service) Group {
	h := &Handlers{}
	On(h, s.ConfirmOrder)
	On(h, s.Know)
	On(h, s.Cancelled)
	On(h, s.Rejected)
	On(h, s.PaymentFailed)
	On(h, s.AskForAction)
	On(h, s.Refunded)
	On(h, s.Packed)
	On(h, s.Left)
	On(h, s.Delivered)
	On(h, s.Greet)
	On(h, s.Update)
	On(h, s.Restocked)
	return Group{ID: notificationsGroup, Handlers: h}
}
