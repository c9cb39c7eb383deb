package hostile

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"
	"strings"
)

// HTTP says how one request goes over HTTP.
type HTTP struct {
	Accept string
	Get    bool // by GET, in parameters
	Batch  bool // in a list, behind a plain request
}

// overHTTP is a client of requests that are answered where they are sent.
type overHTTP struct {
	HTTP
	url    string
	client *http.Client
}

func newHTTP(url string, h HTTP) *overHTTP {
	return &overHTTP{h, url, &http.Client{Transport: &http.Transport{}}}
}

// Post sends a request to url by HTTP, as most clients do.
func Post(ctx context.Context, client *http.Client, url string, c Case) (Answer, error) {
	return (&overHTTP{HTTP{Accept: jsonResponse}, url, client}).Ask(ctx, c)
}

func (o *overHTTP) Close() error {
	o.client.CloseIdleConnections()
	return nil
}

func (o *overHTTP) Ask(ctx context.Context, c Case) (Answer, error) {
	method, target, body := http.MethodPost, o.url, c.Body
	if o.Get {
		query, _ := parameters(c.Body)
		method, target, body = http.MethodGet, o.url+"?"+query, nil
	}
	if o.Batch {
		body = fmt.Appendf(nil, "[%s,%s]", Plain().Body, c.Body)
	}
	req, err := http.NewRequestWithContext(ctx, method, target, bytes.NewReader(body))
	if err != nil {
		return Answer{}, err
	}
	req.Header.Set("Accept", o.Accept)
	if !o.Get {
		req.Header.Set("Content-Type", "application/json")
	}
	res, err := o.client.Do(req)
	if err != nil {
		return Answer{}, fmt.Errorf("send %s: %w", c.Name, err)
	}
	defer res.Body.Close()
	a, err := read(res)
	if err != nil {
		return a, fmt.Errorf("read answer to %s: %s: %w", c.Name, res.Status, err)
	}
	return a, nil
}

// read reads an answer in whatever form it comes.
func read(res *http.Response) (a Answer, err error) {
	switch res.StatusCode {
	case http.StatusRequestEntityTooLarge, http.StatusRequestURITooLong, http.StatusRequestHeaderFieldsTooLarge:
		_, err := io.Copy(io.Discard, res.Body)
		return Answer{TooLarge: true}, err
	}
	kind, params, err := mime.ParseMediaType(res.Header.Get("Content-Type"))
	if err != nil {
		return a, fmt.Errorf("content type: %w", err)
	}
	switch kind {
	case eventStream:
		err = readEvents(bufio.NewReader(res.Body), func(event string, data []byte) (bool, error) {
			if event == "complete" {
				return false, nil
			}
			return true, a.add(data)
		})
	case "multipart/mixed":
		parts := multipart.NewReader(res.Body, params["boundary"])
		for {
			part, err := parts.NextPart()
			if errors.Is(err, io.EOF) {
				return a, nil
			}
			if err != nil {
				return a, err
			}
			text, err := io.ReadAll(part)
			if err == nil {
				err = a.add(text)
			}
			if err != nil {
				return a, err
			}
		}
	default:
		text, err := io.ReadAll(res.Body)
		if err != nil {
			return a, err
		}
		if bytes.HasPrefix(text, []byte("[")) {
			var list []json.RawMessage
			if err := json.Unmarshal(text, &list); err != nil || len(list) != 2 {
				return a, fmt.Errorf("a batch of two got %.200q", text)
			}
			text = list[1]
		}
		return a, a.add(text)
	}
	return a, err
}

// readEvents hands over the events of a stream until one is the last that is wanted. A stream that ends before is
// an error.
func readEvents(in *bufio.Reader, take func(event string, data []byte) (more bool, err error)) error {
	event, data := "", []byte(nil)
	for {
		line, err := in.ReadBytes('\n')
		if err != nil {
			return fmt.Errorf("the stream ended: %w", err)
		}
		line = bytes.TrimSuffix(line, []byte("\n"))
		field, value, _ := bytes.Cut(line, []byte(":"))
		value = bytes.TrimPrefix(value, []byte(" "))
		switch {
		case string(field) == "event":
			event = string(value)
		case string(field) == "data":
			data = value
		case len(line) == 0 && event != "":
			if more, err := take(event, data); err != nil || !more {
				return err
			}
			event, data = "", nil
		}
	}
}

// MaxURL is how long an address may be: 64 KiB of a request's head is what the router's listener takes, and net/http
// gives 4 more.
const MaxURL = 68<<10 - 256

// asGet is a case in the parameters of a GET.
func asGet(c Case) (Case, bool) {
	query, ok := parameters(c.Body)
	c.TooLarge = len(query) > MaxURL
	return c, ok
}

// parameters are the members of a request's JSON object, in their order, as parameters; false when it is none.
func parameters(body []byte) (query string, ok bool) {
	d := json.NewDecoder(bytes.NewReader(body))
	if open, err := d.Token(); err != nil || open != json.Delim('{') {
		return "", false
	}
	var b strings.Builder
	for d.More() {
		name, err := d.Token()
		var value json.RawMessage
		if err != nil || d.Decode(&value) != nil {
			return "", false
		}
		text := string(value)
		if value[0] == '"' && json.Unmarshal(value, &text) != nil {
			return "", false
		}
		if b.Len() > 0 {
			b.WriteByte('&')
		}
		b.WriteString(url.QueryEscape(name.(string)) + "=" + url.QueryEscape(text))
	}
	_, err := d.Token()
	return b.String(), err == nil
}
