package gateway

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"slices"

	"github.com/vektah/gqlparser/v2/gqlerror"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"storefront/internal/errs"
	"storefront/internal/live"
	"storefront/router/execute"
	"storefront/router/supergraph"
)

// viewerKey as the key of a @live field: its events are found by their owner, not by an argument.
const viewerKey = "$viewer"

// liveOperation is what is known of a live subscription before anyone subscribes.
type liveOperation struct {
	field *supergraph.Live
	// initial resolves the state as it is, with the entity's version beside the client's selection
	// under versionAlias. The operation's own plan resolves events.
	initial *execute.Prepared
}

// liveOptions is how a client wants a live subscription to begin.
type liveOptions struct {
	resume  string // a cursor: go on behind it
	fresh   bool   // when the cursor is too old, begin with the state as it is instead of an error
	noState bool   // begin with the next change
}

// eventSource says what feeds a job: which events to ask for, and what of the entity an argument tells.
func (j *job) eventSource(id *Identity) (filters []EventFilter, root map[string]any, f *failure) {
	field := j.live.field
	_, _, args := j.op.RootField()
	if field.Key != viewerKey {
		value := args(j.vars)[field.Key]
		key, ok := keyText(value)
		if !ok {
			return nil, nil, reject(http.StatusBadRequest, problem(string(errs.BadInput), "The argument %s must not be empty.", field.Key))
		}
		return []EventFilter{{Key: key, Types: field.Types}}, map[string]any{field.EntityField: value}, nil
	}
	owners := id.owners()
	if len(owners) == 0 {
		return nil, nil, reject(http.StatusUnauthorized, problem(codeUnauthenticated, "Sign in to subscribe to %s.", field.Field))
	}
	for _, owner := range owners {
		filters = append(filters, EventFilter{Attribute: field.Owner, Value: owner, Types: field.Types})
	}
	return filters, nil, nil
}

// eventRoot is what an event knows of the entity: its key and the fields the schema says it provides.
func eventRoot(field *supergraph.Live, e *Event, key map[string]any) map[string]any {
	root := make(map[string]any, len(key)+len(field.Provides)+1)
	for name, value := range key {
		root[name] = value
	}
	if len(key) == 0 {
		root[field.EntityField] = e.Key
		if value, ok := e.Data[field.EntityField]; ok {
			root[field.EntityField] = value
		}
	}
	for _, name := range field.Provides {
		if value, ok := e.Data[name]; ok {
			root[name] = value
		}
	}
	return root
}

// resolveEvents answers events of a live subscription within the timeout, on what each is known to say.
func (g *Gateway) resolveEvents(ctx context.Context, c *caller, j *job, roots []map[string]any, traceparent string) []*execute.Response {
	ctx, cancel := context.WithTimeout(ctx, g.cfg.Timeout)
	defer cancel()
	return j.edition.executor.ExecuteEvents(ctx, j.ready, roots, j.vars, g.headersFor(ctx, c, j, traceparent))
}

// resolveState reads the entity, whose key root holds, as it is.
func (g *Gateway) resolveState(ctx context.Context, c *caller, j *job, root map[string]any) *execute.Response {
	ctx, cancel := context.WithTimeout(ctx, g.cfg.Timeout)
	defer cancel()
	return j.edition.executor.ExecuteLive(ctx, j.live.initial, true, root, j.vars, g.headersFor(ctx, c, j, ""))
}

// state is an entity as it is, resolved for one who subscribes.
type state struct {
	body    []byte // the response without a cursor
	version any    // nil when unknown
	there   bool   // the entity is there, and the caller may see it
	failure *failure
}

// readState resolves the entity as it is. One that is not there, or not the caller's to see, is a failure,
// unless the field's type is nullable: then there is nothing yet, and the events say when there is.
func (g *Gateway) readState(ctx context.Context, c *caller, j *job, root map[string]any) state {
	_, responseKey, _ := j.op.RootField()
	response := g.resolveState(ctx, c, j, root)
	if ctx.Err() != nil {
		return state{failure: reject(http.StatusServiceUnavailable, problem(codeUnavailable, "The state could not be read in time; subscribe again."))}
	}
	data, version, there := takeVersion(response.Data, responseKey)
	if !there {
		// A null where the schema wants an entity's field is the router's own error and says nothing here.
		list := slices.DeleteFunc(slices.Clone(response.Errors), func(e *gqlerror.Error) bool {
			return codeOf(e) == execute.CodeWrongAnswer
		})
		if len(list) == 0 && j.nullableField() {
			return state{body: g.liveBody(ctx, c, &execute.Response{Data: response.Data}, "")}
		}
		if len(list) == 0 {
			list = gqlerror.List{problem(codeNotFound, "There is nothing to watch here, or it is not yours to see.")}
		}
		return state{failure: reject(http.StatusNotFound, list...)}
	}
	return state{body: g.liveBody(ctx, c, &execute.Response{Data: data, Errors: response.Errors}, ""), version: version, there: true}
}

// nullableField reports whether the schema lets the field be null.
func (j *job) nullableField() bool {
	def := j.edition.supergraph.API().Subscription.Fields.ForName(j.live.field.Field)
	return def != nil && !def.Type.NonNull
}

// eventSpan is the way of an event to the clients' queues, a part of the trace that the event belongs to.
func eventSpan(field *supergraph.Live, e *Event) (span trace.Span, traceparent string) {
	if e.Traceparent == "" {
		return trace.SpanFromContext(context.Background()), ""
	}
	carrier := propagation.MapCarrier{"traceparent": e.Traceparent}
	ctx, span := otel.Tracer("storefront/router").Start(propagation.TraceContext{}.Extract(context.Background(), carrier),
		"deliver "+field.Field, trace.WithSpanKind(trace.SpanKindConsumer), trace.WithAttributes(
			attribute.String("messaging.system", "kafka"),
			attribute.String("messaging.destination.name", field.Topic),
			attribute.String("messaging.message.id", e.ID),
			attribute.String("messaging.kafka.message.key", e.Key)))
	propagation.TraceContext{}.Inject(ctx, carrier)
	return span, carrier["traceparent"]
}

// sourceFailure tells clients why no more events come, with the reason where it is one for them.
func (g *Gateway) sourceFailure(err error, topic string) *failure {
	switch {
	case errors.Is(err, live.ErrClosed):
		return drainingFailure()
	case errors.Is(err, live.ErrGap):
		return reject(http.StatusGone, problem(codeGap, "Events were lost before they could be sent; subscribe again for the state as it is."))
	case errors.Is(err, live.ErrTooOld):
		return reject(http.StatusGone, problem(codeCursorTooOld, "The cursor is too old: what came after it is not at hand any more. Subscribe without it for the state as it is, or with extensions.fresh to get that whenever this happens."))
	case errors.Is(err, live.ErrPositionInvalid), errors.Is(err, errCursor):
		return reject(http.StatusBadRequest, problem(codeBadInput, "The cursor is not one of this subscription; use one that came with its own messages, as it is."))
	}
	if coded, ok := errors.AsType[*errs.Error](err); ok {
		return g.failed(context.Background(), &caller{}, "read events", coded)
	}
	if err != nil {
		g.log.Warn("event stream ended", "topic", topic, "error", err)
	}
	return reject(http.StatusServiceUnavailable, problem(codeUnavailable, "The stream of events has ended; subscribe again."))
}

// liveBody writes a response with a cursor in its extensions, into memory of its own.
func (g *Gateway) liveBody(ctx context.Context, c *caller, r *execute.Response, cursor string) []byte {
	body, _ := g.encodeResponse(ctx, c, r)
	return withCursor(body, cursor)
}

// withCursor is a copy of a response that has no extensions, with a cursor in them; "" for none.
func withCursor(body []byte, cursor string) []byte {
	if cursor == "" {
		return bytes.Clone(body)
	}
	out := make([]byte, 0, len(body)+len(cursor)+32)
	out = append(out, body[:len(body)-1]...)
	out = append(out, `,"extensions":{"cursor":"`...)
	out = append(out, cursor...)
	return append(out, `"}}`...)
}
