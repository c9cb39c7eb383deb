package main

// The table of the access matrix: who may ask for what by an id.

// may says who gets, by an id, what is behind it. All others are to be answered as if there were nothing.
type may int

const (
	theirs    may = 1 << iota // whoever owns it
	staffs                    // staff
	signedIns                 // every person who is signed in
	guests                    // every guest with a token, and everybody who is signed in
	everyones                 // everybody
)

// row is a field that takes an id: what it is the id of, the other arguments, and who may.
type row struct {
	thing string // a name in world.things
	args  string // with $id, and with $more for what world.more has
	may   may
	blind bool // the answer to those who may is the same, whether the id is one or not
	ends  bool // the thing is gone afterwards, so only the first who may asks, and last of all
}

// fieldRows are the fields of the public schema that take an id. A field below the root has its type's name.
var fieldRows = map[string]row{
	"Query.cart":        {"cart", `(id: $id)`, theirs | staffs, false, false},
	"Query.order":       {"order", `(id: $id)`, theirs | staffs, false, false},
	"Query.payment":     {"payment", `(id: $id)`, theirs | staffs, false, false},
	"Query.user":        {"user", `(id: $id)`, theirs | staffs, false, false},
	"Query.review":      {"review", `(id: $id)`, theirs | staffs, false, false},
	"Query.reservation": {"order", `(orderId: $id)`, staffs, false, false},
	"Query.product":     {"product", `(id: $id)`, staffs, false, false}, // a draft
	"Query.collection":  {"collection", `(id: $id)`, everyones, false, false},

	"Mutation.cartCreate":            {"user", `(input: {customer: $id})`, theirs | staffs, true, false},
	"Mutation.cartLinesAdd":          {"cart", `(cartId: $id, lines: [{sku: "MATRIX-MORE", quantity: 1}])`, theirs | staffs, false, false},
	"Mutation.cartLinesUpdate":       {"cart", `(cartId: $id, lines: [{id: $more, quantity: 3}])`, theirs | staffs, false, false},
	"Mutation.cartLinesRemove":       {"cart", `(cartId: $id, lineIds: [$more])`, theirs | staffs, false, false},
	"Mutation.cartAddressSet":        {"cart", `(cartId: $id, email: "thief@storefront.example", address: {name: "Thief", line1: "Elsewhere 1", city: "Bonn", postalCode: "53111", country: "DE"})`, theirs | staffs, false, false},
	"Mutation.cartShippingMethodSet": {"cart", `(cartId: $id, rate: $more)`, theirs | staffs, false, false},
	"Mutation.cartDiscountCodeSet":   {"cart", `(cartId: $id, code: null)`, theirs | staffs, false, false},
	"Mutation.cartMerge":             {"cart", `(guestCartId: $id)`, 0, false, false}, // with both sign-ins only: TestGuestCartIsMergedAtSignIn
	"Mutation.placeOrder":            {"cart", `(input: {cartId: $id, paymentToken: "tok_visa"}, idempotencyKey: "matrix-key")`, theirs | staffs, false, false},
	"Mutation.orderCancel":           {"order", `(id: $id, reason: "stolen")`, theirs | staffs, false, false},
	"Mutation.orderLinesReturn":      {"order", `(id: $id, lines: [{sku: "MATRIX-ONE", quantity: 1}], idempotencyKey: "matrix-key")`, staffs, false, false},
	"Mutation.paymentRefund":         {"payment", `(id: $id, reason: "stolen", idempotencyKey: "matrix-key")`, staffs, false, false},
	"Mutation.paymentRefundRetry":    {"payment", `(id: $id, refundId: $more)`, staffs, false, false},
	"Mutation.addressUpdate":         {"address", `(id: $id, address: {name: "Thief", line1: "Elsewhere 1", city: "Bonn", postalCode: "53111", country: "DE"})`, theirs, false, false},
	"Mutation.addressDefaultSet":     {"address", `(id: $id)`, theirs, false, false},
	"Mutation.addressRemove":         {"address", `(id: $id)`, theirs, false, true},
	"Mutation.wishlistItemsAdd":      {"wishlist", `(wishlistId: $id, skus: ["MATRIX-MORE"])`, theirs, false, false},
	"Mutation.wishlistItemsRemove":   {"wishlist", `(wishlistId: $id, skus: ["MATRIX-ONE"])`, theirs, false, false},
	"Mutation.wishlistDelete":        {"wishlist", `(id: $id)`, theirs, false, true},
	"Mutation.notificationsMarkRead": {"notification", `(ids: [$id])`, theirs | guests, true, false},
	"Mutation.reviewSubmit":          {"product", `(input: {productId: $id, rating: 1})`, signedIns | staffs, true, false},
	"Mutation.reviewDelete":          {"review", `(id: $id)`, theirs | staffs, false, true},
	"Mutation.reviewModerate":        {"review", `(id: $id, status: PENDING)`, staffs, false, false},
	"Mutation.userRolesSet":          {"user", `(id: $id, roles: [])`, staffs, false, false},

	"Mutation.productUpdate":            {"product", `(id: $id, input: {vendor: "Thief"})`, staffs, false, false},
	"Mutation.productPublish":           {"product", `(id: $id)`, staffs, false, false},
	"Mutation.productArchive":           {"product", `(id: $id)`, staffs, false, false},
	"Mutation.productImageUploadCreate": {"product", `(productId: $id, contentType: "image/png", byteSize: 100)`, staffs, false, false},
	"Mutation.productImageAttach":       {"product", `(productId: $id, key: "none")`, staffs, true, false},
	"Mutation.stockAdjust":              {"warehouse", `(adjustments: [{sku: "MATRIX-ONE", warehouse: $id, delta: 1}], reason: "stolen", idempotencyKey: "matrix-key")`, staffs, false, false},
	"Mutation.warehouseCreate":          {"warehouse", `(id: $id, name: "Elsewhere", country: "DE")`, staffs, true, false},

	"Subscription.orderStatus":      {"order", `(orderId: $id)`, theirs | staffs, false, false},
	"Subscription.shipmentTracking": {"parcel", `(orderId: $id)`, theirs | staffs, false, false},
}

// entityRow is a type that a subgraph answers by key to the router.
type entityRow struct {
	thing, key string
	may        may
	blind      bool
}

// entityRows are the entities of each subgraph. What is everybody's tells nothing of an owner.
var entityRows = map[string]entityRow{
	"orders.Cart":                {"cart", "id", theirs | staffs, false},
	"orders.Order":               {"order", "id", theirs | staffs, false},
	"orders.User":                {"user", "id", theirs | staffs, false},
	"payments.Payment":           {"payment", "id", theirs | staffs, false},
	"payments.Order":             {"order", "id", theirs | staffs, false},
	"shipping.Shipment":          {"parcel", "orderId", theirs | staffs, false},
	"shipping.Order":             {"parcel", "id", theirs | staffs, false},
	"shipping.Cart":              {"cart", "id", everyones, true}, // computed from what the router sends along
	"shipping.Variant":           {"sku", "sku", everyones, true},
	"users.User":                 {"user", "id", theirs | staffs, false},
	"users.Wishlist":             {"wishlist", "id", theirs | staffs, false},
	"notifications.User":         {"user", "id", theirs | staffs, true},
	"notifications.Notification": {"notification", "id", theirs | staffs, false},
	"reviews.Review":             {"review", "id", theirs | staffs, false},
	"reviews.Product":            {"product", "id", everyones, true},
	"inventory.Warehouse":        {"warehouse", "id", staffs, false},
	"inventory.Availability":     {"sku", "sku", everyones, false},
	"inventory.Variant":          {"sku", "sku", everyones, false},
	"inventory.Product":          {"product", "id", everyones, true},
	"products.Product":           {"product", "id", staffs, false},
	"products.Variant":           {"sku", "sku", everyones, false},
	"products.Collection":        {"collection", "id", everyones, false},
}
