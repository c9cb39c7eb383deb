package main

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"storefront/internal/identity"
	"storefront/internal/oidc"
)

func TestEachSeesTheirOwn(t *testing.T) {
	t.Parallel()
	h := theShop(t)
	h.sell(t, 20, "OWN-ONE")
	ada, ben := h.signIn(t, "ada"), h.signIn(t, "ben")
	cart := mustFill(t, ada, "OWN-ONE")
	order := ada.order(t, "tok_visa", line("OWN-ONE", 1))
	const track = `subscription($id: ID!) { shipmentTracking(orderId: $id) { status trackingNumber version } }`
	hers, his := ada.listen(t, track, vars{"id": order}), ben.listen(t, track, vars{"id": order})
	ben.refusedToListen(t, `subscription($id: ID!) { orderStatus(orderId: $id) { status email } }`, vars{"id": order})
	bens := ben.listen(t, `subscription { myOrders { id email } }`, nil)

	got := ben.ask(t, cancel, vars{"id": order})
	if got.text("orderCancel.userErrors.0.code") != "NOT_FOUND" || got.at("orderCancel.order") != nil {
		t.Errorf("another's order can be cancelled: %s", got)
	}
	for seen := ""; seen != "DELIVERED"; seen = hers.next(t).text("shipmentTracking.status") {
	}
	o := ada.ends(t, order, "DELIVERED")
	payment := o.text("payment.id")
	me := ada.ask(t, `mutation { addressAdd(label: "home", address: {name: "Ada", line1: "Torstrasse 1", city: "Berlin", postalCode: "10119", country: "DE"}) { address { id } user { id } userErrors { message } }
  wishlistCreate(name: "Later") { wishlist { id } userErrors { message } } }`, nil)
	address, user, wishes := me.text("addressAdd.address.id"), me.text("addressAdd.user.id"), me.text("wishlistCreate.wishlist.id")
	if address == "" || user == "" || wishes == "" {
		t.Fatalf("ada's profile: %s", me)
	}
	news := ada.ask(t, `{ notifications(first: 1, unreadOnly: true) { nodes { id } } }`, nil).text("notifications.nodes.0.id")

	look := `query($order: ID!, $payment: ID!, $cart: ID!) {
  a: order(id: $order) { ...Order }
  b: order(id: $order) { id ... on Order { customer { id name email addresses { id } } } }
  c: payment(id: $payment) { id amount { amount } order { ...Order } }
  d: cart(id: $cart) { id email order { ...Order } shippingRates { quote } }
  e: payment(id: $payment) { status refunds { id } } f: cart(id: $cart) { total { amount } } g: order(id: $order) { status }
}
fragment Order on Order { id email total { amount } shippingAddress { line1 } payment { id status } shipment { id trackingNumber } customer { orders(first: 5) { nodes { id } } } }`
	all := vars{"order": order, "payment": payment, "cart": cart}
	if mine := ada.ask(t, look, all); mine.text("a.payment.id") != payment || mine.text("b.customer.email") != "ada@storefront.example" || mine.text("d.id") != cart {
		t.Errorf("ada sees of her own: %s", mine)
	}
	for who, p := range map[string]*person{"ben": ben, "guest": h.guest(), "ben as a guest": ben.with(guestHeader, order)} {
		a, err := p.send(t.Context(), vars{"query": look, "variables": all})
		if err != nil || !empty(a.data) || strings.Contains(fmt.Sprint(a.data, a.errors), "ada@") {
			t.Errorf("%s sees of ada's: %s %v %v", who, a.data, a.errors, err)
		}
	}
	if got := ben.ask(t, `query($id: ID!) { user(id: $id) { email addresses { id } } }`, vars{"id": user}); !empty(got) {
		t.Errorf("ben sees ada's profile: %s", got)
	}
	for _, m := range []string{
		`mutation($id: ID!) { change: addressRemove(id: $id) { user { id } userErrors { code } } }`,
		`mutation($id: ID!) { change: addressDefaultSet(id: $id) { user { id } userErrors { code } } }`,
		`mutation($id: ID!) { change: addressUpdate(id: $id, address: {name: "Ben", line1: "Torstrasse 2", city: "Berlin", postalCode: "10119", country: "DE"}) { user { id } userErrors { code } } }`,
		`mutation($id: ID!) { change: wishlistItemsAdd(wishlistId: $id, skus: ["OWN-ONE"]) { wishlist { id } userErrors { code } } }`,
		`mutation($id: ID!) { change: wishlistDelete(id: $id) { deletedId userErrors { code } } }`,
	} {
		id := address
		if strings.Contains(m, "wishlist") {
			id = wishes
		}
		if got := ben.ask(t, m, vars{"id": id}); got.text("change.userErrors.0.code") != "NOT_FOUND" {
			t.Errorf("ben: %s: %s", m, got)
		}
	}
	for _, n := range ben.ask(t, `{ notifications(first: 100) { nodes { id order { id } } } }`, nil).list("notifications.nodes") {
		if n.text("id") == news || n.text("order.id") == order {
			t.Errorf("ben reads ada's notification %s", n)
		}
	}
	ben.try(`mutation($ids: [ID!]) { notificationsMarkRead(ids: $ids) { unreadCount } }`, vars{"ids": []any{news}})
	if got := ada.ask(t, `{ notifications(first: 100, unreadOnly: true) { nodes { id } } }`, nil); !strings.Contains(got.String(), news) {
		t.Errorf("ben marked ada's notification as read: %s", got)
	}
	if after := ada.ask(t, `{ me { addresses { id } wishlists { id items { sku } } } }`, nil); after.text("me.addresses.0.id") == "" || after.text("me.wishlists.0.id") == "" {
		t.Errorf("ada's profile afterwards: %s", after)
	}
	// Ben may wait for a parcel of an order that he cannot see: he hears nothing but "not yet".
	if first := his.next(t); !empty(first) {
		t.Errorf("ben tracks ada's parcel: %s", first)
	}
	select {
	case a := <-his.results:
		t.Errorf("ben tracks ada's parcel: %s", a.data)
	default:
	}
	bensOrder := ben.order(t, "tok_visa", line("OWN-ONE", 1))
	for {
		o := bens.next(t)
		if o.text("myOrders.id") == order || strings.Contains(o.String(), "ada@") {
			t.Errorf("ben hears of ada's order: %s", o)
		}
		if o.text("myOrders.id") == bensOrder {
			break
		}
	}
}

func TestIdentityCannotBeForged(t *testing.T) {
	t.Parallel()
	h := theShop(t)
	const whoAmI = `{ me { id roles } allOrders(first: 1) { nodes { id } } }`
	staff := identity.Identity{User: identity.UserID(h.issuer, "sam"), Issuer: h.issuer, Subject: "sam", Roles: []string{identity.RoleStaff}}
	for name, value := range map[string]string{
		"made up":          base64.RawURLEncoding.EncodeToString([]byte(`{"user":"usr_X","roles":["staff"],"aud":"orders"}`)) + ".AAAA",
		"rightly signed":   h.shop.edges.signer.Sign(staff, "orders"),
		"of other secrets": identity.NewSigner([]byte("another secret of thirty-two byt"), time.Now).Sign(staff, "orders"),
	} {
		a, err := h.guest().with(identity.Header, value).send(t.Context(), vars{"query": whoAmI})
		if err != nil || a.code() != "UNAUTHENTICATED" || a.data.at("me") != nil {
			t.Errorf("a client's own identity, %s: %s %v %v", name, a.data, a.errors, err)
		}
	}
	for _, bearer := range []string{"Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJzYW0ifQ.", "Bearer x", "Basic c2FtOmRlbW8="} {
		a, err := h.caller("Authorization", bearer).send(t.Context(), vars{"query": `{ me { id } }`})
		if err != nil || a.status != http.StatusUnauthorized || a.code() != "UNAUTHENTICATED" {
			t.Errorf("%s: %d %v %v", bearer, a.status, a.errors, err)
		}
	}
}

func TestSubgraphsAnswerTheRouterOnly(t *testing.T) {
	t.Parallel()
	h := theShop(t)
	right := h.shop.edges.signer
	old := identity.NewSigner(h.shop.cfg.key("identity"), func() time.Time { return time.Now().Add(-time.Hour) })
	wrong := identity.NewSigner([]byte("another secret of thirty-two byt"), time.Now)
	staff := identity.Identity{User: "usr_X", Roles: []string{identity.RoleStaff}}
	for i, name := range services {
		address := strings.TrimSuffix(h.shop.servers[i].URL("/graphql"), "/graphql")
		call := func(header string) answer {
			p := &person{url: address, header: http.Header{}, http: browser}
			if header != "" {
				p.header.Set(identity.Header, header)
			}
			a, err := p.send(t.Context(), vars{"query": `{ __typename }`})
			if err != nil {
				t.Fatal(err)
			}
			return a
		}
		if a := call(right.Sign(staff, name)); a.status != http.StatusOK || a.data.text("__typename") != "Query" {
			t.Errorf("%s called as the router does: %d %v", name, a.status, a.errors)
		}
		for what, header := range map[string]string{
			"without a signature": "", "with another's signature": wrong.Sign(staff, name), "with another service's": right.Sign(staff, services[(i+1)%len(services)]),
			"with a changed one": "x" + right.Sign(staff, name), "with an old one": old.Sign(staff, name),
		} {
			if a := call(header); a.status != http.StatusUnauthorized || a.data.any != nil {
				t.Errorf("%s called %s: %d %s", name, what, a.status, a.data)
			}
		}
	}
	for _, query := range []string{`{ _service { sdl } }`, `{ _entities(representations: [{__typename: "Order", id: "ord_1"}]) { __typename } }`} {
		if a, err := h.guest().send(t.Context(), vars{"query": query}); err != nil || a.status != http.StatusBadRequest || a.data.any != nil {
			t.Errorf("%s of the router: %d %s %v", query, a.status, a.data, err)
		}
	}
}

func TestStaffOnly(t *testing.T) {
	t.Parallel()
	h := theShop(t)
	product := h.sell(t, 1, "STAFF-ONE")[0].product
	ben := h.signIn(t, "ben")
	for _, query := range []string{
		`mutation { productCreate(input: {title: "Mine", variants: []}) { userErrors { code } } }`,
		`mutation { productUpdate(id: "PRODUCT", input: {title: "Mine"}) { userErrors { code } } }`,
		`mutation { productPublish(id: "PRODUCT") { userErrors { code } } }`,
		`mutation { productArchive(id: "PRODUCT") { userErrors { code } } }`,
		`mutation { productsUpsert(inputs: [{title: "Mine", variants: []}]) { created } }`,
		`mutation { productImageUploadCreate(productId: "PRODUCT", contentType: "image/png", byteSize: 100) { upload { url } } }`,
		`mutation { productImageAttach(productId: "PRODUCT", key: "k") { userErrors { code } } }`,
		`mutation { collectionCreate(input: {title: "Mine"}) { userErrors { code } } }`,
		`mutation { stockAdjust(adjustments: [{sku: "STAFF-ONE", delta: 99}], reason: "mine", idempotencyKey: "mine-mine") { items { sku } } }`,
		`mutation { warehouseCreate(id: "wh", name: "Mine", country: "DE") { userErrors { code } } }`,
		`mutation { discountCreate(input: {code: "MINE", basisPoints: 10000}) { userErrors { code } } }`,
		`mutation { reviewModerate(id: "rev_1", status: REJECTED) { userErrors { code } } }`,
		`mutation { userRolesSet(id: "usr_1", roles: ["staff"]) { userErrors { code } } }`,
		`mutation { promotionSend(title: "Buy", text: "Now", idempotencyKey: "mine-mine") { recipients } }`,
		`{ allOrders(first: 1) { nodes { id } } }`,
		`{ stockItem(sku: "STAFF-ONE") { onHand } }`,
		`{ reservation(orderId: "ord_1") { status } }`,
		`{ warehouses { id } }`,
		`{ reviewsPending(first: 1) { nodes { id } } }`,
	} {
		query = strings.ReplaceAll(query, "PRODUCT", product)
		ben.refused(t, "FORBIDDEN", query, nil)
		h.guest().refused(t, "UNAUTHENTICATED", query, nil)
	}
	h.stock(t, "STAFF-ONE", 1, 0)
	// The router refuses before it asks anybody, and says what is needed.
	for who, p := range map[string]*person{"UNAUTHENTICATED": h.guest(), "FORBIDDEN": ben} {
		a, err := p.send(t.Context(), vars{"query": `{ w: warehouses { id } shippingZones { id } }`})
		if err != nil || len(a.errors) != 1 || a.code() != who || !strings.Contains(a.errors.Error(), "the policy staff") {
			t.Errorf("%s: %v %v", who, a.errors, err)
		}
	}
	h.guest().refused(t, "UNAUTHENTICATED", `mutation { profileUpdate(input: {name: "Nobody"}) { userErrors { code } } }`, nil)
}

// TestStaffOnlyRefusesAll: with --authorization reject nothing of an operation is answered that asks for too much.
func TestStaffOnlyRefusesAll(t *testing.T) {
	t.Parallel()
	h := ownShop(t, "--authorization", "reject")
	ben := h.signIn(t, "ben")
	for code, p := range map[string]*person{"UNAUTHENTICATED": h.guest(), "FORBIDDEN": ben} {
		a, err := p.send(t.Context(), vars{"query": `{ shippingZones { id } ... on Query { w: warehouses { name } } }`})
		status := map[string]int{"UNAUTHENTICATED": http.StatusUnauthorized, "FORBIDDEN": http.StatusForbidden}[code]
		if err != nil || a.status != status || a.code() != code || a.data.any != nil || fmt.Sprint(a.errors[0].Extensions["refused"]) != "[w]" {
			t.Errorf("%s: %d %v %s %v", code, a.status, a.errors, a.data, err)
		}
	}
	if got := h.signIn(t, "sam").ask(t, `{ shippingZones { id } warehouses { name } }`, nil); len(got.list("warehouses")) == 0 {
		t.Errorf("staff: %s", got)
	}
}

// partner signs the demo partner in.
func (h *house) partner(t *testing.T) *person {
	t.Helper()
	token, err := oidc.ClientCredentials(t.Context(), h.issuer, acmeClient, demoSecret)
	if err != nil {
		t.Fatal(err)
	}
	return h.caller("Authorization", "Bearer "+token.AccessToken)
}
