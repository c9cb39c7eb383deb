package kafka

import (
	"bytes"
	"strconv"
	"testing"

	"github.com/IBM/sarama"
)

// BenchmarkProduce is one synchronous producer with 64 senders, as the outbox relay is.
func BenchmarkProduce(b *testing.B) {
	s, err := Start(b.Context(), Config{Dir: b.TempDir(), Topics: topics()})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	p, err := sarama.NewSyncProducer([]string{s.Addr()}, clientConfig())
	if err != nil {
		b.Fatal(err)
	}
	defer p.Close()
	value := sarama.ByteEncoder(bytes.Repeat([]byte("x"), 600))
	b.SetParallelism(32)
	b.RunParallel(func(pb *testing.PB) {
		for i := 0; pb.Next(); i++ {
			_, _, err := p.SendMessage(&sarama.ProducerMessage{Topic: "order-events", Key: sarama.StringEncoder(strconv.Itoa(i)), Value: value})
			if err != nil {
				b.Error(err)
			}
		}
	})
}

// BenchmarkProduceToConsume is the time from a send to the record in a reader's hands.
func BenchmarkProduceToConsume(b *testing.B) {
	s, err := Start(b.Context(), Config{Dir: b.TempDir(), Topics: topics()})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	p, err := sarama.NewSyncProducer([]string{s.Addr()}, clientConfig())
	if err != nil {
		b.Fatal(err)
	}
	defer p.Close()
	consumer, err := sarama.NewConsumer([]string{s.Addr()}, clientConfig())
	if err != nil {
		b.Fatal(err)
	}
	defer consumer.Close()
	pc, err := consumer.ConsumePartition("product-events", 0, sarama.OffsetOldest)
	if err != nil {
		b.Fatal(err)
	}
	defer pc.Close()
	for b.Loop() {
		if _, _, err := p.SendMessage(&sarama.ProducerMessage{Topic: "product-events", Value: sarama.StringEncoder("x")}); err != nil {
			b.Fatal(err)
		}
		<-pc.Messages()
	}
}
