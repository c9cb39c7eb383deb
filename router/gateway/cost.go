package gateway

// What operations cost at worst: see operation/cost.go for how that is counted.

import (
	"bytes"
	"net/http"
	"slices"
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
	if !c.asksCost() {
		return r
	}
	out := *r // others may share it
	out.Fresh = execute.Freshness{}
	out.Extensions = map[string]any{"cost": j.told()}
	for name, value := range r.Extensions {
		out.Extensions[name] = value
	}
	return &out
}

func (c *caller) asksCost() bool {
	asked := strings.TrimSpace(c.header.Get(costHeader))
	return asked != "" && asked != "0"
}

// told is what extensions say of a job's cost.
func (j *job) told() map[string]any {
	return map[string]any{"total": j.price, "limit": j.edition.limits.MaxCost, "costliest": j.op.Costliest(j.vars)}
}

// tellCost is the first result of a subscription, which others may share, with the cost of each result in a copy of
// it.
func (j *job) tellCost(body []byte) []byte {
	cost := append([]byte(`"cost":`), marshal(j.told())...)
	at := len(body) - 1 // before the last brace
	var extensions []byte
	_ = members(body, func(name, value []byte) error { // it is our own JSON
		if string(name) == "extensions" {
			extensions = value
		}
		return nil
	})
	switch {
	case extensions == nil:
		cost = append(append([]byte(`,"extensions":{`), cost...), '}')
	case string(extensions) == "{}":
		at = bytes.LastIndex(body, extensions) + 1
	default:
		at = bytes.LastIndex(body, extensions) + 1
		cost = append(cost, ',')
	}
	return slices.Concat(body[:at], cost, body[at:])
}
