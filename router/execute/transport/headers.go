package transport

// Which headers of a client's request a subgraph gets.

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/net/http/httpguts"
)

// HeaderRule does one thing to the headers of requests to a subgraph; exactly one of Propagate,
// Matching, Insert and Remove is set. Rules work in their order, so that a later one can take back or
// replace what an earlier one did.
type HeaderRule struct {
	Propagate string `yaml:"propagate"` // name of a client's header that goes on
	Matching  string `yaml:"matching"`  // regular expression that a lower-case name matches as a whole; those go on
	Rename    string `yaml:"rename"`    // with Propagate: the name it gets
	Default   string `yaml:"default"`   // with Propagate: its value where the client has none
	Insert    string `yaml:"insert"`    // name of a header that is added, or replaced
	Value     string `yaml:"value"`     // with Insert: its value
	Remove    string `yaml:"remove"`    // name of a header that is taken out again
}

// Headers makes the client's part of the headers of requests to subgraphs.
type Headers struct {
	rules     map[string][]rule
	protected []string
	names     []string // of clients' headers that any rule lets through
	patterns  bool     // there are more, which only a request tells
}

type rule func(client, out http.Header)

// NewHeaders returns the header rules of cfg. Headers named in protected are the embedder's own: no
// rule may touch them, and no pattern matches them.
func NewHeaders(cfg Config, protected ...string) (*Headers, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	h := &Headers{rules: map[string][]rule{}}
	for _, name := range protected {
		h.protected = append(h.protected, http.CanonicalHeaderKey(name))
	}
	for name, s := range cfg.Subgraphs {
		for i, r := range s.Headers {
			compiled, err := r.compile(h.protected)
			if err != nil {
				return nil, fmt.Errorf("subgraph %q: headers[%d]: %w", name, i, err)
			}
			h.rules[name] = append(h.rules[name], compiled)
			if r.Propagate != "" {
				h.names = append(h.names, http.CanonicalHeaderKey(r.Propagate))
			}
			h.patterns = h.patterns || r.Matching != ""
		}
	}
	return h, nil
}

// For returns the headers that a subgraph gets of a client's; never nil, and the caller's to change.
func (h *Headers) For(subgraph string, client http.Header) http.Header {
	out := http.Header{}
	for _, r := range h.rules[subgraph] {
		r(client, out)
	}
	return out
}

// Names are the client's headers that rules let through; known is false when some rule has a pattern for them.
func (h *Headers) Names() (names []string, known bool) {
	return slices.Clone(h.names), !h.patterns
}

// Key is a text that is the same for clients whose headers give every subgraph the same, and differs
// otherwise, also between the rules of two configurations.
func (h *Headers) Key(client http.Header) string {
	var key []byte
	for _, subgraph := range slices.Sorted(maps.Keys(h.rules)) {
		out := h.For(subgraph, client)
		if len(out) == 0 {
			continue
		}
		key = append(strconv.AppendQuote(key, subgraph), ':')
		for _, name := range slices.Sorted(maps.Keys(out)) {
			key = strconv.AppendQuote(key, name)
			for _, value := range out[name] {
				key = strconv.AppendQuote(append(key, '='), value)
			}
		}
		key = append(key, ';')
	}
	return string(key)
}

// never are the headers that no rule may touch: those of one connection (RFC 9110, 7.6.1), those that
// tell of the body, and those the transport writes itself.
func never(name string) bool {
	switch name {
	case "Connection", "Keep-Alive", "Proxy-Connection", "Proxy-Authenticate", "Proxy-Authorization", "Te", "Trailer",
		"Transfer-Encoding", "Upgrade", "Host", "Expect", "Content-Length", "Content-Type", "Content-Encoding", "Accept",
		"Accept-Encoding", "Traceparent", "Tracestate":
		return true
	}
	return strings.HasPrefix(name, "Sec-Websocket-")
}

func (r HeaderRule) compile(protected []string) (rule, error) {
	set := 0
	for _, s := range []string{r.Propagate, r.Matching, r.Insert, r.Remove} {
		if s != "" {
			set++
		}
	}
	switch {
	case set != 1:
		return nil, errors.New("write exactly one of propagate, matching, insert and remove")
	case r.Propagate == "" && (r.Rename != "" || r.Default != ""):
		return nil, errors.New("rename and default belong to propagate")
	case r.Insert == "" && r.Value != "":
		return nil, errors.New("value belongs to insert")
	}
	for _, name := range []string{r.Propagate, r.Rename, r.Insert, r.Remove} {
		canonical := http.CanonicalHeaderKey(name)
		switch {
		case name == "":
		case !httpguts.ValidHeaderFieldName(name):
			return nil, fmt.Errorf("%q is no header's name", name)
		case never(canonical) || slices.Contains(protected, canonical):
			return nil, fmt.Errorf("the header %s is made by the router and cannot be changed", strings.ToLower(name))
		}
	}
	for _, value := range []string{r.Default, r.Value} {
		if !validValue(value) {
			return nil, fmt.Errorf("%q is no header's value", value)
		}
	}
	switch {
	case r.Propagate != "":
		return r.propagate(), nil
	case r.Insert != "":
		name, values := http.CanonicalHeaderKey(r.Insert), []string{r.Value}
		return func(_, out http.Header) { out[name] = values }, nil
	case r.Remove != "":
		name := http.CanonicalHeaderKey(r.Remove)
		return func(_, out http.Header) { delete(out, name) }, nil
	}
	pattern, err := regexp.Compile(`\A(?:` + r.Matching + `)\z`)
	if err != nil {
		return nil, fmt.Errorf("matching: %w", err)
	}
	return func(client, out http.Header) {
		for name, values := range client { // each into its own place
			if canonical := http.CanonicalHeaderKey(name); !never(canonical) && !slices.Contains(protected, canonical) && pattern.MatchString(strings.ToLower(name)) {
				out[canonical] = values
			}
		}
	}, nil
}

func (r HeaderRule) propagate() rule {
	from := http.CanonicalHeaderKey(r.Propagate)
	to := from
	if r.Rename != "" {
		to = http.CanonicalHeaderKey(r.Rename)
	}
	var otherwise []string
	if r.Default != "" {
		otherwise = []string{r.Default}
	}
	return func(client, out http.Header) {
		if values := client[from]; len(values) > 0 {
			out[to] = values
		} else if otherwise != nil {
			out[to] = otherwise
		}
	}
}

// validValue reports whether a value can be on a header line. A client's may hold anything: on a
// WebSocket they come as JSON.
func validValue(v string) bool {
	for i := range len(v) {
		if c := v[i]; c < ' ' && c != '\t' || c == 0x7f {
			return false
		}
	}
	return true
}
