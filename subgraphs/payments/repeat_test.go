package payments

import (
	"strings"
	"testing"
	"time"

	"storefront/internal/money"
)

// TestWhatIsSaidAgain: what an order that stands still is told again in each state of its payment.
func TestWhatIsSaidAgain(t *testing.T) {
	text := "a text"
	for name, tt := range map[string]struct {
		p    Payment
		says string
	}{
		"pending":                          {Payment{Status: Pending}, ""},
		"the gateway is asked":             {Payment{Status: Authorizing}, ""},
		"the customer is asked":            {Payment{Status: ActionRequired, ActionURL: &text}, "storefront.payment.action_required"},
		"called off, not voided yet":       {Payment{Status: ActionRequired, ActionURL: &text, CalledOff: ReservationExpired}, ""},
		"authorized":                       {Payment{Status: Authorized}, "storefront.payment.authorized"},
		"authorized and called off":        {Payment{Status: Authorized, CalledOff: Cancelled}, ""},
		"captured":                         {Payment{Status: Captured, StockConfirmed: true}, "storefront.payment.processed"},
		"captured at the gateway, expired": {Payment{Status: Captured, CalledOff: ReservationExpired}, "storefront.payment.voided"},
		"failed":                           {Payment{Status: Failed, FailureCode: &text, FailureMessage: &text}, "storefront.payment.failed"},
		"voided because it expired":        {Payment{Status: Voided, CalledOff: ReservationExpired}, "storefront.payment.voided"},
		"voided because it was cancelled":  {Payment{Status: Voided, CalledOff: Cancelled}, ""},
	} {
		tt.p.Amount = money.New(100, "EUR")
		var says []string
		for _, e := range tt.p.said(time.Now()) {
			says = append(says, e.EventType())
		}
		if got := strings.Join(says, " "); got != tt.says {
			t.Errorf("%s: says %q, want %q", name, got, tt.says)
		}
	}
}
