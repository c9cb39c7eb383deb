package execute

import (
	"slices"

	"storefront/router/plan"
)

// repFields prepares fields of a representation: each name once for an object of any type, with all beneath it that
// is meant for that type.
func (c *compiler) repFields(fields []plan.RepField, at *shape) []repField {
	var out []repField
	for i := range fields {
		f := &fields[i]
		if slices.ContainsFunc(fields[:i], func(o plan.RepField) bool { return o.Name == f.Name }) {
			continue
		}
		var same []plan.RepField
		for _, o := range fields[i:] {
			if o.Name == f.Name {
				same = append(same, o)
			}
		}
		types, overlap := typesOf(same)
		if !overlap {
			for i := range same {
				out = append(out, c.repField(same[i:i+1], same[i].On, nil, at))
			}
			continue
		}
		for _, t := range types {
			meant := slices.DeleteFunc(slices.Clone(same), func(o plan.RepField) bool { return o.On != nil && !slices.Contains(o.On, t) })
			out = append(out, c.repField(meant, []string{t}, nil, at))
		}
		if rest := slices.DeleteFunc(same, func(o plan.RepField) bool { return o.On != nil }); len(rest) > 0 {
			out = append(out, c.repField(rest, nil, types, at))
		}
	}
	return out
}

// typesOf lists the types that fields are for, and reports whether two are for one type.
func typesOf(fields []plan.RepField) (types []string, overlap bool) {
	for i, f := range fields {
		overlap = overlap || f.On == nil && len(fields) > 1
		for _, t := range f.On {
			if !slices.Contains(types, t) {
				types = append(types, t)
			} else {
				overlap = overlap || i > 0
			}
		}
	}
	return types, overlap
}

// repField makes one of fields of one name, for objects of the types on, nil for all, but not for others.
func (c *compiler) repField(fields []plan.RepField, on, except []string, at *shape) repField {
	f := fields[0]
	rf := repField{on: c.types.set(on), except: c.types.set(except), name: []byte(quoted(f.Name) + ":"), slot: at.slot(f.Key)}
	var sub []plan.RepField
	for _, o := range fields {
		rf.typename = rf.typename || o.Typename
		sub = append(sub, o.Sub...)
	}
	if len(sub) > 0 {
		rf.sub = c.repFields(sub, at.sub(f.Key))
	}
	return rf
}
