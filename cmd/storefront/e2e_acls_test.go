package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/IBM/sarama"
	"github.com/xdg-go/scram"

	"storefront/consumers"
	"storefront/events"
	"storefront/internal/flags"
	"storefront/internal/id"
	"storefront/internal/kafka"
)

// Every part runs with Kafka credentials of its own and no more rights than `storefront events acls` prints.
// It needs a Kafka that asks for credentials:
//
//	scripts/services up kafka --secure && eval "$(scripts/services env)"
func TestEveryPartWithItsOwnRights(t *testing.T) {
	s := secureKafka(t)
	s.allow(t)

	if out, err := eventsOutput(t, nil, append([]string{"topics", "--kafka-partitions", "3"}, s.args("admin")...)...); err != nil {
		t.Fatalf("make topics: %v\n%s", err, out)
	}
	h := s.open(t)
	h.sell(t, 20, "ACL-TEA")
	ada := h.signIn(t, "ada")
	steps := ada.listen(t, `subscription { myOrders { id status } }`, nil)
	order := ada.order(t, "tok_visa", line("ACL-TEA", 2))
	if got := way(ada.ends(t, order, "DELIVERED")); !follows(got, theWay) {
		t.Errorf("the order went %v", got)
	}
	for delivered := false; !delivered; {
		o := value{steps.next(t).at("myOrders")}
		delivered = o.text("id") == order && o.text("status") == "DELIVERED"
	}
	s.buried(t)
	s.refused(t)
}

// buried shows that each group may write the dead letters of what it reads: all of them bury a record
// that does not say what it is.
func (s *secured) buried(t *testing.T) {
	t.Helper()
	if err := s.publish(t, "orders", kafka.Message{Topic: events.OrderTopic, Key: "ord_none", Value: []byte("{}")}); err != nil {
		t.Fatalf("orders cannot write its own topic: %v", err)
	}
	r, err := s.config("operator").OpenReader(t.Context(), events.OrderTopic+events.DeadLetterSuffix, kafka.Start{Oldest: true})
	if err != nil {
		t.Fatalf("the operator cannot read dead letters: %v", err)
	}
	defer r.Close()
	missing := map[string]bool{}
	for _, name := range services {
		a := consumers.ServiceAccess(name)
		for _, topic := range a.Writes {
			if topic == events.OrderTopic+events.DeadLetterSuffix {
				missing[a.Groups[0]] = true
			}
		}
	}
	deadline := time.After(patience)
	for len(missing) > 0 {
		select {
		case record := <-r.Records():
			delete(missing, record.Header(consumers.DeadLetterGroup))
		case <-deadline:
			t.Fatalf("these groups have buried nothing: %v", missing)
		}
	}
}

// refused shows what a part may not do.
func (s *secured) refused(t *testing.T) {
	t.Helper()
	for _, c := range []struct {
		part, topic string
		want        error
	}{
		{"reviews", events.OrderTopic, sarama.ErrTopicAuthorizationFailed}, // which it reads
		{"users", events.OrderTopic, sarama.ErrTopicAuthorizationFailed},   // of which it knows nothing
		{"operator", events.PaymentTopic, sarama.ErrTopicAuthorizationFailed},
		{"orders", "storefront-payments" + events.RetrySuffix, sarama.ErrTopicAuthorizationFailed},
		{"products", events.OrderTopic + events.DeadLetterSuffix, sarama.ErrTopicAuthorizationFailed},
		{"router", events.OrderTopic, sarama.ErrClusterAuthorizationFailed}, // who writes nothing is not even let in as a producer
	} {
		err := s.publish(t, c.part, kafka.Message{Topic: c.topic, Key: "ord_none", Value: []byte("{}")})
		if !errors.Is(err, c.want) {
			t.Errorf("%s writes to %s: %v, want %v", c.part, c.topic, err, c.want)
		}
	}
	if r, err := s.config("users").OpenReader(t.Context(), events.PaymentTopic, kafka.Start{}); !errors.Is(err, sarama.ErrTopicAuthorizationFailed) {
		t.Errorf("users reads payment-events: %v", err)
		if err == nil {
			r.Close()
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := s.config("reviews").Consume(ctx, kafka.GroupConfig{Group: "storefront-orders", Topics: []string{events.OrderTopic}}); !errors.Is(err, sarama.ErrGroupAuthorizationFailed) {
		t.Errorf("reviews joins the group of orders: %v", err)
	}
}

func (s *secured) publish(t *testing.T, part string, m kafka.Message) error {
	t.Helper()
	p, err := kafka.NewProducer(s.config(part))
	if err != nil {
		return err
	}
	defer p.Close()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	return p.Publish(ctx, []kafka.Message{m})
}

// secured is a namespace on a Kafka that asks for credentials, with a user for each part.
type secured struct {
	root   KafkaFlags // who may do everything
	prefix string     // of users' names
}

func secureKafka(t *testing.T) *secured {
	t.Helper()
	var c struct{ KafkaFlags }
	env := func(name string) string {
		if name == "STOREFRONT_KAFKA_BROKERS" {
			name = "STOREFRONT_TEST_KAFKA_BROKERS"
		}
		return os.Getenv(name)
	}
	if err := flags.Parse("test", "", &c, nil, env, io.Discard); err != nil {
		t.Fatal(err)
	}
	if len(c.Brokers) == 0 || !strings.HasPrefix(c.KafkaSASL, "SCRAM-") {
		t.Skip("no STOREFRONT_TEST_KAFKA_BROKERS with STOREFRONT_KAFKA_SASL, as scripts/services env prints them after up kafka --secure")
	}
	run := "test-" + strings.ToLower(id.New("acl")[4:])
	c.KafkaNamespace = run + "."
	return &secured{root: c.KafkaFlags, prefix: run + "-"}
}

func (s *secured) password(part string) string { return "password-of-" + s.prefix + part }

// config is how a part reaches Kafka.
func (s *secured) config(part string) kafka.Config {
	c := s.root
	c.KafkaUser, c.KafkaPassword = s.prefix+part, s.password(part)
	return c.kafkaConfig(slog.New(slog.DiscardHandler))
}

// args are the same as flags.
func (s *secured) args(part string) []string {
	list := []string{"--kafka-brokers", strings.Join(s.root.Brokers, ","), "--kafka-sasl", s.root.KafkaSASL, "--kafka-namespace", s.root.KafkaNamespace,
		"--kafka-user", s.prefix + part, "--kafka-password", s.password(part)}
	if s.root.KafkaTLS {
		list = append(list, "--kafka-tls", "--kafka-ca", s.root.KafkaCA)
	}
	return list
}

// allow makes the users and gives them what `storefront events acls` prints, read as kafka-acls.sh would.
func (s *secured) allow(t *testing.T) {
	t.Helper()
	printed, err := eventsOutput(t, nil, "acls", "--kafka-namespace", s.root.KafkaNamespace, "--principal-prefix", "User:"+s.prefix)
	if err != nil {
		t.Fatal(err)
	}
	admin := s.admin(t)
	var users []sarama.AlterUserScramCredentialsUpsert
	var rights []*sarama.ResourceAcls
	for command := range strings.Lines(printed) {
		words := strings.Fields(command)
		if words[0] == "#" {
			users = append(users, sarama.AlterUserScramCredentialsUpsert{Name: s.prefix + words[1],
				Mechanism: sarama.SCRAM_MECHANISM_SHA_512, Iterations: 4096, Salt: []byte(s.prefix + words[1]), Password: []byte(s.password(words[1]))})
			continue
		}
		rights = append(rights, rightsOf(t, words)...)
	}
	results, err := admin.UpsertUserScramCredentials(users)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range results {
		if r.ErrorCode != sarama.ErrNoError {
			t.Fatalf("make user %s: %v", r.User, r.ErrorCode)
		}
	}
	if err := admin.CreateACLs(rights); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		err := s.root.kafkaConfig(slog.New(slog.DiscardHandler)).Admin().DeleteNamespace(ctx)
		var gone []sarama.AlterUserScramCredentialsDelete
		for _, u := range users {
			principal := "User:" + u.Name
			_, e := admin.DeleteACL(sarama.AclFilter{Principal: &principal, ResourceType: sarama.AclResourceAny, Operation: sarama.AclOperationAny,
				PermissionType: sarama.AclPermissionAny, ResourcePatternTypeFilter: sarama.AclPatternAny}, false)
			err = errors.Join(err, e)
			gone = append(gone, sarama.AlterUserScramCredentialsDelete{Name: u.Name, Mechanism: u.Mechanism})
		}
		_, e := admin.DeleteUserScramCredentials(gone)
		if err := errors.Join(err, e, admin.Close()); err != nil {
			t.Error("remove what the test made:", err)
		}
	})
	// A broker may learn of users and rights a little later.
	eventually(t, "the admin can sign in", func() (string, bool) {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		err := s.config("admin").Ping(ctx)
		return fmt.Sprint(err), err == nil
	})
}

// rightsOf reads one kafka-acls.sh command.
func rightsOf(t *testing.T, words []string) []*sarama.ResourceAcls {
	t.Helper()
	var principal string
	var operations []sarama.AclOperation
	resources := map[sarama.Resource]bool{}
	for i, word := range words {
		switch word {
		case "--allow-principal":
			principal = words[i+1]
		case "--operation":
			var o sarama.AclOperation
			if err := o.UnmarshalText([]byte(words[i+1])); err != nil {
				t.Fatal(err)
			}
			operations = append(operations, o)
		case "--topic":
			resources[sarama.Resource{ResourceType: sarama.AclResourceTopic, ResourceName: words[i+1], ResourcePatternType: sarama.AclPatternLiteral}] = true
		case "--group":
			resources[sarama.Resource{ResourceType: sarama.AclResourceGroup, ResourceName: words[i+1], ResourcePatternType: sarama.AclPatternLiteral}] = true
		}
	}
	if principal == "" || len(operations) == 0 || len(resources) == 0 {
		t.Fatalf("this allows nobody anything: %v", words)
	}
	var list []*sarama.ResourceAcls
	for resource := range resources {
		r := &sarama.ResourceAcls{Resource: resource}
		for _, o := range operations {
			r.Acls = append(r.Acls, &sarama.Acl{Principal: principal, Host: "*", Operation: o, PermissionType: sarama.AclPermissionAllow})
		}
		list = append(list, r)
	}
	return list
}

// admin is a client of the one who may do everything.
func (s *secured) admin(t *testing.T) sarama.ClusterAdmin {
	t.Helper()
	c := sarama.NewConfig()
	c.Version = sarama.V2_8_0_0
	c.Net.SASL.Enable, c.Net.SASL.User, c.Net.SASL.Password = true, s.root.KafkaUser, s.root.KafkaPassword
	c.Net.SASL.Mechanism = sarama.SASLMechanism(s.root.KafkaSASL)
	hash := scram.SHA512
	if s.root.KafkaSASL == kafka.ScramSHA256 {
		hash = scram.SHA256
	}
	c.Net.SASL.SCRAMClientGeneratorFunc = func() sarama.SCRAMClient { return &conversation{hash: hash} }
	if c.Net.TLS.Enable = s.root.KafkaTLS; s.root.KafkaTLS {
		pem, err := os.ReadFile(s.root.KafkaCA)
		if err != nil {
			t.Fatal(err)
		}
		roots := x509.NewCertPool()
		roots.AppendCertsFromPEM(pem)
		c.Net.TLS.Config = &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}
	}
	admin, err := sarama.NewClusterAdmin(s.root.Brokers, c)
	if err != nil {
		t.Fatal(err)
	}
	return admin
}

// conversation is SCRAM as sarama asks for it.
type conversation struct {
	hash scram.HashGeneratorFcn
	*scram.ClientConversation
}

func (c *conversation) Begin(user, password, authzID string) error {
	client, err := c.hash.NewClient(user, password, authzID)
	if err == nil {
		c.ClientConversation = client.NewConversation()
	}
	return err
}

// open runs every service and a router, each by its own command, on an embedded database and this Kafka.
func (s *secured) open(t *testing.T) *house {
	t.Helper()
	h := &house{log: &logbook{}, dir: t.TempDir(), tokens: map[string]string{}}
	cfg := UpConfig{Edges: Edges{KafkaFlags: KafkaFlags{Brokers: s.root.Brokers}, StoreFlags: StoreFlags{DataDir: h.dir},
		SecretFlags: SecretFlags{Secret: strings.Repeat("secret", 6)}}}
	parts, err := startEmbedded(t.Context(), &cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := parts.Close(); err != nil {
			t.Error(err)
		}
		if t.Failed() {
			t.Logf("the last warnings:\n%s", h.log.warnings())
		}
	})
	common := []string{"--listen", "127.0.0.1:0", "--mongodb-uri", cfg.MongoDB, "--redis-url", cfg.Redis, "--secret", cfg.Secret, "--kafka-partitions", "3"}
	where := make([]string, len(services)) // by service; they start beside each other
	var starting sync.WaitGroup
	for i, name := range services {
		args := append([]string{"serve", name, "--blob-url", cfg.Blob, "--smtp-addr", cfg.SMTP, "--data-dir", h.dir, "--carrier-step", step.String()}, common...)
		starting.Go(func() { where[i] = h.begin(t, "service is ready", append(args, s.args(name)...)) })
	}
	starting.Wait()
	if t.Failed() {
		t.FailNow()
	}
	args := append([]string{"router", "--oidc-issuer", cfg.issuer()}, common[:len(common)-2]...)
	for i, name := range services {
		args = append(args, "--subgraph", name+"="+where[i])
	}
	at, err := url.Parse(h.begin(t, "router is ready", append(args, s.args("router")...)))
	if err != nil || t.Failed() {
		t.Fatalf("the router does not start: %v", err)
	}
	h.url, h.issuer = at.Scheme+"://"+at.Host, cfg.issuer()
	return h
}

// begin runs a command until the test ends, and returns the address it names when it is ready.
func (h *house) begin(t *testing.T, ready string, args []string) string {
	ctx, cancel := context.WithCancel(context.Background())
	in, out := io.Pipe()
	done := make(chan error, 1)
	go func() {
		err := run(ctx, stdio{io.Discard, out, func(string) string { return "" }}, args)
		out.CloseWithError(io.EOF)
		done <- err
	}()
	address := make(chan string, 1)
	go func() {
		defer close(address)
		for lines := bufio.NewScanner(in); lines.Scan(); {
			fmt.Fprintf(h.log, "%s: %s\n", args[1], lines.Text())
			var line struct{ Msg, Address string }
			if json.Unmarshal(lines.Bytes(), &line) == nil && line.Msg == ready {
				address <- line.Address
			}
		}
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("%s %s ends with %v", args[0], args[1], err)
		}
	})
	got, ok := <-address
	if !ok {
		t.Errorf("%s %s ended before it was ready", args[0], args[1])
	}
	return got
}
