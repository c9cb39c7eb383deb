package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
)

// answer is what of an answer the stores can see, one fact a line: documents to the byte, as canonical
// extended JSON; of errors the code and, of a duplicate, the index.
type answer []string

func (a answer) String() string { return strings.Join(a, "\n") }

// ask sends a command and reads the answer to the end of its cursor.
func ask(ctx context.Context, db *mongo.Database, op operation) (answer, error) {
	switch op.name() {
	case "find", "aggregate", "listIndexes":
		return rows(ctx, db, op)
	}
	raw, err := db.RunCommand(ctx, op.command).Raw()
	if failed := serverError(err); raw == nil && failed != nil {
		return answer{failed.text()}, nil
	}
	if raw == nil {
		return nil, fmt.Errorf("%s: %w", op.name(), err)
	}
	return facts(raw), nil
}

func rows(ctx context.Context, db *mongo.Database, op operation) (answer, error) {
	cursor, err := db.RunCommandCursor(ctx, op.command)
	var list []bson.Raw
	if err == nil {
		err = cursor.All(ctx, &list)
	}
	if failed := serverError(err); failed != nil {
		return answer{failed.text()}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", op.name(), err)
	}
	a := make(answer, len(list))
	for i, d := range list {
		if op.name() == "listIndexes" {
			d = definition(d)
		}
		a[i] = text(d)
	}
	if op.anyRow {
		slices.SortFunc(a, func(x, y string) int {
			return strings.Compare(answer{x}.unordered(true)[0], answer{y}.unordered(true)[0])
		})
	}
	return a, nil
}

// definition is what the stores ask of an index, in one order.
func definition(d bson.Raw) bson.Raw {
	var kept bson.D
	for _, k := range []string{"key", "name", "unique", "partialFilterExpression", "expireAfterSeconds"} {
		if v := d.Lookup(k); !v.IsZero() {
			kept = append(kept, e(k, v))
		}
	}
	b, err := bson.Marshal(kept)
	if err != nil {
		return d
	}
	return b
}

// facts are the lines of a raw answer.
func facts(raw bson.Raw) answer {
	if v := raw.Lookup("ok"); number(v) != 1 && !v.Equal(yes) {
		return answer{failure{code: number(raw.Lookup("code")), message: string(raw.Lookup("errmsg").StringValue())}.text()}
	}
	var a answer
	elements, err := raw.Elements()
	if err != nil {
		return answer{"malformed: " + err.Error()}
	}
	for _, x := range elements {
		switch key := x.Key(); key {
		case "ok", "$clusterTime", "operationTime", "note", "createdCollectionAutomatically":
		case "n", "nModified", "numIndexesBefore", "numIndexesAfter", "nIndexesWas":
			a = append(a, fmt.Sprintf("%s %d", key, number(x.Value())))
		case "upserted":
			list, _ := x.Value().Array().Values()
			for _, v := range list {
				a = append(a, fmt.Sprintf("upserted at %d %s", number(v.Document().Lookup("index")), v.Document().Lookup("_id")))
			}
		case "writeErrors":
			list, _ := x.Value().Array().Values()
			for _, v := range list {
				d := v.Document()
				a = append(a, fmt.Sprintf("failed at %d: %s", number(d.Lookup("index")), failure{number(d.Lookup("code")), d.Lookup("errmsg").StringValue()}.text()))
			}
		case "lastErrorObject":
			d := x.Value().Document()
			updated, _ := d.Lookup("updatedExisting").BooleanOK()
			a = append(a, fmt.Sprintf("last n %d updatedExisting %t upserted %s", number(d.Lookup("n")), updated, d.Lookup("upserted")))
		case "value":
			if v := x.Value(); v.Type == bson.TypeEmbeddedDocument {
				a = append(a, "value "+text(v.Document()))
			} else {
				a = append(a, "value "+v.Type.String())
			}
		default:
			a = append(a, key+" "+x.Value().String())
		}
	}
	slices.Sort(a)
	return a
}

// unordered is the answer with the fields of its documents in the order of their names; deep does the
// same in nested ones.
func (a answer) unordered(deep bool) answer {
	b := slices.Clone(a)
	for i, line := range b {
		prefix, doc, found := strings.Cut(line, "{")
		var d bson.D
		if !found || bson.UnmarshalExtJSON([]byte("{"+doc), true, &d) != nil {
			continue
		}
		sortFields(d, deep)
		if sorted, err := bson.Marshal(d); err == nil {
			b[i] = prefix + text(sorted)
		}
	}
	return b
}

func sortFields(v any, deep bool) {
	switch v := v.(type) {
	case bson.D:
		slices.SortStableFunc(v, func(a, b bson.E) int { return strings.Compare(a.Key, b.Key) })
		for i := 0; deep && i < len(v); i++ {
			sortFields(v[i].Value, true)
		}
	case bson.A:
		for i := 0; deep && i < len(v); i++ {
			sortFields(v[i], true)
		}
	}
}

// yes is what FerretDB says for ok: 1 to some commands; drivers take both.
var yes = bson.RawValue{Type: bson.TypeBoolean, Value: []byte{1}}

func number(v bson.RawValue) int64 {
	n, _ := v.AsInt64OK()
	return n
}

func text(d bson.Raw) string {
	b, err := bson.MarshalExtJSON(d, true, false)
	if err != nil {
		return fmt.Sprintf("malformed: %v %x", err, []byte(d))
	}
	return string(b)
}

// failure is an error of the server.
type failure struct {
	code    int64
	message string
}

func (f failure) text() string {
	if f.code != 11000 {
		return fmt.Sprintf("error %d", f.code)
	}
	return fmt.Sprintf("error %d index %s", f.code, indexOf(f.message))
}

// indexOf reads the index's name from the message of a duplicate, as internal/mongodb does: MongoDB and
// Amazon DocumentDB say "... index: NAME dup key: ...", FerretDB "... Index 'NAME'".
func indexOf(message string) string {
	if _, rest, ok := strings.Cut(message, " index: "); ok {
		name, _, _ := strings.Cut(rest, " ")
		return name
	}
	_, rest, _ := strings.Cut(message, " Index '")
	name, _, _ := strings.Cut(rest, "'")
	return name
}

func serverError(err error) *failure {
	if e, ok := errors.AsType[mongo.CommandError](err); ok && !e.HasErrorLabel("NetworkError") {
		return &failure{int64(e.Code), e.Message}
	}
	return nil
}
