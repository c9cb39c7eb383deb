package consumers

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"storefront/internal/embedded/mongodb/mongotest"
	"storefront/internal/identity"
	"storefront/internal/kafka"
	"storefront/internal/kafka/kafkatest"
	"storefront/internal/mongodb"
	"storefront/internal/outbox"
	"storefront/subgraphs/products"
	"storefront/subgraphs/reviews"
)

// replayed is a shop in which the story of redelivery_story_test.go happens, with its events in topics.
type replayed struct {
	*teller
	kafka   kafka.Config
	scratch *mongo.Database
	mailed  map[string]int
}

// openReplayed tells the story. It publishes each event before anybody hears of it, as the relay does.
func openReplayed(t *testing.T) *replayed {
	r := &replayed{
		teller: &teller{shop: openShop(t), story: story{acts: map[string][]entry{}}, causes: map[string][]cause{}},
		kafka:  kafkatest.Config(t, Topics(3, 1)...), scratch: mongotest.Database(t),
	}
	producer, err := kafka.NewProducer(r.kafka)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { producer.Close() })
	said := time.Now() // the story moves the clock; brokers do not take what is of the future
	r.heard = func(record outbox.Record) {
		m := messageOf(record)
		m.Time, said = said, said.Add(time.Millisecond)
		if err := producer.Publish(t.Context(), []kafka.Message{m}); err != nil {
			t.Error(err)
		}
	}
	mailing, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- r.notifications.Run(mailing) }()
	t.Cleanup(func() { stop(); <-ended })
	r.tell(t.Context())
	r.mailAll(t.Context())
	r.mailed = r.mails.list()
	return r
}

// replay begins a rebuild of a model on an emptied scratch database.
func (r *replayed) replay(t *testing.T, m ReadModel, start *ReplayStart) *Replay {
	t.Helper()
	names, err := r.scratch.ListCollectionNames(t.Context(), bson.D{})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if err := r.scratch.Collection(name).Drop(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	again, err := NewReplay(t.Context(), ReplayConfig{Model: m, Kafka: r.kafka, Shadow: mongodb.Shadow{Live: r.db, Scratch: r.scratch},
		Start: start, MailFrom: "Shop <shop@shop.test>"})
	if err != nil {
		t.Fatal(err)
	}
	return again
}

// differences is what a comparison finds, each as "collection id kind", sorted.
func differences(found Comparison) []string {
	list := []string{}
	for _, d := range found.Differences {
		list = append(list, fmt.Sprintf("%s %s %s", d.View.Collection, d.ID, d.Kind))
	}
	slices.Sort(list)
	return list
}

// inDatabases are the models that are rebuilt in one.
func inDatabases() []ReadModel {
	return slices.DeleteFunc(ReadModels(), func(m ReadModel) bool { return m.Views == nil })
}

func TestReplayMakesTheLiveState(t *testing.T) {
	t.Parallel()
	r := openReplayed(t)
	for _, m := range inDatabases() {
		again := r.replay(t, m, nil)
		found, err := again.Compare(t.Context(), 0)
		if err != nil {
			t.Fatal(m.Name, err)
		}
		t.Logf("%s: %d records, %s", m.Name, again.Read(), found)
		for _, d := range found.Differences {
			t.Errorf("%s: %s", m.Name, d)
		}
		if again.Read() == 0 || len(again.Failed()) > 0 {
			t.Errorf("%s read %d records; failed: %v", m.Name, again.Read(), again.Failed())
		}
		for _, v := range m.Views { // each of them has been tried
			if n, err := r.scratch.Collection(v.Collection).CountDocuments(t.Context(), bson.D{}); err != nil || n == 0 {
				t.Errorf("%s: nothing was built in %s (%v)", m.Name, v.Collection, err)
			}
		}
	}
	r.sentNothing(t)
}

// sentNothing: mails of before the rebuilds are all there are, and no scratch document would be mailed.
func (r *replayed) sentNothing(t *testing.T) {
	t.Helper()
	if now := r.mails.list(); !maps.Equal(now, r.mailed) {
		t.Errorf("mails: %v\nbefore the rebuild: %v", now, r.mailed)
	}
	if n, err := r.scratch.Collection("notifications").CountDocuments(t.Context(), bson.D{{Key: "mail", Value: bson.D{{Key: "$in", Value: bson.A{"PENDING", "SENT"}}}}}); err != nil || n > 0 {
		t.Errorf("%d mails are due in the scratch database (%v)", n, err)
	}
}

// damage is something that is wrong with a live document, and what a comparison says of it.
type damage struct {
	model, collection string
	kind              mongodb.DifferenceKind
	filter            bson.D // the document; for Extra the whole of it
	update            bson.D // Changed, or Missing in part; nil: it is deleted
}

func set(field string, value any) bson.D {
	return bson.D{{Key: "$set", Value: bson.D{{Key: field, Value: value}}}}
}

func field(name string, value any) bson.D { return bson.D{{Key: name, Value: value}} }

func damages() []damage {
	ghost := func(fields ...bson.E) bson.D {
		return append(bson.D{{Key: "_id", Value: "ghost"}, {Key: "version", Value: 7}}, fields...)
	}
	e := func(name string, value any) bson.E { return bson.E{Key: name, Value: value} }
	return []damage{
		{"prices", "prices", mongodb.Missing, field("_id", "CUP"), nil},
		{"prices", "prices", mongodb.Changed, field("_id", "TEA-S"), set("title", "Coffee")},
		{"prices", "prices", mongodb.Extra, ghost(e("status", "ACTIVE"), e("productId", "prd_0"), e("productVersion", 3)), nil},
		{"orders", "orders", mongodb.Changed, field("status", "REJECTED"), set("status", "PAID")},
		{"orders", "orders", mongodb.Changed, field("status", "DELIVERED"), set("refunded", bson.D{{Key: "amount", Value: 1}, {Key: "currency", Value: "EUR"}})},
		{"orders", "orders", mongodb.Missing, field("status", "CANCELLED"), nil},
		{"orders", "orders", mongodb.Extra, ghost(e("number", "SF-0"), e("owner", "usr_0"), e("cartId", "none"), e("idempotencyKey", "none")), nil},
		{"skus", "stock", mongodb.Changed, field("_id", "TEA-S"), set("productId", "prd_0")},
		{"skus", "stock", mongodb.Missing, field("_id", "CUP"), bson.D{{Key: "$unset", Value: bson.D{{Key: "productId", Value: ""}, {Key: "described", Value: ""}}}}},
		{"skus", "stock", mongodb.Extra, ghost(e("productId", "prd_0"), e("available", 5), e("levels", bson.D{}), e("holds", bson.D{})), nil},
		{"purchases", "purchases", mongodb.Changed, field("delivered", true), set("products", bson.A{"prd_0"})},
		{"purchases", "purchases", mongodb.Missing, field("delivered", bson.D{{Key: "$exists", Value: false}}), nil},
		{"purchases", "purchases", mongodb.Extra, ghost(e("customer", "usr_0"), e("products", bson.A{"prd_0"})), nil},
		{"purchases", "reviews", mongodb.Missing, field("verifiedPurchase", true), bson.D{{Key: "$unset", Value: bson.D{{Key: "verifiedPurchase", Value: ""}}}}},
		{"ratings", "ratings", mongodb.Changed, field("histogram", bson.A{0, 1, 0, 0, 0}), set("histogram", bson.A{9, 0, 0, 0, 0})},
		{"ratings", "ratings", mongodb.Missing, field("histogram", bson.A{0, 0, 0, 0, 1}), nil},
		{"ratings", "ratings", mongodb.Extra, ghost(e("histogram", bson.A{1, 0, 0, 0, 0})), nil},
		{"notifications", "notifications", mongodb.Changed, field("kind", "ORDER_REJECTED"), set("text", "nothing")},
		{"notifications", "notifications", mongodb.Missing, field("kind", "PAYMENT_FAILED"), nil},
		{"notifications", "notifications", mongodb.Extra, ghost(e("kind", "WELCOME"), e("owner", "usr_0"), e("mail", "OFF"), e("listed", false)), nil},
		{"notifications", "contacts", mongodb.Missing, field("number", bson.D{{Key: "$exists", Value: true}}), nil},
		{"notifications", "people", mongodb.Changed, field("_id", ben.User), set("name", "Ben the Last")},
	}
}

// do damages a document, and returns how a comparison names it.
func (d damage) do(t *testing.T, db *mongo.Database) string {
	t.Helper()
	c := db.Collection(d.collection)
	var err error
	var doc struct {
		ID string `bson:"_id"`
	}
	if d.kind == mongodb.Extra {
		_, err = c.InsertOne(t.Context(), d.filter)
		doc.ID = "ghost"
	} else if err = c.FindOne(t.Context(), d.filter).Decode(&doc); err == nil && d.update == nil {
		_, err = c.DeleteOne(t.Context(), field("_id", doc.ID))
	} else if err == nil {
		_, err = c.UpdateOne(t.Context(), field("_id", doc.ID), d.update)
	}
	if err != nil {
		t.Fatalf("%s %v: %v", d.collection, d.filter, err)
	}
	return fmt.Sprintf("%s %s %s", d.collection, doc.ID, d.kind)
}

func TestReplayFindsAndMendsDamage(t *testing.T) {
	t.Parallel()
	r := openReplayed(t)
	for i, m := range inDatabases() {
		var want, left []string
		for _, d := range damages() {
			if d.model == m.Name {
				name := d.do(t, r.db)
				want = append(want, name)
				if d.kind == mongodb.Extra && m.Views[0].Own {
					left = append(left, name)
				}
			}
		}
		slices.Sort(want)
		again := r.replay(t, m, nil)
		found, err := again.Compare(t.Context(), 0)
		if err != nil {
			t.Fatal(m.Name, err)
		}
		if got := differences(found); !slices.Equal(got, want) || len(want) == 0 {
			t.Errorf("%s: found %q\nwant %q", m.Name, got, want)
		}
		// The shop goes on meanwhile: the same people order again, and prices change.
		type outcome struct {
			Swapped
			err error
		}
		swapped := make(chan *outcome, 1)
		go func() {
			s, err := again.Swap(t.Context(), 50)
			swapped <- &outcome{s, err}
		}()
		var end *outcome
		versions := r.watchVersions(t)
		for n := 0; end == nil; n++ {
			select {
			case end = <-swapped:
			default:
				r.goOn(t, fmt.Sprint(i, "/", n))
			}
		}
		versions()
		if end.err != nil {
			t.Fatal(m.Name, end.err)
		}
		if got := differences(Comparison{Differences: end.Left}); !slices.Equal(got, left) || end.Replaced == 0 {
			t.Errorf("%s: %d replaced, left %q\nwant %q", m.Name, end.Replaced, got, left)
		}
		r.mailAll(t.Context())
		r.mailed = r.mails.list()
		if found, err = r.replay(t, m, nil).Compare(t.Context(), 0); err != nil {
			t.Fatal(m.Name, err)
		}
		if got := differences(found); !slices.Equal(got, left) {
			t.Errorf("%s: afterwards %v\nwant %q", m.Name, found.Differences, left)
		}
		r.sentNothing(t)
	}
	n, err := r.db.Collection("stock").CountDocuments(t.Context(), bson.D{{Key: "_id", Value: "ghost"}, {Key: "available", Value: 5}})
	if err != nil || n != 1 {
		t.Errorf("stock that belongs to no product is not there any more (%v)", err)
	}
}

// watchVersions looks at a price that changes all the time, until what it returns is called: it must never
// go back.
func (r *replayed) watchVersions(t *testing.T) (stop func()) {
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		last := 0
		for ctx.Err() == nil {
			found, err := r.ordersStore.Prices(ctx, []string{"CUP"})
			if p, ok := found["CUP"]; err == nil && ok {
				if p.ProductVersion < last {
					t.Errorf("the price of CUP went back from version %d to %d", last, p.ProductVersion)
				}
				last = p.ProductVersion
			}
		}
	}()
	return func() { cancel(); <-ended }
}

// goOn is a little more of the story.
func (r *replayed) goOn(t *testing.T, n string) {
	t.Helper()
	price := int64(1200 + len(r.acts["orders"])%7)
	asStaff := identity.With(t.Context(), staff)
	r.outside(t.Context(), "products", func() error {
		found, err := r.products.ProductsByHandle(asStaff, []string{"cup"})
		if err != nil {
			return err
		}
		_, err = r.products.UpdateProduct(asStaff, found["cup"].ID, products.ProductUpdateInput{Variants: []products.VariantInput{variant("CUP", price)}})
		return err
	})
	r.settle(t.Context())
	who := identity.Identity{User: identity.UserID("test", "new "+n), Name: "New", Email: "new@shop.test", Locale: "en-GB"}
	r.outside(t.Context(), "reviews", func() error {
		_, err := r.reviews.Submit(identity.With(t.Context(), who), reviews.ReviewInput{ProductID: "prd_goes_on", Rating: 3})
		return err
	})
	r.place(t.Context(), guest, "tok_declined", "", line("TEA-S", 1))
	r.settle(t.Context())
}

// A rebuild from a time or an offset on begins with a copy, and reads no more than that.
func TestReplayOnTopOfACopy(t *testing.T) {
	t.Parallel()
	r := openReplayed(t)
	prices := inDatabases()[0]
	for _, tc := range []struct {
		start ReplayStart
		reads bool
	}{
		{ReplayStart{Since: time.Now().Add(-time.Hour)}, true},
		{ReplayStart{Since: time.Now().Add(time.Hour)}, false},
		{ReplayStart{Offsets: map[string]map[int32]int64{"product-events": {0: 0, 1: 0, 2: 0}}}, true},
		{ReplayStart{}, false},
	} {
		again := r.replay(t, prices, &tc.start)
		found, err := again.Compare(t.Context(), 0)
		if err != nil || len(found.Differences) > 0 || found.Documents == 0 {
			t.Errorf("from %+v: %s, %v", tc.start, found, err)
		}
		if tc.reads != (again.Read() > 0) {
			t.Errorf("from %+v %d records were read", tc.start, again.Read())
		}
	}
}
