package webhooks

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"storefront/internal/eventstream"
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
type results struct{ events *eventstream.Reader }

func newResults(r io.Reader) *results { return &results{eventstream.NewReader(r, maxResult)} }

// next waits for the next result. seen is called with a cursor that came alone, when everything before it
// has been given.
func (s *results) next(seen func(cursor string)) (result, error) {
	for {
		e, err := s.events.Next()
		switch {
		case err != nil:
			return result{}, fmt.Errorf("read results: %w", err)
		case e.Name == "complete":
			return result{}, errEnded
		case e.Name == "next":
			return readResult(e.Data, e.ID)
		case e.ID != "":
			seen(e.ID)
		}
	}
}

func readResult(data, id string) (result, error) {
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
	out := result{r.Data, r.Errors, id}
	if r.Extensions.Cursor != "" {
		out.cursor = r.Extensions.Cursor
	}
	return out, nil
}
