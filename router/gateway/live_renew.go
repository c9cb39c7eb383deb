package gateway

import (
	"context"
	"net/http"
	"reflect"
)

// renew moves a subscription on to the supergraph that has taken the place of its own: the operation is
// prepared again and its variables are coerced again. The streams stay, so nothing is missed; where the
// new supergraph would feed the field from others, or has it no more, the subscription ends.
// It returns what is known of the entity, as filters does.
func (l *liveRun) renew(ctx context.Context, topic string, filters []EventFilter) (root map[string]any, f *failure) {
	old := l.job
	e := l.g.edition.Load()
	p, f := e.prepare(old.query, old.operationName, l.g.labels(ctx, l.caller, e.supergraph.Labels()))
	if f != nil {
		return nil, changed(f.errors[0].Message)
	}
	j, list := p.newJob(old.sent)
	if len(list) > 0 {
		return nil, changed(list[0].Message)
	}
	if p.live == nil || p.live.field.Topic != topic {
		return nil, changed("its events come from elsewhere")
	}
	l.job = j
	_, _, args := p.op.RootField()
	now, root, f := l.filters(args(j.vars))
	if f != nil {
		return nil, f
	}
	if !reflect.DeepEqual(now, filters) {
		return nil, changed("its events are found in another way")
	}
	return root, nil
}

func changed(why string) *failure {
	return reject(http.StatusConflict, problem(codeChanged, "The schema has changed, and this subscription cannot go on as it is: %s. Subscribe again.", why))
}
