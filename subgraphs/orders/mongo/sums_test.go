package mongo

import (
	"testing"

	"storefront/internal/money"
	"storefront/subgraphs/orders"
)

// What staff gave back is no difference between the books, and a return that is still to be refunded is one.
func TestSumsOfRefunds(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ returned, refunded, want int64 }{
		"nothing":                               {0, 0, 0},
		"a return":                              {2200, 2200, 2200},
		"a return that is still to be refunded": {2200, 0, 2200},
		"a gift of staff's":                     {0, 150, 150},
		"a gift, then a return":                 {2200, 2350, 2350},
		"a gift, then all that was left":        {3000, 3000, 3000},
		"a gift, then all came back":            {3100, 3000, 3000},
	} {
		o := orders.Order{ID: "ord_1", Status: orders.StatusDelivered, Reached: orders.StatusDelivered,
			Total: money.New(3000, "EUR"), Refunded: money.New(c.refunded, "EUR"),
			Returns: []orders.Return{{Refund: money.New(c.returned, "EUR")}}}
		sums := Sums{Statuses: map[string]string{}, Sold: map[string]int{}, Waiting: map[string]int{}, Money: map[string]Money{}}
		sums.add(o)
		if got := sums.Money["EUR"]; got != (Money{Captured: 3000, Refunded: c.want}) {
			t.Errorf("%s: %+v, want %d refunded", name, got, c.want)
		}
	}
}
