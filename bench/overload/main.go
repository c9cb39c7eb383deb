// Command overload sends a router more than a slow subgraph behind it bears, and prints what becomes of it: what is
// answered in time by priority, with shedding and, for comparison, without.
//
//	go run ./bench/overload
//
// Operations arrive at a steady rate whatever becomes of those before (an open loop): one in twenty is a checkout,
// one in five is of somebody unknown and costs much, the others are usual ones. All of it is in one process.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync"
	"text/tabwriter"
	"time"

	"storefront/router/compose"
	"storefront/router/execute/transport"
	"storefront/router/gateway"
	"storefront/router/supergraph"
)

type options struct {
	atOnce         int
	takes          time.Duration
	rate           float64
	calm, overload time.Duration
	inTime         time.Duration
}

func main() {
	var o options
	flag.IntVar(&o.atOnce, "at-once", 8, "requests that the subgraph works on at once")
	flag.DurationVar(&o.takes, "takes", 20*time.Millisecond, "how long it works on one")
	flag.Float64Var(&o.rate, "rate", 2, "operations sent, as a multiple of what the subgraph bears")
	flag.DurationVar(&o.calm, "calm", 5*time.Second, "how long half of what it bears is sent first")
	flag.DurationVar(&o.overload, "overload", 20*time.Second, "how long too much is sent")
	flag.DurationVar(&o.inTime, "in-time", 500*time.Millisecond, "what counts as answered in time")
	flag.Parse()
	for _, c := range []struct {
		name     string
		overload gateway.Overload
	}{
		{"without shedding", gateway.Overload{Delay: time.Hour, Max: 1 << 30}},
		{"with shedding", gateway.Overload{Critical: []string{"Mutation.checkout"}}},
	} {
		if err := measure(o, c.name, c.overload); err != nil {
			fmt.Fprintln(os.Stderr, "bench:", err)
			os.Exit(1)
		}
	}
}

const schema = `type Query { look(n: Int): String  much(n: Int): Item } type Mutation { checkout(n: Int): String } type Item { name: String }`

// kinds are the operations, the most important first.
var kinds = []string{"checkout", "usual", "low"}

func measure(o options, name string, overload gateway.Overload) error {
	overload.Heavy = 1
	url, stop, err := start(o, overload)
	if err != nil {
		return err
	}
	defer stop()
	bears := float64(o.atOnce) / o.takes.Seconds()
	send(url, bears/2, o.calm)
	answers := send(url, o.rate*bears, o.overload)
	after := send(url, bears/2, o.calm)
	fmt.Printf("%s: %.0f operations/s for %v, of which the subgraph bears %.0f\n", name, o.rate*bears, o.overload, bears)
	t := tabwriter.NewWriter(os.Stdout, 0, 8, 2, ' ', 0)
	fmt.Fprintf(t, "\tsent/s\tanswered/s\tin time/s\trefused/s\tp50\tp99\tafterwards in time\n")
	total := 0
	for _, kind := range kinds {
		r := report(answers[kind], o.inTime)
		back := report(after[kind], o.inTime)
		each := func(n int) string { return fmt.Sprintf("%.0f", float64(n)/o.overload.Seconds()) }
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%v\t%v\t%d of %d\n", kind, each(r.sent), each(r.answered), each(r.timely), each(r.refused),
			r.p50.Round(time.Millisecond), r.p99.Round(time.Millisecond), back.timely, back.sent)
		total += r.timely
	}
	t.Flush()
	fmt.Printf("goodput: %.0f/s answered within %v\n\n", float64(total)/o.overload.Seconds(), o.inTime)
	return nil
}

// start runs the subgraph and the router.
func start(o options, overload gateway.Overload) (url string, stop func(), err error) {
	places := make(chan struct{}, o.atOnce)
	subgraph := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		select {
		case places <- struct{}{}:
			time.Sleep(o.takes)
			<-places
		case <-r.Context().Done():
			return
		}
		fmt.Fprintf(w, `{"data":{"%s":null}}`, field(string(body)))
	}))
	made, mistakes := compose.Compose([]compose.Subgraph{{Name: "slow", URL: subgraph.URL, SDL: schema}})
	if len(mistakes) > 0 {
		return "", nil, mistakes[0]
	}
	sg, err := supergraph.Parse(made.SupergraphSDL)
	if err != nil {
		return "", nil, err
	}
	reach, err := transport.New(transport.To(map[string]string{"slow": subgraph.URL}), transport.Options{})
	if err != nil {
		return "", nil, err
	}
	g, err := gateway.New(gateway.Config{Supergraph: sg, Transport: reach, Overload: overload})
	if err != nil {
		return "", nil, err
	}
	router := httptest.NewServer(g.Handler())
	return router.URL + "/graphql", func() { router.CloseClientConnections(); router.Close(); subgraph.Close() }, nil
}

func field(body string) string {
	for _, name := range []string{"checkout", "much"} {
		if strings.Contains(body, name) {
			return name
		}
	}
	return "look"
}

// result is what became of one operation.
type result struct {
	took    time.Duration
	refused bool
	failed  bool
}

// send sends operations at a rate, and returns what became of each, by kind.
func send(url string, rate float64, during time.Duration) map[string][]result {
	client := &http.Client{Timeout: 3 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: 1000}}
	defer client.CloseIdleConnections()
	var mu sync.Mutex
	results := map[string][]result{}
	var flying sync.WaitGroup
	tick := time.NewTicker(time.Duration(float64(time.Second) / rate))
	defer tick.Stop()
	for end := time.Now().Add(during); time.Now().Before(end); <-tick.C {
		kind, query := "usual", `query($n: Int) { look(n: $n) }`
		switch n := rand.IntN(20); {
		case n == 0:
			kind, query = "checkout", `mutation($n: Int) { checkout(n: $n) }`
		case n < 5:
			kind, query = "low", `query($n: Int) { much(n: $n) { name } }`
		}
		flying.Go(func() {
			r := ask(client, url, query)
			mu.Lock()
			defer mu.Unlock()
			results[kind] = append(results[kind], r)
		})
	}
	flying.Wait()
	return results
}

func ask(client *http.Client, url, query string) result {
	body, _ := json.Marshal(map[string]any{"query": query, "variables": map[string]any{"n": rand.Int32()}})
	req, _ := http.NewRequestWithContext(context.Background(), http.MethodPost, url, strings.NewReader(string(body)))
	req.Header.Set("Content-Type", "application/json")
	began := time.Now()
	res, err := client.Do(req)
	if err != nil {
		return result{failed: true}
	}
	defer res.Body.Close()
	_, err = io.Copy(io.Discard, res.Body)
	return result{time.Since(began), res.StatusCode == http.StatusServiceUnavailable, err != nil || res.StatusCode != http.StatusOK}
}

type figures struct {
	sent, answered, timely, refused int
	p50, p99                        time.Duration // of what was answered
}

func report(all []result, inTime time.Duration) (f figures) {
	var times []time.Duration
	for _, r := range all {
		f.sent++
		switch {
		case r.refused:
			f.refused++
		case !r.failed:
			f.answered++
			times = append(times, r.took)
			if r.took <= inTime {
				f.timely++
			}
		}
	}
	if slices.Sort(times); len(times) > 0 {
		f.p50, f.p99 = times[len(times)/2], times[len(times)*99/100]
	}
	return f
}
