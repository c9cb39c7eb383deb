package kafka

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/IBM/sarama"
)

// TestMain runs the broker and a producer as a child process when TestKill asks for it.
func TestMain(m *testing.M) {
	if dir := os.Getenv("KAFKA_TEST_CHILD_DIR"); dir != "" {
		child(dir)
		return
	}
	os.Exit(m.Run())
}

// child produces without end, and prints what was acknowledged: "r partition offset value" for a
// record, "c partition offset" for a committed group offset.
func child(dir string) {
	s, err := Start(context.Background(), Config{Dir: dir, Topics: topics()})
	if err != nil {
		panic(err)
	}
	client, err := sarama.NewClient([]string{s.Addr()}, clientConfig())
	if err != nil {
		panic(err)
	}
	p, err := sarama.NewSyncProducerFromClient(client)
	if err != nil {
		panic(err)
	}
	coordinator, err := client.Coordinator("killed")
	if err != nil {
		panic(err)
	}
	var wg sync.WaitGroup
	for w := range 4 {
		wg.Go(func() {
			pad := strings.Repeat("x", 3000)
			for i := 0; ; i++ {
				value := fmt.Sprintf("%d-%d-%s", w, i, pad)
				partition, offset, err := p.SendMessage(&sarama.ProducerMessage{
					Topic: "order-events", Key: sarama.StringEncoder(fmt.Sprint(w, i)), Value: sarama.StringEncoder(value)})
				if err != nil {
					panic(err)
				}
				fmt.Printf("r %d %d %d-%d\n", partition, offset, w, i)
				req := &sarama.OffsetCommitRequest{Version: 2, ConsumerGroup: "killed", ConsumerGroupGeneration: sarama.GroupGenerationUndefined}
				if w == 0 {
					req.AddBlock("product-events", 0, int64(i), 0, "")
					resp, err := coordinator.CommitOffset(req)
					if err != nil || resp.Errors["product-events"][0] != sarama.ErrNoError {
						panic(fmt.Sprint(err, resp))
					}
					fmt.Printf("c 0 %d\n", i)
				}
			}
		})
	}
	wg.Wait()
}

func TestKillLosesNothingAcknowledged(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	acked := make(map[string]string) // "partition/offset" -> value
	committed := int64(-1)
	for range 3 {
		cmd := exec.CommandContext(t.Context(), os.Args[0])
		cmd.Env = append(os.Environ(), "KAFKA_TEST_CHILD_DIR="+dir)
		cmd.Stderr = os.Stderr
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(out)
		for n := 0; lines.Scan(); n++ {
			if n == 400 {
				if err := cmd.Process.Kill(); err != nil {
					t.Fatal(err)
				}
			}
			f := strings.Fields(lines.Text())
			switch {
			case len(f) == 4 && f[0] == "r":
				acked[f[1]+"/"+f[2]] = f[3]
			case len(f) == 3 && f[0] == "c":
				committed, _ = strconv.ParseInt(f[2], 10, 64)
			}
		}
		io.Copy(io.Discard, out)
		if err := cmd.Wait(); err == nil {
			t.Fatal("the child ended by itself")
		}
	}
	if len(acked) < 600 || committed < 10 {
		t.Fatalf("too little was acknowledged to tell: %d records, offset %d", len(acked), committed)
	}

	s := start(t, Config{Dir: dir, Topics: topics()})
	for partition := range int32(3) {
		for offset, value := range read(t, s.Addr(), "order-events", partition) {
			key := fmt.Sprintf("%d/%d", partition, offset)
			if want, ok := acked[key]; ok && !strings.HasPrefix(value, want+"-") {
				t.Fatalf("record %s is %.20q, acknowledged as %q", key, value, want)
			}
			delete(acked, key)
		}
	}
	if len(acked) > 0 {
		t.Fatalf("%d acknowledged records are lost", len(acked))
	}
	admin, err := sarama.NewClusterAdmin([]string{s.Addr()}, clientConfig())
	if err != nil {
		t.Fatal(err)
	}
	defer admin.Close()
	offsets, err := admin.ListConsumerGroupOffsets("killed", map[string][]int32{"product-events": {0}})
	if err != nil {
		t.Fatal(err)
	}
	if got := offsets.GetBlock("product-events", 0).Offset; got != committed && got != committed+1 {
		t.Fatalf("committed offset is %d, acknowledged was %d", got, committed)
	}
}
