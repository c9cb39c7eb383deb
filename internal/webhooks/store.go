package webhooks

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/url"
	"slices"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"storefront/internal/errs"
	"storefront/internal/id"
	"storefront/internal/mongodb"
)

// Webhook is where a partner wants the results of one of its published subscriptions.
type Webhook struct {
	ID        string    `bson:"_id"`
	Partner   string    `bson:"partner"`
	URL       string    `bson:"url"`
	Operation string    `bson:"operation"` // its id
	Variables string    `bson:"variables"` // a JSON object
	CreatedAt time.Time `bson:"createdAt"`
	Signature string    `bson:"signature"` // over all that is above

	Cursor     string     `bson:"cursor"`            // behind the last result that was delivered, "" for none
	Pending    *Message   `bson:"pending,omitempty"` // the one that is being delivered
	Delivered  int        `bson:"delivered"`
	LastAt     *time.Time `bson:"lastAt,omitempty"`    // of a delivery
	LastError  string     `bson:"lastError,omitempty"` // since then
	DisabledAt *time.Time `bson:"disabledAt,omitempty"`

	Epoch  int       `bson:"epoch"`  // one more with each command that changes it: whoever works by an older one stops
	Holder string    `bson:"holder"` // the router that delivers
	Until  time.Time `bson:"until"`  // that it may without saying so again
}

// Message is one result on its way.
type Message struct {
	ID       string    `bson:"id"` // webhook-id: the same for every attempt
	Body     string    `bson:"body"`
	Cursor   string    `bson:"cursor"`
	Since    time.Time `bson:"since"`
	Attempts int       `bson:"attempts"`
	Next     time.Time `bson:"next"` // attempt
}

// Store keeps webhooks. The results that wait are not in it: they are in Kafka, behind the cursor.
type Store struct {
	all *mongo.Collection
	key []byte
	now func() time.Time
}

// NewStore returns the store. key is what secrets are made of, and webhooks are signed with.
func NewStore(db *mongo.Database, key []byte, now func() time.Time) *Store {
	return &Store{db.Collection("webhooks"), key, now}
}

// Secret is what a webhook's calls are signed with.
func (s *Store) Secret(webhookID string) string { return secretOf(s.key, webhookID) }

func (s *Store) signature(w Webhook) string {
	text, err := json.Marshal([]string{"webhook", w.ID, w.Partner, w.URL, w.Operation, w.Variables, w.CreatedAt.UTC().Format(time.RFC3339)})
	if err != nil {
		panic(err) // strings always can
	}
	mac := hmac.New(sha256.New, s.key)
	mac.Write(text)
	return base64.RawStdEncoding.EncodeToString(mac.Sum(nil))
}

// signed reports whether a webhook is as the shop has made it: who can write to the database alone cannot
// send a partner's results elsewhere.
func (s *Store) signed(w Webhook) bool {
	return hmac.Equal([]byte(w.Signature), []byte(s.signature(w)))
}

// MaxWebhooks is how many one partner may have: each is a stream that is always open.
const MaxWebhooks = 20

// Create makes a webhook. Whether the operation is a published subscription is the caller's to check.
func (s *Store) Create(ctx context.Context, partner, address, operation, variables string) (Webhook, error) {
	if err := checkURL(address); err != nil {
		return Webhook{}, err
	}
	var object map[string]any
	if json.Unmarshal([]byte(variables), &object) != nil {
		return Webhook{}, errs.New(errs.BadInput, "the variables %s are no JSON object", variables)
	}
	has, err := s.List(ctx, partner)
	if err != nil {
		return Webhook{}, err
	}
	if active := slices.DeleteFunc(has, func(w Webhook) bool { return w.DisabledAt != nil }); len(active) >= MaxWebhooks {
		return Webhook{}, errs.New(errs.Conflict, "%s has %d webhooks already; disable one that is not used", partner, len(active))
	}
	w := Webhook{ID: id.New("whk"), Partner: partner, URL: address, Operation: operation, Variables: variables, CreatedAt: s.now().UTC().Truncate(time.Second)}
	w.Signature = s.signature(w)
	if _, err := s.all.InsertOne(ctx, w); err != nil {
		return w, mongodb.Wrap(err, "create webhook")
	}
	return w, nil
}

func checkURL(address string) error {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || u.User != nil || u.Fragment != "" {
		return errs.New(errs.BadInput, "%q is no address to call; write https://host/path", address)
	}
	return nil
}

// List returns all webhooks, of one partner when partner is not "".
func (s *Store) List(ctx context.Context, partner string) ([]Webhook, error) {
	filter := bson.D{}
	if partner != "" {
		filter = bson.D{{Key: "partner", Value: partner}}
	}
	return s.find(ctx, filter)
}

// free are those that somebody should deliver, and nobody does. Others stay where they are, with messages of
// megabytes: routers look every second.
func (s *Store) free(ctx context.Context) ([]Webhook, error) {
	return s.find(ctx, bson.D{{Key: "disabledAt", Value: nil}, {Key: "until", Value: bson.D{{Key: "$lte", Value: s.now().UTC()}}}})
}

func (s *Store) find(ctx context.Context, filter bson.D) ([]Webhook, error) {
	cursor, err := s.all.Find(ctx, filter, options.Find().SetSort(bson.D{{Key: "_id", Value: 1}}))
	if err != nil {
		return nil, mongodb.Wrap(err, "find webhooks")
	}
	var list []Webhook
	return list, mongodb.Wrap(cursor.All(ctx, &list), "find webhooks")
}

// Get returns one; NotFound when there is none.
func (s *Store) Get(ctx context.Context, webhookID string) (Webhook, error) {
	var w Webhook
	err := s.all.FindOne(ctx, bson.D{{Key: "_id", Value: webhookID}}).Decode(&w)
	if errors.Is(err, mongo.ErrNoDocuments) {
		return w, errs.New(errs.NotFound, "there is no webhook %s; 'storefront webhooks list' shows them", webhookID)
	}
	return w, mongodb.Wrap(err, "get webhook %s", webhookID)
}

// Disable ends the deliveries of a webhook, until it is replayed.
func (s *Store) Disable(ctx context.Context, webhookID string) error {
	return s.command(ctx, webhookID, bson.D{{Key: "$set", Value: bson.D{{Key: "disabledAt", Value: s.now().UTC()}}}, {Key: "$inc", Value: bson.D{{Key: "epoch", Value: 1}}}})
}

// Replay delivers everything behind a cursor, again where it was delivered before, and enables a webhook
// that was disabled. "" begins with the state as it is.
func (s *Store) Replay(ctx context.Context, webhookID, from string) error {
	return s.command(ctx, webhookID, bson.D{
		{Key: "$set", Value: bson.D{{Key: "cursor", Value: from}, {Key: "lastError", Value: ""}}},
		{Key: "$unset", Value: bson.D{{Key: "disabledAt", Value: ""}, {Key: "pending", Value: ""}}},
		{Key: "$inc", Value: bson.D{{Key: "epoch", Value: 1}}},
	})
}

func (s *Store) command(ctx context.Context, webhookID string, update bson.D) error {
	r, err := s.all.UpdateOne(ctx, bson.D{{Key: "_id", Value: webhookID}}, update)
	if err != nil {
		return mongodb.Wrap(err, "change webhook %s", webhookID)
	}
	if r.MatchedCount == 0 {
		return errs.New(errs.NotFound, "there is no webhook %s; 'storefront webhooks list' shows them", webhookID)
	}
	return nil
}

// errLost says that somebody else delivers now, or that a command has changed the webhook.
var errLost = errors.New("the webhook is another's")

// claim takes a webhook that nobody delivers, or keeps one's own. w is as it was read.
func (s *Store) claim(ctx context.Context, w *Webhook, holder string, lease time.Duration) error {
	until := s.now().UTC().Add(lease).Truncate(time.Millisecond)
	r, err := s.all.UpdateOne(ctx, bson.D{{Key: "_id", Value: w.ID}, {Key: "holder", Value: w.Holder}, {Key: "until", Value: w.Until}, {Key: "epoch", Value: w.Epoch}},
		bson.D{{Key: "$set", Value: bson.D{{Key: "holder", Value: holder}, {Key: "until", Value: until}}}})
	if err != nil {
		return mongodb.Wrap(err, "claim webhook %s", w.ID)
	}
	if r.MatchedCount == 0 {
		return errLost
	}
	w.Holder, w.Until = holder, until
	return nil
}

// set changes a webhook as long as it is its holder's.
func (s *Store) set(ctx context.Context, w Webhook, update bson.D) error {
	r, err := s.all.UpdateOne(ctx, bson.D{{Key: "_id", Value: w.ID}, {Key: "holder", Value: w.Holder}, {Key: "epoch", Value: w.Epoch}}, update)
	if err != nil {
		return mongodb.Wrap(err, "change webhook %s", w.ID)
	}
	if r.MatchedCount == 0 {
		return errLost
	}
	return nil
}

// pend writes down what is about to be delivered, or how it went.
func (s *Store) pend(ctx context.Context, w Webhook, why string) error {
	return s.set(ctx, w, bson.D{{Key: "$set", Value: bson.D{{Key: "pending", Value: w.Pending}, {Key: "lastError", Value: why}}}})
}

// delivered writes down that the pending message has arrived.
func (s *Store) delivered(ctx context.Context, w Webhook) error {
	return s.set(ctx, w, bson.D{
		{Key: "$set", Value: bson.D{{Key: "cursor", Value: w.Pending.Cursor}, {Key: "lastAt", Value: s.now().UTC()}, {Key: "lastError", Value: ""}}},
		{Key: "$unset", Value: bson.D{{Key: "pending", Value: ""}}},
		{Key: "$inc", Value: bson.D{{Key: "delivered", Value: 1}}},
	})
}

// giveUp disables a webhook whose receiver does not take its message.
func (s *Store) giveUp(ctx context.Context, w Webhook, why string) error {
	return s.set(ctx, w, bson.D{
		{Key: "$set", Value: bson.D{{Key: "disabledAt", Value: s.now().UTC()}, {Key: "lastError", Value: why}}},
		{Key: "$inc", Value: bson.D{{Key: "epoch", Value: 1}}},
	})
}

// fault writes down why nothing is read.
func (s *Store) fault(ctx context.Context, w Webhook, why string) error {
	return s.set(ctx, w, bson.D{{Key: "$set", Value: bson.D{{Key: "lastError", Value: why}}}})
}

// begin writes down where a webhook begins, before there is anything to deliver.
func (s *Store) begin(ctx context.Context, w Webhook, cursor string) error {
	return s.set(ctx, w, bson.D{{Key: "$set", Value: bson.D{{Key: "cursor", Value: cursor}}}})
}

// release lets others deliver at once, whatever has become of the webhook meanwhile.
func (s *Store) release(ctx context.Context, w Webhook) error {
	_, err := s.all.UpdateOne(ctx, bson.D{{Key: "_id", Value: w.ID}, {Key: "holder", Value: w.Holder}},
		bson.D{{Key: "$set", Value: bson.D{{Key: "until", Value: time.Time{}}}}})
	return mongodb.Wrap(err, "release webhook %s", w.ID)
}
