package planner

import "storefront/router/operation"

// granted is an operation as it is planned: where it has a field that the caller may not see, the object's
// type is asked for instead, under the same key. So the object is still read, and its null told from the
// field's. Objects some of which are refused for their type say what they are.
func granted(op *operation.Operation) *operation.Operation {
	if len(op.Refusals()) == 0 {
		return op
	}
	out := *op
	out.Root = grantedOf(op.Root, nil)
	return &out
}

// grantedOf copies a selection that is delivered with around.
func grantedOf(set *operation.SelectionSet, around []*operation.DeferUsage) *operation.SelectionSet {
	out := &operation.SelectionSet{Type: set.Type, Fields: make([]*operation.Field, 0, len(set.Fields)+1)}
	for _, f := range set.Fields {
		switch {
		case f.Refused:
			f = &operation.Field{Key: f.Key, Name: "__typename", On: f.On, Cond: f.Cond, Defer: f.Defer}
		case f.Sel != nil:
			c := *f
			c.Sel = grantedOf(f.Sel, f.Defer)
			f = &c
		}
		out.Fields = append(out.Fields, f)
	}
	if len(set.Refused) > 0 {
		out.Fields = append(out.Fields, &operation.Field{Key: "__typename", Name: "__typename", Defer: around})
	}
	return out
}
