package telemetry

import "github.com/prometheus/client_golang/prometheus"

// Load observes which operations a router runs and which it has no time for.
type Load struct {
	admitted *prometheus.CounterVec
	shed     *prometheus.CounterVec
}

func newLoad() *Load {
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: "storefront", Name: name, Help: help}, labels)
	}
	return &Load{
		admitted: counter("operations_admitted_total", "Operations that were run, by their priority: critical, normal or low.", "priority"),
		shed:     counter("operations_shed_total", "Operations refused since there was too much to do, by their priority and the subgraph that is overloaded, router for all of them.", "priority", "subgraph"),
	}
}

func (l *Load) collectors() []prometheus.Collector { return []prometheus.Collector{l.admitted, l.shed} }

// Admitted observes an operation that is run.
func (m *Metrics) Admitted(priority string) { m.load.admitted.WithLabelValues(priority).Inc() }

// Shed observes an operation that is not run, for the sake of a subgraph.
func (m *Metrics) Shed(priority, subgraph string) {
	m.load.shed.WithLabelValues(priority, subgraph).Inc()
}

// Lane is how many operations are under way toward a subgraph, and how many may be at most.
type Lane struct {
	Subgraph       string
	Running, Limit int
}

// Lanes has the lanes read whenever metrics are. It is called once.
func (m *Metrics) Lanes(read func() []Lane) {
	m.registry.MustRegister(lanes{read,
		prometheus.NewDesc("storefront_operations_running", "Operations under way that ask a subgraph, router for all.", []string{"subgraph"}, nil),
		prometheus.NewDesc("storefront_operations_limit", "How many may be at most; it falls when a subgraph's answers become late.", []string{"subgraph"}, nil)})
}

// lanes is a prometheus.Collector.
type lanes struct {
	read           func() []Lane
	running, limit *prometheus.Desc
}

func (l lanes) Describe(to chan<- *prometheus.Desc) { to <- l.running; to <- l.limit }

func (l lanes) Collect(to chan<- prometheus.Metric) {
	for _, lane := range l.read() {
		to <- prometheus.MustNewConstMetric(l.running, prometheus.GaugeValue, float64(lane.Running), lane.Subgraph)
		to <- prometheus.MustNewConstMetric(l.limit, prometheus.GaugeValue, float64(lane.Limit), lane.Subgraph)
	}
}
