package telemetry

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Subgraphs are the router's metrics of the subgraphs it asks. Their labels are names of its
// configuration and a handful of outcomes.
type Subgraphs struct {
	attempts *prometheus.HistogramVec
	inFlight *prometheus.GaugeVec
	retries  *prometheus.CounterVec
	shared   *prometheus.CounterVec
	refused  *prometheus.CounterVec
	breaker  *prometheus.GaugeVec
	out      *prometheus.GaugeVec
}

func newSubgraphs() *Subgraphs {
	opts := func(name, help string) prometheus.Opts {
		return prometheus.Opts{Namespace: "storefront", Name: "subgraph_" + name, Help: help}
	}
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts(opts(name, help)), labels)
	}
	gauge := func(name, help string, labels ...string) *prometheus.GaugeVec {
		return prometheus.NewGaugeVec(prometheus.GaugeOpts(opts(name, help)), labels)
	}
	return &Subgraphs{
		attempts: prometheus.NewHistogramVec(prometheus.HistogramOpts{Namespace: "storefront", Name: "subgraph_request_seconds",
			Help: "Time of one request to one address of a subgraph.", Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10}},
			[]string{"subgraph", "address", "outcome"}),
		inFlight: gauge("requests_in_flight", "Requests to an address that are under way.", "subgraph", "address"),
		retries:  counter("retries_total", "Requests sent again, by what they had ended with.", "subgraph", "after"),
		shared:   counter("shared_total", "Queries answered by another's request.", "subgraph"),
		refused:  counter("refused_total", "Requests that were not sent (breaker, queue) or not sent again (budget).", "subgraph", "reason"),
		breaker:  gauge("breaker_state", "Circuit breaker: 0 closed, 1 half open, 2 open.", "subgraph"),
		out:      gauge("address_out", "1 while an address is left out.", "subgraph", "address"),
	}
}

func (s *Subgraphs) collectors() []prometheus.Collector {
	return []prometheus.Collector{s.attempts, s.inFlight, s.retries, s.shared, s.refused, s.breaker, s.out}
}

// Attempt observes one request to one address.
func (s *Subgraphs) Attempt(subgraph, address, outcome string, took time.Duration) {
	s.attempts.WithLabelValues(subgraph, address, outcome).Observe(took.Seconds())
}

// InFlight observes requests that begin or end.
func (s *Subgraphs) InFlight(subgraph, address string, delta int) {
	s.inFlight.WithLabelValues(subgraph, address).Add(float64(delta))
}

// Retry observes a request that is sent again.
func (s *Subgraphs) Retry(subgraph, after string) { s.retries.WithLabelValues(subgraph, after).Inc() }

// Shared observes a query that another's request answered.
func (s *Subgraphs) Shared(subgraph string) { s.shared.WithLabelValues(subgraph).Inc() }

// Refused observes a request that is not sent.
func (s *Subgraphs) Refused(subgraph, reason string) {
	s.refused.WithLabelValues(subgraph, reason).Inc()
}

// Breaker observes a circuit breaker's state: 0 closed, 1 half open, 2 open.
func (s *Subgraphs) Breaker(subgraph string, state int) {
	s.breaker.WithLabelValues(subgraph).Set(float64(state))
}

// AddressOut observes an address that is left out, or taken back.
func (s *Subgraphs) AddressOut(subgraph, address string, out bool) {
	value := 0.0
	if out {
		value = 1
	}
	s.out.WithLabelValues(subgraph, address).Set(value)
}
