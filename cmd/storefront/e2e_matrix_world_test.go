package main

// The world of the access matrix: people, what they own, and words that are in nothing but that.

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"storefront/internal/identity"
	"storefront/internal/oidc"
	"storefront/internal/partners"
)

// asker is one kind of person who asks.
type asker struct {
	name    string
	person  *person
	who     identity.Identity // as the router tells subgraphs
	partner bool              // sends ids of published operations
}

// may reports whether somebody may, as a row says, have what is w's.
func (a asker) may(m may, w *world) bool {
	return m&everyones != 0 || m&guests != 0 && a.who.Owner() != "" || m&signedIns != 0 && a.who.SignedIn() ||
		m&staffs != 0 && a.who.Staff() || m&theirs != 0 && a.who.Owns(w.owner)
}

// world is what one owner has: ids of things, by what they are, and what is secret of them.
type world struct {
	name, owner string
	things      map[string][]string
	more        map[string]string // by the field that is asked for: what $more stands for
	secrets     []string
	read        func(t *testing.T) string // all of it, as who may sees it
}

func (w *world) add(thing string, ids ...string) { w.things[thing] = append(w.things[thing], ids...) }

// keep remembers what nobody else may read.
func (w *world) keep(t *testing.T, secrets ...string) {
	t.Helper()
	if slices.Contains(secrets, "") {
		t.Fatalf("%s: a secret is missing: %q", w.name, secrets)
	}
	w.secrets = append(w.secrets, secrets...)
}

// people signs everybody in.
func (h *house) people(t *testing.T, guest *person, ada string) []asker {
	t.Helper()
	verifier, err := h.shop.cfg.verifier(t.Context(), nil, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	agreed, err := partners.NewStore(t.Context(), h.shop.edges.database("router"), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	cli, err := oidc.ClientCredentials(t.Context(), h.issuer, cliClient, cliSecret(h.shop.cfg.SecretFlags))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := storefront(t.Context(), "partners", "set", acmeClient, "--requests", "none", "--data-dir", h.dir); err != nil {
		t.Fatal(err)
	}
	key, err := storefront(t.Context(), "partners", "key", "create", acmeClient, "--data-dir", h.dir)
	if err != nil {
		t.Fatal(err)
	}
	ben, other := h.signIn(t, "ben"), h.guest()
	if _, err := other.fill("EUR", line("MATRIX-MORE", 1)); err != nil {
		t.Fatal(err)
	}
	list := []asker{
		{name: "the customer", person: h.signIn(t, "ada")},
		{name: "another person", person: ben},
		{name: "a person who says to be the customer as a guest", person: ben.with(guestHeader, ada)},
		{name: "the guest", person: guest},
		{name: "another guest", person: other},
		{name: "a guest who says to be the customer", person: h.caller(guestHeader, ada)},
		{name: "nobody", person: h.guest()},
		{name: "staff", person: h.signIn(t, "sam")},
		{name: "a client of staff", person: h.caller("Authorization", "Bearer "+cli.AccessToken)},
		{name: "a partner by OIDC", person: h.partner(t), partner: true},
		{name: "a partner by key", person: h.caller("X-Api-Key", strings.TrimSpace(key)), partner: true},
	}
	sign := authenticator{verifier, true, agreed}
	for i := range list {
		id, err := sign.Authenticate(context.Background(), list[i].person.header.Clone())
		if err != nil {
			t.Fatalf("%s: %v", list[i].name, err)
		}
		list[i].who = id.Value.(identity.Identity)
	}
	return list
}

// cartOf fills a cart that goes to an address that nobody else has.
func (w *world) cartOf(t *testing.T, p *person, street string) (cart, rate string) {
	t.Helper()
	email := strings.ToLower(w.name) + "-secret@storefront.example"
	got := p.ask(t, openCart, vars{"currency": "EUR", "email": email, "lines": []any{line("MATRIX-ONE", 2)}})
	if token := got.text("cartCreate.guestToken"); token != "" {
		p.header.Set(guestHeader, token)
	}
	cart = got.text("cartCreate.cart.id")
	got = p.ask(t, `mutation($cart: ID!, $email: String!, $street: String!) {
  cartAddressSet(cartId: $cart, email: $email, address: {name: "Secret Person", line1: $street, city: "Berlin", postalCode: "10115", country: "DE"}) {
    cart { shippingRates { quote } lines { id } } userErrors { message } } }`, vars{"cart": cart, "email": email, "street": street})
	rate, more := got.text("cartAddressSet.cart.shippingRates.0.quote"), got.text("cartAddressSet.cart.lines.0.id")
	if got = p.ask(t, sendBy, vars{"cart": cart, "rate": rate}); rate == "" || len(got.list("cartShippingMethodSet.userErrors")) > 0 {
		t.Fatalf("%s's cart: %s", w.name, got)
	}
	w.more["cartLinesUpdate"], w.more["cartLinesRemove"], w.more["cartShippingMethodSet"] = more, more, rate
	w.keep(t, email, street)
	return cart, rate
}

// shopping gives an owner an order that was delivered and paid back in part, one that waits for 3-D Secure, and
// an open cart. begun is told of the first order while it is under way, when it is not nil.
func (w *world) shopping(t *testing.T, p, staff *person, begun func(order string)) {
	t.Helper()
	for _, token := range []string{"tok_visa", "tok_3ds"} {
		cart, _ := w.cartOf(t, p, w.name+" Secretstreet "+token)
		got := p.ask(t, place, vars{"cart": cart, "token": token, "key": "matrix-" + cart})
		order := got.text("placeOrder.order.id")
		w.add("cart", cart)
		w.add("order", order)
		w.keep(t, got.text("placeOrder.order.number"))
		if token == "tok_3ds" {
			o := p.until(t, order, "waiting for 3-D Secure", func(o value) bool { return o.text("payment.actionUrl") != "" })
			w.keep(t, o.text("payment.actionUrl"))
			w.add("payment", o.text("payment.id"))
			continue
		}
		if begun != nil {
			begun(order)
		}
		o := p.ends(t, order, "DELIVERED")
		payment := o.text("payment.id")
		w.add("payment", payment)
		w.add("parcel", order)
		reason := w.name + " secret reason"
		if got := staff.ask(t, `mutation($id: ID!, $reason: String!) { paymentRefund(id: $id, amount: {amount: 317, currency: "EUR"}, reason: $reason, idempotencyKey: "matrix-refund") { userErrors { message } } }`,
			vars{"id": payment, "reason": reason}); len(got.list("paymentRefund.userErrors")) > 0 {
			t.Fatalf("refund: %s", got)
		}
		o = p.until(t, order, "refunded", func(o value) bool {
			return o.num("refunded.amount") == 317 && o.text("payment.refunds.0.status") == "SUCCEEDED"
		})
		w.more["paymentRefundRetry"] = o.text("payment.refunds.0.id")
		w.keep(t, o.text("shipment.trackingNumber"), reason)
	}
	cart, _ := w.cartOf(t, p, w.name+" Secretstreet open")
	w.things["cart"] = append([]string{cart}, w.things["cart"]...)
}

// belongings gives a person what guests do not have.
func (w *world) belongings(t *testing.T, p, staff *person, product string) {
	t.Helper()
	got := p.ask(t, `mutation($street: String!, $list: String!, $label: String!, $name: String!, $text: String!, $product: ID!) {
  profileUpdate(input: {name: $name, email: "profile-secret@storefront.example"}) { user { id } }
  addressAdd(label: $label, address: {name: "Secret Person", line1: $street, city: "Berlin", postalCode: "10115", country: "DE"}) { address { id } }
  wishlistCreate(name: $list) { wishlist { id } }
  reviewSubmit(input: {productId: $product, rating: 2, title: "Secret title", text: $text}) { review { id } userErrors { message } }
}`, vars{"street": w.name + " Secretstreet book", "list": w.name + " secret list", "label": w.name + " secret label", "name": w.name + " Secretname", "text": w.name + " secret text", "product": product})
	list := got.text("wishlistCreate.wishlist.id")
	w.add("user", got.text("profileUpdate.user.id"))
	w.add("address", got.text("addressAdd.address.id"))
	w.add("wishlist", list)
	w.add("review", got.text("reviewSubmit.review.id"))
	w.keep(t, w.name+" Secretstreet book", w.name+" secret list", w.name+" secret label", w.name+" Secretname", w.name+" secret text", "profile-secret@storefront.example", "Secret title")
	p.ask(t, `mutation($id: ID!) { wishlistItemsAdd(wishlistId: $id, skus: ["MATRIX-ONE"]) { wishlist { id } } }`, vars{"id": list})
	staff.ask(t, `mutation($id: ID!) { reviewModerate(id: $id, status: REJECTED) { review { status } } }`, vars{"id": w.things["review"][0]})
}

// notices waits for the mails of the orders to be in the list, and takes one's id.
func (w *world) notices(t *testing.T, p *person) {
	t.Helper()
	eventually(t, w.name+" was told of all", func() (string, bool) {
		got := p.ask(t, `{ notifications(first: 50) { nodes { id kind title } } }`, nil)
		for _, kind := range []string{"ORDER_CONFIRMATION", "PAYMENT_ACTION_REQUIRED", "PAYMENT_REFUNDED", "SHIPMENT_DELIVERED"} {
			if !strings.Contains(got.String(), kind) {
				return got.String(), false
			}
		}
		w.things["notification"] = []string{got.text("notifications.nodes.0.id")}
		return "", true
	})
}

// own is all that somebody has.
func (w *world) own(t *testing.T, p *person) string {
	all := p.ask(t, `{ me { name email roles addresses { id label isDefault address { name line1 city } } wishlists { id name items { sku } } notificationPreferences { kind channel enabled } }
  orders(first: 20) { nodes { id number status reason version email shippingAddress { line1 } lines { sku quantity returned } refunded { amount } payment { status refunded { amount } refunds { id reason } } shipment { status } } }
  notifications(first: 50) { unreadCount nodes { id read title text } } }`, nil).String()
	for _, cart := range w.things["cart"] {
		all += "\n" + p.ask(t, `query($id: ID!) { cart(id: $id) { email discountCode shippingMethod lines { id quantity } shippingAddress { name line1 city } order { id } updatedAt } }`, vars{"id": cart}).String()
	}
	for _, review := range w.things["review"] {
		all += "\n" + p.ask(t, `query($id: ID!) { review(id: $id) { status rating title text updatedAt } }`, vars{"id": review}).String()
	}
	return all
}

// shopOwn is what only staff may see.
func (h *house) shopOwn(t *testing.T, staff *person) *world {
	t.Helper()
	w := &world{name: "the shop", things: map[string][]string{}, more: map[string]string{}}
	got := staff.ask(t, `mutation { productCreate(input: {title: "Secret draft", handle: "matrix-draft", vendor: "Secretvendor", collections: ["matrix-all"], variants: [{sku: "MATRIX-DRAFT", prices: [{amount: 4711, currency: "EUR"}]}]}) { product { id } }
  warehouseCreate(id: "wh-matrix", name: "Secretdepot", country: "DE") { warehouse { id } userErrors { message } } }`, nil)
	w.add("product", got.text("productCreate.product.id"))
	w.add("collection", staff.ask(t, `{ collection(handle: "matrix-all") { id } }`, nil).text("collection.id"))
	w.add("warehouse", "wh-matrix")
	w.add("sku", "MATRIX-ONE")
	w.keep(t, "Secret draft", "Secretvendor", "matrix-draft", "Secretdepot")
	w.read = func(t *testing.T) string {
		return staff.ask(t, `{ product(handle: "matrix-draft") { title vendor status media { id } } warehouses { id name country }
  one: stockItem(sku: "MATRIX-ONE") { onHand reserved adjustments(first: 50) { id } } more: stockItem(sku: "MATRIX-MORE") { onHand reserved } }`, nil).String()
	}
	return w
}

// header is what a subgraph gets of the router when this asker asks.
func (h *house) header(a asker, service string) http.Header {
	return http.Header{identity.Header: {h.shop.edges.signer.Sign(a.who, service)}}
}
