package main

import (
	"bufio"
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestLiveGoesOnAtAnotherRouter breaks a stream off behind each of its events in turn, and takes it up again at
// the other of two routers with the last event id, as a browser does: together they tell the order's whole way.
func TestLiveGoesOnAtAnotherRouter(t *testing.T) {
	t.Parallel()
	h := theShop(t)
	h.sell(t, 5, "RESUME-ONE")
	ada := h.signIn(t, "ada")
	other, _ := startRouter(t, "--data-dir", h.dir)
	routers := []*person{ada, ada.with()}
	routers[1].url = other.url
	order := ada.order(t, "tok_visa", line("RESUME-ONE", 1))
	var statuses []string
	var versions []int
	cursor := ""
	for turn := 0; len(statuses) == 0 || statuses[len(statuses)-1] != "DELIVERED"; turn++ {
		status, version, id := routers[turn%2].firstEvent(t, order, cursor)
		if version == 0 {
			t.Fatalf("turn %d: nothing came; so far %v", turn, statuses)
		}
		statuses, versions, cursor = append(statuses, status), append(versions, version), id
	}
	for i := 1; i < len(versions); i++ {
		if versions[i] != versions[i-1]+1 {
			t.Errorf("versions %v: something was missed or repeated", versions)
			break
		}
	}
	var history []string
	for _, step := range ada.look(t, order).list("history") {
		history = append(history, step.text("status"))
	}
	if !slices.Equal(history[len(history)-len(statuses):], statuses) {
		t.Errorf("the streams told %v, the order's history is %v", statuses, history)
	}
}

// firstEvent opens a stream with a last event id, "" for none, and breaks it off behind its first event.
func (p *person) firstEvent(t *testing.T, order, last string) (status string, version int, id string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	variables, _ := json.Marshal(vars{"id": order})
	q := url.Values{"query": {`subscription($id: ID!) { orderStatus(orderId: $id) { status version } }`}, "variables": {string(variables)}}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, p.url+"/graphql?"+q.Encode(), nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header = p.header.Clone()
	req.Header.Set("Accept", "text/event-stream")
	if last != "" {
		req.Header.Set("Last-Event-ID", last)
	}
	res, err := (&http.Client{Transport: p.http.Transport, Timeout: time.Minute}).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	for in := bufio.NewScanner(res.Body); in.Scan(); {
		if text, ok := strings.CutPrefix(in.Text(), "id: "); ok {
			id = text
		}
		if data, ok := strings.CutPrefix(in.Text(), "data: "); ok {
			var r result
			if err := json.Unmarshal([]byte(data), &r); err != nil || len(r.Errors) > 0 {
				t.Fatalf("got %s, %v", data, err)
			}
			version, _ := value{r.Data}.at("orderStatus.version").(float64)
			return value{r.Data}.text("orderStatus.status"), int(version), id
		}
	}
	return "", 0, id
}
