package telemetry

import "github.com/prometheus/client_golang/prometheus"

// Kept are the figures of a router's cache of subgraphs' answers. A part is an entity, or the root fields of a
// request.
type Kept struct {
	Hits, Shared, Misses int64 // parts answered from memory, from Redis, by a subgraph
	Ended                int64 // events that ended something
	Lost                 int64 // calls of Redis that failed
	Bytes                int64 // in memory
	Trusted              bool  // the events that end things are being read
}

// Kept shows the figures that read gives, whenever metrics are asked for. It is called once.
func (m *Metrics) Kept(read func() Kept) {
	m.registry.MustRegister(keptCollector{
		read:    read,
		parts:   prometheus.NewDesc("storefront_cache_parts_total", "Parts of subgraphs' answers, by where they came from: memory, redis or subgraph.", []string{"from"}, nil),
		ended:   prometheus.NewDesc("storefront_cache_events_total", "Events that ended what was kept.", nil, nil),
		lost:    prometheus.NewDesc("storefront_cache_redis_failures_total", "Calls of Redis that failed.", nil, nil),
		bytes:   prometheus.NewDesc("storefront_cache_bytes", "Bytes kept in memory.", nil, nil),
		trusted: prometheus.NewDesc("storefront_cache_trusted", "1 while the events that end what is kept are being read.", nil, nil),
	})
}

type keptCollector struct {
	read                               func() Kept
	parts, ended, lost, bytes, trusted *prometheus.Desc
}

func (c keptCollector) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{c.parts, c.ended, c.lost, c.bytes, c.trusted} {
		to <- d
	}
}

func (c keptCollector) Collect(to chan<- prometheus.Metric) {
	k := c.read()
	count := func(d *prometheus.Desc, n int64, labels ...string) {
		to <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(n), labels...)
	}
	count(c.parts, k.Hits, "memory")
	count(c.parts, k.Shared, "redis")
	count(c.parts, k.Misses, "subgraph")
	count(c.ended, k.Ended)
	count(c.lost, k.Lost)
	to <- prometheus.MustNewConstMetric(c.bytes, prometheus.GaugeValue, float64(k.Bytes))
	trusted := 0.0
	if k.Trusted {
		trusted = 1
	}
	to <- prometheus.MustNewConstMetric(c.trusted, prometheus.GaugeValue, trusted)
}
