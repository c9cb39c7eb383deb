package gateway

// What operations cost at worst: see operation/cost.go for how that is counted.

import (
	"net/http"
	"strings"

	"storefront/router/execute"
	"storefront/router/operation"
)

// costHeader asks for the cost of an operation in extensions.cost of its answer. Any value but "0" does.
const costHeader = "X-Operation-Cost"

// charge finds out what a job costs, and refuses it when that is too much.
func (j *job) charge() *failure {
	cost, list := j.op.Cost(j.vars)
	if len(list) > 0 {
		return reject(http.StatusBadRequest, list...)
	}
	j.price = cost
	limit := j.edition.limits.MaxCost
	if limit <= 0 || cost <= limit {
		return nil
	}
	costliest := j.op.Costliest(j.vars)
	e := problem(operation.CodeCost, "The operation costs up to %d, and %d is allowed; what costs most is %s. Ask for shorter lists, or for less of each item.", cost, limit, costliest)
	e.Extensions["cost"], e.Extensions["limit"], e.Extensions["costliest"] = cost, limit, costliest
	return reject(http.StatusBadRequest, e)
}

// withCost is a response that tells what its operation costs, for who asks.
func (j *job) withCost(c *caller, r *execute.Response) *execute.Response {
	if asked := strings.TrimSpace(c.header.Get(costHeader)); asked == "" || asked == "0" {
		return r
	}
	out := *r // others may share it
	out.Fresh = execute.Freshness{}
	out.Extensions = map[string]any{"cost": map[string]any{"total": j.price, "limit": j.edition.limits.MaxCost, "costliest": j.op.Costliest(j.vars)}}
	for name, value := range r.Extensions {
		out.Extensions[name] = value
	}
	return &out
}
