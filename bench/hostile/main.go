// Command hostile sends a router requests that are meant to hurt it, over HTTP and over WebSocket, beside a
// client that sends a plain query all the time, and prints how long each took: the middle and the worst of
// several. It starts a router with its default limits and a subgraph; --url names another router, which has
// to serve the schema of internal/hostile.
package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime/pprof"
	"slices"
	"strings"
	"sync"
	"syscall"
	"text/tabwriter"
	"time"

	"storefront/internal/hostile"
	"storefront/router/compose"
	"storefront/router/execute/transport"
	"storefront/router/gateway"
	"storefront/router/supergraph"
)

func main() {
	url := flag.String("url", "", "a router, http://host:port/graphql; one is started when absent")
	times := flag.Int("times", 5, "how often each request is sent over each transport")
	only := flag.String("only", "", "send only requests whose name has this in it")
	limit := flag.Duration("limit", 250*time.Millisecond, "fail when one takes longer")
	profile := flag.String("cpuprofile", "", "write a CPU profile into this file")
	flag.Parse()
	if *profile != "" {
		f, err := os.Create(*profile)
		if err != nil {
			log.Fatal(err)
		}
		if err := pprof.StartCPUProfile(f); err != nil {
			log.Fatal(err)
		}
		defer pprof.StopCPUProfile()
	}
	if err := run(context.Background(), *url, *only, *times, *limit); err != nil {
		log.Print(err)
	}
}

func run(ctx context.Context, url, only string, times int, limit time.Duration) error {
	if url == "" {
		started, stop, err := startRouter()
		if err != nil {
			return err
		}
		defer stop()
		url = started
	}
	var rows []row
	for _, c := range hostile.Cases() {
		if !strings.Contains(c.Name, only) {
			continue
		}
		r, err := measure(ctx, url, c, times)
		if err != nil {
			return err
		}
		rows = append(rows, r)
	}
	slices.SortStableFunc(rows, func(a, b row) int { return cmp.Compare(b.worst(), a.worst()) })
	return print(rows, limit)
}

// row is what was measured with one request.
type row struct {
	name               string
	bytes              int
	verdict            string
	http, socket, near series        // near is the plain query beside both
	cpu                time.Duration // of this process, for each time it was sent
	wrong              string
}

func (r row) worst() time.Duration { return max(r.http.worst(), r.socket.worst()) }

type series []time.Duration

func (s series) worst() time.Duration {
	if len(s) == 0 {
		return 0
	}
	return slices.Max(s)
}

func (s series) middle() time.Duration {
	if len(s) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(s))
	return sorted[len(sorted)/2]
}

// measure sends one request several times over both transports.
func measure(ctx context.Context, url string, c hostile.Case, times int) (row, error) {
	r := row{name: c.Name, bytes: len(c.Body), verdict: cmp.Or(c.Code, "answered")}
	if c.TooLarge {
		r.verdict = "too large"
	}
	client := &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	check := func(a hostile.Answer) {
		if wrong := c.Fits(a); wrong != "" {
			r.wrong = wrong
		}
	}
	cpu := cpuTime()
	beside, stop := context.WithCancel(ctx)
	var plain sync.WaitGroup
	var plainErr error
	plain.Go(func() { r.near, plainErr = askPlain(beside, url) })
	err := func() error {
		for i := range times {
			c := c.Fresh(i)
			began := time.Now()
			a, err := hostile.Post(ctx, client, url, c)
			if err != nil {
				return err
			}
			r.http = append(r.http, time.Since(began))
			check(a)
		}
		for i := range times {
			c := c.Fresh(times + i)
			s, err := hostile.Dial(ctx, url)
			if err != nil {
				return err
			}
			began := time.Now()
			a, err := s.Ask(ctx, c)
			if err != nil {
				return err
			}
			r.socket = append(r.socket, time.Since(began))
			check(a)
			_ = s.Close()
		}
		return nil
	}()
	stop()
	plain.Wait()
	r.cpu = (cpuTime() - cpu) / time.Duration(2*times)
	return r, errors.Join(err, plainErr)
}

// pause is between two plain queries, so that they are no load themselves.
const pause = 3 * time.Millisecond

// askPlain asks a plain query over and over until ctx ends, at least once.
func askPlain(ctx context.Context, url string) (took series, err error) {
	client := &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	for first := true; first || ctx.Err() == nil; first = false {
		began := time.Now()
		a, err := hostile.Post(context.WithoutCancel(ctx), client, url, hostile.Plain())
		if err != nil {
			return took, err
		}
		if wrong := hostile.Plain().Fits(a); wrong != "" {
			return took, fmt.Errorf("the plain query beside: %s", wrong)
		}
		took = append(took, time.Since(began))
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
	}
	return took, nil
}

// cpuTime is what this process has used so far: router, subgraph and clients together.
func cpuTime() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func print(rows []row, limit time.Duration) error {
	ms := func(d time.Duration) string { return fmt.Sprintf("%.1f", float64(d.Microseconds())/1000) }
	t := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "HTTP p50\tworst\tWS p50\tworst\tCPU\tplain p50\tworst\tKB\t  request and verdict, times in ms\t")
	slow, wrong := 0, 0
	var all series
	for _, r := range rows {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%d\t  %s: %s\t\n", ms(r.http.middle()), ms(r.http.worst()), ms(r.socket.middle()), ms(r.socket.worst()), ms(r.cpu),
			ms(r.near.middle()), ms(r.near.worst()), (r.bytes+512)/1024, r.name, r.verdict)
		if r.worst() > limit {
			slow++
		}
		all = append(all, r.near...)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	for _, r := range rows {
		if r.wrong != "" {
			wrong++
			fmt.Printf("WRONG: %s: %s\n", r.name, r.wrong)
		}
	}
	fmt.Printf("\n%d requests: %d took longer than %s, %d got the wrong verdict; the plain query beside took %s ms in the middle of %d, %s ms at worst\n",
		len(rows), slow, limit, wrong, ms(all.middle()), len(all), ms(all.worst()))
	if slow+wrong > 0 {
		return errors.New("the router does not hold")
	}
	return nil
}

// startRouter starts a subgraph and a router before it.
func startRouter() (url string, stop func(), err error) {
	subgraph := httptest.NewServer(hostile.Subgraph())
	made, mistakes := compose.Compose([]compose.Subgraph{{Name: "hostile", URL: subgraph.URL, SDL: hostile.SDL()}})
	if len(mistakes) > 0 {
		return "", nil, mistakes
	}
	sg, err := supergraph.Parse(made.SupergraphSDL)
	if err != nil {
		return "", nil, err
	}
	reach, err := transport.New(transport.To(map[string]string{"hostile": subgraph.URL}), transport.Options{})
	if err != nil {
		return "", nil, err
	}
	g, err := gateway.New(gateway.Config{Supergraph: sg, Transport: reach})
	if err != nil {
		return "", nil, err
	}
	router := httptest.NewServer(g.Handler())
	return router.URL + "/graphql", func() { router.Close(); subgraph.Close() }, nil
}
