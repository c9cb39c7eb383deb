package transport_test

import (
	"bytes"
	"compress/gzip"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"storefront/router/execute"
	"storefront/router/execute/transport"
)

// TestProtocols: each protocol is the one the server sees, and all carry requests alike.
func TestProtocols(t *testing.T) {
	echo := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if r.URL.Path == "/large" {
			w.Write(bytes.Repeat([]byte("x"), 2000))
			return
		}
		if r.URL.Path == "/elsewhere" {
			http.Redirect(w, r, "/graphql", http.StatusPermanentRedirect)
			return
		}
		fmt.Fprintf(w, `{"data":{"proto":%q,"type":%q,"user":%q,"body":%q,"length":%d}}`, r.Proto, r.Header.Get("Content-Type"), r.Header.Get("X-User"), body, r.ContentLength)
	})
	plain := httptest.NewServer(echo)
	defer plain.Close()
	h2c := httptest.NewUnstartedServer(echo)
	h2c.Config.Protocols = new(http.Protocols)
	h2c.Config.Protocols.SetUnencryptedHTTP2(true)
	h2c.Start()
	defer h2c.Close()
	secure := httptest.NewUnstartedServer(echo)
	secure.EnableHTTP2 = true
	secure.StartTLS()
	defer secure.Close()
	roots := &tls.Config{RootCAs: secure.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs, ServerName: "example.com"}
	for _, c := range []struct {
		protocol string
		server   *httptest.Server
		want     string
	}{
		{transport.Auto, plain, "HTTP/1.1"}, {transport.HTTP1, plain, "HTTP/1.1"}, {transport.H2C, h2c, "HTTP/2.0"},
		{transport.Auto, secure, "HTTP/2.0"}, {transport.HTTP1, secure, "HTTP/1.1"},
	} {
		for _, path := range []string{"/graphql", "/large", "/elsewhere"} {
			tr := reach(t, newWorld().options(), func(s *transport.Subgraph) {
				s.Protocol, s.TLS, s.MaxResponseBytes = c.protocol, roots, 1000
			}, c.server.URL+path)
			r := query()
			r.Variables = []byte(`{"n":1}`)
			r.Header = http.Header{"X-User": {"ada"}, "Content-Length": {"5"}, "Content-Type": {"text/plain"}, "Connection": {"close"}, "Te": {"x"}}
			data, err := tr.Do(t.Context(), r)
			want := fmt.Sprintf(`{"data":{"proto":%q,"type":"application/json","user":"ada","body":%q,"length":%d}}`, c.want, `{"query":"{ a }","variables":{"n":1}}`, 37)
			switch {
			case path == "/graphql" && (err != nil || string(data) != want):
				t.Errorf("%s %s: %s, %v", c.protocol, c.want, data, err)
			case path == "/large" && (err == nil || !strings.Contains(err.Error(), "more than 1000 bytes")):
				t.Errorf("%s %s, too large: %.20s, %v", c.protocol, c.want, data, err)
			case path == "/elsewhere" && (err == nil || !strings.Contains(err.Error(), "status 308")):
				t.Errorf("%s %s, redirected: %.20s, %v", c.protocol, c.want, data, err)
			}
		}
	}
	for _, protocol := range []string{transport.Auto, transport.H2C} {
		tr := reach(t, newWorld().options(), func(s *transport.Subgraph) { s.Protocol, s.Retry.Attempts = protocol, 0 }, closedPort(t))
		if _, err := tr.Do(t.Context(), query()); err == nil {
			t.Errorf("%s: nobody listens and no error", protocol)
		}
	}
}

// TestPrefix: a prepared body and one made on the way are the same.
func TestPrefix(t *testing.T) {
	s := answering(t, func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, `{"data":`)
		io.Copy(w, r.Body)
		fmt.Fprint(w, "}")
	})
	tr := reach(t, newWorld().options(), nil, s.URL)
	for _, r := range []*execute.SubgraphRequest{
		{Subgraph: "s", Query: "{ a(b: \"\u00e9\\n\") }"}, {Subgraph: "s", Query: "query Q { a }", OperationName: "Q", Variables: []byte(`{"a":[1]}`)},
	} {
		made, err := tr.Do(t.Context(), r)
		if err != nil {
			t.Fatal(err)
		}
		r.Prefix = execute.Prefix(r.Query, r.OperationName)
		prepared, err := tr.Do(t.Context(), r)
		if err != nil || string(made) != string(prepared) {
			t.Errorf("%s, %s, %v", made, prepared, err)
		}
	}
}

// TestHeaderLines: nothing of a header's value can begin another line.
func TestHeaderLines(t *testing.T) {
	s := answering(t, func(w http.ResponseWriter, r *http.Request) { w.Write([]byte(ok)) })
	tr := reach(t, newWorld().options(), nil, s.URL)
	for _, h := range []http.Header{
		{"X-User": {"ada\r\nX-Role: staff"}}, {"X-User": {"ada\nX-Role: staff"}}, {"X-User": {"a\x00"}}, {"X User": {"a"}}, {"X-User: b\r\nX": {"a"}}, {"": {"a"}},
	} {
		r := query()
		r.Header = h
		if _, err := tr.Do(t.Context(), r); err == nil || !strings.Contains(err.Error(), "cannot be sent") {
			t.Errorf("%q: %v", h, err)
		}
	}
}

func TestCompression(t *testing.T) {
	packed := func(data string) []byte {
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		z.Write([]byte(data))
		z.Close()
		return b.Bytes()
	}
	s := answering(t, func(w http.ResponseWriter, r *http.Request) {
		body := r.Body
		if r.Header.Get("Content-Encoding") == "gzip" {
			z, err := gzip.NewReader(r.Body)
			if err != nil {
				t.Error(err)
				return
			}
			body = z
		}
		text, _ := io.ReadAll(body)
		answer := fmt.Sprintf(`{"data":{"packed":%t,"body":%q}}`, r.Header.Get("Content-Encoding") == "gzip", text)
		switch {
		case r.URL.Path == "/bomb":
			w.Header().Set("Content-Encoding", "gzip")
			w.Write(packed(strings.Repeat("x", 1<<20)))
		case r.URL.Path == "/broken":
			w.Header().Set("Content-Encoding", "gzip")
			w.Write(packed(answer)[:20])
		case r.URL.Path == "/other":
			w.Header().Set("Content-Encoding", "br")
			w.Write([]byte("x"))
		case r.Header.Get("Accept-Encoding") == "gzip":
			w.Header().Set("Content-Encoding", "gzip")
			w.Write(packed(answer))
		default:
			w.Write([]byte(answer))
		}
	})
	long := `{"a":"` + strings.Repeat("y", 500) + `"}`
	for _, c := range []struct {
		path, variables, want, err string
		accept                     bool
	}{
		{path: "/", want: `{"data":{"packed":false,"body":"{\"query\":\"{ a }\"}"}}`},
		{path: "/", accept: true, want: `{"data":{"packed":false,"body":"{\"query\":\"{ a }\"}"}}`},
		{path: "/", variables: long, want: `{"data":{"packed":true,"body":`},
		{path: "/", accept: true, variables: long, want: `{"data":{"packed":true,"body":`},
		{path: "/bomb", accept: true, err: "more than 10000 bytes"},
		{path: "/broken", accept: true, err: "unpack answer"},
		{path: "/other", accept: true, err: "Content-Encoding"},
	} {
		for _, protocol := range []string{transport.Auto, transport.H2C} {
			url := s.URL
			if protocol == transport.H2C {
				server := httptest.NewUnstartedServer(s.Config.Handler)
				server.Config.Protocols = new(http.Protocols)
				server.Config.Protocols.SetUnencryptedHTTP2(true)
				server.Start()
				defer server.Close()
				url = server.URL
			}
			tr := reach(t, newWorld().options(), func(s *transport.Subgraph) {
				s.Protocol, s.AcceptGzip, s.GzipRequest, s.MaxResponseBytes = protocol, c.accept, 500, 10000
			}, url+c.path)
			r := query()
			r.Variables = []byte(c.variables)
			data, err := tr.Do(t.Context(), r)
			if c.err != "" {
				if err == nil || !strings.Contains(err.Error(), c.err) {
					t.Errorf("%s %s: %v, want %s", protocol, c.path, err, c.err)
				}
			} else if err != nil || !strings.HasPrefix(string(data), c.want) || c.variables != "" && !strings.Contains(string(data), "yyyyy") {
				t.Errorf("%s %s: %s, %v", protocol, c.path, data, err)
			}
		}
	}
}
