package main

import (
	"context"
	"math/rand/v2"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestStoppedUnderLoad sends the interrupt while people buy; the shop that starts afterwards goes on.
func TestStoppedUnderLoad(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(5, 2026))
	dir, base := t.TempDir(), freeBase(t)
	args := append([]string{"up", "--data-dir", dir, "--base-port", strconv.Itoa(base), "--carrier-step", "200ms", "--reservation-ttl", "2s",
		"--demo=false", "--log-level", "debug"}, onGivenServers(t)...)
	var table, log logbook
	up := func() (interrupt func() error) {
		ctx, cancel := context.WithCancel(context.Background())
		ended := make(chan error, 1)
		go func() { ended <- run(ctx, stdio{&table, &log, func(string) string { return "" }}, args) }()
		interrupt = func() error {
			cancel()
			select {
			case err := <-ended:
				ended <- err
				return err
			case <-time.After(patience):
				t.Fatal("the shop does not stop")
				return nil
			}
		}
		t.Cleanup(func() { interrupt() })
		return interrupt
	}
	interrupt := up()
	url := "http://127.0.0.1:" + strconv.Itoa(base)
	reachable(t, url)
	eventually(t, "the table is printed", func() (string, bool) { return table.all(), strings.Contains(table.all(), "Ctrl-C") })
	a, err := running(dir)
	if err != nil {
		t.Fatal(err)
	}
	h := &house{log: &log, dir: dir, url: a.Router, issuer: a.Issuer, mails: a.Mail, tokens: map[string]string{}}
	const units = 100
	h.sell(t, units, "STOP-ONE", "STOP-TWO")
	b := newBuyers(h, []string{"STOP-ONE", "STOP-TWO"})
	b.start(t.Context(), 4, random)
	eventually(t, "orders are on their way", func() (string, bool) { return strconv.Itoa(b.count()), b.count() >= 10 })
	if err := interrupt(); err != nil {
		t.Errorf("the shop stopped with: %v", err)
	}
	if _, err := running(dir); err == nil {
		t.Error("a shop that was stopped still says that it runs")
	}
	before := b.count()
	interrupt = up()
	reachable(t, url)
	eventually(t, "orders are placed again", func() (string, bool) { return strconv.Itoa(b.count()), b.count() >= before+5 })
	b.stop()
	b.audit(t, units)
	if err := interrupt(); err != nil {
		t.Errorf("the shop stopped with: %v", err)
	}

	for _, want := range []string{url + "/graphql", a.Mail, a.Issuer, "ada", "ben", "sam", "storefront token --user ada", dir} {
		if !strings.Contains(table.all(), want) {
			t.Errorf("the table does not name %s:\n%s", want, table.all())
		}
	}
	for _, secret := range []string{"tok_visa", "@storefront.example", h.tokens["sam"], `"password"`} {
		if strings.Contains(log.all(), secret) {
			t.Errorf("the log holds %q", secret)
		}
	}
	if found := regexp.MustCompile(`eyJ[\w-]+\.[\w-]+\.[\w-]+`).FindString(log.all()); found != "" {
		t.Errorf("the log holds a token: %s", found)
	}
	for _, p := range b.placed {
		if strings.Contains(log.all(), p.header.Get(guestHeader)) {
			t.Error("the log holds a guest's token")
			break
		}
	}
}
