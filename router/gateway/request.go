package gateway

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"unicode/utf8"
)

// request is a GraphQL request as any transport carries it.
type request struct {
	Batch         []*request // instead of all that follows: several in one body
	Query         string
	OperationName string
	Variables     []byte // a JSON object, nil for none; see job
	DocumentID    string // id of a stored operation
	AutomaticHash string // extensions.persistedQuery.sha256Hash
	Begin         liveOptions
	OperationID   string // extensions.operationId, on a single event stream
}

// readRequest reads the request of a GET's parameters or a POST's JSON body of at most limit bytes.
func readRequest(w http.ResponseWriter, r *http.Request, limit int64, batch int) (*request, *failure) {
	if r.Method == http.MethodGet {
		if int64(len(r.URL.RawQuery)) > limit {
			return nil, refuse(http.StatusRequestURITooLong, codeBadRequest, "The query string is longer than %d bytes.", limit)
		}
		return requestFromURL(r.URL.RawQuery)
	}
	if contentType := r.Header.Get("Content-Type"); contentType != mediaJSON {
		name, params, err := mime.ParseMediaType(contentType)
		if err != nil || name != mediaJSON {
			return nil, refuse(http.StatusUnsupportedMediaType, codeBadRequest, "Content-Type must be application/json.")
		}
		if charset, ok := params["charset"]; ok && !isUTF8(charset) {
			return nil, refuse(http.StatusUnsupportedMediaType, codeBadRequest, "The charset of a request must be utf-8.")
		}
	}
	body, f := readBody(w, r, limit)
	if f != nil {
		return nil, f
	}
	return requestFromJSON(body, batch)
}

func requestFromURL(query string) (*request, *failure) {
	q, err := url.ParseQuery(query)
	if err != nil {
		return nil, refuse(http.StatusBadRequest, codeBadRequest, "The query string is not well formed: %v.", err)
	}
	for _, values := range q {
		for _, v := range values {
			if !utf8.ValidString(v) {
				return nil, refuse(http.StatusBadRequest, codeBadRequest, "The query string is not valid UTF-8.")
			}
		}
	}
	req := &request{
		Query:         q.Get("query"),
		OperationName: q.Get("operationName"),
		DocumentID:    q.Get("documentId"),
	}
	if req.DocumentID == "" {
		req.DocumentID = q.Get("id")
	}
	for _, name := range []string{"variables", "extensions"} {
		text := bytes.TrimSpace([]byte(q.Get(name)))
		if len(text) == 0 || string(text) == "null" {
			continue
		}
		if members(text, func(_, _ []byte) error { return nil }) != nil || !req.set(name, text) {
			return nil, refuse(http.StatusBadRequest, codeBadRequest, "The parameter %s must be a JSON object.", name)
		}
	}
	return req.checked()
}

// requestFromJSON reads a request of the JSON object every transport uses, or a batch of so many at most.
func requestFromJSON(body []byte, batch int) (*request, *failure) {
	if !utf8.Valid(body) {
		return nil, refuse(http.StatusBadRequest, codeBadRequest, "The request is not valid UTF-8.")
	}
	trimmed := bytes.TrimLeft(body, " \t\r\n")
	if len(trimmed) == 0 {
		return nil, refuse(http.StatusBadRequest, codeBadRequest, "The request has no body.")
	}
	if trimmed[0] == '[' {
		return batchFromJSON(body, batch)
	}
	return requestFromMembers(body)
}

// kindOf says what a member of a request is, "" for one that means nothing.
func kindOf(member string) string {
	switch member {
	case "query", "operationName", "id", "documentId":
		return "a string"
	case "variables", "extensions":
		return "an object"
	}
	return ""
}

// requestFromMembers reads a request of a JSON object.
func requestFromMembers(object []byte) (*request, *failure) {
	req := &request{}
	var wrong *failure
	err := members(object, func(name, value []byte) error {
		kind := kindOf(string(name))
		if kind == "" || req.set(string(name), value) || wrong != nil {
			return nil
		}
		wrong = refuse(http.StatusBadRequest, codeBadRequest, "The member %s must be %s.", name, kind)
		return nil
	})
	if err != nil {
		return nil, refuse(http.StatusBadRequest, codeBadRequest, "The request is not a JSON object.")
	}
	if wrong != nil {
		return nil, wrong
	}
	return req.checked()
}

// set takes one member over and reports whether it is of the right kind. Null is nothing.
func (req *request) set(name string, value []byte) bool {
	if string(value) == "null" {
		return true
	}
	switch name {
	case "query":
		return textOf(value, &req.Query)
	case "operationName":
		return textOf(value, &req.OperationName)
	case "id", "documentId":
		return textOf(value, &req.DocumentID)
	case "variables":
		req.Variables = value
		return value[0] == '{'
	}
	return members(value, func(name, value []byte) error {
		switch string(name) {
		case "operationId":
			textOf(value, &req.OperationID)
		case "resume":
			if !textOf(value, &req.Begin.resume) && string(value) != "null" {
				req.Begin.resume = string(value) // which is refused: beginning anew would lose what lies between
			}
		case "fresh":
			req.Begin.fresh = string(value) == "true"
		case "initial":
			req.Begin.noState = string(value) == "false"
		}
		if string(name) != "persistedQuery" || value[0] != '{' {
			return nil
		}
		return members(value, func(name, value []byte) error {
			if string(name) == "sha256Hash" {
				textOf(value, &req.AutomaticHash)
			}
			return nil
		})
	}) == nil
}

// checked refuses a request that names no operation in any way.
func (req *request) checked() (*request, *failure) {
	if req.Query == "" && req.DocumentID == "" && req.AutomaticHash == "" {
		return nil, refuse(http.StatusBadRequest, codeBadRequest, "The request has no query.")
	}
	return req, nil
}

// unmarshal decodes one JSON value and keeps numbers as they were written.
func unmarshal(data []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	if err := d.Decode(into); err != nil {
		return err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("trailing data")
	}
	return nil
}
