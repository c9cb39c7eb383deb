package main

import (
	"context"
	"fmt"
	"strings"

	"golang.org/x/sync/errgroup"

	"storefront/internal/client"
	"storefront/internal/demo"
	"storefront/internal/errs"
	"storefront/internal/importer"
	"storefront/web"
)

// seed fills an empty shop with the demo catalogue, through the router, as staff. A shop that has other
// products is left alone; one where seeding broke off is filled up.
func (s *shop) seed(ctx context.Context) error {
	staff := client.New(s.cfg.PublicURL+"/graphql", 8, staffToken(s.cfg.issuer(), cliClient, cliSecret(s.cfg.SecretFlags)))
	var known struct {
		Products struct {
			Nodes []struct {
				Handle string `json:"handle"`
			} `json:"nodes"`
		} `json:"products"`
	}
	err := staff.Do(ctx, `{ products(first: 100) { nodes { handle } } }`, nil, true, nil, &known)
	if errs.Is(err, errs.BadInput) { // another issuer, which does not know our client
		s.log.Warn("no demo catalogue: it is put in by the OIDC client "+cliClient+", which the issuer refuses; --demo=false stops asking", "error", err.Error())
		return nil
	}
	if err != nil {
		return fmt.Errorf("look for products: %w", err)
	}
	catalogue := demo.New(s.edges.blob.URL)
	ours := map[string]bool{}
	for _, p := range catalogue.Products {
		ours[p.Handle] = true
	}
	for _, p := range known.Products.Nodes {
		if !ours[p.Handle] {
			return nil
		}
	}
	if len(known.Products.Nodes) >= len(catalogue.Products) {
		return nil
	}
	return s.fill(ctx, importer.New(staff), catalogue)
}

// fill puts pictures and stock in before the products, so that what is shown can be seen and bought.
func (s *shop) fill(ctx context.Context, to *importer.Importer, c demo.Catalogue) error {
	var stock []importer.Stock
	for _, p := range c.Products {
		for _, v := range p.Variants {
			if v.Stock > 0 {
				stock = append(stock, importer.Stock{SKU: v.SKU, Delta: v.Stock})
			}
		}
	}
	nothing := func(int) {}
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(9)
	g.Go(func() error {
		_, err := to.Stock(gctx, stock, "demo catalogue", importer.StockKey("demo"), nothing)
		return err
	})
	for _, p := range c.Pictures {
		g.Go(func() error { return s.edges.blob.Put(gctx, p.Key, "image/svg+xml", strings.NewReader(p.SVG)) })
	}
	if err := g.Wait(); err != nil {
		return fmt.Errorf("write demo catalogue: %w", err)
	}
	written, err := to.Products(ctx, c.Products, nothing)
	if err != nil {
		return err
	}
	if len(written.Refused) > 0 {
		return fmt.Errorf("write demo catalogue: %s: %s", written.Refused[0].What, written.Refused[0].Reason)
	}
	s.log.Info("demo catalogue is in", "products", len(c.Products), "skus", len(stock))
	return nil
}

// exampleTabs are what the explorer opens with. Those that need a person say how to get a token.
func exampleTabs() []web.Tab {
	person := `{"authorization": "Bearer TOKEN"}`
	return []web.Tab{
		{Query: `# Products from four services at once: what they are, what there is, what people say, what sending costs.
query Search($words: String!) {
  productSearch(query: $words, first: 5) {
    totalCount
    facets { name values { value count } }
    nodes {
      title
      priceRange(currency: "EUR") { min { decimal currency } max { decimal } }
      featuredImage { url alt }
      availability { inStock available }
      rating { average count }
      variants { sku title shippingEstimate(country: "DE", currency: "EUR") { price { decimal currency } latest } }
    }
  }
}
`, Variables: `{"words": "lamp"}`},
		{Query: `# A guest's cart. Keep guestToken: send it as the header x-guest-token with everything that follows.
# The next tab takes the cart's id.
mutation OpenCart {
  cartCreate(input: { currency: "EUR", email: "guest@storefront.example", lines: [{ sku: "KIT-MUG-SKY", quantity: 2 }] }) {
    guestToken
    cart { id total { decimal currency } lines { title quantity total { decimal } } problems { code message } }
    userErrors { field message }
  }
}

`},
		{Query: `# What sending the cart costs. The token goes into the headers below.
mutation OfferShipping($cartId: ID!) {
  cartAddressSet(cartId: $cartId, address: {
    name: "Ada Brandt", line1: "Invalidenstrasse 116", city: "Berlin", postalCode: "10115", country: "DE"
  }) {
    cart { shippingRates { title price { decimal currency } earliest latest quote } }
    userErrors { field message }
  }
}
`, Variables: `{"cartId": "crt_..."}`, Headers: `{"x-guest-token": "TOKEN"}`},
		{Query: `# The quote of a shipping rate goes in here. Cards: tok_visa pays, tok_declined does not, tok_3ds asks first.
mutation ChooseShipping($cartId: ID!, $rate: String!) {
  cartShippingMethodSet(cartId: $cartId, rate: $rate) { cart { total { decimal currency } problems { message } } userErrors { field message } }
}

mutation PlaceOrder($cartId: ID!, $key: String!) {
  placeOrder(input: { cartId: $cartId, paymentToken: "tok_visa" }, idempotencyKey: $key) {
    __typename
    ... on PlaceOrderSuccess { created order { id number status total { decimal currency } } }
    ... on CartNotReady { problems { field code message } }
    ... on IdempotencyConflict { message order { id number } }
  }
}
`, Variables: `{"cartId": "crt_...", "rate": "...", "key": "my-first-order"}`, Headers: `{"x-guest-token": "TOKEN"}`},
		{Query: `# Each step of an order as it happens, up to DELIVERED, with fields of other services.
subscription Watch($orderId: ID!) {
  orderStatus(orderId: $orderId) {
    number
    status
    reason
    version
    shipment { carrier trackingNumber status estimatedAt }
  }
}
`, Variables: `{"orderId": "ord_..."}`, Headers: `{"x-guest-token": "TOKEN"}`},
		{Query: `# My orders and what became of them. For a token: storefront token --user ada
query MyOrders {
  me { name email }
  orders(first: 10) {
    nodes {
      number status placedAt total { decimal currency }
      history { status at reason }
      lines { title quantity variant { sku availability { available } } }
      shipment { trackingNumber events { status location at } }
    }
  }
}
`, Headers: person},
	}
}
