package webhooks

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"storefront/internal/errs"
)

// The example that the libraries of Standard Webhooks are tested with.
func TestSignature(t *testing.T) {
	t.Parallel()
	const secret, id, body = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "msg_p5jXN8AQM9LWM0D4loKWxJek", `{"test": 2432232314}`
	at := time.Unix(1614265330, 0)
	got, err := Sign(secret, id, at, []byte(body))
	if want := "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="; err != nil || got != want {
		t.Errorf("signature %s, %v; want %s", got, err, want)
	}
	call := func(change func(http.Header)) http.Header {
		h := http.Header{HeaderID: {id}, HeaderTimestamp: {"1614265330"}, HeaderSignature: {"v1,b3RoZXI= " + got}}
		change(h)
		return h
	}
	for what, c := range map[string]struct {
		header http.Header
		body   string
		secret string
		now    time.Time
		want   errs.Code
	}{
		"one of two signatures":  {call(func(http.Header) {}), body, secret, at.Add(time.Minute), ""},
		"another body":           {call(func(http.Header) {}), body + " ", secret, at, errs.Forbidden},
		"another id":             {call(func(h http.Header) { h.Set(HeaderID, "msg_2") }), body, secret, at, errs.Forbidden},
		"another secret":         {call(func(http.Header) {}), body, "whsec_AAAA", at, errs.Forbidden},
		"sent again much later":  {call(func(http.Header) {}), body, secret, at.Add(Tolerance + time.Second), errs.Forbidden},
		"from the future":        {call(func(http.Header) {}), body, secret, at.Add(-Tolerance - time.Second), errs.Forbidden},
		"no signature":           {call(func(h http.Header) { h.Del(HeaderSignature) }), body, secret, at, errs.BadInput},
		"a time that is no time": {call(func(h http.Header) { h.Set(HeaderTimestamp, "now") }), body, secret, at, errs.BadInput},
		"a secret that is none":  {call(func(http.Header) {}), body, "whsec_!", at, errs.BadInput},
	} {
		if err := Verify(c.secret, c.header, []byte(c.body), c.now); (err == nil) != (c.want == "") || err != nil && !errs.Is(err, c.want) {
			t.Errorf("%s: %v, want %s", what, err, c.want)
		}
	}
}

func TestPublicAddresses(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		"93.184.216.34": true, "8.8.8.8": true, "2606:4700::1111": true, "::ffff:8.8.8.8": true,
		"127.0.0.1": false, "127.9.9.9": false, "10.1.2.3": false, "172.16.0.1": false, "172.31.255.255": false, "192.168.1.1": false,
		"169.254.169.254": false, "100.64.0.1": false, "0.0.0.0": false, "192.0.0.8": false, "192.0.2.1": false, "198.18.0.1": false,
		"203.0.113.5": false, "224.0.0.1": false, "255.255.255.255": false,
		"::": false, "::1": false, "::ffff:127.0.0.1": false, "::ffff:10.0.0.1": false, "64:ff9b::a00:1": false, "fe80::1": false, "fe80::1%eth0": false,
		"fc00::1": false, "fd12::1": false, "ff02::1": false, "2001:db8::1": false, "2002:a00:1::1": false, "2001::1": false, "100::1": false, "::a00:1": false,
	} {
		if got := public(netip.MustParseAddr(text)); got != want {
			t.Errorf("%s is public: %t, want %t", text, got, want)
		}
	}
}

// What is called is decided by the address that is connected to, whatever name it had.
func TestCallsGoToPublicAddressesOnly(t *testing.T) {
	t.Parallel()
	called := make(chan string, 10)
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		called <- r.URL.Path
		if r.URL.Path == "/busy" {
			w.Header().Set("Retry-After", "90")
		}
		if r.URL.Path == "/elsewhere" {
			http.Redirect(w, r, "/inside", http.StatusTemporaryRedirect)
		}
	})
	plain, secure := httptest.NewServer(handler), httptest.NewTLSServer(handler)
	defer plain.Close()
	defer secure.Close()
	port := plain.URL[strings.LastIndex(plain.URL, ":"):]
	strict, open := newCaller(nil), newCaller([]netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")})
	for _, url := range []string{plain.URL, secure.URL, "http://localhost" + port, "http://[::ffff:127.0.0.1]" + port, "http://0.0.0.0" + port, "http://2130706433" + port} {
		if _, _, err := strict.call(t.Context(), url, http.Header{}, nil); err == nil {
			t.Errorf("%s is called", url)
		} else if !errors.Is(err, errForbidden) && !strings.Contains(url, "2130706433") { // some resolvers do not know this form
			t.Errorf("%s: %v", url, err)
		}
	}
	if len(called) > 0 {
		t.Fatalf("%d calls came through", len(called))
	}
	if _, _, err := strict.call(t.Context(), plain.URL+"/services/T0/planted", http.Header{}, nil); !errors.Is(err, errForbidden) || strings.Contains(err.Error(), "planted") {
		t.Errorf("what is written down and logged of a call: %v", err)
	}
	if status, _, err := open.call(t.Context(), plain.URL+"/elsewhere", http.Header{}, nil); err != nil || status != http.StatusTemporaryRedirect {
		t.Errorf("a redirect: %d, %v", status, err)
	}
	if <-called; len(called) > 0 {
		t.Errorf("a redirect was followed to %s", <-called)
	}
	if _, rest, err := open.call(t.Context(), plain.URL+"/busy", http.Header{}, nil); err != nil || rest != 90*time.Second {
		t.Errorf("a receiver that wants to be left alone: %s, %v", rest, err)
	}
	// Without TLS a public address is not called either. Nothing is sent: the connection is refused before.
	if _, _, err := strict.call(t.Context(), "http://8.8.8.8/", http.Header{}, nil); !errors.Is(err, errForbidden) {
		t.Errorf("a public address without TLS: %v", err)
	}
	outside, inside := netip.MustParseAddr("8.8.8.8"), netip.MustParseAddr("::ffff:10.0.0.1")
	allowed := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}
	if !mayCall(outside, nil, true) || mayCall(inside, nil, true) || !mayCall(inside, allowed, true) || !mayCall(inside, allowed, false) || mayCall(outside, allowed, false) {
		t.Error("TLS and --webhook-allow do not say what may be called")
	}
}
