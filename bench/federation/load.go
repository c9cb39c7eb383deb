package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// load is a closed loop: so many clients, each sending its next request when the last is answered.
type load struct {
	url      string
	query    string
	clients  int
	duration time.Duration
	unique   bool   // an authorization header of its own for every request, else the same for all
	want     []byte // what every answer must be
}

// figures are what a load measured.
type figures struct {
	requests int
	elapsed  time.Duration
	p50, p99 time.Duration
}

func (f figures) perSecond() float64 { return float64(f.requests) / f.elapsed.Seconds() }

var serial atomic.Int64

// run sends until the time is over. The first wrong answer ends it.
func (l load) run(ctx context.Context) (figures, error) {
	ctx, cancel := context.WithTimeout(ctx, l.duration)
	defer cancel()
	times := make([][]time.Duration, l.clients)
	failed := make([]error, l.clients)
	start := time.Now()
	var wg sync.WaitGroup
	for i := range l.clients {
		wg.Go(func() {
			times[i], failed[i] = l.client(ctx)
			if failed[i] != nil {
				cancel()
			}
		})
	}
	wg.Wait()
	elapsed := time.Since(start)
	if err := errors.Join(failed...); err != nil {
		return figures{}, err
	}
	all := slices.Concat(times...)
	if len(all) == 0 {
		return figures{}, fmt.Errorf("load %s: no request was answered in %v", l.url, l.duration)
	}
	slices.Sort(all)
	return figures{len(all), elapsed, all[len(all)/2], all[len(all)*99/100]}, nil
}

// client is one connection. It writes requests and reads answers by itself, to take as little as
// possible of the machine that it shares with what it measures.
func (l load) client(ctx context.Context) ([]time.Duration, error) {
	host, path, _ := strings.Cut(strings.TrimPrefix(l.url, "http://"), "/")
	conn, err := net.Dial("tcp", host)
	if err != nil {
		return nil, fmt.Errorf("load %s: %w", l.url, err)
	}
	defer conn.Close()
	body, err := json.Marshal(map[string]string{"query": l.query})
	if err != nil {
		return nil, fmt.Errorf("encode query: %w", err)
	}
	head := "POST /" + path + " HTTP/1.1\r\nHost: " + host + "\r\nContent-Type: application/json\r\nAccept: application/json\r\nContent-Length: " +
		strconv.Itoa(len(body)) + "\r\nAuthorization: Bearer "
	in := bufio.NewReaderSize(conn, 64<<10)
	var out []byte
	var answer []byte
	var times []time.Duration
	for ctx.Err() == nil {
		token := int64(0)
		if l.unique {
			token = serial.Add(1)
		}
		out = append(out[:0], head...)
		out = strconv.AppendInt(out, token, 10)
		out = append(out, "\r\n\r\n"...)
		out = append(out, body...)
		sent := time.Now()
		if _, err := conn.Write(out); err != nil {
			return nil, fmt.Errorf("load %s: %w", l.url, err)
		}
		if answer, err = readAnswer(in, answer[:0]); err != nil {
			return nil, fmt.Errorf("load %s: %w", l.url, err)
		}
		times = append(times, time.Since(sent))
		if l.want != nil && !bytes.Equal(answer, l.want) {
			return nil, fmt.Errorf("load %s: an answer differs from the first: %.300s", l.url, answer)
		}
	}
	return times, nil
}

// readAnswer reads one response with a length or in chunks.
func readAnswer(in *bufio.Reader, into []byte) ([]byte, error) {
	length, chunked, status := -1, false, ""
	for {
		line, err := in.ReadSlice('\n')
		if err != nil {
			return nil, err
		}
		text := strings.TrimSpace(string(line))
		if status == "" {
			status = text
			continue
		}
		if text == "" {
			break
		}
		name, value, _ := strings.Cut(text, ":")
		switch {
		case strings.EqualFold(name, "content-length"):
			if length, err = strconv.Atoi(strings.TrimSpace(value)); err != nil {
				return nil, err
			}
		case strings.EqualFold(name, "transfer-encoding"):
			chunked = strings.Contains(value, "chunked")
		}
	}
	if !strings.Contains(status, " 200") {
		rest, _ := in.Peek(min(in.Buffered(), 500))
		return nil, fmt.Errorf("status %q: %s", status, rest)
	}
	for chunked {
		line, err := in.ReadSlice('\n')
		if err != nil {
			return nil, err
		}
		size, err := strconv.ParseInt(strings.TrimSpace(string(line)), 16, 32)
		if err != nil {
			return nil, err
		}
		if into, err = readInto(in, into, int(size)); err != nil {
			return nil, err
		}
		if _, err := in.Discard(2); err != nil {
			return nil, err
		}
		if size == 0 {
			return into, nil
		}
	}
	if length < 0 {
		return nil, errors.New("an answer says no length")
	}
	return readInto(in, into, length)
}

func readInto(in *bufio.Reader, into []byte, n int) ([]byte, error) {
	into = slices.Grow(into, n)
	start := len(into)
	into = into[:start+n]
	_, err := io.ReadFull(in, into[start:])
	return into, err
}

// ask sends a query once and returns its whole answer, which must be free of errors.
func ask(ctx context.Context, url, query string) ([]byte, error) {
	body, err := json.Marshal(map[string]string{"query": query})
	if err != nil {
		return nil, fmt.Errorf("encode query: %w", err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "application/json")
	req.Header.Set("Authorization", "Bearer first")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, fmt.Errorf("ask %s: %w", url, err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, fmt.Errorf("ask %s: %w", url, err)
	}
	var parsed struct {
		Data   json.RawMessage `json:"data"`
		Errors json.RawMessage `json:"errors"`
	}
	if err := json.Unmarshal(answer, &parsed); err != nil || parsed.Data == nil || parsed.Errors != nil {
		return nil, fmt.Errorf("ask %s: %.500s", url, answer)
	}
	return answer, nil
}
