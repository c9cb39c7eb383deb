package gateway

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"sync"
	"time"

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

// liveRun is one subscriber's run through a live field: subscribe, state, changes. Subscribers
// with the same operation, variables and rights do the same work; deliver is the place to share it.
type liveRun struct {
	g      *Gateway
	caller *caller
	job    *job // replaced when the supergraph is
	feed   *feed

	version any // of the last state delivered; nil when unknown
}

// guarded is run with a fault in it turned into a failure, so that it ends no other subscription.
func (l *liveRun) guarded(ctx context.Context) (f *failure) {
	defer func() {
		if fault := recover(); fault != nil {
			f = l.g.fault(ctx, l.caller, fault)
		}
	}()
	return l.run(ctx)
}

// run returns when the subscription is over; a failure is for the client, nil is completion.
func (l *liveRun) run(ctx context.Context) *failure {
	field := l.job.live.field
	_, responseKey, args := l.job.op.RootField()
	filters, root, f := l.filters(args(l.job.vars))
	if f != nil {
		return f
	}
	// The streams are in place before the state is read: a change in between is on them.
	events, streams, f := l.subscribe(ctx, filters)
	if f != nil {
		return f
	}
	defer streams.close()
	l.feed.listens()
	if field.Key != viewerKey {
		if f := l.deliverState(ctx, responseKey, root); f != nil {
			return f
		}
	}
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-l.job.edition.replaced:
			if root, f = l.renew(ctx, field.Topic, filters); f != nil {
				return f
			}
		case e, open := <-events:
			if !open {
				return l.sourceEnded(ctx, streams.err())
			}
			if l.wanted(e) && !l.deliver(ctx, e, root) {
				return nil
			}
		}
	}
}

// filters says which events to ask for. root holds the entity's key where an argument names it.
func (l *liveRun) filters(args map[string]any) (filters []EventFilter, root map[string]any, f *failure) {
	field := l.job.live.field
	if field.Key != viewerKey {
		key, ok := keyText(args[field.Key])
		if !ok {
			return nil, nil, reject(http.StatusBadRequest, problem(string(errs.BadInput), "The argument %s must not be empty.", field.Key))
		}
		return []EventFilter{{Key: key, Types: field.Types}}, map[string]any{field.EntityField: args[field.Key]}, nil
	}
	owners := l.caller.id.owners()
	if len(owners) == 0 {
		return nil, nil, reject(http.StatusUnauthorized, problem(codeUnauthenticated, "Sign in to subscribe to %s.", field.Field))
	}
	for _, owner := range owners {
		filters = append(filters, EventFilter{Attribute: field.Owner, Value: owner, Types: field.Types})
	}
	return filters, nil, nil
}

// streamSet is the streams of one subscriber.
type streamSet []EventStream

func (s streamSet) close() {
	for _, stream := range s {
		stream.Close()
	}
}

// err returns why the first stream that failed did.
func (s streamSet) err() error {
	for _, stream := range s {
		if err := stream.Err(); err != nil {
			return err
		}
	}
	return nil
}

// sourceEnded tells the client that no more events will come, with the reason where it is one for
// clients.
func (l *liveRun) sourceEnded(ctx context.Context, err error) *failure {
	switch {
	case errors.Is(err, live.ErrSlow):
		return l.g.slowFailure()
	case errors.Is(err, live.ErrClosed):
		return drainingFailure()
	case errors.Is(err, live.ErrGap):
		return reject(http.StatusGone, problem(codeGap, "Events were lost before they could be sent; subscribe again for the state as it is."))
	}
	if coded, ok := errors.AsType[*errs.Error](err); ok {
		return l.g.failed(ctx, l.caller, "read events", coded)
	}
	if err != nil {
		l.g.log.WarnContext(ctx, "event stream ended", "topic", l.job.live.field.Topic, "request_id", l.caller.requestID, "error", err)
	}
	return reject(http.StatusServiceUnavailable, problem(codeUnavailable, "The stream of events has ended; subscribe again."))
}

// subscribe opens one stream per filter and joins them; the channel closes when any of them ends or
// ctx does.
func (l *liveRun) subscribe(ctx context.Context, filters []EventFilter) (<-chan Event, streamSet, *failure) {
	var streams streamSet
	for _, filter := range filters {
		s, err := l.g.cfg.Events.Subscribe(ctx, l.job.live.field.Topic, filter)
		if err != nil {
			streams.close()
			return nil, nil, l.g.failed(ctx, l.caller, "subscribe to "+l.job.live.field.Topic, err)
		}
		streams = append(streams, s)
	}
	if len(streams) == 1 {
		return streams[0].Events(), streams, nil
	}
	joinCtx, cancel := context.WithCancel(ctx)
	joined := make(chan Event)
	var wg sync.WaitGroup
	for _, s := range streams {
		wg.Go(func() {
			defer cancel()
			for {
				select {
				case <-joinCtx.Done():
					return
				case e, open := <-s.Events():
					if !open {
						return
					}
					select {
					case joined <- e:
					case <-joinCtx.Done():
						return
					}
				}
			}
		})
	}
	go func() {
		wg.Wait()
		cancel()
		close(joined)
	}()
	return joined, streams, nil
}

// wanted decides, from the event and the schema alone, whether this caller may see an event and has
// not seen its state.
func (l *liveRun) wanted(e Event) bool {
	field := l.job.live.field
	if len(field.Types) > 0 && !slices.Contains(field.Types, e.Type) {
		return false
	}
	if field.Owner != "" && !l.caller.id.mayAll() {
		owner, _ := e.Data[field.Owner].(string)
		if owner == "" || !slices.Contains(l.caller.id.owners(), owner) {
			l.g.observer.EventWithheld(field.Field, "owner")
			return false
		}
	}
	if field.Version != "" && field.Key != viewerKey {
		version := e.Data[field.Version]
		if !newer(version, l.version) {
			l.g.observer.EventWithheld(field.Field, "version")
			return false
		}
		l.version = version
	}
	return true
}

// deliverState resolves the entity as it is and delivers that. An entity that is not there, or not
// the caller's to see, ends the subscription, unless the field's type is nullable: then there is
// nothing yet, and the events say when there is.
func (l *liveRun) deliverState(ctx context.Context, responseKey string, root map[string]any) *failure {
	response := l.resolve(ctx, l.job.live.initial, true, root, "")
	if ctx.Err() != nil {
		return nil
	}
	data, version, present := takeVersion(response.Data, responseKey)
	if !present {
		// A null where the schema wants an entity's field is the router's own error and says nothing here.
		list := slices.DeleteFunc(slices.Clone(response.Errors), func(e *gqlerror.Error) bool {
			return codeOf(e) == execute.CodeWrongAnswer
		})
		if len(list) == 0 && l.nullable() {
			body, _ := l.g.encodeResponse(ctx, l.caller, &execute.Response{Data: response.Data})
			l.feed.offer(&message{body: body})
			return nil
		}
		if len(list) == 0 {
			list = gqlerror.List{problem(codeNotFound, "There is nothing to watch here, or it is not yours to see.")}
		}
		return reject(http.StatusNotFound, list...)
	}
	l.version = version
	response.Data = data
	body, _ := l.g.encodeResponse(ctx, l.caller, response)
	l.feed.offer(&message{body: body})
	return nil
}

// nullable reports whether the schema lets the field be null.
func (l *liveRun) nullable() bool {
	api := l.job.edition.supergraph.API()
	def := api.Subscription.Fields.ForName(l.job.live.field.Field)
	return def != nil && !def.Type.NonNull
}

// deliver resolves one event and queues the result; false ends the run.
func (l *liveRun) deliver(ctx context.Context, e Event, root map[string]any) bool {
	span, traceparent := l.span(e)
	defer span.End()
	response := l.resolve(ctx, l.job.ready, false, l.rootOf(e, root), traceparent)
	if ctx.Err() != nil {
		return false
	}
	if e.Cursor != "" {
		if response.Extensions == nil {
			response.Extensions = map[string]any{}
		}
		response.Extensions["cursor"] = e.Cursor
	}
	body, _ := l.g.encodeResponse(ctx, l.caller, response)
	if !l.feed.offer(&message{body: body, cursor: e.Cursor}) {
		return false
	}
	l.g.observer.EventDelivered(l.job.live.field.Field, time.Since(e.Time))
	return true
}

// span is the way of an event to the client's queue, a part of the trace that the event belongs to.
func (l *liveRun) span(e Event) (span trace.Span, traceparent string) {
	if e.Traceparent == "" {
		return trace.SpanFromContext(context.Background()), ""
	}
	carrier := propagation.MapCarrier{"traceparent": e.Traceparent}
	ctx, span := otel.Tracer("storefront/router").Start(propagation.TraceContext{}.Extract(context.Background(), carrier),
		"deliver "+l.job.live.field.Field, trace.WithSpanKind(trace.SpanKindConsumer), trace.WithAttributes(
			attribute.String("messaging.system", "kafka"),
			attribute.String("messaging.destination.name", l.job.live.field.Topic),
			attribute.String("messaging.message.id", e.ID),
			attribute.String("messaging.kafka.message.key", e.Key)))
	propagation.TraceContext{}.Inject(ctx, carrier)
	return span, carrier["traceparent"]
}

// resolve runs a plan within the timeout, on the entity whose known fields root holds.
func (l *liveRun) resolve(ctx context.Context, p *execute.Prepared, initial bool, root map[string]any, traceparent string) *execute.Response {
	ctx, cancel := context.WithTimeout(ctx, l.g.cfg.Timeout)
	defer cancel()
	return l.job.edition.executor.ExecuteLive(ctx, p, initial, root, l.job.vars, l.g.headersFor(ctx, l.caller, traceparent))
}

// rootOf is what an event knows of the entity: its key and the fields the schema says it provides.
func (l *liveRun) rootOf(e Event, key map[string]any) map[string]any {
	field := l.job.live.field
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
