package kafka

import (
	"time"

	"github.com/IBM/sarama"
)

// Header is one record header. A name may appear more than once; order is kept.
type Header struct {
	Key   string
	Value string
}

// Message is a record to publish.
type Message struct {
	Topic   string
	Key     string // decides the partition
	Value   []byte
	Headers []Header
	Time    time.Time // zero: now
}

// Record is a record that was read.
type Record struct {
	Topic     string
	Partition int32
	Offset    int64
	Key       string
	Value     []byte
	Headers   []Header
	Time      time.Time
}

// Header returns the value of the first header with that name, empty when there is none.
func (r *Record) Header(key string) string {
	for _, h := range r.Headers {
		if h.Key == key {
			return h.Value
		}
	}
	return ""
}

func (c Config) record(m *sarama.ConsumerMessage) *Record {
	headers := make([]Header, 0, len(m.Headers))
	for _, h := range m.Headers {
		headers = append(headers, Header{Key: string(h.Key), Value: string(h.Value)})
	}
	return &Record{
		Topic: c.local(m.Topic), Partition: m.Partition, Offset: m.Offset,
		Key: string(m.Key), Value: m.Value, Headers: headers, Time: m.Timestamp,
	}
}
