package main

import (
	"context"
	"crypto/sha256"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"storefront/internal/blob"
	"storefront/internal/errs"
	"storefront/internal/id"
	"storefront/internal/identity"
	"storefront/internal/kafka"
	"storefront/internal/mail"
	"storefront/internal/mongodb"
	"storefront/internal/quote"
	redisedge "storefront/internal/redis"
	"storefront/internal/telemetry"
)

// Edges names the services that Storefront stands on. In `up`, what has no address is embedded.
type Edges struct {
	MongoFlags  `group:"Databases and files"`
	RedisFlags  `group:"Databases and files"`
	StoreFlags  `group:"Databases and files"`
	KafkaFlags  `group:"Kafka"`
	TopicFlags  `group:"Kafka"`
	OIDCFlags   `group:"Identity"`
	SecretFlags `group:"Identity"`
	TradeFlags  `group:"The shop"`
	LogFlags    `group:"Logs"`
}

// MongoFlags is where MongoDB is.
type MongoFlags struct {
	MongoDB     string `flag:"mongodb-uri" env:"STOREFRONT_MONGODB_URI" help:"MongoDB or Amazon DocumentDB, mongodb://host:27017"`
	MongoPrefix string `flag:"mongodb-prefix" env:"STOREFRONT_MONGODB_PREFIX" help:"put before the name of every service's database, such as shop1_ for several shops on one server"`
}

// database is one part's database on the server.
func (c MongoFlags) database(client *mongo.Client, part string) *mongo.Database {
	return client.Database(c.MongoPrefix + part)
}

// RedisFlags is where Redis is.
type RedisFlags struct {
	Redis string `flag:"redis-url" env:"STOREFRONT_REDIS_URL" help:"Redis, redis://host:6379"`
}

// StoreFlags are where files are.
type StoreFlags struct {
	Blob    string `flag:"blob-url" env:"STOREFRONT_BLOB_URL" help:"object storage, file:///folder or s3://bucket?region=..."`
	DataDir string `flag:"data-dir" env:"STOREFRONT_DATA_DIR" default:".storefront" help:"folder for what is kept on this machine"`
}

// KafkaFlags are how Kafka is reached.
type KafkaFlags struct {
	Brokers       []string `flag:"kafka-brokers" env:"STOREFRONT_KAFKA_BROKERS" help:"Kafka brokers, host:port, separated by commas"`
	KafkaTLS      bool     `flag:"kafka-tls" env:"STOREFRONT_KAFKA_TLS" help:"connect to Kafka by TLS"`
	KafkaCA       string   `flag:"kafka-ca" env:"STOREFRONT_KAFKA_CA" help:"PEM file with Kafka's certificate authority"`
	KafkaCert     string   `flag:"kafka-cert" env:"STOREFRONT_KAFKA_CERT" help:"PEM file with our client certificate"`
	KafkaKey      string   `flag:"kafka-key" env:"STOREFRONT_KAFKA_KEY" help:"PEM file with its key"`
	KafkaSASL     string   `flag:"kafka-sasl" env:"STOREFRONT_KAFKA_SASL" help:"SCRAM-SHA-512, SCRAM-SHA-256, PLAIN or AWS_MSK_IAM"`
	KafkaUser     string   `flag:"kafka-user" env:"STOREFRONT_KAFKA_USER" help:"SASL user"`
	KafkaPassword string   `flag:"kafka-password" env:"STOREFRONT_KAFKA_PASSWORD" help:"SASL password; better by environment than by flag"`
	KafkaRegion   string   `flag:"kafka-region" env:"AWS_REGION" help:"AWS region of an MSK cluster"`

	KafkaNamespace string `flag:"kafka-namespace" env:"STOREFRONT_KAFKA_NAMESPACE" help:"put before the name of every topic and group, such as shop1. for several shops on one cluster"`
}

// TopicFlags are how topics are made, and groups joined.
type TopicFlags struct {
	KafkaInstance string `flag:"kafka-instance" env:"STOREFRONT_KAFKA_INSTANCE" help:"this instance's name among those of its service, the same after a restart, which then moves no partitions; none when absent"`

	Partitions  int `flag:"kafka-partitions" env:"STOREFRONT_KAFKA_PARTITIONS" default:"6" help:"partitions of topics that are made"`
	Replication int `flag:"kafka-replication" env:"STOREFRONT_KAFKA_REPLICATION" default:"0" help:"replicas of topics that are made, 0 for the broker's default"`
}

// SecretFlags are what the identity between router and services is signed with.
type SecretFlags struct {
	Secret string `flag:"secret" env:"STOREFRONT_SECRET" help:"what router and services sign with, at least 32 characters, the same for all"`
}

// TradeFlags are how the shop works.
type TradeFlags struct {
	SMTP      string        `flag:"smtp-addr" env:"STOREFRONT_SMTP_ADDR" help:"mail server, host:port"`
	SMTPUser  string        `flag:"smtp-user" env:"STOREFRONT_SMTP_USER" help:"its user"`
	SMTPPass  string        `flag:"smtp-password" env:"STOREFRONT_SMTP_PASSWORD" help:"its password; better by environment than by flag"`
	MailFrom  string        `flag:"mail-from" env:"STOREFRONT_MAIL_FROM" default:"Storefront <shop@storefront.example>" help:"sender of mails"`
	PublicURL string        `flag:"public-url" env:"STOREFRONT_PUBLIC_URL" default:"http://127.0.0.1:4000" help:"where clients reach the router; links in mails and pages begin with it"`
	Currency  string        `flag:"currency" env:"STOREFRONT_CURRENCY" default:"EUR" help:"the shop's own currency"`
	Gateway   string        `flag:"payment-gateway" env:"STOREFRONT_PAYMENT_GATEWAY" default:"test" help:"test or stripe"`
	Faults    string        `flag:"test-gateway-faults" env:"STOREFRONT_TEST_GATEWAY_FAULTS" help:"what goes wrong with the test gateway, such as slow=200ms,fail-before=0.1,fail-after=0.2,webhooks=true,repeat=10,shuffle=5s,seed=7; nothing when absent"`
	StripeKey string        `flag:"stripe-key" env:"STRIPE_API_KEY" help:"Stripe's secret key; better by environment than by flag"`
	StripePub string        `flag:"stripe-publishable-key" env:"STRIPE_PUBLISHABLE_KEY" help:"Stripe's publishable key, for clients"`
	StripeWeb string        `flag:"stripe-webhook-secret" env:"STRIPE_WEBHOOK_SECRET" help:"Stripe's webhook signing secret"`
	Carrier   time.Duration `flag:"carrier-step" env:"STOREFRONT_CARRIER_STEP" default:"2s" help:"how long each step of the simulated carrier takes"`
	Hold      time.Duration `flag:"reservation-ttl" env:"STOREFRONT_RESERVATION_TTL" default:"15m" help:"how long goods are held for an order that is not paid"`
	Uploads   int           `flag:"review-uploads-per-day" env:"STOREFRONT_REVIEW_UPLOADS_PER_DAY" default:"50" help:"how many images for reviews a person may upload in 24 hours"`
}

// LogFlags are how much is told.
type LogFlags struct {
	LogLevel string `flag:"log-level" env:"STOREFRONT_LOG_LEVEL" default:"info" oneof:"debug info warn error" help:"debug, info, warn or error"`
}

// edges are the connections that a process shares between its parts.
type edges struct {
	Edges
	log      *slog.Logger
	now      func() time.Time
	metrics  *telemetry.Metrics
	mongo    *mongo.Client
	kafka    kafka.Config
	producer *kafka.Producer
	holder   string // of leases: this process
	redis    redis.UniversalClient
	blob     *blob.Store
	mail     *mail.SMTP
	signer   *identity.Signer
	quotes   *quote.Signer
}

// need says which addresses are missing, in one error.
func (c Edges) need(fields map[string]string) error {
	if missing := absent(fields); len(missing) > 0 {
		return errs.New(errs.BadInput, "give %s (or its environment variable); 'storefront up' runs on embedded services instead", strings.Join(missing, ", "))
	}
	return nil
}

// absent lists the flags without a value, always in the same order.
func absent(fields map[string]string) []string {
	var missing []string
	for _, name := range []string{"--mongodb-uri", "--kafka-brokers", "--redis-url", "--oidc-issuer", "--secret"} {
		if value, asked := fields[name]; asked && value == "" {
			missing = append(missing, name)
		}
	}
	return missing
}

// key derives one purpose's secret from the shared one.
func (c SecretFlags) key(purpose string) []byte {
	sum := sha256.Sum256([]byte(purpose + "\x00" + c.Secret))
	return sum[:]
}

func (c KafkaFlags) kafkaConfig(log *slog.Logger) kafka.Config {
	return kafka.Config{Brokers: c.Brokers, TLS: c.KafkaTLS, CAFile: c.KafkaCA, CertFile: c.KafkaCert, KeyFile: c.KafkaKey,
		Mechanism: c.KafkaSASL, User: c.KafkaUser, Password: c.KafkaPassword, Region: c.KafkaRegion, Namespace: c.KafkaNamespace,
		ClientID: "storefront", Logger: log}
}

// checkSecret refuses a secret that could be guessed.
func (c SecretFlags) checkSecret() error {
	if len(c.Secret) < 32 {
		return errs.New(errs.BadInput, "--secret has %d characters; it wants at least 32 random ones, such as `openssl rand -hex 32` prints", len(c.Secret))
	}
	return nil
}

// connect opens all connections that services need, and makes the topics that they use.
func connect(ctx context.Context, c Edges, topics []kafka.Topic, log *slog.Logger) (*edges, error) {
	if err := c.checkSecret(); err != nil {
		return nil, err
	}
	e := &edges{Edges: c, holder: id.New("ins"), log: log, now: time.Now, metrics: telemetry.NewMetrics(), kafka: c.kafkaConfig(log),
		signer: identity.NewSigner(c.key("identity"), time.Now), quotes: quote.NewSigner(c.key("quote"))}
	var err error
	if e.mongo, err = mongodb.Connect(ctx, c.MongoDB, "storefront", 20*time.Second); err != nil {
		return nil, err
	}
	if err := e.kafka.Validate(); err != nil {
		return nil, err
	}
	if err := e.kafka.Admin().EnsureTopics(ctx, topics); err != nil {
		return nil, errs.Wrap(errs.Unavailable, err, "Kafka at %s does not let us make our topics; mend --kafka-brokers or its rights, or make them by 'storefront events topics'", strings.Join(c.Brokers, ","))
	}
	if e.producer, err = kafka.NewProducer(e.kafka); err != nil {
		return nil, err
	}
	if e.redis, err = redisedge.Connect(ctx, c.Redis); err != nil {
		return nil, err
	}
	files := c.PublicURL + "/files"
	if strings.HasPrefix(c.Blob, "s3:") {
		files = "" // a bucket serves its files itself
	}
	if e.blob, err = blob.Open(ctx, c.Blob, blob.Options{Secret: c.key("blob"), BaseURL: files, Logger: log}); err != nil {
		return nil, err
	}
	e.mail = mail.NewSMTP(mail.Config{Addr: c.SMTP, Username: c.SMTPUser, Password: c.SMTPPass})
	return e, nil
}

// database is one part's database.
func (e *edges) database(part string) *mongo.Database { return e.MongoFlags.database(e.mongo, part) }

// Close gives all connections back.
func (e *edges) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	var first error
	for _, close := range []func() error{e.producer.Close, e.mail.Close, e.blob.Close, e.redis.Close, func() error { return e.mongo.Disconnect(ctx) }} {
		if err := close(); err != nil && first == nil {
			first = err
		}
	}
	return first
}

// ready says whether the databases and brokers answer.
func (e *edges) ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	if err := e.mongo.Ping(ctx, nil); err != nil {
		return fmt.Errorf("MongoDB does not answer")
	}
	if err := e.kafka.Ping(ctx); err != nil {
		return fmt.Errorf("Kafka does not answer")
	}
	return nil
}
