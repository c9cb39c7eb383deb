package main

import (
	"fmt"
	"testing"
)

func TestOneQueryJoinsServices(t *testing.T) {
	t.Parallel()
	h := theShop(t)
	goods := h.sell(t, 12, "JOINED-ONE", "JOINED-TWO")
	ada := h.signIn(t, "ada")
	ada.ask(t, `mutation($id: ID!) { reviewSubmit(input: {productId: $id, rating: 4, title: "Fine", text: "As told."}) { review { id } } }`, vars{"id": goods[0].product})
	eventually(t, "the join", func() (string, bool) {
		got := h.guest().ask(t, `query($words: String!) {
  productSearch(query: $words, first: 5, currency: "EUR") {
    totalCount
    nodes {
      title rating { average count } reviews(first: 1) { nodes { title rating author } }
      availability { inStock available } priceRange(currency: "EUR") { min { decimal } }
      variants { sku price(currency: "EUR") { amount } availability { available } shippingEstimate(country: "DE", currency: "EUR") { price { amount currency } earliest latest } }
    }
  }
}`, vars{"words": "JOINED"})
		for _, n := range got.list("productSearch.nodes") {
			if n.text("title") == "Article JOINED-ONE" {
				return got.String(), n.num("rating.average") == 4 && n.text("reviews.nodes.0.title") == "Fine" && n.num("availability.available") == 12 &&
					n.num("variants.0.availability.available") == 12 && n.num("variants.0.shippingEstimate.price.amount") == 490 && n.text("priceRange.min.decimal") == "10.00"
			}
		}
		return got.String(), false
	})
}

// More lines than a subgraph takes entities in one request.
func TestAThousandLines(t *testing.T) {
	t.Parallel()
	h := theShop(t)
	skus, lines := make([]string, 1000), make([]vars, 1000)
	for i := range skus {
		skus[i] = fmt.Sprintf("MANY-%04d", i)
		lines[i] = line(skus[i], 1+i%3)
	}
	const variants = 8 // so that the products alone are more than a hundred, too
	h.sellBy(t, variants, 5, skus...)
	ada, staff := h.signIn(t, "ada"), h.signIn(t, "sam")
	customer := ada.ask(t, `{ me { id } }`, nil).text("me.id")
	got := staff.ask(t, `mutation($lines: [CartLineInput!], $customer: ID) { cartCreate(input: {currency: "EUR", customer: $customer, email: "ada@storefront.example", lines: $lines}) { cart { id } userErrors { message } } }`,
		vars{"lines": lines, "customer": customer})
	cart := got.text("cartCreate.cart.id")
	rate := staff.ask(t, sendTo, vars{"cart": cart}).text("cartAddressSet.cart.shippingRates.0.quote")
	staff.ask(t, sendBy, vars{"cart": cart, "rate": rate})
	order := staff.ask(t, place, vars{"cart": cart, "token": "tok_visa", "key": "many-" + cart}).text("placeOrder.order.id")
	o := ada.ends(t, order, "DELIVERED")
	sum := o.num("shipping.amount")
	for i := range lines {
		sum += (1000 + 100*i) * (1 + i%3)
	}
	if o.num("total.amount") != sum || o.num("payment.captured.amount") != sum {
		t.Errorf("total %d, captured %d; want %d", o.num("total.amount"), o.num("payment.captured.amount"), sum)
	}
	all := ada.ask(t, `query($id: ID!) { order(id: $id) { lines { sku quantity variant { title price(currency: "EUR") { amount } availability { available } product { title rating { count } } } } } }`,
		vars{"id": order}).list("order.lines")
	if len(all) != len(lines) {
		t.Fatalf("%d lines", len(all))
	}
	for i, l := range all {
		if l.text("sku") != skus[i] || l.text("variant.product.title") != "Article "+skus[i-i%variants] || l.num("variant.price.amount") != 1000+100*i ||
			l.num("variant.availability.available") != 5-(1+i%3) || l.num("variant.product.rating.count") != 0 {
			t.Fatalf("line %d: %s", i, l)
		}
	}
}
