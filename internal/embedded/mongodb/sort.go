package mongodb

import (
	"slices"
)

// column is one field of a sort or an index key; sign is 1 or -1.
type column struct {
	path path
	sign int
}

func compileSort(spec document) ([]column, error) {
	var columns []column
	it := iterate(spec)
	for {
		key, v, ok := it.next()
		if !ok {
			return columns, nil
		}
		if isOperator(key) || key == "" {
			return nil, errorf(codeBadValue, "FieldPath field names may not start with '$' or be empty: '%s'", key)
		}
		n, ok := integer(v)
		if !ok || n != 1 && n != -1 {
			return nil, errorf(15975, "$sort key ordering must be 1 (for ascending) or -1 (for descending)")
		}
		columns = append(columns, column{path: parsePath(key), sign: int(n)})
	}
}

// sortKeys returns what each column sorts doc by: of an array its smallest element, or its largest
// when the order is descending.
func sortKeys(doc document, columns []column) []value {
	keys := make([]value, len(columns))
	var buffer [8]value
	for i, c := range columns {
		all := keysAt(doc, c.path, buffer[:0])
		keys[i] = slices.MinFunc(all, func(a, b value) int { return c.sign * compare(a, b) })
	}
	return keys
}

// sortRecords orders records in place; equal ones stay in their natural order.
func sortRecords(records []*record, columns []column) {
	type keyed struct {
		r    *record
		keys []value
	}
	list := make([]keyed, len(records))
	for i, r := range records {
		list[i] = keyed{r, sortKeys(r.doc, columns)}
	}
	slices.SortStableFunc(list, func(a, b keyed) int {
		for i, c := range columns {
			if r := compare(a.keys[i], b.keys[i]); r != 0 {
				return c.sign * r
			}
		}
		return 0
	})
	for i := range list {
		records[i] = list[i].r
	}
}
