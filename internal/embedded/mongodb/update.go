package mongodb

import (
	"slices"
	"strings"
	"time"

	"go.mongodb.org/mongo-driver/bson/bsontype"
	"go.mongodb.org/mongo-driver/bson/primitive"
	"go.mongodb.org/mongo-driver/x/bsonx/bsoncore"
)

// update is a compiled update: a replacement document, or operators in MongoDB's order of application
// (by path, numbers by size), so that two runs give the same bytes.
type update struct {
	replacement document
	ops         []updateOp
	filters     map[string]*arrayFilter
	filtered    bool // some path selects array elements
}

type updateOp struct {
	path     path
	onInsert bool // $setOnInsert
	create   bool
	fn       func(now time.Time) change
	rename   path // the source of a $rename; path is its target
}

type arrayFilter struct {
	query expr
	used  bool
}

func (f *arrayFilter) pass(v value) bool {
	return f.query.match(bsoncore.BuildDocument(nil, bsoncore.AppendValueElement(nil, "v", v)))
}

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

// apply returns the document after the update and whether it differs. insert is set for an upsert.
func (up *update) apply(doc document, insert bool, now time.Time) (document, bool, error) {
	id := field(doc, "_id")
	if up.replacement != nil {
		next, err := replace(up.replacement, id)
		if err != nil {
			return nil, false, err
		}
		return next, !identical(docValue(next), docValue(doc)), nil
	}
	root := newNode(docValue(doc))
	var touched []string
	changed := false
	for i := range up.ops {
		op := &up.ops[i]
		if op.onInsert && !insert {
			continue
		}
		a := applier{full: op.path, create: op.create, filters: up.filters}
		if op.rename != nil {
			v, err := renamed(doc, op.rename, op.path)
			if err != nil {
				return nil, false, err
			}
			if isMissing(v) {
				continue
			}
			a.fn = assign(v)
		} else {
			a.fn = op.fn(now)
		}
		if up.filtered {
			a.touched = &touched
		}
		did, err := a.at(root, 0, nil)
		if err != nil {
			return nil, false, err
		}
		changed = changed || did
	}
	slices.Sort(touched)
	for i := 1; i < len(touched); i++ {
		if touched[i] == touched[i-1] || strings.HasPrefix(touched[i], touched[i-1]+".") {
			return nil, false, errorf(codeConflictingUpdate, "Update created a conflict at '%s'", touched[i])
		}
	}
	if !changed {
		return doc, false, nil
	}
	next := root.append(nil)
	if newID := field(next, "_id"); !isMissing(id) && !identical(id, newID) && (isMissing(newID) || compare(id, newID) != 0) {
		return nil, false, errorf(codeImmutableField, "Performing an update on the path '_id' would modify the immutable field '_id'")
	}
	if err := checkSize(next); err != nil {
		return nil, false, err
	}
	return next, true, nil
}

// renamed returns the value at a $rename's source; neither end may lie inside an array.
func renamed(doc document, source, target path) (value, error) {
	for _, p := range []path{source, target} {
		v := docValue(doc)
		for _, name := range p[:len(p)-1] {
			v = field(v.Data, name)
			if v.Type == bsontype.Array {
				return missing, errorf(codeBadValue, "The source and target field of $rename cannot be an array element: '%s'", p)
			}
			if v.Type != bsontype.EmbeddedDocument {
				break
			}
		}
	}
	return get(doc, source), nil
}

// get reads a path through documents only.
func get(doc document, p path) value {
	v := docValue(doc)
	for _, name := range p {
		if v.Type != bsontype.EmbeddedDocument {
			return missing
		}
		v = field(v.Data, name)
	}
	return v
}

// replace gives the replacement the _id of what it replaces.
func replace(next document, id value) (document, error) {
	newID := field(next, "_id")
	if isMissing(id) {
		return next, nil
	}
	if !isMissing(newID) && compare(newID, id) != 0 {
		return nil, errorf(codeImmutableField, "After applying the update, the (immutable) field '_id' was found to have been altered to _id: %s", newID)
	}
	out := withID(next, id)
	return out, checkSize(out)
}

// withID returns doc with id as its first field.
func withID(doc document, id value) document {
	out := make([]byte, 0, len(doc)+len(id.Data)+8)
	start, out := bsoncore.AppendDocumentStart(out)
	out = bsoncore.AppendValueElement(out, "_id", id)
	it := iterate(doc)
	for {
		key, v, ok := it.next()
		if !ok {
			break
		}
		if key != "_id" {
			out = bsoncore.AppendValueElement(out, key, v)
		}
	}
	out, _ = bsoncore.AppendDocumentEnd(out, start)
	return out
}

func checkSize(doc document) error {
	if len(doc) > maxDocumentSize {
		return errorf(codeBSONObjectTooLarge, "Resulting document after update is larger than %d", maxDocumentSize)
	}
	return nil
}

func newObjectID() value {
	id := primitive.NewObjectID()
	return value{Type: bsontype.ObjectID, Data: id[:]}
}

// insertable returns doc as it is stored: with an _id, which comes first.
func insertable(doc document) (document, error) {
	it := iterate(doc)
	first, id, _ := it.next()
	if first != "_id" {
		if id = field(doc, "_id"); isMissing(id) {
			id = newObjectID()
		}
		doc = withID(doc, id)
	}
	switch id.Type {
	case bsontype.Array, bsontype.Regex, bsontype.Undefined:
		return nil, errorf(codeInvalidIDField, "The '_id' value cannot be of type %s", typeName(id.Type))
	}
	if len(doc) > maxDocumentSize {
		return nil, errorf(codeBSONObjectTooLarge, "object to insert too large. size in bytes: %d, max size: %d", len(doc), maxDocumentSize)
	}
	return doc, nil
}
