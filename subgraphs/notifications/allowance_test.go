package notifications

import (
	"fmt"
	"testing"
	"time"

	"storefront/internal/errs"
)

func TestAllowanceBeginsAnew(t *testing.T) {
	var a Allowance
	start := time.Date(2026, 3, 4, 0, 0, 0, 0, time.UTC)
	for i := range unpaidMails {
		if !a.take(fmt.Sprint(i), start.Add(time.Duration(i)*time.Minute)) {
			t.Errorf("mail %d may not go", i)
		}
	}
	soon := start.Add(unpaidWithin - 1)
	if a.take("more", soon) {
		t.Error("one mail too many may go")
	}
	if !a.take("0", soon) {
		t.Error("one that was counted may not be tried again")
	}
	if later := start.Add(unpaidWithin); !a.take("more", later) || len(a.Mails) != 1 {
		t.Errorf("an hour later it is %+v", a)
	}
	a.pay(soon)
	for i := range 3 * unpaidMails {
		if !a.take(fmt.Sprint("paid", i), soon) {
			t.Error("a mail to who has paid may not go")
		}
	}
	if a.take("after", soon.Add(paidFor)); a.Paid || len(a.Mails) != 1 {
		t.Errorf("a day after the payment it is %+v", a)
	}
}

func TestAnAddressIsOneHoweverItIsWritten(t *testing.T) {
	s := &Service{secret: []byte("secret of this test")}
	for _, same := range []string{"Ada@Müller.example", " ada@xn--mller-kva.EXAMPLE "} {
		if s.hashed(same) != s.hashed("ada@müller.example") {
			t.Errorf("%q counts apart", same)
		}
	}
}

func TestSenderIsAnAddressThatServersTake(t *testing.T) {
	for from, wrong := range map[string]bool{"The Shop <shop@example.com>": false, "shop@läden.example": false, "läden@example.com": true, `"our shop"@example.com`: true} {
		if _, err := New(Config{From: from, PublicURL: "https://api.shop.example"}); errs.Is(err, errs.BadInput) != wrong {
			t.Errorf("mails from %s: %v", from, err)
		}
	}
}
