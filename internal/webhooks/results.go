package webhooks

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

// maxResult bounds one result, in bytes.
const maxResult = 8 << 20

// result is one event of a subscription's stream.
type result struct {
	data, errors json.RawMessage
	cursor       string
}

// errEnded says that the stream was completed.
var errEnded = errors.New("the subscription has ended")

// refusal is an answer without data: the operation does not run.
type refusal struct{ code, message string }

func (r *refusal) Error() string { return r.code + ": " + r.message }

// results reads the results of a subscription in graphql-sse's distinct connections mode.
type results struct {
	lines *bufio.Scanner
	last  string // event id, which stays until another one comes
}

func newResults(r io.Reader) *results {
	s := bufio.NewScanner(r)
	s.Buffer(nil, maxResult)
	return &results{lines: s}
}

// next waits for the next result. seen is called with a cursor that came alone, when everything before it
// has been given.
func (s *results) next(seen func(cursor string)) (result, error) {
	event, data, moved := "", "", false
	for s.lines.Scan() {
		line := s.lines.Text()
		name, value, _ := strings.Cut(line, ":")
		value = strings.TrimPrefix(value, " ")
		switch {
		case line == "":
			switch event {
			case "complete":
				return result{}, errEnded
			case "next":
				return s.result(data)
			}
			if moved {
				seen(s.last)
			}
			event, data, moved = "", "", false
		case name == "event":
			event = value
		case name == "data":
			data += value
		case name == "id":
			moved, s.last = value != s.last, value
		}
	}
	if err := s.lines.Err(); err != nil {
		return result{}, fmt.Errorf("read results: %w", err)
	}
	return result{}, io.ErrUnexpectedEOF
}

func (s *results) result(data string) (result, error) {
	var r struct {
		Data       json.RawMessage `json:"data"`
		Errors     json.RawMessage `json:"errors"`
		Extensions struct {
			Cursor string `json:"cursor"`
		} `json:"extensions"`
	}
	if err := json.Unmarshal([]byte(data), &r); err != nil {
		return result{}, fmt.Errorf("read result: %w", err)
	}
	if len(r.Data) == 0 || string(r.Data) == "null" {
		var list []struct {
			Message    string `json:"message"`
			Extensions struct {
				Code string `json:"code"`
			} `json:"extensions"`
		}
		if json.Unmarshal(r.Errors, &list) == nil && len(list) > 0 {
			return result{}, &refusal{list[0].Extensions.Code, list[0].Message}
		}
		return result{}, errEnded
	}
	out := result{r.Data, r.Errors, s.last}
	if r.Extensions.Cursor != "" {
		out.cursor = r.Extensions.Cursor
	}
	return out, nil
}
