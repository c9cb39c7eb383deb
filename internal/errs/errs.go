// Package errs is the handful of error codes every part agrees on.
//
// An error that carries one of these codes is meant for the caller: its message says what is wrong
// and what would be right. An error without a code is internal; its text never reaches a client.
package errs

import (
	"errors"
	"fmt"
)

// Code classifies an error for a client. The zero value is Internal.
type Code string

// The codes, as they appear in a GraphQL error's extensions.code.
const (
	Internal        Code = "INTERNAL"
	BadInput        Code = "BAD_INPUT"       // the request is wrong and will stay wrong
	Unauthenticated Code = "UNAUTHENTICATED" // sign in first
	Forbidden       Code = "FORBIDDEN"       // signed in, but not allowed
	NotFound        Code = "NOT_FOUND"       // no such thing, or not the caller's to see
	Conflict        Code = "CONFLICT"        // the state of things forbids it
	Unavailable     Code = "UNAVAILABLE"     // a part we need is away; try again
	TooMany         Code = "TOO_MANY"        // a limit was met
)

// Error is an error with a code, and for BadInput the path of the input field that is wrong.
type Error struct {
	Code    Code
	Message string
	Field   []string // input path, such as ["lines", "0", "quantity"]
	cause   error
}

func (e *Error) Error() string {
	if e.cause != nil {
		return e.Message + ": " + e.cause.Error()
	}
	return e.Message
}

func (e *Error) Unwrap() error { return e.cause }

// New returns an error with code and a message for the client.
func New(code Code, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

// Input returns a BadInput error that names the field, as a path through the input.
func Input(field []string, format string, args ...any) *Error {
	return &Error{Code: BadInput, Message: fmt.Sprintf(format, args...), Field: field}
}

// Wrap gives cause a code and a message for the client; cause stays out of what the client sees.
func Wrap(code Code, cause error, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...), cause: cause}
}

// CodeOf returns the code of the first Error in err's chain, Internal when there is none.
func CodeOf(err error) Code {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Code
	}
	return Internal
}

// Is reports whether err carries code.
func Is(err error, code Code) bool { return err != nil && CodeOf(err) == code }
