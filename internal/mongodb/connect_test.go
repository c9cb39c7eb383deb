package mongodb_test

import (
	"context"
	"errors"
	"testing"

	"go.mongodb.org/mongo-driver/v2/mongo"

	"storefront/internal/errs"
	"storefront/internal/mongodb"
)

// A client, and an event, may try again what met a fail-over; what a server refuses for good stays refused.
func TestCodesOfErrors(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		err  error
		want errs.Code
	}{
		"no document":          {mongo.ErrNoDocuments, errs.NotFound},
		"no answer in time":    {context.DeadlineExceeded, errs.Unavailable},
		"not primary any more": {mongo.CommandError{Code: 10107, Name: "NotWritablePrimary"}, errs.Unavailable},
		"stepping down": {mongo.WriteException{WriteConcernError: &mongo.WriteConcernError{Code: 11602}},
			errs.Unavailable},
		"ends in a bulk":  {mongo.BulkWriteException{WriteConcernError: &mongo.WriteConcernError{Code: 91}}, errs.Unavailable},
		"a wrong command": {mongo.CommandError{Code: 9, Name: "FailedToParse"}, errs.Internal},
		"something else":  {errors.New("something else"), errs.Internal},
	} {
		if got := errs.CodeOf(mongodb.Wrap(c.err, "write")); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}
