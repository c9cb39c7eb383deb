package graph_test

import (
	"fmt"
	"testing"
)

// TestCartHeavierThanAnyParcel holds that a cart stays readable, and says what is wrong, when its weight
// is more than an Int can hold.
func TestCartHeavierThanAnyParcel(t *testing.T) {
	t.Parallel()
	sh := newShop(t)
	skus, lines := make([]string, 220), make([]any, 220)
	for i := range skus {
		skus[i] = fmt.Sprintf("STONE-%d", i)
		lines[i] = line(skus[i], 100_000)
	}
	sh.sell(1, skus...)
	got := sh.must(ann, `mutation($lines:[CartLineInput!]){cartCreate(input:{lines:$lines}){cart{grams lines{quantity} problems{code field}}}}`, map[string]any{"lines": lines})
	if at(got, "cartCreate", "cart", "grams") != 2e9 || len(at(got, "cartCreate", "cart", "lines").([]any)) != 220 {
		t.Errorf("grams: %v", at(got, "cartCreate", "cart", "grams"))
	}
	if p := at(got, "cartCreate", "cart", "problems", 0); at(p, "code") != "TOO_LARGE" || fmt.Sprint(at(p, "field")) != "[lines]" {
		t.Errorf("problems: %v", at(got, "cartCreate", "cart", "problems"))
	}
}
