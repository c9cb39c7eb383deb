//go:build unix

package transport_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"storefront/router/execute"
	"storefront/router/execute/transport"
)

// BenchmarkDo compares ways to a subgraph that answers 8 KB, 50 requests at a time: net/http's client,
// and this package's with and without sharing, where no two requests are equal. The server costs the
// same each time and allocates nothing.
func BenchmarkDo(b *testing.B) {
	answer := []byte(`{"data":{"a":"` + strings.Repeat("x", 8000) + `"}}`)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go serveBytes(c, []byte(fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len(answer), answer)))
		}
	}()
	url := "http://" + l.Addr().String() + "/graphql"
	query := "query Products($representations: [_Any!]!) { _entities(representations: $representations) { ... on Product { name price { amount } } } }"
	request := func(n int) *execute.SubgraphRequest {
		return &execute.SubgraphRequest{Subgraph: "s", Query: query, Prefix: execute.Prefix(query, ""),
			Variables: []byte(`{"representations":[{"__typename":"Product","id":"` + strconv.Itoa(n) + `"}]}`),
			Header:    http.Header{"Authorization": {"Bearer abcdefghijklmnopqrstuvwxyz"}, "X-Request-Id": {"id"}}}
	}
	run := func(name string, do func(r *execute.SubgraphRequest) ([]byte, error)) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			b.SetParallelism(25)
			before := cpuTime(b)
			defer func() { b.ReportMetric(float64(cpuTime(b)-before)/float64(b.N), "cpu-ns/op") }()
			b.RunParallel(func(pb *testing.PB) {
				r := request(0)
				for n := 0; pb.Next(); n++ {
					r := *r
					r.Variables = strconv.AppendInt([]byte(`{"id":`), int64(n), 10)
					r.Variables = append(fmt.Appendf(r.Variables, `,"p":"%p"`, pb), '}')
					if data, err := do(&r); err != nil || len(data) != len(answer) {
						b.Error(len(data), err)
						return
					}
				}
			})
		})
	}
	standard := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 256}}
	run("nethttp", func(r *execute.SubgraphRequest) ([]byte, error) {
		body := append(append(append(bytes.Clone(r.Prefix), `,"variables":`...), r.Variables...), '}')
		req, err := http.NewRequestWithContext(b.Context(), http.MethodPost, url, bytes.NewReader(body))
		if err != nil {
			return nil, err
		}
		req.Header = r.Header.Clone()
		req.Header.Set("Content-Type", "application/json")
		resp, err := standard.Do(req)
		if err != nil {
			return nil, err
		}
		defer resp.Body.Close()
		return io.ReadAll(resp.Body)
	})
	for _, share := range []bool{false, true} {
		tr, err := transport.New(transport.To(map[string]string{"s": url}).With(func(s *transport.Subgraph) { s.Share = share }), transport.Options{})
		if err != nil {
			b.Fatal(err)
		}
		defer tr.Close()
		run("share="+strconv.FormatBool(share), func(r *execute.SubgraphRequest) ([]byte, error) { return tr.Do(b.Context(), r) })
	}
}

// cpuTime is what the process has used, with its server: time on the clock says little on a busy machine.
func cpuTime(b *testing.B) int64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return u.Utime.Nano() + u.Stime.Nano()
}

// serveBytes answers every request of a connection with the same bytes.
func serveBytes(c net.Conn, answer []byte) {
	defer c.Close()
	br := bufio.NewReader(c)
	for {
		length := 0
		for {
			line, err := br.ReadSlice('\n')
			if err != nil {
				return
			}
			if len(line) == 2 {
				break
			}
			if value, ok := bytes.CutPrefix(line, []byte("Content-Length: ")); ok {
				for _, d := range bytes.TrimSpace(value) {
					length = length*10 + int(d-'0')
				}
			}
		}
		if _, err := br.Discard(length); err != nil {
			return
		}
		if _, err := c.Write(answer); err != nil {
			return
		}
	}
}
