// Package traces keeps the last traces in memory: it takes spans by OTLP over HTTP, as a collector does,
// and gives those of one trace back as JSON.
//
// It is for looking at a shop on one machine. It forgets the oldest traces first, and all of them at
// its end. Enter at Start, and Fetch from elsewhere.
package traces

import (
	"cmp"
	"compress/gzip"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	common "go.opentelemetry.io/proto/otlp/common/v1"
	"google.golang.org/protobuf/proto"

	"storefront/internal/embedded"
	"storefront/internal/errs"
)

const (
	maxSpans = 200_000  // kept
	maxBody  = 16 << 20 // bytes of one delivery
	part     = "the trace collector"
)

// Span is one piece of work. Start and End are UTC.
type Span struct {
	ID         string            `json:"id"`
	Parent     string            `json:"parent,omitempty"`
	Service    string            `json:"service"`
	Name       string            `json:"name"`
	Start      time.Time         `json:"start"`
	End        time.Time         `json:"end"`
	Failed     bool              `json:"failed,omitempty"`
	Attributes map[string]string `json:"attributes,omitempty"`
}

// Server is a running collector.
type Server struct {
	http *http.Server
	url  string

	mu     sync.Mutex
	traces map[string][]Span
	order  []string // trace ids, oldest first
	count  int
}

// Start listens on addr, a loopback address.
func Start(ctx context.Context, addr string) (*Server, error) {
	l, err := embedded.Listen(ctx, part, addr)
	if err != nil {
		return nil, err
	}
	s := &Server{url: "http://" + l.Addr().String(), traces: map[string][]Span{}}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1/traces", s.take)
	mux.HandleFunc("GET /traces/{id}", s.give)
	s.http = &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second, WriteTimeout: time.Minute}
	go s.http.Serve(l)
	return s, nil
}

// URL is where spans are sent to, and traces fetched from.
func (s *Server) URL() string { return s.url }

// Close ends it.
func (s *Server) Close() error { return s.http.Close() }

func (s *Server) take(w http.ResponseWriter, r *http.Request) {
	var body io.Reader = http.MaxBytesReader(w, r.Body, maxBody)
	if r.Header.Get("Content-Encoding") == "gzip" {
		unzipped, err := gzip.NewReader(body)
		if err != nil {
			http.Error(w, "the body is not gzip", http.StatusBadRequest)
			return
		}
		body = io.LimitReader(unzipped, maxBody)
	}
	data, err := io.ReadAll(body)
	var request collector.ExportTraceServiceRequest
	if err == nil {
		err = proto.Unmarshal(data, &request)
	}
	if err != nil {
		http.Error(w, "the body is not OTLP in protobuf", http.StatusBadRequest)
		return
	}
	s.keep(&request)
	answer, err := proto.Marshal(&collector.ExportTraceServiceResponse{})
	if err != nil {
		http.Error(w, "no answer", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/x-protobuf")
	w.Write(answer)
}

func (s *Server) keep(request *collector.ExportTraceServiceRequest) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, resource := range request.GetResourceSpans() {
		service := attributes(resource.GetResource().GetAttributes())["service.name"]
		for _, scope := range resource.GetScopeSpans() {
			for _, span := range scope.GetSpans() {
				id := hex.EncodeToString(span.GetTraceId())
				if s.traces[id] == nil {
					s.order = append(s.order, id)
				}
				s.traces[id] = append(s.traces[id], Span{
					ID: hex.EncodeToString(span.GetSpanId()), Parent: hex.EncodeToString(span.GetParentSpanId()),
					Service: service, Name: span.GetName(),
					Start: time.Unix(0, int64(span.GetStartTimeUnixNano())).UTC(), End: time.Unix(0, int64(span.GetEndTimeUnixNano())).UTC(),
					Failed: span.GetStatus().GetCode() == 2, Attributes: attributes(span.GetAttributes()),
				})
				s.count++
			}
		}
	}
	for s.count > maxSpans && len(s.order) > 1 {
		s.count -= len(s.traces[s.order[0]])
		delete(s.traces, s.order[0])
		s.order = s.order[1:]
	}
}

func attributes(list []*common.KeyValue) map[string]string {
	all := map[string]string{}
	for _, kv := range list {
		switch v := kv.GetValue().GetValue().(type) {
		case *common.AnyValue_StringValue:
			all[kv.GetKey()] = v.StringValue
		case *common.AnyValue_IntValue:
			all[kv.GetKey()] = fmt.Sprint(v.IntValue)
		case *common.AnyValue_BoolValue:
			all[kv.GetKey()] = fmt.Sprint(v.BoolValue)
		case *common.AnyValue_DoubleValue:
			all[kv.GetKey()] = fmt.Sprint(v.DoubleValue)
		}
	}
	return all
}

func (s *Server) give(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	spans := slices.Clone(s.traces[r.PathValue("id")])
	s.mu.Unlock()
	if len(spans) == 0 {
		http.Error(w, "this trace is not kept", http.StatusNotFound)
		return
	}
	slices.SortFunc(spans, func(a, b Span) int { return cmp.Or(a.Start.Compare(b.Start), strings.Compare(a.ID, b.ID)) })
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(spans)
}

// Fetch gets a trace's spans, by the time of their start; NotFound when the collector has none.
func Fetch(ctx context.Context, url, traceID string) ([]Span, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url+"/traces/"+traceID, nil)
	if err != nil {
		return nil, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, errs.Wrap(errs.Unavailable, err, "the trace collector does not answer")
	}
	defer response.Body.Close()
	switch response.StatusCode {
	case http.StatusOK:
	case http.StatusNotFound:
		return nil, errs.New(errs.NotFound, "the collector has no trace %s", traceID)
	default:
		return nil, errors.New("the trace collector answered " + response.Status)
	}
	var spans []Span
	if err := json.NewDecoder(response.Body).Decode(&spans); err != nil {
		return nil, fmt.Errorf("read trace: %w", err)
	}
	return spans, nil
}
