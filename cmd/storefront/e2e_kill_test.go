package main

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"testing"
	"time"
)

// TestKilledAndStartedAgain kills the whole shop at moments that nobody chose, while people buy, cancel,
// and leave 3-D Secure alone, and starts it again each time.
func TestKilledAndStartedAgain(t *testing.T) {
	t.Parallel()
	const kills, units = 6, 30
	random := rand.New(rand.NewPCG(2026, 11))
	dir, base := t.TempDir(), freeBase(t)
	var output bytes.Buffer
	t.Cleanup(func() {
		if t.Failed() {
			l := &logbook{}
			l.Write(output.Bytes())
			t.Logf("the shop's last warnings:\n%s", l.warnings())
		}
	})
	given := onGivenServers(t)
	start := func() *exec.Cmd {
		t.Helper()
		cmd := exec.Command(executable(t), append([]string{"up", "--data-dir", dir, "--base-port", strconv.Itoa(base), "--carrier-step", "200ms",
			"--reservation-ttl", "6s", "--demo=false"}, given...)...)
		cmd.Env = append(os.Environ(), childVariable+"=1")
		cmd.Stdout, cmd.Stderr = &output, &output
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		return cmd
	}
	child := start()
	t.Cleanup(func() { // not by a kill: that would leave consumers in their groups until their sessions run out
		defer time.AfterFunc(patience, func() { child.Process.Kill() }).Stop()
		child.Process.Signal(os.Interrupt)
		child.Wait()
	})
	h := adopt(t, dir, child.Process.Pid)
	var skus []string
	for i := range 4 {
		skus = append(skus, fmt.Sprint("KILL-", i))
	}
	h.sell(t, units, skus...)
	b := newBuyers(h, skus)
	b.start(t.Context(), 8, random)
	for range kills {
		select {
		case <-time.After(time.Duration(100+random.IntN(900)) * time.Millisecond):
		case <-t.Context().Done():
		}
		if err := child.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		if err := child.Wait(); err == nil || child.ProcessState.ExitCode() != -1 {
			t.Fatalf("the shop ended by itself: %v", child.ProcessState)
		}
		child = start()
		adopt(t, dir, child.Process.Pid)
	}
	b.stop()
	if b.count() < kills {
		t.Errorf("only %d orders were placed over %d kills", b.count(), kills)
	}
	b.audit(t, units)
}
