package main

import (
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"
)

func TestOutOfStock(t *testing.T) {
	t.Parallel()
	h := theShop(t)
	h.sell(t, 5, "OUT-ONE", "OUT-TWO")
	ada := h.signIn(t, "ada")
	order := ada.order(t, "tok_visa", line("OUT-ONE", 2), line("OUT-TWO", 6))
	o := ada.ends(t, order, "REJECTED")
	if got := o.text("reason"); got != "OUT_OF_STOCK: 5 of 6 OUT-TWO available" {
		t.Errorf("reason: %s", got)
	}
	eventually(t, "payment is closed without a charge", func() (string, bool) {
		o = ada.look(t, order)
		return o.String(), o.text("payment.status") == "VOIDED" && o.num("payment.captured.amount") == 0
	})
	if o.text("shipment.status") != "" && o.text("shipment.status") != "CANCELLED" {
		t.Errorf("shipment: %v", o.at("shipment"))
	}
	h.stock(t, "OUT-ONE", 5, 0)
	h.stock(t, "OUT-TWO", 5, 0)
	h.mailsOnce(t, "ada@storefront.example", o.text("number"), "Your order "+o.text("number")+" is confirmed", "We cannot send your order "+o.text("number"))
}

func TestCardIsDeclined(t *testing.T) {
	t.Parallel()
	h := theShop(t)
	h.sell(t, 3, "DECLINED")
	ada := h.signIn(t, "ada")
	o := ada.ends(t, ada.order(t, "tok_insufficient_funds", line("DECLINED", 3)), "CANCELLED")
	if got := o.text("reason"); got != "PAYMENT_FAILED: The card has insufficient funds." {
		t.Errorf("reason: %s", got)
	}
	if o.text("payment.status") != "FAILED" || o.text("payment.failureCode") != "INSUFFICIENT_FUNDS" || o.num("payment.captured.amount") != 0 {
		t.Errorf("payment: %v", o.at("payment"))
	}
	h.stock(t, "DECLINED", 3, 0)
}

func TestThreeDSecure(t *testing.T) {
	t.Parallel()
	h := theShop(t)
	h.sell(t, 10, "SECURE-YES", "SECURE-NO")
	ada := h.signIn(t, "ada")
	wait := func(order string) string {
		o := ada.until(t, order, "waiting for 3-D Secure", func(o value) bool {
			return o.text("payment.actionUrl") != "" && o.text("status") == "PAYMENT_ACTION_REQUIRED"
		})
		return o.text("payment.actionUrl")
	}
	t.Run("approved", func(t *testing.T) {
		t.Parallel()
		order := ada.order(t, "tok_3ds", line("SECURE-YES", 1))
		page := wait(order)
		h.stock(t, "SECURE-YES", 10, 1)
		if said := h.decide(t, page, "approve"); !strings.Contains(said, "is approved") {
			t.Errorf("the page after the decision: %s", said)
		}
		o := ada.ends(t, order, "DELIVERED")
		if !follows(way(o), "PLACED RESERVED PAYMENT_ACTION_REQUIRED PAID PREPARING SHIPPED DELIVERED") || o.num("payment.captured.amount") != o.num("total.amount") {
			t.Errorf("order: %s", o)
		}
		if said := h.decide(t, page, ""); !strings.Contains(said, "is approved") {
			t.Errorf("the page opened again: %s", said)
		}
		h.stock(t, "SECURE-YES", 9, 0)
	})
	t.Run("declined", func(t *testing.T) {
		t.Parallel()
		order := ada.order(t, "tok_3ds", line("SECURE-NO", 1))
		page := wait(order)
		if res, err := http.PostForm(page, url.Values{"decision": {"approve"}, "token": {"guessed"}}); err != nil || res.StatusCode != http.StatusForbidden {
			t.Errorf("a form of another site: %v %v", res, err)
		}
		h.decide(t, page, "decline")
		o := ada.ends(t, order, "CANCELLED")
		if !strings.HasPrefix(o.text("reason"), "PAYMENT_FAILED: ") || o.text("payment.status") != "FAILED" || o.num("payment.captured.amount") != 0 {
			t.Errorf("order: %s", o)
		}
		h.stock(t, "SECURE-NO", 10, 0)
	})
}

var formToken = regexp.MustCompile(`name="token" value="([^"]+)"`)

// decide opens the bank's page in a browser of its own and sends its form; the answer is the page that
// follows. No decision only looks.
func (h *house) decide(t *testing.T, page, decision string) string {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	c := &http.Client{Jar: jar, Timeout: patience}
	read := func(res *http.Response, err error) string {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		text, err := io.ReadAll(res.Body)
		if err != nil || res.StatusCode != http.StatusOK {
			t.Fatalf("%s: %s %v %s", page, res.Status, err, text)
		}
		return string(text)
	}
	text := read(c.Get(page))
	if decision == "" {
		return text
	}
	token := formToken.FindStringSubmatch(text)
	if token == nil {
		t.Fatalf("no form on the page: %s", text)
	}
	return read(c.PostForm(page, url.Values{"token": {token[1]}, "decision": {decision}}))
}

func TestReservationExpires(t *testing.T) {
	t.Parallel()
	h := ownShop(t, "--reservation-ttl", "1s")
	h.sell(t, 4, "EXPIRES")
	ada := h.signIn(t, "ada")
	order := ada.order(t, "tok_3ds", line("EXPIRES", 4))
	var page string
	eventually(t, "the order waits for 3-D Secure or has waited long enough", func() (string, bool) {
		o := ada.look(t, order)
		page = o.text("payment.actionUrl")
		return o.String(), page != "" || o.text("status") == "CANCELLED"
	})
	o := ada.ends(t, order, "CANCELLED")
	if !strings.HasPrefix(o.text("reason"), "RESERVATION_EXPIRED: ") || o.text("payment.status") != "VOIDED" || o.num("payment.captured.amount") != 0 {
		t.Errorf("order: %s", o)
	}
	h.stock(t, "EXPIRES", 4, 0)
	if page != "" {
		if said := h.decide(t, page, ""); !strings.Contains(said, "Nothing was taken") {
			t.Errorf("the page of a payment that is over: %s", said)
		}
	}
	// What was given back can be had by another.
	ben := h.signIn(t, "ben")
	o = ben.until(t, ben.order(t, "tok_visa", line("EXPIRES", 4)), "answered", func(o value) bool { return o.text("status") != "PLACED" })
	if o.text("status") == "REJECTED" {
		t.Errorf("the next order: %s", o)
	}
}

func TestAnswerOfTheGatewayIsLost(t *testing.T) {
	t.Parallel()
	h := theShop(t)
	h.sell(t, 4, "LOST-ONE", "LOST-TWO")
	ada := h.signIn(t, "ada")
	for i, token := range []string{"tok_timeout", "tok_slow"} {
		t.Run(token, func(t *testing.T) {
			t.Parallel()
			began := time.Now()
			o := ada.ends(t, ada.order(t, token, line([]string{"LOST-ONE", "LOST-TWO"}[i], 1)), "DELIVERED")
			if o.num("payment.captured.amount") != o.num("total.amount") {
				t.Errorf("after %s: %s", time.Since(began), fmt.Sprint(o))
			}
		})
	}
}
