package replay

import (
	"context"
	"fmt"
	"strings"
	"time"

	"storefront/internal/catalogue"
	"storefront/internal/client"
	"storefront/internal/errs"
	"storefront/internal/importer"
)

const (
	linesPerCall      = 250
	linesPerStaffCart = 2000
	paymentToken      = "tok_visa"
)

// shopper is who places one invoice: staff for a customer, or a guest.
type shopper struct {
	*client.Client
	headers map[string]string
}

func (s shopper) do(ctx context.Context, query string, vars map[string]any, out any) error {
	return s.DoPatiently(ctx, patience, query, vars, s.headers, out)
}

func (r *run) shopper(i Invoice) shopper {
	if i.Customer != "" {
		return shopper{r.cfg.Staff, nil}
	}
	return shopper{r.cfg.Guest, map[string]string{"X-Guest-Token": r.cfg.GuestToken(i.Number)}}
}

// place makes an order of an invoice, unless it is one already. Errors end the replay; what is wrong
// with this invoice alone is skipped.
func (r *run) place(ctx context.Context, i Invoice) error {
	if len(i.Lines) == 0 {
		return nil // said by the reader
	}
	known := r.journal.of(i.Number)
	if known.Order != "" {
		r.placed(i, known.Order, false)
		return nil
	}
	s := r.shopper(i)
	if known.Cart != "" { // it was cut off: the order may be there
		order, problem, err := r.order(ctx, s, i, known.Cart)
		if err != nil {
			return err
		}
		if problem == "" {
			return r.note(i, order)
		}
	}
	cart, problem, err := r.open(ctx, s, i)
	if err != nil {
		return err
	}
	if problem == "" {
		if err := r.journal.write(record{Invoice: i.Number, Cart: cart}); err != nil {
			return err
		}
		problem, err = r.ship(ctx, s, i, cart)
	}
	if err != nil {
		return err
	}
	var order string
	if problem == "" {
		order, problem, err = r.order(ctx, s, i, cart)
	}
	if err != nil {
		return err
	}
	if problem != "" {
		r.skip(i, i.Number, "the shop takes no order: %s", problem)
		return nil
	}
	return r.note(i, order)
}

func (r *run) note(i Invoice, order string) error {
	if err := r.journal.write(record{Invoice: i.Number, Order: order}); err != nil {
		return err
	}
	r.placed(i, order, true)
	return nil
}

func (r *run) placed(i Invoice, order string, now bool) {
	r.sold.add(i, order)
	r.tracker.add(order)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.result.Orders++
	if now {
		r.result.PlacedNow++
	}
}

type payload struct {
	Cart *struct {
		ID    string `json:"id"`
		Rates []struct {
			Method string `json:"method"`
			Quote  string `json:"quote"`
		} `json:"shippingRates"`
	} `json:"cart"`
	UserErrors []importer.UserError `json:"userErrors"`
}

// problem says what is wrong with the input, "" when nothing is.
func problem(list []importer.UserError) string {
	words := make([]string, 0, 3)
	for _, e := range list[:min(3, len(list))] {
		words = append(words, e.Message)
	}
	return strings.Join(words, "; ")
}

// open makes a cart with the invoice's lines. Products that were imported a moment ago may not have
// reached orders yet; it waits for them.
func (r *run) open(ctx context.Context, s shopper, i Invoice) (cart, wrong string, err error) {
	most := linesPerCall
	input := map[string]any{"currency": catalogue.RetailCurrency, "email": "guest-" + strings.ToLower(i.Number) + "@customers.example"}
	if i.Customer != "" {
		most = linesPerStaffCart
		input["customer"] = r.cfg.Customer(i.Customer)
		input["email"] = "customer-" + i.Customer + "@customers.example"
	}
	first := i.Lines[:min(most, len(i.Lines))]
	input["lines"] = first
	until := time.Now().Add(patience)
	for {
		var answer struct {
			CartCreate payload `json:"cartCreate"`
		}
		if err := s.do(ctx, `mutation Open($input: CartInput!) { cartCreate(input: $input) { cart { id } userErrors { field message } } }`,
			map[string]any{"input": input}, &answer); err != nil {
			return "", "", fmt.Errorf("open cart: %w", err)
		}
		if wrong = problem(answer.CartCreate.UserErrors); wrong == "" {
			cart = answer.CartCreate.Cart.ID
			break
		}
		if time.Now().After(until) || !strings.Contains(wrong, "there is no SKU") {
			return "", wrong, nil
		}
		select {
		case <-time.After(200 * time.Millisecond):
		case <-ctx.Done():
			return "", "", ctx.Err()
		}
	}
	for rest := i.Lines[len(first):]; len(rest) > 0; {
		batch := rest[:min(linesPerCall, len(rest))]
		rest = rest[len(batch):]
		var answer struct {
			CartLinesAdd payload `json:"cartLinesAdd"`
		}
		// A repeat would add twice, so it is not sent again: the cart is left and a new one begun.
		err := s.Do(ctx, `mutation Add($cart: ID!, $lines: [CartLineInput!]!) { cartLinesAdd(cartId: $cart, lines: $lines) { cart { id } userErrors { field message } } }`,
			map[string]any{"cart": cart, "lines": batch}, false, s.headers, &answer)
		if errs.Is(err, errs.Unavailable) && time.Now().Before(until) {
			return r.open(ctx, s, i)
		}
		if err != nil {
			return "", "", fmt.Errorf("add lines: %w", err)
		}
		if wrong := problem(answer.CartLinesAdd.UserErrors); wrong != "" {
			return "", wrong, nil
		}
	}
	return cart, "", nil
}

// ship sets where the goods go, and the cheapest way there.
func (r *run) ship(ctx context.Context, s shopper, i Invoice, cart string) (wrong string, err error) {
	var set struct {
		CartAddressSet payload `json:"cartAddressSet"`
	}
	if err := s.do(ctx, `mutation Address($cart: ID!, $address: PostalAddressInput!) {
  cartAddressSet(cartId: $cart, address: $address) { cart { id shippingRates { method quote } } userErrors { field message } } }`,
		map[string]any{"cart": cart, "address": addressOf(i)}, &set); err != nil {
		return "", fmt.Errorf("set address: %w", err)
	}
	if wrong := problem(set.CartAddressSet.UserErrors); wrong != "" {
		return wrong, nil
	}
	rates := set.CartAddressSet.Cart.Rates
	if len(rates) == 0 {
		return "nothing ships to " + i.Country, nil
	}
	var chosen struct {
		CartShippingMethodSet payload `json:"cartShippingMethodSet"`
	}
	if err := s.do(ctx, `mutation Method($cart: ID!, $rate: String!) { cartShippingMethodSet(cartId: $cart, rate: $rate) { cart { id } userErrors { field message } } }`,
		map[string]any{"cart": cart, "rate": rates[0].Quote}, &chosen); err != nil {
		return "", fmt.Errorf("set shipping method: %w", err)
	}
	return problem(chosen.CartShippingMethodSet.UserErrors), nil
}

// order places the order. The key is the invoice's, so a repeat gives the same order, and a conflict is
// our own earlier order by another cart.
func (r *run) order(ctx context.Context, s shopper, i Invoice, cart string) (order, wrong string, err error) {
	var answer struct {
		PlaceOrder struct {
			Type  string `json:"__typename"`
			Order *struct {
				ID string `json:"id"`
			} `json:"order"`
			Problems []importer.UserError `json:"problems"`
		} `json:"placeOrder"`
	}
	began := time.Now()
	err = s.do(ctx, `mutation Place($input: PlaceOrderInput!, $key: String!) {
  placeOrder(input: $input, idempotencyKey: $key) {
    __typename
    ... on PlaceOrderSuccess { order { id } }
    ... on IdempotencyConflict { order { id } }
    ... on CartNotReady { problems { field code message } }
  }
}`, map[string]any{"input": map[string]any{"cartId": cart, "paymentToken": paymentToken}, "key": "retail-" + i.Number}, &answer)
	if err != nil {
		return "", "", fmt.Errorf("place order: %w", err)
	}
	if answer.PlaceOrder.Order == nil {
		if wrong = problem(answer.PlaceOrder.Problems); wrong == "" {
			wrong = "the cart is not ready"
		}
		return "", wrong, nil
	}
	r.mu.Lock()
	r.result.latencies = append(r.result.latencies, time.Since(began))
	r.mu.Unlock()
	return answer.PlaceOrder.Order.ID, "", nil
}
