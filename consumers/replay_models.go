package consumers

import (
	"context"
	"encoding/json"
	"strings"
	"time"

	"storefront/events"
	"storefront/internal/errs"
	"storefront/internal/kafka"
	"storefront/internal/mail"
	"storefront/internal/mongodb"
	"storefront/subgraphs/inventory"
	inventorymongo "storefront/subgraphs/inventory/mongo"
	"storefront/subgraphs/notifications"
	notificationsmongo "storefront/subgraphs/notifications/mongo"
	"storefront/subgraphs/orders"
	ordersmongo "storefront/subgraphs/orders/mongo"
	"storefront/subgraphs/reviews"
	reviewsmongo "storefront/subgraphs/reviews/mongo"
)

// ReadModel is something that a service keeps only because of events.
type ReadModel struct {
	Name    string
	Service string // whose database it is in
	About   string
	Views   []mongodb.View // nil: it is in memory, as the search index is

	// build makes the service on the scratch database, and names the handlers that feed the model. settle,
	// unless nil, works out after each reading what follows from two documents together.
	build func(ctx context.Context, c ReplayConfig) (h *Handlers, settle func(context.Context) error, err error)
	lane  func(*kafka.Record) string // whose events stay in order; nil: the record's key
}

// ReadModels lists all of them. What moves a process that acts on the world is none: holds of stock, money,
// parcels. A service's record of what it did there is not made of events alone, and reading them again
// would be doing it again; replay_table_test.go names these handlers.
func ReadModels() []ReadModel {
	return []ReadModel{
		{
			Name: "prices", Service: "orders", About: "what carts are made of, from product-events",
			Views: []mongodb.View{{Collection: "prices", Absent: is("status", "GONE")}},
			build: buildPrices,
		},
		{
			Name: "orders", Service: "orders", About: "what customers see of their orders, from order- and payment-events",
			Views: []mongodb.View{{Collection: "orders", Own: true, Fields: []string{"number", "owner", "status", "reason", "history", "lines", "subtotal",
				"discount", "shipping", "total", "refunded", "refundVersion", "email", "locale", "shippingAddress", "shippingMethod", "paymentToken", "placedAt"}}},
			build: buildOrders, lane: byOrder,
		},
		{
			Name: "skus", Service: "inventory", About: "which product a SKU belongs to, from product-events",
			// The rest of the document is stock, which is inventory's own. Without a product there is nothing to
			// tell: nobody has described the SKU, or its product has given it up, and the compacted topic may no
			// longer say when.
			Views: []mongodb.View{{Collection: "stock", Fields: []string{"productId", "described"}, Absent: lacks("productId")}},
			build: buildSKUs,
		},
		{
			Name: "purchases", Service: "reviews", About: "who has got which product, and so whose reviews are verified, from order- and shipment-events",
			Views: []mongodb.View{
				{Collection: "purchases"},
				{Collection: "reviews", Fields: []string{"verifiedPurchase"}, Absent: lacks("verifiedPurchase")},
			},
			build: buildPurchases, lane: byOrder,
		},
		{
			Name: "ratings", Service: "reviews", About: "the stars of each product, from review-events",
			Views: []mongodb.View{{Collection: "ratings", Own: true, Absent: unrated,
				Except: map[string]string{"marks": "of reviews that are being counted right now"}}},
			build: buildRatings,
		},
		{
			Name: "notifications", Service: "notifications", About: "what people were told, and how to reach them, without sending anything",
			Views: []mongodb.View{
				{Collection: "contacts"},
				{Collection: "people", Absent: unheardOf, Except: map[string]string{
					"off":        "what a person switched off: a command, not an event",
					"promotable": "follows from off",
				}},
				{Collection: "notifications", Absent: notOfEvents, Except: map[string]string{
					"mail": "a rebuild sends none", "tries": "of sending", "waits": "of sending", "dueAt": "of sending", "sentAt": "of sending", "reason": "of sending",
					"facts.order": "only the mail needs it; it goes with the mail", "facts.name": "of the profile, as it was known then",
					"listed": "as the person wanted it then", "read": "a command, not an event",
				}},
			},
			build: buildNotifications, lane: byPerson,
		},
		{Name: "search", Service: "products", About: "the search index with ratings and stock, from product-, review- and inventory-events"},
	}
}

func buildPrices(ctx context.Context, c ReplayConfig) (*Handlers, func(context.Context) error, error) {
	store, err := ordersmongo.New(ctx, c.Shadow.Scratch, time.Now)
	if err != nil {
		return nil, nil, err
	}
	h := &Handlers{}
	On(h, orders.New(orders.Config{Store: store, Now: time.Now}).ProductChanged)
	return h, nil, nil
}

// buildOrders tells orders again as their own events told them. The state of the saga is not in it: what
// others answered has become events of the order.
func buildOrders(ctx context.Context, c ReplayConfig) (*Handlers, func(context.Context) error, error) {
	store, err := ordersmongo.New(ctx, c.Shadow.Scratch, time.Now)
	if err != nil {
		return nil, nil, err
	}
	h := &Handlers{}
	retell := func(ctx context.Context, id string, e events.Event) error {
		found, err := store.Orders(ctx, []string{id})
		if err != nil {
			return err
		}
		o := found[id]
		o.Retell(e)
		return store.PutOrder(ctx, o)
	}
	On(h, func(ctx context.Context, e events.OrderPlaced) error { return retell(ctx, e.ID, e) })
	On(h, func(ctx context.Context, e events.OrderStatusChanged) error { return retell(ctx, e.ID, e) })
	On(h, func(ctx context.Context, e events.OrderStalled) error { return retell(ctx, e.ID, e) })
	On(h, func(ctx context.Context, e events.OrderLinesReturned) error { return retell(ctx, e.ID, e) })
	On(h, func(ctx context.Context, e events.PaymentRefunded) error { return retell(ctx, e.OrderID, e) })
	On(h, func(ctx context.Context, e events.PaymentRefundFailed) error { return retell(ctx, e.OrderID, e) })
	return h, nil, nil
}

func buildSKUs(ctx context.Context, c ReplayConfig) (*Handlers, func(context.Context) error, error) {
	store, err := inventorymongo.New(ctx, c.Shadow.Scratch, time.Now)
	if err != nil {
		return nil, nil, err
	}
	h := &Handlers{}
	On(h, inventory.New(inventory.Config{Store: store, Now: time.Now}).Describe)
	return h, nil, nil
}

func buildPurchases(ctx context.Context, c ReplayConfig) (*Handlers, func(context.Context) error, error) {
	store, err := reviewsmongo.New(ctx, c.Shadow.Scratch, time.Now)
	if err != nil {
		return nil, nil, err
	}
	live, err := reviewsmongo.New(ctx, c.Shadow.Live, time.Now)
	if err != nil {
		return nil, nil, err
	}
	settle := func(ctx context.Context) error { // a review has its mark when its author has got the product
		return live.EachReview(ctx, func(r reviews.Review) error {
			bought, err := store.Bought(ctx, r.Owner, r.ProductID)
			if err != nil {
				return err
			}
			r.VerifiedPurchase = bought
			return store.PutReview(ctx, r)
		})
	}
	return Reviews(reviews.New(reviews.Config{Store: store, Now: time.Now})).Handlers, settle, nil
}

func buildRatings(ctx context.Context, c ReplayConfig) (*Handlers, func(context.Context) error, error) {
	store, err := reviewsmongo.New(ctx, c.Shadow.Scratch, time.Now)
	if err != nil {
		return nil, nil, err
	}
	h := &Handlers{}
	On(h, func(ctx context.Context, e events.RatingChanged) error {
		found, err := store.Ratings(ctx, []string{e.ProductID})
		if err != nil || found[e.ProductID].Version >= e.Version {
			return err
		}
		r := reviews.NoRating(e.ProductID)
		r.Histogram, r.Version = e.Histogram, e.Version
		return store.PutRating(ctx, r)
	})
	return h, nil, nil
}

// buildNotifications sends nothing, for three reasons: nothing runs the service's senders, its mails go
// into a sink, and by its clock every mail is too old to be sent, so none is even queued (in the live
// state either, when a lost notification is put back).
func buildNotifications(ctx context.Context, c ReplayConfig) (*Handlers, func(context.Context) error, error) {
	later := func() time.Time { return time.Now().AddDate(1, 0, 0) }
	store, err := notificationsmongo.New(ctx, c.Shadow.Scratch, later)
	if err != nil {
		return nil, nil, err
	}
	s, err := notifications.New(notifications.Config{Store: store, Mail: sink{}, From: c.MailFrom, PublicURL: "http://replay.invalid", Now: later})
	if err != nil {
		return nil, nil, err
	}
	settle := func(ctx context.Context) error { // topics come in any order: some were made before their order was known
		list, err := store.Unnumbered(ctx)
		if err != nil {
			return err
		}
		return s.Complete(ctx, list)
	}
	return Notifications(s).Handlers, settle, nil
}

// sink refuses mails.
type sink struct{}

func (sink) Send(context.Context, mail.Message) error {
	return errs.New(errs.Internal, "a replay sends no mail")
}

// byOrder keeps what is about one order in order, whichever service said it.
func byOrder(r *kafka.Record) string {
	var e struct {
		OrderID string `json:"orderId"`
	}
	if json.Unmarshal(r.Value, &e) != nil || e.OrderID == "" {
		return r.Key
	}
	return e.OrderID
}

// byPerson keeps what is about one person in order: a guest is reached as the last order says.
func byPerson(r *kafka.Record) string {
	var e struct {
		Customer string `json:"customer"`
	}
	if json.Unmarshal(r.Value, &e) != nil || e.Customer == "" {
		return r.Key // a user's events have the user as their key
	}
	return e.Customer
}

func is(field, value string) func(map[string]any) bool {
	return func(doc map[string]any) bool { return doc[field] == value }
}

func lacks(field string) func(map[string]any) bool {
	return func(doc map[string]any) bool { v, ok := doc[field]; return !ok || v == false }
}

// unrated is a product whose reviews are all gone again before anybody was told of one.
func unrated(doc map[string]any) bool {
	stars, _ := doc["histogram"].([]any)
	for _, n := range stars {
		if n != int64(0) {
			return false
		}
	}
	return true
}

// unheardOf is a person of whom no event has told: a user without a profile, whose address may come from
// a token, and who has only said what they want, or a guest who has not ordered.
func unheardOf(doc map[string]any) bool {
	id, _ := doc["_id"].(string)
	user := strings.HasPrefix(id, "usr_")
	return user && doc["profile"] == nil || !user && doc["email"] == nil
}

// notOfEvents is a notification of a person's wish or of a promotion: commands, of which no event tells.
func notOfEvents(doc map[string]any) bool {
	return doc["kind"] == string(notifications.BackInStock) || doc["kind"] == string(notifications.Promotional)
}
