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
		a[i] = text(d)
	}
	if op.anyRow {
		slices.Sort(a)
	}
	return a, nil
}

// facts are the lines of a raw answer.
func facts(raw bson.Raw) answer {
	if v, err := raw.LookupErr("ok"); err != nil || v.AsFloat64() != 1 {
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
	_, rest, _ := strings.Cut(f.message, " index: ") // as internal/mongodb reads it
	name, _, _ := strings.Cut(rest, " ")
	return fmt.Sprintf("error %d index %s", f.code, name)
}

func serverError(err error) *failure {
	if e, ok := errors.AsType[mongo.CommandError](err); ok && !e.HasErrorLabel("NetworkError") {
		return &failure{int64(e.Code), e.Message}
	}
	return nil
}
