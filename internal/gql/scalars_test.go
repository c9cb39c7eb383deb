package gql

import (
	"encoding/json"
	"errors"
	"reflect"
	"testing"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"storefront/internal/errs"
)

// TestScalarsRefuse holds that what is no value of a scalar is the client's mistake, not ours.
func TestScalarsRefuse(t *testing.T) {
	for name, read := range map[string]func(any) error{
		"Long":         func(v any) error { _, err := UnmarshalLong(v); return err },
		"DateTime":     func(v any) error { _, err := UnmarshalDateTime(v); return err },
		"String":       func(v any) error { _, err := UnmarshalString(v); return err },
		"ID":           func(v any) error { _, err := UnmarshalID(v); return err },
		"CurrencyCode": func(v any) error { _, err := UnmarshalCurrencyCode(v); return err },
		"CountryCode":  func(v any) error { _, err := UnmarshalCountryCode(v); return err },
	} {
		for _, v := range []any{"a\x00b", "\x1b[31m", "\x7f", []any{}, map[string]any{}} {
			if err := read(v); !errs.Is(err, errs.BadInput) {
				t.Errorf("%s of %q: %v, want BadInput", name, v, err)
			}
		}
	}
	for _, v := range []any{json.Number("9223372036854775808"), json.Number("1.5"), json.Number("1e3"), "12", true, 1.0} {
		if _, err := UnmarshalLong(v); !errs.Is(err, errs.BadInput) {
			t.Errorf("Long of %v: %v, want BadInput", v, err)
		}
	}
	for _, v := range []any{"", "2026-02-30T00:00:00Z", "2026-01-01 10:00:00", json.Number("0")} {
		if _, err := UnmarshalDateTime(v); !errs.Is(err, errs.BadInput) {
			t.Errorf("DateTime of %v: %v, want BadInput", v, err)
		}
	}
	for _, code := range []string{"ZZZ", "XXX", "XTS", "eur", "EURO", ""} {
		if _, err := UnmarshalCurrencyCode(code); !errs.Is(err, errs.BadInput) {
			t.Errorf("CurrencyCode of %q: %v, want BadInput", code, err)
		}
	}
}

func TestScalarsRead(t *testing.T) {
	if n, err := UnmarshalLong(json.Number("-9223372036854775808")); n != -1<<63 || err != nil {
		t.Errorf("Long: %d, %v", n, err)
	}
	if s, err := UnmarshalString("zwei\r\n\tZeilen 😀"); s != "zwei\r\n\tZeilen 😀" || err != nil {
		t.Errorf("String: %q, %v", s, err)
	}
	if at, err := UnmarshalDateTime("2026-03-01T13:00:00.5+01:00"); at.String() != "2026-03-01 12:00:00.5 +0000 UTC" || err != nil {
		t.Errorf("DateTime: %s, %v", at, err)
	}
}

func TestInputFieldIsNamed(t *testing.T) {
	bad := errs.New(errs.BadInput, "wrong")
	at := ast.Path{ast.PathName("cartAddressSet"), ast.PathName("address"), ast.PathName("lines"), ast.PathIndex(2)}
	if got := inputField(gqlerror.WrapPath(at, bad), bad); !reflect.DeepEqual(got, []string{"address", "lines", "2"}) {
		t.Errorf("field %v", got)
	}
	own := errs.Input([]string{"rate"}, "wrong")
	if got := inputField(gqlerror.WrapPath(at, own), own); !reflect.DeepEqual(got, []string{"rate"}) {
		t.Errorf("the service's own field became %v", got)
	}
	if got := inputField(errors.Join(bad), bad); got != nil {
		t.Errorf("field %v of an error that has none", got)
	}
}
