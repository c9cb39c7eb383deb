package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
)

const theWay = "PLACED RESERVED PAID PREPARING SHIPPED DELIVERED"

func TestOrderGoesToItsCustomer(t *testing.T) {
	t.Parallel()
	h := theShop(t)
	goods := h.sell(t, 20, "WAY-ONE", "WAY-TWO")
	ada := h.signIn(t, "ada")
	mine := ada.listen(t, `subscription { myOrders { id number status version payment { status } } }`, nil)
	order := ada.order(t, "tok_visa", line("WAY-ONE", 2), line("WAY-TWO", 3))
	steps := ada.listen(t, `subscription($id: ID!) { orderStatus(orderId: $id) { id status version lines { sku variant { title product { title } } } shipment { trackingNumber } } }`, vars{"id": order})

	var seen []string
	for version := 0; !slices.Contains(seen, "DELIVERED"); {
		o := value{steps.next(t).at("orderStatus")}
		if o.num("version") <= version {
			t.Fatalf("version %d after %d: %s", o.num("version"), version, o)
		}
		version = o.num("version")
		seen = append(seen, o.text("status"))
		if got := o.text("lines.1.variant.product.title"); got != "Article WAY-TWO" {
			t.Errorf("an update's fields of other services: %s", o)
		}
	}
	o := ada.ends(t, order, "DELIVERED")
	// The first is the state at that moment; from there on nothing is left out or told twice.
	if whole := way(o); !follows(whole, theWay) || !slices.Equal(seen, whole[slices.Index(whole, seen[0]):]) {
		t.Errorf("statuses over SSE: %v of %v", seen, whole)
	}
	seen = nil
	for !slices.Contains(seen, "DELIVERED") {
		if o := (value{mine.next(t).at("myOrders")}); o.text("id") == order {
			seen = append(seen, o.text("status"))
		}
	}
	if !slices.Equal(seen, way(o)) {
		t.Errorf("statuses of myOrders: %v of %v", seen, way(o))
	}

	total := 2*goods[0].price + 3*goods[1].price + o.num("shipping.amount")
	if o.num("total.amount") != total || o.yes("cancellable") {
		t.Errorf("order: %s; want the total %d", o, total)
	}
	if o.text("payment.status") != "CAPTURED" || o.num("payment.captured.amount") != total || o.num("payment.refunded.amount") != 0 {
		t.Errorf("payment: %v", o.at("payment"))
	}
	if o.text("shipment.status") != "DELIVERED" || o.text("shipment.trackingNumber") == "" || len(o.list("shipment.events")) < 3 {
		t.Errorf("shipment: %v", o.at("shipment"))
	}
	h.stock(t, "WAY-ONE", 18, 0)
	h.stock(t, "WAY-TWO", 17, 0)

	number := o.text("number")
	h.mailsOnce(t, "ada@storefront.example", number, "Your order "+number+" is confirmed", "Your order "+number+" is being packed",
		"Your order "+number+" is on its way", "Your order "+number+" has been delivered")
	var kinds []string
	eventually(t, "notifications in the app", func() (string, bool) {
		kinds = nil
		for _, n := range ada.ask(t, `{ notifications(first: 100) { unreadCount nodes { kind title order { id } } } }`, nil).list("notifications.nodes") {
			if n.text("order.id") == order {
				kinds = append(kinds, n.text("kind"))
			}
		}
		return fmt.Sprint(kinds), len(kinds) >= 4
	})
	slices.Sort(kinds)
	if want := []string{"ORDER_CONFIRMATION", "SHIPMENT_CREATED", "SHIPMENT_DELIVERED", "SHIPMENT_IN_TRANSIT"}; !slices.Equal(kinds, want) {
		t.Errorf("notifications: %v", kinds)
	}
}

func TestReviewOfWhatWasBought(t *testing.T) {
	t.Parallel()
	h := theShop(t)
	product := h.sell(t, 5, "REV-ONE")[0].product
	ada, ben := h.signIn(t, "ada"), h.signIn(t, "ben")
	submit := func(p *person, stars int) value {
		got := p.ask(t, `mutation($in: ReviewInput!) { reviewSubmit(input: $in) { review { id rating verifiedPurchase } userErrors { message } } }`,
			vars{"in": vars{"productId": product, "rating": stars, "title": "Good", "text": "It does what it says."}})
		return value{got.at("reviewSubmit.review")}
	}
	early := submit(ada, 2)
	if early.yes("verifiedPurchase") || submit(ben, 4).yes("verifiedPurchase") {
		t.Error("nobody has bought it yet")
	}
	order := ada.order(t, "tok_visa", line("REV-ONE", 1))
	ada.ends(t, order, "DELIVERED")
	eventually(t, "the mark of a verified purchase", func() (string, bool) {
		got := ada.ask(t, `query($id: ID!) { product(id: $id) { myReview { rating verifiedPurchase } } }`, vars{"id": product})
		return got.String(), got.yes("product.myReview.verifiedPurchase")
	})
	if again := submit(ada, 5); again.text("id") != early.text("id") || !again.yes("verifiedPurchase") {
		t.Errorf("second review of the same product: %s", again)
	}
	eventually(t, "rating", func() (string, bool) {
		got := ben.ask(t, `query($id: ID!) { product(id: $id) { rating { average count histogram } reviews { nodes { rating author verifiedPurchase } } } }`, vars{"id": product})
		average, _ := got.at("product.rating.average").(float64)
		return got.String(), average == 4.5 && fmt.Sprint(got.at("product.rating.histogram")) == "[0 0 0 1 1]" && len(got.list("product.reviews.nodes")) == 2
	})
}

// mailsOnce waits until the catcher has these mails to an address about an order, each exactly once.
func (h *house) mailsOnce(t *testing.T, to, about string, subjects ...string) {
	t.Helper()
	slices.Sort(subjects)
	var got []string
	eventually(t, "mails about "+about, func() (string, bool) {
		res, err := http.Get(h.mails + "/api/mails?limit=10000&to=" + url.QueryEscape(to))
		if err != nil {
			return err.Error(), false
		}
		defer res.Body.Close()
		var mails []struct{ Subject, Text, HTML string }
		if err := json.NewDecoder(res.Body).Decode(&mails); err != nil {
			return err.Error(), false
		}
		got = nil
		for _, m := range mails {
			if strings.Contains(m.Subject, about) || strings.Contains(m.Text, about) {
				if !strings.Contains(m.HTML, about) {
					t.Errorf("mail %q: its HTML does not name %s", m.Subject, about)
				}
				got = append(got, m.Subject)
			}
		}
		return strings.Join(got, "\n"), len(got) >= len(subjects)
	})
	slices.Sort(got)
	if !slices.Equal(got, subjects) {
		t.Errorf("mails about %s:\n%s\nwant:\n%s", about, strings.Join(got, "\n"), strings.Join(subjects, "\n"))
	}
}
