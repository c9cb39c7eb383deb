package hostile

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
)

// single is a client of server-sent events in single connection mode: its stream is open, and requests are sent
// beside it.
type single struct {
	url, token string
	client     *http.Client
	stream     *http.Response
	events     *bufio.Reader
	sent       int
}

const tokenHeader = "X-GraphQL-Event-Stream-Token"

func openSingle(ctx context.Context, url string) (Client, error) {
	s := &single{url: url, client: &http.Client{Transport: &http.Transport{}}}
	res, err := s.do(ctx, http.MethodPut, nil)
	if err != nil {
		return nil, fmt.Errorf("reserve stream: %w", err)
	}
	defer res.Body.Close()
	token, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusCreated {
		return nil, fmt.Errorf("reserve stream: %s %w", res.Status, err)
	}
	s.token = string(token)
	if s.stream, err = s.do(ctx, http.MethodGet, nil); err != nil {
		return nil, fmt.Errorf("open stream: %w", err)
	}
	if s.stream.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("open stream: %s", s.stream.Status)
	}
	s.events = bufio.NewReader(s.stream.Body)
	return s, nil
}

func (s *single) do(ctx context.Context, method string, body []byte) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, method, s.url, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	if s.token != "" {
		req.Header.Set(tokenHeader, s.token)
	}
	req.Header.Set("Accept", eventStream)
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("Accept", jsonResponse)
	}
	return s.client.Do(req)
}

func (s *single) Close() error {
	err := s.stream.Body.Close()
	s.client.CloseIdleConnections()
	return err
}

// Ask sends a request with an id of its own. What is refused before it is read is answered there, all else on the
// stream.
func (s *single) Ask(ctx context.Context, c Case) (a Answer, err error) {
	s.sent++
	id := strconv.Itoa(s.sent)
	body := c.Body
	if rest, ok := bytes.CutPrefix(body, []byte("{")); ok {
		body = append([]byte(`{"extensions":{"operationId":"`+id+`"},`), rest...)
	}
	res, err := s.do(ctx, http.MethodPost, body)
	if err != nil {
		return a, fmt.Errorf("send %s: %w", c.Name, err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusAccepted {
		return read(res)
	}
	err = readEvents(s.events, func(event string, data []byte) (bool, error) {
		var of struct {
			ID      string          `json:"id"`
			Payload json.RawMessage `json:"payload"`
		}
		if err := json.Unmarshal(data, &of); err != nil || of.ID != id {
			return false, fmt.Errorf("got %s %.200q for %s: %w", event, data, id, err)
		}
		if event == "complete" {
			return false, nil
		}
		return true, a.add(of.Payload)
	})
	if err != nil {
		return a, fmt.Errorf("read answer to %s: %w", c.Name, err)
	}
	return a, nil
}
