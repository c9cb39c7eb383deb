package sku

import (
	"reflect"
	"strings"
	"testing"

	"storefront/internal/errs"
)

func TestCheck(t *testing.T) {
	for _, s := range []string{"A", "TEA-DARJEELING-100", "85123A/ü 2", strings.Repeat("x", Max), strings.Repeat("ü", Max/2)} {
		if err := Check(nil, s); err != nil {
			t.Errorf("%q: %v", s, err)
		}
	}
	field := []string{"lines", "0", "sku"}
	for _, s := range []string{"", " ", " A", "A ", "A  B", "A\tB", "A\u00a0B", "A\x00", "A\u0085", "\xff", strings.Repeat("x", Max+1), strings.Repeat("ü", Max/2+1)} {
		e, ok := Check(field, s).(*errs.Error)
		if !ok || e.Code != errs.BadInput || !reflect.DeepEqual(e.Field, field) {
			t.Errorf("%q: %v, want an error at %v", s, e, field)
		}
	}
}
