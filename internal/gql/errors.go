package gql

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"storefront/internal/errs"
)

// UserError is what a client mends in its input, and sends again.
type UserError struct {
	Field   []string
	Code    string
	Message string
}

// UserErrors splits err: what the person can mend becomes userErrors, the rest stays an error. It is
// the end of nearly every mutation resolver:
//
//	cart, err := r.Orders.AddLines(ctx, ...)
//	userErrors, err := gql.UserErrors(err)
//	return gen.CartPayload{Cart: cart, UserErrors: userErrors}, err
func UserErrors(err error) ([]UserError, error) {
	none := []UserError{}
	if err == nil {
		return none, nil
	}
	switch errs.CodeOf(err) {
	case errs.BadInput, errs.NotFound, errs.Conflict, errs.TooMany:
	default:
		return none, err
	}
	if many, ok := err.(interface{ Unwrap() []error }); ok { // errors.Join
		for _, one := range many.Unwrap() {
			list, rest := UserErrors(one)
			if rest != nil {
				return []UserError{}, rest
			}
			none = append(none, list...)
		}
		return none, nil
	}
	e, _ := errors.AsType[*errs.Error](err)
	return []UserError{{Field: e.Field, Code: string(e.Code), Message: e.Message}}, nil
}

// present turns an error into a GraphQL error: a coded one keeps its message and code, an internal one
// is logged and says nothing of itself.
func present(log *slog.Logger) graphql.ErrorPresenterFunc {
	return func(ctx context.Context, err error) *gqlerror.Error {
		out := &gqlerror.Error{Path: graphql.GetPath(ctx), Extensions: map[string]any{}}
		if own, ok := errors.AsType[*gqlerror.Error](err); ok && own.Err == nil && errs.CodeOf(err) == errs.Internal {
			return own // gqlgen's own words on the request itself
		}
		code := errs.CodeOf(err)
		out.Extensions["code"] = string(code)
		switch {
		case code == errs.Internal && (errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)):
			out.Message, out.Extensions["code"] = "the request ran out of time; try again", string(errs.Unavailable)
		case code == errs.Internal:
			log.ErrorContext(ctx, "resolver failed", "path", out.Path.String(), "error", err)
			out.Message = "something went wrong on our side"
		default:
			e, _ := errors.AsType[*errs.Error](err)
			out.Message = e.Message
			if field := inputField(err, e); len(field) > 0 {
				out.Extensions["field"] = field
			}
			if code == errs.Unavailable {
				log.WarnContext(ctx, "part unavailable", "path", out.Path.String(), "error", err)
			}
		}
		return out
	}
}

// inputField names the wrong field of the input: as the service says, or where gqlgen met the scalar,
// less the response key it begins with.
func inputField(err error, e *errs.Error) []string {
	at, ok := errors.AsType[*gqlerror.Error](err)
	if len(e.Field) > 0 || e.Code != errs.BadInput || !ok || len(at.Path) < 2 {
		return e.Field
	}
	field := make([]string, len(at.Path)-1)
	for i, part := range at.Path[1:] {
		field[i] = fmt.Sprint(part)
	}
	return field
}
