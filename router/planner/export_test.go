package planner

import (
	"storefront/router/operation"
	"storefront/router/plan"
	"storefront/router/supergraph"
)

// Missed counts the leaves of an operation that no request of its plan reads in time.
func Missed(op *operation.Operation, pl *plan.Plan) int { return stagesOf(op).missed(pl) }

// PlanAtOnce plans a query so that nothing is read later.
func PlanAtOnce(sg *supergraph.Supergraph, op *operation.Operation, out plan.Plan) (*plan.Plan, bool) {
	return planAtOnce(sg, op, out)
}
