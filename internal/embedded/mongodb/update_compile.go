package mongodb

// Updates as they come, made into operators on paths.

import (
	"slices"
	"strings"
	"time"

	"go.mongodb.org/mongo-driver/bson/bsontype"
	"go.mongodb.org/mongo-driver/x/bsonx/bsoncore"
)

// compileUpdate reads the u (or update) argument of a command with its array filters.
func compileUpdate(u value, arrayFilters value) (*update, error) {
	switch u.Type {
	case bsontype.EmbeddedDocument:
	case bsontype.Array:
		return nil, errorf(codeNotImplemented, "update pipelines are not supported by the embedded server")
	default:
		return nil, errorf(codeFailedToParse, "Update argument must be either an object or an array")
	}
	it := iterate(u.Data)
	first, _, ok := it.next()
	if !ok || !isOperator(first) {
		for ; ok; first, _, ok = it.next() {
			if isOperator(first) {
				return nil, errorf(codeDollarPrefixedName, "The dollar ($) prefixed field '%s' in '%s' is not allowed in the context of an update's replacement document. Consider using an aggregation pipeline with $replaceWith.", first, first)
			}
		}
		if len(arrayFilters.Data) > 5 {
			return nil, errorf(codeFailedToParse, "Cannot specify arrayFilters and a replacement-style update")
		}
		return &update{replacement: u.Data}, nil
	}
	up := &update{filters: map[string]*arrayFilter{}}
	if err := up.compileFilters(arrayFilters); err != nil {
		return nil, err
	}
	it = iterate(u.Data)
	for {
		op, args, ok := it.next()
		if !ok {
			break
		}
		if err := up.compileOperator(op, args); err != nil {
			return nil, err
		}
	}
	for id, f := range up.filters {
		if !f.used {
			return nil, errorf(codeFailedToParse, "The array filter for identifier '%s' was not used in the update %s", id, u)
		}
	}
	slices.SortStableFunc(up.ops, func(a, b updateOp) int { return comparePaths(a.path, b.path) })
	for i := 1; i < len(up.ops); i++ {
		if prefix := up.ops[i-1].path; isPrefix(prefix, up.ops[i].path) {
			return nil, errorf(codeConflictingUpdate, "Updating the path '%s' would create a conflict at '%s'", up.ops[i].path, prefix)
		}
	}
	if up.filtered {
		if err := up.checkFiltered(); err != nil {
			return nil, err
		}
	}
	return up, nil
}

// checkFiltered refuses to take the elements of an array by filters and by position at once.
func (up *update) checkFiltered() error {
	byFilter := map[string]bool{} // the places below which elements are taken, and how
	for _, op := range up.ops {
		for i := 1; i < len(op.path); i++ {
			place := op.path[:i].String()
			_, filtered := filterIdentifier(op.path[i])
			if before, seen := byFilter[place]; seen && before != filtered {
				return errorf(codeConflictingUpdate, "Updating the path '%s' would create a conflict at '%s'", op.path, place)
			}
			byFilter[place] = filtered
		}
	}
	return nil
}

func (up *update) compileFilters(list value) error {
	if isMissing(list) {
		return nil
	}
	if list.Type != bsontype.Array {
		return errorf(codeTypeMismatch, "arrayFilters must be an array")
	}
	it := iterate(list.Data)
	for {
		_, item, ok := it.next()
		if !ok {
			return nil
		}
		if item.Type != bsontype.EmbeddedDocument {
			return errorf(codeTypeMismatch, "arrayFilters must hold documents")
		}
		id := ""
		rewritten, err := stripIdentifier(item.Data, &id)
		if err != nil {
			return err
		}
		if id == "" {
			return errorf(codeFailedToParse, "Cannot use an expression without a top-level field name in arrayFilters")
		}
		if _, twice := up.filters[id]; twice {
			return errorf(codeFailedToParse, "Found multiple array filters with the same top-level field name %s", id)
		}
		query, err := compileQuery(rewritten, 0)
		if err != nil {
			return err
		}
		up.filters[id] = &arrayFilter{query: query}
	}
}

// stripIdentifier renames the filter's identifier to "v", the name its elements are tested under.
func stripIdentifier(d document, id *string) (document, error) {
	start, out := bsoncore.AppendDocumentStart(nil)
	it := iterate(d)
	for {
		key, v, ok := it.next()
		if !ok {
			break
		}
		if key == "$and" || key == "$or" || key == "$nor" {
			if v.Type != bsontype.Array {
				return nil, errorf(codeBadValue, "%s argument must be an array", key)
			}
			inner, list := bsoncore.AppendArrayElementStart(nil, key)
			clauses := iterate(v.Data)
			for {
				i, clause, ok := clauses.next()
				if !ok {
					break
				}
				if clause.Type != bsontype.EmbeddedDocument {
					return nil, errorf(codeBadValue, "$or/$and/$nor entries need to be full objects")
				}
				rewritten, err := stripIdentifier(clause.Data, id)
				if err != nil {
					return nil, err
				}
				list = bsoncore.AppendDocumentElement(list, i, rewritten)
			}
			list, _ = bsoncore.AppendArrayEnd(list, inner)
			out = append(out, list...)
			continue
		}
		if isOperator(key) {
			return nil, errorf(codeBadValue, "unknown top level operator: %s", key)
		}
		head, tail, dotted := strings.Cut(key, ".")
		if *id == "" {
			*id = head
		}
		if *id != head {
			return nil, errorf(codeFailedToParse, "Error parsing array filter :: caused by :: Expected a single top-level field name, found '%s' and '%s'", *id, head)
		}
		name := "v"
		if dotted {
			name += "." + tail
		}
		out = bsoncore.AppendValueElement(out, name, v)
	}
	return bsoncore.AppendDocumentEnd(out, start)
}

func (up *update) compileOperator(op string, args value) error {
	build, known := updateOperators[op]
	if !known {
		return errorf(codeFailedToParse, "Unknown modifier: %s. Expected a valid update modifier or pipeline-style update specified as an array", op)
	}
	if args.Type != bsontype.EmbeddedDocument {
		return errorf(codeFailedToParse, "Modifiers operate on fields but we found type %s instead. For example: {$mod: {<field>: ...}} not {%s: %s}", typeName(args.Type), op, args)
	}
	it := iterate(args.Data)
	for {
		name, arg, ok := it.next()
		if !ok {
			return nil
		}
		p, err := up.updatePath(name)
		if err != nil {
			return err
		}
		if op == "$rename" {
			if err := up.compileRename(p, arg); err != nil {
				return err
			}
			continue
		}
		fn, err := build(name, arg)
		if err != nil {
			return err
		}
		create := op != "$unset" && op != "$pull" && op != "$pullAll" && op != "$pop"
		up.ops = append(up.ops, updateOp{path: p, onInsert: op == "$setOnInsert", create: create, fn: fn})
	}
}

func (up *update) compileRename(source path, arg value) error {
	if arg.Type != bsontype.String {
		return errorf(codeBadValue, "The 'to' field for $rename must be a string: %s: %s", source, arg)
	}
	target, err := up.updatePath(arg.StringValue())
	if err != nil {
		return err
	}
	if slices.Equal(source, target) {
		return errorf(codeBadValue, "The source and target field for $rename must differ: %s: %s", source, arg)
	}
	if isPrefix(source, target) || isPrefix(target, source) {
		return errorf(codeBadValue, "The source and target field for $rename must not be on the same path: %s: %s", source, arg)
	}
	if up.filtered {
		return errorf(codeBadValue, "The source and destination fields for $rename may not be dynamic: %s", source)
	}
	up.ops = append(up.ops,
		updateOp{path: source, fn: func(time.Time) change { return remove }},
		updateOp{path: target, create: true, rename: source})
	return nil
}

func (up *update) updatePath(name string) (path, error) {
	if name == "" {
		return nil, errorf(codeEmptyFieldName, "An empty update path is not valid.")
	}
	p := parsePath(name)
	for i, part := range p {
		if part == "" {
			return nil, errorf(codeEmptyFieldName, "The update path '%s' contains an empty field name, which is not allowed.", name)
		}
		if !strings.HasPrefix(part, "$") {
			continue
		}
		id, ok := filterIdentifier(part)
		switch {
		case part == "$":
			return nil, errorf(codeNotImplemented, "the positional operator '$' in '%s' is not supported by the embedded server; use an array filter", name)
		case !ok:
			return nil, errorf(codeDollarPrefixedName, "The dollar ($) prefixed field '%s' in '%s' is not allowed in the context of an update's replacement document. Consider using an aggregation pipeline with $replaceWith.", part, name)
		case i == 0:
			return nil, errorf(codeBadValue, "Cannot have array filter identifier (i.e. '$[<id>]') element in the first position in path '%s'", name)
		case id != "" && up.filters[id] == nil:
			return nil, errorf(codeBadValue, "No array filter found for identifier '%s' in path '%s'", id, name)
		case id != "":
			up.filters[id].used = true
		}
		up.filtered = true
	}
	return p, nil
}

func comparePaths(a, b path) int {
	return slices.CompareFunc(a, b, func(x, y string) int {
		nx, okx := arrayIndex(x)
		ny, oky := arrayIndex(y)
		switch {
		case okx && oky:
			return order(nx, ny)
		case okx:
			return -1
		case oky:
			return 1
		}
		return strings.Compare(x, y)
	})
}

func isPrefix(short, long path) bool {
	return len(short) <= len(long) && slices.Equal(short, long[:len(short)])
}
