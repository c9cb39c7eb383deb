package main

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"storefront/internal/client"
	"storefront/internal/oidc"
)

const sku = "BENCH-CACHE-1"

// seenLimit is how long a change is waited for.
const seenLimit = 10 * time.Second

// changes measures how soon changes are seen.
func changes(ctx context.Context, o options, s *shop) error {
	token, err := oidc.SignIn(ctx, s.Issuer, "storefront-web", "sam", "demo")
	if err != nil {
		return err
	}
	staff := client.New(s.Router+"/graphql", 4, func(context.Context) (string, error) { return token.AccessToken, nil })
	product, err := create(ctx, staff)
	if err != nil {
		return err
	}
	price := func(n int) error {
		return change(ctx, staff, `mutation($id: ID!, $input: ProductUpdateInput!) { done: productUpdate(id: $id, input: $input) { userErrors { message } } }`,
			map[string]any{"id": product, "input": map[string]any{"variants": variants(n)}})
	}
	stock := func(n int) error {
		return change(ctx, staff, `mutation($a: [StockAdjustInput!]!, $key: String!) { done: stockAdjust(adjustments: $a, reason: "bench", idempotencyKey: $key) { userErrors { message } } }`,
			map[string]any{"a": []any{map[string]any{"sku": sku, "delta": 1}}, "key": fmt.Sprint("bench-cache-", n)})
	}
	query := `query($id: ID!) { product(id: $id) { id variants { sku price { amount } availability { available } } } }`
	type shown struct {
		Product struct {
			Variants []struct {
				Price        struct{ Amount int }
				Availability struct{ Available int }
			}
		}
	}
	read := func() (shown, error) {
		var out shown
		data, err := ask(ctx, s.Router, query, map[string]any{"id": product})
		if err == nil {
			err = json.Unmarshal(data, &out)
		}
		if err == nil && len(out.Product.Variants) != 1 {
			err = fmt.Errorf("the product is shown as %s", data)
		}
		return out, err
	}
	for _, kind := range []struct {
		name   string
		change func(int) error
		shows  func(shown) int
	}{
		{"price change answered to price change shown", price, func(s shown) int { return s.Product.Variants[0].Price.Amount }},
		{"stock change answered to stock change shown", stock, func(s shown) int { return s.Product.Variants[0].Availability.Available }},
	} {
		var took []time.Duration
		back := 0
		first, err := read()
		if err != nil {
			return err
		}
		last := kind.shows(first)
		for n := 1; n <= o.changes; n++ {
			if err := kind.change(n); err != nil {
				return err
			}
			changed, seen := time.Now(), false
			for reads := 0; !seen || reads < 20; reads++ {
				out, err := read()
				if err != nil {
					return err
				}
				switch value := kind.shows(out); {
				case value < last:
					back++
				case value > last:
					last = value
					if !seen {
						took, seen = append(took, time.Since(changed)), true
					}
				}
				if time.Since(changed) > seenLimit {
					return fmt.Errorf("%s: not in %v", kind.name, seenLimit)
				}
			}
		}
		report(kind.name, took)
		fmt.Printf("%60s %d went back\n", "", back)
	}
	return nil
}

// variants is the one variant of the product, at a price that grows with n.
func variants(n int) []any {
	return []any{map[string]any{"sku": sku, "prices": []any{map[string]any{"amount": 1000 + n, "currency": "EUR"}}, "grams": 100}}
}

// create makes the product that is changed.
func create(ctx context.Context, staff *client.Client) (string, error) {
	var out struct {
		ProductCreate struct {
			Product    *struct{ ID string }
			UserErrors []struct{ Message string }
		}
	}
	err := staff.Do(ctx, `mutation($input: ProductInput!) { productCreate(input: $input) { product { id } userErrors { message } } }`,
		map[string]any{"input": map[string]any{"title": "Bench", "status": "ACTIVE", "variants": variants(0)}}, false, nil, &out)
	if err != nil {
		return "", err
	}
	if out.ProductCreate.Product == nil {
		return "", fmt.Errorf("create the bench's product: %v", out.ProductCreate.UserErrors)
	}
	id := out.ProductCreate.Product.ID
	for end := time.Now().Add(seenLimit); ; time.Sleep(50 * time.Millisecond) { // inventory has to hear of it
		err := change(ctx, staff, `mutation($a: [StockAdjustInput!]!) { done: stockAdjust(adjustments: $a, reason: "bench", idempotencyKey: "bench-cache-0") { userErrors { message } } }`,
			map[string]any{"a": []any{map[string]any{"sku": sku, "delta": 10}}})
		if err == nil || time.Now().After(end) {
			return id, err
		}
	}
}

// change sends a mutation whose result is called done.
func change(ctx context.Context, staff *client.Client, mutation string, vars map[string]any) error {
	var out struct {
		Done struct{ UserErrors []struct{ Message string } }
	}
	if err := staff.Do(ctx, mutation, vars, false, nil, &out); err != nil {
		return err
	}
	if len(out.Done.UserErrors) > 0 {
		return fmt.Errorf("change the bench's product: %v", out.Done.UserErrors)
	}
	return nil
}
