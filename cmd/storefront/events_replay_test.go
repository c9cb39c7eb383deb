package main

import (
	"strings"
	"testing"

	"storefront/consumers"
)

// Every read model of a shop in which the other tests go on comes out of the topics as it is.
func TestReplayOfEveryModelShowsNoDifference(t *testing.T) {
	t.Parallel()
	h := theShop(t)
	h.sell(t, 5, "REPLAY-ONE")
	ada := h.signIn(t, "ada")
	ada.ends(t, ada.order(t, "tok_visa", line("REPLAY-ONE", 1)), "DELIVERED")
	out, err := storefront(t.Context(), "events", "replay", "all", "--compare", "--data-dir", h.dir, "--wait", "60s")
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	for _, m := range consumers.ReadModels() {
		found := false
		for line := range strings.Lines(out) {
			found = found || strings.HasPrefix(line, m.Name+": ") && strings.Contains(line, " 0 differences") && !strings.HasPrefix(line, m.Name+": 0 records")
		}
		if !found && m.Name != "ratings" { // perhaps nobody has written a review yet
			t.Errorf("%s is not among what was compared:\n%s", m.Name, out)
		}
	}
}

func TestReplayRefusesWhatItDoesNotKnow(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ args, want string }{
		{"", "name what to rebuild: prices"},
		{"everything", `no read model "everything"; there are prices`},
		{"prices --since yesterday", "--since"},
		{"prices --offset order-events/3", "TOPIC/PARTITION/OFFSET"},
		{"prices --offset no-events/3/1", "no topic"},
		{"prices --data-dir " + t.TempDir(), "no shop runs"},
	} {
		out, err := storefront(t.Context(), append([]string{"events", "replay"}, strings.Fields(tc.args)...)...)
		if err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("replay %s: %v, want %q\n%s", tc.args, err, tc.want, out)
		}
	}
}
