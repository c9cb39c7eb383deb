package gql

import (
	"github.com/99designs/gqlgen/graphql"

	"storefront/internal/errs"
	"storefront/internal/money"
)

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
