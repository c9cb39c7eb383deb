// Package kafka is the edge to Kafka, and the only importer of sarama.
//
// It owns connections, the producer, the group reader, the reader without a group and the
// administration of topics. It knows records, not events: what is in them is the caller's. Nothing
// here decides what to do with a record. Enter at Config, then NewProducer, Config.Consume,
// Config.OpenReader or Config.Admin.
package kafka

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"regexp"
	"strings"
	"time"

	"github.com/IBM/sarama"
)

// SASL mechanisms.
const (
	ScramSHA256 = "SCRAM-SHA-256"
	ScramSHA512 = "SCRAM-SHA-512"
	Plain       = "PLAIN"
	MSKIAM      = "AWS_MSK_IAM"
)

// Config says how to reach the brokers. The zero value of everything but Brokers is a plain
// connection without sign-in.
type Config struct {
	Brokers []string // host:port, any of the cluster

	TLS      bool
	CAFile   string // PEM; empty: the system's authorities
	CertFile string // PEM, with KeyFile: the client's certificate
	KeyFile  string

	Mechanism string // one of the SASL mechanisms; empty: none
	User      string // SCRAM and PLAIN
	Password  string
	Region    string // AWS_MSK_IAM: the cluster's AWS region; credentials come from the AWS default chain

	// Namespace is put before the name of every topic and group, so that several shops, or tests, share a
	// cluster: "shop1." makes shop1.order-events. Callers never see it.
	Namespace string

	ClientID string // shown in the brokers' logs and quotas
	Logger   *slog.Logger
}

// Validate says what is wrong with the configuration, by field, without connecting.
func (c Config) Validate() error {
	var problems []error
	if len(c.Brokers) == 0 {
		problems = append(problems, errors.New("kafka brokers: none given; give at least one host:port"))
	}
	for _, b := range c.Brokers {
		if host, port, err := net.SplitHostPort(b); err != nil || host == "" || port == "" {
			problems = append(problems, fmt.Errorf("kafka brokers: %q is not host:port", b))
		}
	}
	switch c.Mechanism {
	case "":
		if c.User != "" || c.Password != "" {
			problems = append(problems, fmt.Errorf("kafka SASL: user or password without a mechanism; use %s, %s or %s", ScramSHA256, ScramSHA512, Plain))
		}
	case ScramSHA256, ScramSHA512, Plain:
		if c.User == "" || c.Password == "" {
			problems = append(problems, fmt.Errorf("kafka SASL %s: user and password are needed", c.Mechanism))
		}
	case MSKIAM:
		if c.Region == "" {
			problems = append(problems, fmt.Errorf("kafka SASL %s: the AWS region is needed", MSKIAM))
		}
		if !c.TLS {
			problems = append(problems, fmt.Errorf("kafka SASL %s: works over TLS only; turn TLS on", MSKIAM))
		}
	default:
		problems = append(problems, fmt.Errorf("kafka SASL: %q is none of %s, %s, %s, %s", c.Mechanism, ScramSHA256, ScramSHA512, Plain, MSKIAM))
	}
	if !validName.MatchString(c.Namespace) || len(c.Namespace) > 60 {
		problems = append(problems, fmt.Errorf("kafka namespace: %q has more than letters, digits, dots, - and _, or more than 60 of them", c.Namespace))
	}
	if !c.TLS && (c.CAFile != "" || c.CertFile != "") {
		problems = append(problems, errors.New("kafka TLS: a certificate file is given but TLS is off; turn TLS on"))
	}
	if (c.CertFile == "") != (c.KeyFile == "") {
		problems = append(problems, errors.New("kafka TLS: client certificate and key go together"))
	}
	return errors.Join(problems...)
}

// validName is what Kafka allows in the name of a topic.
var validName = regexp.MustCompile(`^[a-zA-Z0-9._-]*$`)

// named is a topic's or group's name on the cluster, and local is the way back.
func (c Config) named(name string) string { return c.Namespace + name }
func (c Config) local(name string) string { return strings.TrimPrefix(name, c.Namespace) }

func (c Config) logger() *slog.Logger {
	if c.Logger == nil {
		return slog.New(slog.DiscardHandler)
	}
	return c.Logger
}

// sarama builds the settings every connection shares. Each setting that is not the library's default
// has its reason beside it.
func (c Config) sarama() (*sarama.Config, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	s := sarama.NewConfig()
	// The oldest protocol that Kafka 4 still speaks in full and the newest that MSK's oldest clusters
	// do; said here so that a new default of the library does not change what goes over the wire.
	s.Version = sarama.V2_8_0_0
	s.ClientID = "storefront"
	if c.ClientID != "" {
		s.ClientID = c.ClientID
	}
	// Default 30 s. A broker that does not answer a connect in 5 s is taken for away: the next one is
	// tried, and callers hear of it while they still wait.
	s.Net.DialTimeout = 5 * time.Second
	// Only topics in use are asked for; a cluster may hold thousands of others (default true).
	s.Metadata.Full = false
	// A wrong topic name must be an error, not a new topic with default settings (default true).
	s.Metadata.AllowAutoTopicCreation = false
	// Default 10 min. New partitions and moved leaders are noticed without an error first.
	s.Metadata.RefreshFrequency = time.Minute
	// Default 250 ms. Leader elections are mostly shorter.
	s.Metadata.Retry.Backoff = 100 * time.Millisecond
	if err := c.tls(s); err != nil {
		return nil, err
	}
	c.sasl(s)
	return s, nil
}

func (c Config) tls(s *sarama.Config) error {
	if !c.TLS {
		return nil
	}
	t := &tls.Config{MinVersion: tls.VersionTLS12}
	if c.CAFile != "" {
		pem, err := os.ReadFile(c.CAFile)
		if err != nil {
			return fmt.Errorf("read kafka CA file: %w", err)
		}
		t.RootCAs = x509.NewCertPool()
		if !t.RootCAs.AppendCertsFromPEM(pem) {
			return fmt.Errorf("read kafka CA file %s: no PEM certificate in it", c.CAFile)
		}
	}
	if c.CertFile != "" {
		cert, err := tls.LoadX509KeyPair(c.CertFile, c.KeyFile)
		if err != nil {
			return fmt.Errorf("read kafka client certificate: %w", err)
		}
		t.Certificates = []tls.Certificate{cert}
	}
	s.Net.TLS.Enable = true
	s.Net.TLS.Config = t
	return nil
}
