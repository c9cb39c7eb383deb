package telemetry

import "github.com/prometheus/client_golang/prometheus"

// Rates observes a rate limiter.
type Rates struct {
	decided *prometheus.CounterVec
	away    prometheus.Gauge
}

func newRates() *Rates {
	return &Rates{
		decided: prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: "storefront", Name: "rate_decisions_total",
			Help: "Decisions of the rate limiter, by who made them: redis, lease (given in advance by Redis), or estimate (without Redis)."}, []string{"source", "result"}),
		away: prometheus.NewGauge(prometheus.GaugeOpts{Namespace: "storefront", Name: "rate_store_away",
			Help: "1 while Redis does not answer and rate limits are estimated by each router."}),
	}
}

func (r *Rates) collectors() []prometheus.Collector { return []prometheus.Collector{r.decided, r.away} }

// RateDecided observes a decision.
func (r *Rates) RateDecided(source string, allowed bool) {
	result := "allowed"
	if !allowed {
		result = "refused"
	}
	r.decided.WithLabelValues(source, result).Inc()
}

// RateStoreAway observes Redis going away and coming back.
func (r *Rates) RateStoreAway(away bool) {
	r.away.Set(map[bool]float64{true: 1}[away])
}
