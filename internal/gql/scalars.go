package gql

import (
	"encoding/json"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/99designs/gqlgen/graphql"

	"storefront/internal/errs"
	"storefront/internal/money"
)

// The scalars' errors carry a code, so that a client hears what is wrong with its value; present names
// the input field.

// MarshalCurrencyCode writes an ISO 4217 code.
func MarshalCurrencyCode(code string) graphql.Marshaler { return graphql.MarshalString(code) }

// UnmarshalCurrencyCode reads an ISO 4217 code.
func UnmarshalCurrencyCode(v any) (string, error) {
	code, ok := v.(string)
	if !ok || !money.ValidCurrency(code) {
		return "", errs.New(errs.BadInput, "a currency is an ISO 4217 code in capitals, such as EUR")
	}
	return code, nil
}

// MarshalCountryCode writes an ISO 3166-1 alpha-2 code.
func MarshalCountryCode(code string) graphql.Marshaler { return graphql.MarshalString(code) }

// UnmarshalCountryCode reads an ISO 3166-1 alpha-2 code.
func UnmarshalCountryCode(v any) (string, error) {
	code, ok := v.(string)
	if !ok || len(code) != 2 || code[0] < 'A' || code[0] > 'Z' || code[1] < 'A' || code[1] > 'Z' {
		return "", errs.New(errs.BadInput, "a country is an ISO 3166-1 code of two capitals, such as DE")
	}
	return code, nil
}

// MarshalLong writes a 64-bit integer.
func MarshalLong(n int64) graphql.Marshaler { return graphql.MarshalInt64(n) }

// UnmarshalLong reads a 64-bit integer; a number with a fraction or beyond 64 bits is none.
func UnmarshalLong(v any) (int64, error) {
	switch n := v.(type) {
	case int64:
		return n, nil
	case int:
		return int64(n), nil
	case json.Number:
		if i, err := strconv.ParseInt(string(n), 10, 64); err == nil {
			return i, nil
		}
	}
	return 0, errs.New(errs.BadInput, "a Long is a whole number of at most 64 bits, such as 1999")
}

// MarshalDateTime writes a point in time, null for the zero time.
func MarshalDateTime(t time.Time) graphql.Marshaler { return graphql.MarshalTime(t) }

// UnmarshalDateTime reads RFC 3339.
func UnmarshalDateTime(v any) (time.Time, error) {
	if s, ok := v.(string); ok {
		if t, err := time.Parse(time.RFC3339Nano, s); err == nil {
			return t.UTC(), nil
		}
	}
	return time.Time{}, errs.New(errs.BadInput, "a DateTime is written as RFC 3339 says, such as 2026-03-01T12:00:00Z")
}

// MarshalString writes text.
func MarshalString(s string) graphql.Marshaler { return graphql.MarshalString(s) }

// UnmarshalString reads text. Control characters other than tabs and line breaks are in no text that a
// person wrote, and break what shows it.
func UnmarshalString(v any) (string, error) {
	s, err := graphql.UnmarshalString(v)
	if err != nil {
		return "", errs.New(errs.BadInput, "this has to be text")
	}
	if !utf8.ValidString(s) || strings.ContainsFunc(s, func(r rune) bool {
		return r < ' ' && r != '\t' && r != '\n' && r != '\r' || r == 0x7f
	}) {
		return "", errs.New(errs.BadInput, "text must not have control characters")
	}
	return s, nil
}

// MarshalID writes an id.
func MarshalID(s string) graphql.Marshaler { return graphql.MarshalID(s) }

// UnmarshalID reads an id, which has no control characters at all.
func UnmarshalID(v any) (string, error) {
	s, err := graphql.UnmarshalID(v)
	if err != nil || !utf8.ValidString(s) || strings.ContainsFunc(s, unicode.IsControl) {
		return "", errs.New(errs.BadInput, "this is not an id")
	}
	return s, nil
}
