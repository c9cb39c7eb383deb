package main

import (
	"bytes"
	"strings"
	"testing"

	"storefront/consumers"
	embeddedkafka "storefront/internal/embedded/kafka"
	"storefront/internal/errs"
	"storefront/internal/kafka"
)

func eventsOutput(t *testing.T, env map[string]string, args ...string) (string, error) {
	t.Helper()
	var out bytes.Buffer
	err := run(t.Context(), stdio{&out, &out, func(k string) string { return env[k] }}, append([]string{"events"}, args...))
	return out.String(), err
}

func TestEventsACLs(t *testing.T) {
	t.Parallel()
	out, err := eventsOutput(t, nil, "acls", "users", "--kafka-namespace", "shop1.", "--principal-prefix", "User:")
	if want := "# users\nkafka-acls.sh --bootstrap-server \"$BOOTSTRAP_SERVERS\" --add --allow-principal User:users --operation Write --topic shop1.user-events\n"; err != nil || out != want {
		t.Errorf("%v\ngot  %s\nwant %s", err, out, want)
	}
	out, err = eventsOutput(t, map[string]string{"STOREFRONT_KAFKA_NAMESPACE": "shop2."}, "acls")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range append([]string{"router", "operator", "admin"}, services...) {
		if !strings.Contains(out, "# "+name+"\n") || !strings.Contains(out, " User:storefront-"+name+" ") {
			t.Errorf("nothing is printed for %s", name)
		}
	}
	if strings.Contains(out, " order-events") || !strings.Contains(out, " shop2.storefront-orders.retry") {
		t.Error("the namespace is not before every name")
	}
	out, err = eventsOutput(t, nil, "acls", "--format", "msk", "--region", "eu-central-1", "--account", "123456789012", "--cluster", "shop", "reviews")
	if err != nil || !strings.Contains(out, `"arn:aws:kafka:eu-central-1:123456789012:group/shop/*/storefront-reviews"`) {
		t.Errorf("%v\n%s", err, out)
	}
	for _, args := range [][]string{
		{"acls", "nobody"}, {"acls", "--format", "xml"}, {"acls", "--format", "msk"}, {"acls", "--kafka-namespace", "a b"}, {"unheard-of"},
	} {
		if out, err := eventsOutput(t, nil, args...); !errs.Is(err, errs.BadInput) || out != "" {
			t.Errorf("%v: %v, printed %q", args, err, out)
		}
	}
	if out, err := eventsOutput(t, nil); err != nil || !strings.Contains(out, "acls") {
		t.Errorf("%v\n%s", err, out)
	}
}

// The one who makes topics makes all of them, and again without harm.
func TestEventsTopics(t *testing.T) {
	t.Parallel()
	broker, err := embeddedkafka.Start(t.Context(), embeddedkafka.Config{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer broker.Close()
	for range 2 {
		out, err := eventsOutput(t, nil, "topics", "--kafka-brokers", broker.Addr(), "--kafka-namespace", "shop1.", "--kafka-partitions", "2")
		if err != nil || !strings.Contains(out, "topics are there") {
			t.Fatalf("%v\n%s", err, out)
		}
	}
	for _, topic := range consumers.Topics(2, 0) {
		offsets, err := (kafka.Config{Brokers: []string{broker.Addr()}, Namespace: "shop1."}).Admin().TopicOffsets(t.Context(), topic.Name)
		if err != nil || len(offsets) != int(topic.Partitions) {
			t.Errorf("%s has %d partitions, want %d; %v", topic.Name, len(offsets), topic.Partitions, err)
		}
	}
	if _, err := eventsOutput(t, nil, "topics"); !errs.Is(err, errs.BadInput) {
		t.Errorf("without brokers: %v", err)
	}
}
