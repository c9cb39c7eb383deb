package main

// Secrets planted wherever a person or an operator can put one, and a look for each of them in all that is
// logged, traced, or told to somebody else.

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"github.com/coder/websocket"
)

// planted are secrets by what they are; real ones are added as they are handed out.
func planted() map[string]string {
	return map[string]string{
		"mail address": "planted.person+x@secret-mail.example", "person's name": "Plantagenet Secretperson", "street": "Plantedstrasse 1717",
		"phone number": "+49 30 5550137", "card number": "4242424242424242", "card number in groups": "5555 5555 5555 4444",
		"CVC": "cvc-planted-739", "bearer token": "planted-bearer-0a1b2c3d", "guest token": "planted0guest0token0a1b2c3d4e5f6",
		"partner key": "sfk_planted-partner-key-0a1b2c3d4e5f", "webhook secret": "whsec_plantedAbCdEf0123456789", "cookie": "planted-cookie-77aa",
		"basic credentials": "cGxhbnRlZDpwYXNzd29yZC1iYXNpYw", "password": "planted-password-99", "client address": "198.51.100.77",
		"password of an address": "planted-url-password",
	}
}

// collector is an OTLP collector that keeps what it is sent as it comes: in protobuf, texts are plain bytes.
func collector(t *testing.T) (url string, sent *logbook) {
	t.Helper()
	sent = &logbook{}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var body io.Reader = r.Body
		if r.Header.Get("Content-Encoding") == "gzip" {
			body, _ = gzip.NewReader(r.Body)
		}
		_, _ = io.Copy(sent, body)
		w.Header().Set("Content-Type", "application/x-protobuf")
	}))
	t.Cleanup(s.Close)
	return s.URL, sent
}

// child runs a command in a process of its own, with everything logged and traced, and stops it when told.
func child(t *testing.T, said *logbook, traces string, args ...string) (process int, stop func()) {
	t.Helper()
	cmd := exec.Command(executable(t), append(args, "--log-level", "debug")...)
	cmd.Env = append(os.Environ(), childVariable+"=1", "OTEL_EXPORTER_OTLP_ENDPOINT="+traces, "OTEL_BSP_SCHEDULE_DELAY=100")
	cmd.Stdout, cmd.Stderr = said, said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	stopped := false
	stop = func() {
		if !stopped {
			stopped = true
			cmd.Process.Signal(os.Interrupt)
			if err := cmd.Wait(); err != nil {
				t.Errorf("%s: %v", args[0], err)
			}
		}
	}
	t.Cleanup(stop)
	return cmd.Process.Pid, stop
}

// leaks says where a secret stands in a text, with what is around it.
func leaks(t *testing.T, where, text string, secrets map[string]string) {
	t.Helper()
	for what, secret := range secrets {
		if at := strings.Index(text, secret); at >= 0 {
			t.Errorf("a %s is in %s: %q", what, where, text[max(0, at-300):min(len(text), at+200)])
		}
	}
}

func TestSecretsStayWhereTheyBelong(t *testing.T) {
	t.Parallel()
	secrets, said := planted(), &logbook{}
	traces, sent := collector(t)
	dir, base := t.TempDir(), freeBase(t)
	process, stop := child(t, said, traces, append([]string{"up", "--data-dir", dir, "--base-port", strconv.Itoa(base), "--demo=false", "--trusted-proxy", "127.0.0.0/8"}, onGivenServers(t)...)...)
	h := adopt(t, dir, process)
	h.sell(t, 5, "SECRET-1")
	ada := h.signIn(t, "ada").with("X-Forwarded-For", secrets["client address"], "Cookie", "session="+secrets["cookie"])
	secrets["person's token"] = strings.TrimPrefix(ada.header.Get("Authorization"), "Bearer ")

	bought := plant(t, h, ada, secrets)
	ada.ends(t, bought, "DELIVERED")
	refuse(t, h, ada, secrets)

	ben := h.signIn(t, "ben")
	for _, query := range []string{`{ order(id: "` + bought + `") { id customer { email } shippingAddress { line1 } } }`, `{ me { email } orders(first: 5) { nodes { id } } }`, `{ nonsense }`} {
		a, err := ben.send(t.Context(), vars{"query": query})
		if err != nil {
			t.Fatal(err)
		}
		leaks(t, "what somebody else is told", fmt.Sprint(a.data, a.errors), secrets)
	}
	stop()
	leaks(t, "the shop's log", said.all(), secrets)
	leaks(t, "the shop's traces", sent.all(), secrets)
	for what, text := range map[string]string{`"msg":"request"`: said.all(), "graphql.subgraph": sent.all(), "messaging.system": sent.all()} {
		if !strings.Contains(text, what) {
			t.Errorf("nothing was looked at: no %s", what)
		}
	}
}

// plant gives the shop secrets as people do who have nothing wrong.
func plant(t *testing.T, h *house, ada *person, secrets map[string]string) (order string) {
	t.Helper()
	guest := h.guest().ask(t, openCart, vars{"currency": "EUR", "email": secrets["mail address"], "lines": []any{line("SECRET-1", 1)}})
	secrets["guest's token"] = guest.text("cartCreate.guestToken")
	if secrets["guest's token"] == "" {
		t.Fatalf("a guest's cart: %s", guest)
	}
	address := vars{"name": secrets["person's name"], "line1": secrets["street"], "city": "Berlin", "postalCode": "10115", "country": "DE", "phone": secrets["phone number"]}
	const add = `mutation($a: PostalAddressInput!) { addressAdd(address: $a) { userErrors { message } } }`
	ada.ask(t, add, vars{"a": address})
	cart := ada.ask(t, openCart, vars{"currency": "EUR", "lines": []any{line("SECRET-1", 1)}}).text("cartCreate.cart.id")
	got := ada.ask(t, `mutation($cart: ID!, $mail: String, $a: PostalAddressInput!) { cartAddressSet(cartId: $cart, email: $mail, address: $a) { cart { shippingRates { quote } } userErrors { message } } }`,
		vars{"cart": cart, "mail": secrets["mail address"], "a": address})
	ada.ask(t, sendBy, vars{"cart": cart, "rate": got.text("cartAddressSet.cart.shippingRates.0.quote")})
	order = ada.ask(t, place, vars{"cart": cart, "token": "tok_visa", "key": "planted-" + cart}).text("placeOrder.order.id")
	if order == "" {
		t.Fatal("no order was placed")
	}
	run := func(args ...string) string {
		t.Helper()
		out, err := storefront(t.Context(), append(args, "--data-dir", h.dir)...)
		if err != nil {
			t.Fatal(err)
		}
		return strings.TrimSpace(out)
	}
	run("operations", "publish", "--client", "acme", manifest(t, "secret-", "Watch", `subscription Watch($sku: String!) { productAvailability(sku: $sku) { available } }`))
	secrets["partner's key"] = run("partners", "key", "create", "acme")
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { http.Error(w, "no", http.StatusTeapot) }))
	t.Cleanup(receiver.Close)
	secrets["webhook's secret"] = run("webhooks", "create", "acme", receiver.URL+"/in?token="+url.QueryEscape(secrets["password"]), "--operation", "secret-Watch", "--variables", `{"sku": "SECRET-1"}`)
	h.caller("X-Api-Key", secrets["partner's key"]).listenTo(t, vars{"id": "secret-Watch", "variables": vars{"sku": "SECRET-1"}}).next(t)
	return order
}

// refuse sends each secret in requests that fail in every way, in literals, variables, headers and addresses.
func refuse(t *testing.T, h *house, ada *person, secrets map[string]string) {
	t.Helper()
	all, _ := json.Marshal(secrets)
	several := strconv.Quote(string(all))
	for _, one := range []vars{
		{"query": `{ product(handle: ` + several + ` `},
		{"query": `{ product(handle: ` + several + `) { id } nothing(of: ` + several + `) }`},
		{"query": `{ product(id: 3, handle: {a: ` + several + `}) { id } }`},
		{"query": `query($cart: ID!) { cart(id: $cart) { id } }`, "variables": vars{"cart": vars{"in": secrets}}},
		{"query": `mutation($in: PlaceOrderInput!) { placeOrder(input: $in, idempotencyKey: "k") { __typename } }`, "variables": vars{"in": vars{"cartId": "x", "card": secrets["card number"], "cvc": secrets["CVC"]}}},
		{"query": place, "variables": vars{"cart": secrets["guest token"], "token": secrets["card number"], "key": secrets["CVC"]}},
		{"query": place, "variables": vars{"cart": "crt_01ARZ3NDEKTSV4RRFFQ69G5FAV", "token": secrets["card number in groups"], "key": secrets["mail address"]}},
		{"query": `mutation($a: PostalAddressInput!) { addressAdd(address: $a) { userErrors { message } } }`, "variables": vars{"a": vars{"name": secrets["person's name"], "line1": secrets["street"], "country": secrets["phone number"]}}},
		{"query": `query($id: ID!) { order(id: $id) { id } payment(id: $id) { id } user(id: $id) { id } }`, "variables": vars{"id": secrets["mail address"]}},
		{"query": `subscription($id: ID!) { orderStatus(orderId: $id) { id } }`, "variables": vars{"id": secrets["guest token"]}},
		{"id": secrets["password"]}, {"extensions": vars{"persistedQuery": vars{"version": 1, "sha256Hash": secrets["password"]}}},
		{"operationName": secrets["mail address"], "query": `query A { shippingZones { id } } query B { shippingZones { id } }`},
	} {
		for _, p := range []*person{ada, h.guest(), h.caller("Authorization", "Bearer "+secrets["bearer token"]), h.caller("Authorization", "Basic "+secrets["basic credentials"]),
			h.caller("X-Guest-Token", secrets["guest token"]), h.caller("X-Api-Key", secrets["partner key"]), h.caller("Authorization", "Bearer "+secrets["partner key"]),
			h.caller("Authorization", "Bearer "+secrets["person's token"]+"x", "X-Request-Id", "Bearer "+secrets["bearer token"], "User-Agent", secrets["mail address"])} {
			if _, err := p.send(t.Context(), one); err != nil {
				t.Fatal(err)
			}
		}
	}
	variables := url.QueryEscape(`{"id":` + several + `}`)
	for _, path := range []string{"/graphql?query=" + url.QueryEscape(`query($id: ID!) { order(id: $id) { id } }`) + "&variables=" + variables, "/graphql?query=" + url.QueryEscape("{ x(a: "+several) + "&token=" + secrets["guest token"],
		"/3ds/" + secrets["password"] + "?token=" + secrets["bearer token"], "/unsubscribe/" + secrets["password"], "/unsubscribe?token=" + secrets["bearer token"], "/nowhere/" + secrets["mail address"]} {
		res, err := http.Get(h.url + path)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
	}
	for _, path := range []string{"/webhooks/test", "/webhooks/stripe"} {
		req, _ := http.NewRequestWithContext(t.Context(), http.MethodPost, h.url+path, strings.NewReader(string(all)))
		req.Header.Set("Stripe-Signature", "t=1,v1="+secrets["webhook secret"])
		res, err := browser.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
	}
	for _, p := range []*person{ada, h.caller("Authorization", "Bearer "+secrets["bearer token"]), h.caller("X-Api-Key", secrets["partner key"])} {
		p.overSocket(t, vars{"query": `query($id: ID!) { order(id: $id) { id } }`, "variables": vars{"id": several}})
	}
}

// overSocket signs in on a socket and sends one operation, whatever comes of either.
func (p *person) overSocket(t *testing.T, request vars) {
	t.Helper()
	conn, _, err := websocket.Dial(t.Context(), "ws"+strings.TrimPrefix(p.url, "http")+"/graphql", &websocket.DialOptions{Subprotocols: []string{"graphql-transport-ws"}, HTTPHeader: p.header})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.CloseNow()
	payload := vars{}
	for name := range p.header {
		payload[name] = p.header.Get(name)
	}
	for _, m := range []vars{{"type": "connection_init", "payload": payload}, {"type": "subscribe", "id": "1", "payload": request}} {
		b, _ := json.Marshal(m)
		if conn.Write(t.Context(), websocket.MessageText, b) != nil {
			return
		}
		if _, _, err := conn.Read(t.Context()); err != nil {
			return
		}
	}
}

// raw is the whole answer to a request, as text.
func (p *person) raw(t *testing.T, request vars, accept string) (status int, said string) {
	t.Helper()
	body, _ := json.Marshal(request)
	req, _ := http.NewRequestWithContext(t.Context(), http.MethodPost, p.url+"/graphql", bytes.NewReader(body))
	req.Header = p.header.Clone()
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", accept)
	res, text := p.whole(t, req)
	return res.StatusCode, text
}
