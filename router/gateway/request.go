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

	"storefront/internal/jsonscan"
)

// request is a GraphQL request as any transport carries it. Numbers in variables are json.Number.
type request struct {
	Query         string
	OperationName string
	Variables     map[string]any
	Extensions    map[string]any
	DocumentID    string // id of a stored operation
}

// readRequest reads the request of a GET's parameters or a POST's JSON body of at most limit bytes.
func readRequest(w http.ResponseWriter, r *http.Request, limit int64) (*request, *failure) {
	if r.Method == http.MethodGet {
		if int64(len(r.URL.RawQuery)) > limit {
			return nil, refuse(http.StatusRequestURITooLong, codeBadRequest, "The query string is longer than %d bytes.", limit)
		}
		return requestFromURL(r.URL.Query())
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
	if encoding := r.Header.Get("Content-Encoding"); encoding != "" && encoding != "identity" {
		return nil, refuse(http.StatusUnsupportedMediaType, codeBadRequest, "Requests must not be compressed.")
	}
	var b bytes.Buffer
	if r.ContentLength > 0 {
		b.Grow(int(min(r.ContentLength, limit, 64<<10)) + bytes.MinRead)
	}
	_, err := b.ReadFrom(http.MaxBytesReader(w, r.Body, limit))
	if tooLarge, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return nil, refuse(http.StatusRequestEntityTooLarge, codeTooLarge, "The request body is larger than %d bytes.", tooLarge.Limit)
	}
	if err != nil {
		return nil, refuse(http.StatusBadRequest, codeBadRequest, "The request body could not be read whole.")
	}
	return requestFromJSON(b.Bytes())
}

func requestFromURL(q url.Values) (*request, *failure) {
	req := &request{
		Query:         q.Get("query"),
		OperationName: q.Get("operationName"),
		DocumentID:    q.Get("documentId"),
	}
	if req.DocumentID == "" {
		req.DocumentID = q.Get("id")
	}
	for _, param := range []struct {
		name string
		into *map[string]any
	}{{"variables", &req.Variables}, {"extensions", &req.Extensions}} {
		if text := q.Get(param.name); text != "" {
			if err := unmarshal([]byte(text), param.into); err != nil {
				return nil, refuse(http.StatusBadRequest, codeBadRequest, "The parameter %s must be a JSON object.", param.name)
			}
		}
	}
	return req.checked()
}

// requestFromJSON reads a request of the JSON object every transport uses.
func requestFromJSON(body []byte) (*request, *failure) {
	if !utf8.Valid(body) {
		return nil, refuse(http.StatusBadRequest, codeBadRequest, "The request is not valid UTF-8.")
	}
	trimmed := bytes.TrimLeft(body, " \t\r\n")
	if len(trimmed) == 0 {
		return nil, refuse(http.StatusBadRequest, codeBadRequest, "The request has no body.")
	}
	if trimmed[0] == '[' {
		return nil, refuse(http.StatusBadRequest, codeBadRequest, "Batches of requests are not accepted; send one request as a JSON object.")
	}
	req := &request{}
	var raw [len(requestMembers)][]byte
	p := jsonscan.Scanner{Data: body}
	err := jsonscan.ErrSyntax
	if p.Peek() == '{' {
		err = p.Members(0, func(name []byte) (err error) {
			for i, m := range requestMembers {
				if string(name) == m.name {
					raw[i], err = p.Raw(1)
					return err
				}
			}
			return p.Pass(1)
		})
	}
	if err == nil {
		err = p.Close()
	}
	if err != nil {
		return nil, refuse(http.StatusBadRequest, codeBadRequest, "The request is not a JSON object.")
	}
	for i, m := range requestMembers {
		if len(raw[i]) == 0 || string(raw[i]) == "null" {
			continue
		}
		v, _ := (&jsonscan.Scanner{Data: raw[i]}).Value(1)
		if !m.take(req, v) {
			return nil, refuse(http.StatusBadRequest, codeBadRequest, "The member %s must be %s.", m.name, m.kind)
		}
	}
	return req.checked()
}

// requestMembers are what a request may hold, in the order in which mistakes are told.
var requestMembers = [...]struct {
	name, kind string
	take       func(req *request, v any) bool
}{
	{"query", "a string", func(req *request, v any) (ok bool) { req.Query, ok = v.(string); return ok }},
	{"operationName", "a string", func(req *request, v any) (ok bool) { req.OperationName, ok = v.(string); return ok }},
	{"variables", "an object", func(req *request, v any) (ok bool) { req.Variables, ok = v.(map[string]any); return ok }},
	{"extensions", "an object", func(req *request, v any) (ok bool) { req.Extensions, ok = v.(map[string]any); return ok }},
	{"id", "a string", func(req *request, v any) (ok bool) { req.DocumentID, ok = v.(string); return ok }},
	{"documentId", "a string", func(req *request, v any) (ok bool) { req.DocumentID, ok = v.(string); return ok }},
}

// checked refuses a request that names no operation in any way.
func (req *request) checked() (*request, *failure) {
	if req.Query == "" && req.DocumentID == "" && req.automaticHash() == "" {
		return nil, refuse(http.StatusBadRequest, codeBadRequest, "The request has no query.")
	}
	return req, nil
}

// automaticHash returns extensions.persistedQuery.sha256Hash, "" when it is absent.
func (req *request) automaticHash() string {
	persisted, _ := req.Extensions["persistedQuery"].(map[string]any)
	hash, _ := persisted["sha256Hash"].(string)
	return hash
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
