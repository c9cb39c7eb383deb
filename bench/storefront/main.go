// Command storefront (bench) measures a running shop as its clients see it:
//
//	go run ./cmd/storefront up &
//	go run ./bench/storefront
//
// It prints p50 and p99 of the catalogue query of README.md, one client at a time, and of the time from
// an order's change being written to that change being on a client's socket, over SSE.
package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"storefront/internal/client"
	"storefront/internal/id"
	"storefront/internal/oidc"
)

func main() {
	dir := flag.String("data-dir", ".storefront", "data folder of the running shop")
	queries := flag.Int("queries", 2000, "how often the catalogue query is sent")
	orders := flag.Int("orders", 50, "how many orders are placed and watched")
	pause := flag.Duration("pause", 200*time.Millisecond, "time between two orders: latency at rest, not under load")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, *dir, *queries, *orders, *pause); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, dir string, queries, orders int, pause time.Duration) error {
	var shop struct{ Router, Issuer string }
	b, err := os.ReadFile(filepath.Join(dir, "addresses.json"))
	if err != nil {
		return fmt.Errorf("no shop runs on %s; start 'storefront up' first: %w", dir, err)
	}
	if err := json.Unmarshal(b, &shop); err != nil {
		return err
	}
	token, err := oidc.SignIn(ctx, shop.Issuer, "storefront-web", "ada", "demo")
	if err != nil {
		return err
	}
	bearer := func(context.Context) (string, error) { return token.AccessToken, nil }
	graph := client.New(shop.Router+"/graphql", 4, bearer)
	if err := catalogue(ctx, graph, queries); err != nil {
		return err
	}
	return live(ctx, shop.Router, token.AccessToken, graph, orders, pause)
}

const catalogueQuery = `query Catalogue {
  productSearch(query: "lamp", first: 5) {
    totalCount
    nodes {
      title
      priceRange { min { decimal currency } }
      rating { average count }
      availability { inStock available }
      variants { sku availability { available } shippingEstimate(country: "DE") { price { decimal } latest } }
    }
  }
}`

func catalogue(ctx context.Context, graph *client.Client, n int) error {
	var took []time.Duration
	for i := range n + n/10 {
		var out struct {
			ProductSearch struct{ TotalCount int }
		}
		began := time.Now()
		if err := graph.Do(ctx, catalogueQuery, nil, false, nil, &out); err != nil {
			return err
		}
		if out.ProductSearch.TotalCount == 0 {
			return fmt.Errorf("the catalogue query found nothing; start the shop with its demo catalogue")
		}
		if i >= n/10 { // the first tenth warms up
			took = append(took, time.Since(began))
		}
	}
	report("catalogue query (products, reviews, inventory, shipping)", took)
	return nil
}

// arrival is one status of one order on the client's socket.
type arrival struct{ order, status string }

func live(ctx context.Context, router, token string, graph *client.Client, n int, pause time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute+time.Duration(n)*pause)
	defer cancel()
	var mu sync.Mutex
	seen := map[arrival]time.Time{}
	delivered := make(chan string, n)
	ready := make(chan error, 1)
	go func() {
		ready <- watch(ctx, router, token, ready, func(a arrival) {
			mu.Lock()
			defer mu.Unlock()
			seen[a] = time.Now()
			if a.status == "DELIVERED" {
				delivered <- a.order
			}
		})
	}()
	if err := <-ready; err != nil {
		return err
	}
	var ids []string
	for range n {
		order, err := place(ctx, graph)
		if err != nil {
			return err
		}
		ids = append(ids, order)
		time.Sleep(pause)
	}
	for range n {
		select {
		case <-delivered:
		case err := <-ready:
			return fmt.Errorf("the subscription ended: %w", err)
		case <-ctx.Done():
			return fmt.Errorf("not all orders were delivered in time")
		}
	}
	var took []time.Duration
	for _, order := range ids {
		var out struct {
			Order struct {
				History []struct {
					Status string
					At     time.Time
				}
			}
		}
		if err := graph.Do(ctx, `query($id: ID!) { order(id: $id) { history { status at } } }`, map[string]any{"id": order}, true, nil, &out); err != nil {
			return err
		}
		mu.Lock()
		for _, h := range out.Order.History {
			at, ok := seen[arrival{order, h.Status}]
			if !ok {
				return fmt.Errorf("order %s was %s, which the subscription did not say", order, h.Status)
			}
			took = append(took, at.Sub(h.At))
		}
		mu.Unlock()
	}
	report("order change written to change on the client's socket", took)
	return nil
}

// watch reads the person's orders over SSE; ready gets nil once the stream is open.
func watch(ctx context.Context, router, token string, ready chan<- error, on func(arrival)) error {
	body, _ := json.Marshal(map[string]string{"query": "subscription { myOrders { id status } }"}) // plain strings
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, router+"/graphql", bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "text/event-stream")
	req.Header.Set("Authorization", "Bearer "+token)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("the subscription was answered with %s", res.Status)
	}
	ready <- nil
	lines := bufio.NewScanner(res.Body)
	for lines.Scan() {
		data, ok := strings.CutPrefix(lines.Text(), "data: ")
		if !ok {
			continue
		}
		var message struct {
			Data struct{ MyOrders struct{ ID, Status string } }
		}
		if err := json.Unmarshal([]byte(data), &message); err != nil {
			return err
		}
		on(arrival{message.Data.MyOrders.ID, message.Data.MyOrders.Status})
	}
	return lines.Err()
}

// place buys one demo product.
func place(ctx context.Context, graph *client.Client) (string, error) {
	type problem struct{ Message string }
	var cart struct {
		CartCreate struct {
			Cart       *struct{ ID string }
			UserErrors []problem
		}
	}
	if err := graph.Do(ctx, `mutation { cartCreate(input: {lines: [{sku: "LUM-GLOW-2-W", quantity: 1}]}) { cart { id } userErrors { message } } }`, nil, false, nil, &cart); err != nil {
		return "", err
	}
	if cart.CartCreate.Cart == nil {
		return "", fmt.Errorf("no cart: %v", cart.CartCreate.UserErrors)
	}
	vars := map[string]any{"cart": cart.CartCreate.Cart.ID, "key": id.New("bench")}
	var addressed struct {
		CartAddressSet struct {
			Cart struct {
				ShippingRates []struct{ Quote string }
			}
		}
	}
	if err := graph.Do(ctx, `mutation($cart: ID!) { cartAddressSet(cartId: $cart, address: {name: "Ada Brandt", line1: "Lindenstr. 1", city: "Berlin", postalCode: "10969", country: "DE"}) { cart { shippingRates { quote } } } }`, vars, false, nil, &addressed); err != nil {
		return "", err
	}
	if len(addressed.CartAddressSet.Cart.ShippingRates) == 0 {
		return "", fmt.Errorf("nothing ships to the bench's address")
	}
	vars["rate"] = addressed.CartAddressSet.Cart.ShippingRates[0].Quote
	var placed struct {
		PlaceOrder struct{ Order *struct{ ID string } }
	}
	if err := graph.Do(ctx, `mutation($cart: ID!, $rate: String!, $key: String!) {
  cartShippingMethodSet(cartId: $cart, rate: $rate) { userErrors { message } }
  placeOrder(input: {cartId: $cart, paymentToken: "tok_visa"}, idempotencyKey: $key) { ... on PlaceOrderSuccess { order { id } } }
}`, vars, false, nil, &placed); err != nil {
		return "", err
	}
	if placed.PlaceOrder.Order == nil {
		return "", fmt.Errorf("the order was not placed")
	}
	return placed.PlaceOrder.Order.ID, nil
}

func report(what string, took []time.Duration) {
	slices.Sort(took)
	at := func(p float64) time.Duration { return took[min(len(took)-1, int(p*float64(len(took))))] }
	fmt.Printf("%-60s %6d  p50 %8s  p99 %8s  max %8s\n", what, len(took),
		at(.5).Round(10*time.Microsecond), at(.99).Round(10*time.Microsecond), took[len(took)-1].Round(10*time.Microsecond))
}
