package hostile

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// Answer is what came back for a request, of all its parts together.
type Answer struct {
	Data     bool     // there is data, and it is an object
	Codes    []string // extensions.code of each error
	Message  string   // of the first error
	TooLarge bool     // the router did not read the request, because of its size
}

// Fits says what is wrong with an answer to the case, "" for nothing.
func (c Case) Fits(a Answer) string {
	switch {
	case c.TooLarge && !a.TooLarge:
		return "it is not refused for its size"
	case c.TooLarge:
		return ""
	case a.TooLarge:
		return "it is refused for its size"
	case c.Code == "" && (!a.Data || len(a.Codes) > 0):
		return fmt.Sprintf("it is refused with %q: %.200s", a.Codes, a.Message)
	case c.Code == "":
		return ""
	case a.Data || len(a.Codes) == 0:
		return "it is answered, and was to be refused with " + c.Code
	case len(a.Message) > 2_000:
		return fmt.Sprintf("its error has %d characters", len(a.Message))
	}
	for _, code := range a.Codes {
		if code != c.Code {
			return fmt.Sprintf("it is refused with %q, want %s: %.200s", a.Codes, c.Code, a.Message)
		}
	}
	return ""
}

// response is a GraphQL response, or a later part of one.
type response struct {
	Data        json.RawMessage `json:"data"`
	Errors      problems        `json:"errors"`
	Incremental []later         `json:"incremental"`
	Completed   []later         `json:"completed"`
}

type later struct {
	Errors problems `json:"errors"`
}

type problems []struct {
	Message    string `json:"message"`
	Extensions struct {
		Code string `json:"code"`
	} `json:"extensions"`
}

// add takes one response, or one part of it, into the answer.
func (a *Answer) add(text []byte) error {
	var r response
	if err := json.Unmarshal(text, &r); err != nil {
		return fmt.Errorf("read answer %.200q: %w", text, err)
	}
	a.Data = a.Data || bytes.HasPrefix(r.Data, []byte("{"))
	a.fail(r.Errors)
	for _, l := range append(r.Incremental, r.Completed...) {
		a.fail(l.Errors)
	}
	return nil
}

func (a *Answer) fail(list problems) {
	for _, e := range list {
		if a.Message == "" {
			a.Message = e.Message
		}
		a.Codes = append(a.Codes, e.Extensions.Code)
	}
}
