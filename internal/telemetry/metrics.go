package telemetry

import (
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Metrics is one process's Prometheus registry. It observes runners, relays and the gateway through
// their own observer interfaces.
type Metrics struct {
	registry    *prometheus.Registry
	handled     *prometheus.HistogramVec
	dead        *prometheus.CounterVec
	parked      *prometheus.CounterVec
	waiting     *prometheus.GaugeVec
	behind      *prometheus.GaugeVec
	restarted   *prometheus.CounterVec
	published   *prometheus.CounterVec
	failed      *prometheus.CounterVec
	depth       *prometheus.GaugeVec
	oldest      *prometheus.GaugeVec
	requests    *prometheus.HistogramVec
	subscribers prometheus.Gauge
	delivered   *prometheus.HistogramVec
	withheld    *prometheus.CounterVec
	resumed     *prometheus.CounterVec
	ended       *prometheus.CounterVec
	subgraphs   *Subgraphs
	rates       *Rates
	load        *Load
	webhooks    *prometheus.CounterVec
	reloads     *prometheus.CounterVec
	refunds     prometheus.Counter
}

// NewMetrics returns a registry with Go's and the process's own metrics in it.
func NewMetrics() *Metrics {
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: "storefront", Name: name, Help: help}, labels)
	}
	gauge := func(name, help string, labels ...string) *prometheus.GaugeVec {
		return prometheus.NewGaugeVec(prometheus.GaugeOpts{Namespace: "storefront", Name: name, Help: help}, labels)
	}
	histogram := func(name, help string, labels ...string) *prometheus.HistogramVec {
		return prometheus.NewHistogramVec(prometheus.HistogramOpts{Namespace: "storefront", Name: name, Help: help,
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10}}, labels)
	}
	m := &Metrics{
		registry:    prometheus.NewRegistry(),
		handled:     histogram("event_handle_seconds", "Time of one attempt to handle an event.", "group", "topic", "type", "result"),
		dead:        counter("event_dead_letters_total", "Events that were given up.", "group", "topic", "type"),
		parked:      counter("event_parked_total", "Events that were put into a retry topic, to be tried later.", "group", "topic", "type"),
		waiting:     gauge("event_parked_records", "Events of a group that are parked and not done.", "group"),
		behind:      gauge("event_lag_records", "Records that a group has not done yet.", "group", "topic", "partition"),
		restarted:   counter("event_session_restarts_total", "Consumer sessions that broke or were stuck.", "group"),
		published:   counter("outbox_published_total", "Outbox entries that Kafka acknowledged.", "store"),
		failed:      counter("outbox_failed_total", "Attempts to publish a document's entries that failed.", "store"),
		depth:       gauge("outbox_depth_documents", "Documents with entries to publish, counted up to 10,000.", "store"),
		oldest:      gauge("outbox_oldest_seconds", "Age of the oldest entry that is not published.", "store"),
		requests:    histogram("graphql_request_seconds", "Time to answer a request.", "kind", "transport", "result"),
		subscribers: prometheus.NewGauge(prometheus.GaugeOpts{Namespace: "storefront", Name: "live_subscribers", Help: "Open live subscriptions."}),
		delivered:   histogram("live_delivery_seconds", "Time from an event to a client's queue.", "field"),
		resumed:     counter("live_resumed_total", "Subscriptions that came back with a cursor, by outcome.", "field", "outcome"),
		withheld:    counter("live_withheld_total", "Events that were not for the subscriber, by reason.", "field", "reason"),
		ended:       counter("live_ended_total", "Subscriptions that ended, by reason.", "field", "reason"),
		subgraphs:   newSubgraphs(),
		rates:       newRates(),
		load:        newLoad(),
		webhooks:    counter("webhook_calls_total", "Calls to receivers of webhooks: delivered, failed (they come again), or disabled (it was the last one).", "result"),
		reloads:     counter("supergraph_reloads_total", "New supergraphs, by whether they were taken over or refused.", "result"),
		refunds:     prometheus.NewCounter(prometheus.CounterOpts{Namespace: "storefront", Name: "refunds_failed_total", Help: "Refunds that the gateway or the bank refused for good."}),
	}
	m.registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		m.handled, m.dead, m.parked, m.waiting, m.behind, m.restarted, m.published, m.failed, m.depth, m.oldest, m.requests, m.subscribers, m.delivered, m.withheld, m.resumed, m.ended, m.reloads, m.webhooks, m.refunds)
	m.registry.MustRegister(m.subgraphs.collectors()...)
	m.registry.MustRegister(m.rates.collectors()...)
	m.registry.MustRegister(m.load.collectors()...)
	return m
}

// Subgraphs are the metrics of the subgraphs that a router asks.
func (m *Metrics) Subgraphs() *Subgraphs { return m.subgraphs }

// WebhookCalled observes a call to a webhook's receiver.
func (m *Metrics) WebhookCalled(result string) { m.webhooks.WithLabelValues(result).Inc() }

// RefundFailed observes a refund that was refused for good.
func (m *Metrics) RefundFailed() { m.refunds.Inc() }

// Rates are the metrics of the rate limiter.
func (m *Metrics) Rates() *Rates { return m.rates }

// Handler serves /metrics.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{})
}

// Handled observes one attempt of a runner.
func (m *Metrics) Handled(group, topic, eventType string, took time.Duration, err error) {
	result := "done"
	if err != nil {
		result = "failed"
	}
	m.handled.WithLabelValues(group, topic, eventType, result).Observe(took.Seconds())
}

// DeadLettered observes an event that a runner gave up.
func (m *Metrics) DeadLettered(group, topic, eventType string) {
	m.dead.WithLabelValues(group, topic, eventType).Inc()
}

// Parked observes an event that a runner put aside.
func (m *Metrics) Parked(group, topic, eventType string) {
	m.parked.WithLabelValues(group, topic, eventType).Inc()
}

// Waiting observes how many events of a group are parked.
func (m *Metrics) Waiting(group string, events int) {
	m.waiting.WithLabelValues(group).Set(float64(events))
}

// Behind observes a runner's lag.
func (m *Metrics) Behind(group, topic string, partition int32, records int64) {
	m.behind.WithLabelValues(group, topic, strconv.Itoa(int(partition))).Set(float64(records))
}

// Restarted observes a runner's broken session.
func (m *Metrics) Restarted(group string, _ error) { m.restarted.WithLabelValues(group).Inc() }

// Published observes a relay.
func (m *Metrics) Published(store string, entries int, _ time.Duration) {
	m.published.WithLabelValues(store).Add(float64(entries))
}

// Failed observes a relay's failed attempt.
func (m *Metrics) Failed(store string, _ error) { m.failed.WithLabelValues(store).Inc() }

// Depth observes what an outbox has to publish, and for how long.
func (m *Metrics) Depth(store string, documents int, oldest time.Duration) {
	m.depth.WithLabelValues(store).Set(float64(documents))
	m.oldest.WithLabelValues(store).Set(oldest.Seconds())
}

// Request observes the gateway: kind is query, mutation or subscription, transport http, sse or ws.
func (m *Metrics) Request(kind, transport string, failed bool, took time.Duration) {
	result := "ok"
	if failed {
		result = "error"
	}
	m.requests.WithLabelValues(kind, transport, result).Observe(took.Seconds())
}

// Reloaded observes a new supergraph; err says why it was refused.
func (m *Metrics) Reloaded(err error) {
	result := "taken"
	if err != nil {
		result = "refused"
	}
	m.reloads.WithLabelValues(result).Inc()
}

// SubscribersAdd observes the number of open subscriptions.
func (m *Metrics) SubscribersAdd(delta int) { m.subscribers.Add(float64(delta)) }

// EventDelivered observes a live event on its way to a client.
func (m *Metrics) EventDelivered(field string, since time.Duration) {
	m.delivered.WithLabelValues(field).Observe(since.Seconds())
}

// EventWithheld observes a live event that a subscriber was not given.
func (m *Metrics) EventWithheld(field, reason string) {
	m.withheld.WithLabelValues(field, reason).Inc()
}

// SubscriberEnded observes the end of a subscription.
func (m *Metrics) SubscriberEnded(field, reason string) { m.ended.WithLabelValues(field, reason).Inc() }

// SubscriberResumed observes a subscription that came back with a cursor, and what became of it.
func (m *Metrics) SubscriberResumed(field, outcome string) {
	m.resumed.WithLabelValues(field, outcome).Inc()
}
