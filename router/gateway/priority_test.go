package gateway

import (
	"strings"
	"testing"

	"storefront/router/operation"
)

func TestPriorities(t *testing.T) {
	critical := []string{"Mutation.placeOrder", "Mutation.cart*"}
	partner := func(p Priority) *Identity { return &Identity{Partner: "acme", ID: "acme", Priority: p} }
	ada, guest, nobody := &Identity{ID: "ada"}, &Identity{Also: []string{"gst_1"}}, &Identity{}
	for _, c := range []struct {
		roots string
		price int
		by    *Identity
		want  Priority
	}{
		{"Mutation placeOrder", 11, nobody, PriorityCritical},
		{"Mutation cartCreate placeOrder __typename", 5000, nobody, PriorityCritical},
		{"Mutation placeOrder reviewSubmit", 11, ada, PriorityNormal}, // nothing rides along
		{"Mutation reviewSubmit placeOrder", 11, ada, PriorityNormal},
		{"Query placeOrder", 1, ada, PriorityNormal},
		{"Mutation placeOrder", 11, partner(PriorityLow), PriorityCritical},
		{"Query product", 5000, ada, PriorityNormal},
		{"Query product", 5000, guest, PriorityNormal},
		{"Query product", 999, nobody, PriorityNormal},
		{"Query product", 1000, nobody, PriorityLow},
		{"Query __typename", 0, nobody, PriorityNormal},
		{"Query __schema", 0, ada, PriorityLow},
		{"Query product __type", 1, ada, PriorityLow},
		{"Query product", 1, partner(""), PriorityNormal},
		{"Query product", 1, partner(PriorityLow), PriorityLow},
		{"Query product", 5000, partner(PriorityCritical), PriorityCritical},
	} {
		names := strings.Fields(c.roots)
		op := &operation.Operation{RootType: names[0], Root: &operation.SelectionSet{}}
		for _, name := range names[1:] {
			op.Root.Fields = append(op.Root.Fields, &operation.Field{Name: name})
		}
		j := &job{prepared: &prepared{op: op, importance: importanceOf(op, critical)}, price: c.price}
		if got := j.priorityFor(&caller{id: c.by}, 1000); got != c.want {
			t.Errorf("%s of cost %d by %+v is %s, want %s", c.roots, c.price, c.by, got, c.want)
		}
	}
}
