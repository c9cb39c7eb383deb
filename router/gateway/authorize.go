package gateway

// Who may see what of the schema: @authenticated, @requiresScopes and @policy. An operation is prepared
// once for each set of its requirements that callers lack, with what these may not see left out.

import (
	"cmp"
	"context"
	"net/http"
	"slices"
	"sync"

	"github.com/vektah/gqlparser/v2/ast"

	"storefront/router/execute"
	"storefront/router/operation"
	"storefront/router/supergraph"
)

// Authorization is what becomes of an operation with something that its caller may not see.
type Authorization string

// The ways. In either case nothing of what is refused is asked of a subgraph.
const (
	AuthorizationNull   Authorization = "null"   // it is null, with an error at its path
	AuthorizationReject Authorization = "reject" // the whole operation is refused; the error lists what for
)

// restrictions are an operation prepared for callers that lack rights, by which they lack.
type restrictions struct {
	mu    sync.Mutex
	byKey map[string]*prepared
}

// maxRestrictions is how many such sets an operation is kept prepared for, and maxRefused how many
// refused fields an error lists.
const (
	maxRestrictions = 64
	maxRefused      = 100
)

// permit is an operation as a caller may run it: p itself where nothing is refused. A subscription whose
// field is refused fails, whatever the configuration: there would be nothing to wait for.
func (g *Gateway) permit(ctx context.Context, c *caller, p *prepared) (*prepared, *failure) {
	if c.id.Partner != "" && p.introspects { // whatever is on for others
		return nil, reject(http.StatusForbidden, problem(codeIntrospection, "Partners do not introspect; the schema is published for them."))
	}
	if len(p.op.Access()) == 0 {
		return p, nil
	}
	rights, f := g.granted(ctx, c, p.op.Access())
	if f != nil {
		return nil, f
	}
	granted := p.op.Granted(rights)
	if !slices.Contains(granted, false) {
		return p, nil
	}
	status := http.StatusForbidden
	if !rights.Authenticated {
		status = http.StatusUnauthorized
	}
	if g.cfg.Authorization == AuthorizationReject || p.subscription() {
		op := p.op.Restrict(granted, g.denial(rights, p.op.Access(), granted))
		list := op.Refusals()
		rootRefused := slices.ContainsFunc(list, func(r operation.Refusal) bool { return len(r.Path) == 1 })
		if g.cfg.Authorization == AuthorizationReject || rootRefused {
			return nil, unauthorized(status, op.Denial, list)
		}
	}
	return p.restricted(granted, rights.Authenticated, g.denial(rights, p.op.Access(), granted))
}

// denial is what a caller with these rights is told of what it lacks.
func (g *Gateway) denial(has supergraph.Rights, asked []*supergraph.Access, granted []bool) (told operation.Denial) {
	if g.cfg.Denial == nil {
		return told
	}
	var lacks []*supergraph.Access
	for i, a := range asked {
		if !granted[i] {
			lacks = append(lacks, a)
		}
	}
	told.Code, told.Message = g.cfg.Denial(has.Authenticated, lacks)
	return told
}

// permitAll is an operation as all of several callers, who share it, may run it. Where a new supergraph makes a
// difference between them, each has to subscribe again by its own rights.
func (g *Gateway) permitAll(ctx context.Context, callers []*caller, p *prepared) (permitted *prepared, f *failure) {
	for _, c := range callers {
		own, f := g.permit(ctx, c, p)
		switch {
		case f != nil:
			return nil, f
		case permitted != nil && own != permitted:
			return nil, changed("its callers may not see the same any more")
		}
		permitted = own
	}
	return permitted, nil
}

// unauthorized refuses an operation, and says what for. It tells of the operation alone, not of any data.
func unauthorized(status int, told operation.Denial, list []operation.Refusal) *failure {
	e := problem(cmp.Or(told.Code, execute.CodeUnauthorized), "%s", cmp.Or(told.Message, execute.Unauthorized))
	var refused []string
	for _, r := range list {
		if path := r.String(); !slices.Contains(refused, path) && len(refused) < maxRefused {
			refused = append(refused, path)
		}
	}
	e.Extensions["refused"] = refused
	if len(list) == 1 && !slices.Contains(list[0].Path, "@") {
		for _, key := range list[0].Path {
			e.Path = append(e.Path, ast.PathName(key))
		}
	}
	return reject(status, e)
}

// granted is what a caller has of what an operation asks for.
func (g *Gateway) granted(ctx context.Context, c *caller, asked []*supergraph.Access) (out supergraph.Rights, f *failure) {
	out.Authenticated = c.id.authenticated()
	out.Scopes = c.id.Scopes
	var names []string
	for _, a := range asked {
		names = append(names, slices.Concat(a.Policies...)...)
	}
	slices.Sort(names)
	if names = slices.Compact(names); len(names) == 0 || g.cfg.Policies == nil {
		return out, nil
	}
	hold, err := g.cfg.Policies.Policies(ctx, c.id, c.header, names)
	if err != nil {
		return out, g.failed(ctx, c, "decide policies", err)
	}
	out.Policies = hold
	return out, nil
}

// restricted is p prepared for callers to whom only some of what it asks for is granted. They are told the same,
// so those who have signed in are apart from those who have not.
func (p *prepared) restricted(granted []bool, signedIn bool, told operation.Denial) (*prepared, *failure) {
	key := make([]byte, len(granted), len(granted)+1)
	for i, ok := range granted {
		key[i] = '0'
		if ok {
			key[i] = '1'
		}
	}
	if signedIn {
		key = append(key, '+')
	}
	r := &p.restrictions
	r.mu.Lock()
	defer r.mu.Unlock()
	if kept := r.byKey[string(key)]; kept != nil {
		return kept, nil
	}
	made := &prepared{
		edition: p.edition, query: p.query, operationName: p.operationName, labels: p.labels,
		op: p.op.Restrict(granted, told), variables: p.variables, variantOf: p,
	}
	if f := p.edition.plan(made); f != nil {
		return nil, f
	}
	more := 1
	if r.byKey == nil || len(r.byKey) >= maxRestrictions {
		for _, v := range r.byKey {
			v.deferrals.Lock()
			more -= 1 + len(v.byDefer)
			v.deferrals.Unlock()
		}
		r.byKey = map[string]*prepared{}
	}
	r.byKey[string(key)] = made
	p.edition.cache.grew(p, more)
	return made, nil
}
