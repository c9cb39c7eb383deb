package telemetry

import "github.com/prometheus/client_golang/prometheus"

// LiveFeeds are the subscriptions of a router at one moment.
type LiveFeeds struct {
	Groups int // that share what is resolved for them
	Queued int // messages that wait for clients
	Most   int // of which for the slowest
}

// LiveTopic is the reading of one topic for subscriptions. The totals are since the start.
type LiveTopic struct {
	Topic      string
	Watches    int
	Partitions int // being read
	Window     int // events in memory
	Events     int64
	Repeated   int64 // published before
	Behind     int64 // that brokers have and the reader has not
	Resumed    int64 // watches that came back with a position
	Replayed   int64 // events read again for them
	TooOld     int64 // positions
}

// Live has the figures of subscriptions read whenever metrics are.
func (m *Metrics) Live(read func() (LiveFeeds, []LiveTopic)) {
	of := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc("storefront_live_"+name, help, labels, nil)
	}
	m.registry.MustRegister(&live{
		read:   read,
		groups: of("groups", "Groups of subscriptions that share what is resolved for them."),
		queued: of("queued_messages", "Messages that wait for clients."),
		most:   of("queued_messages_most", "Messages that wait for the slowest client."),
		topics: []liveFigure{
			{of("watches", "Watches of a topic.", "topic"), prometheus.GaugeValue, func(t LiveTopic) float64 { return float64(t.Watches) }},
			{of("partitions", "Partitions of a topic that are read.", "topic"), prometheus.GaugeValue, func(t LiveTopic) float64 { return float64(t.Partitions) }},
			{of("window_events", "Events of a topic in memory.", "topic"), prometheus.GaugeValue, func(t LiveTopic) float64 { return float64(t.Window) }},
			{of("behind_events", "Events that brokers have and the router has not read.", "topic"), prometheus.GaugeValue, func(t LiveTopic) float64 { return float64(t.Behind) }},
			{of("events_total", "Events read.", "topic"), prometheus.CounterValue, func(t LiveTopic) float64 { return float64(t.Events) }},
			{of("repeated_total", "Events that had been read before, and were left out.", "topic"), prometheus.CounterValue, func(t LiveTopic) float64 { return float64(t.Repeated) }},
			{of("resumed_watches_total", "Watches that went on from a cursor.", "topic"), prometheus.CounterValue, func(t LiveTopic) float64 { return float64(t.Resumed) }},
			{of("replayed_total", "Events read again from Kafka for those who came back.", "topic"), prometheus.CounterValue, func(t LiveTopic) float64 { return float64(t.Replayed) }},
			{of("too_old_total", "Cursors that were too old.", "topic"), prometheus.CounterValue, func(t LiveTopic) float64 { return float64(t.TooOld) }},
		},
	})
}

type liveFigure struct {
	desc *prometheus.Desc
	kind prometheus.ValueType
	of   func(LiveTopic) float64
}

// live is a prometheus.Collector.
type live struct {
	read                 func() (LiveFeeds, []LiveTopic)
	groups, queued, most *prometheus.Desc
	topics               []liveFigure
}

func (l *live) Describe(to chan<- *prometheus.Desc) { prometheus.DescribeByCollect(l, to) }

func (l *live) Collect(to chan<- prometheus.Metric) {
	feeds, topics := l.read()
	gauge := func(d *prometheus.Desc, n int) {
		to <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, float64(n))
	}
	gauge(l.groups, feeds.Groups)
	gauge(l.queued, feeds.Queued)
	gauge(l.most, feeds.Most)
	for _, t := range topics {
		for _, f := range l.topics {
			to <- prometheus.MustNewConstMetric(f.desc, f.kind, f.of(t), t.Topic)
		}
	}
}
