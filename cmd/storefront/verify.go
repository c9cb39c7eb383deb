package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"go.mongodb.org/mongo-driver/v2/mongo"

	"storefront/internal/errs"
	"storefront/internal/flags"
	"storefront/internal/money"
	"storefront/internal/mongodb"
	"storefront/subgraphs/inventory"
	inventorymongo "storefront/subgraphs/inventory/mongo"
	"storefront/subgraphs/orders"
	ordersmongo "storefront/subgraphs/orders/mongo"
	"storefront/subgraphs/payments"
	"storefront/subgraphs/payments/gateway/testgateway"
	paymentsmongo "storefront/subgraphs/payments/mongo"
)

// VerifyConfig is what `storefront verify` takes.
type VerifyConfig struct {
	MongoFlags `group:"The running shop's when absent"`
	Gateway    string        `flag:"payment-gateway" env:"STOREFRONT_PAYMENT_GATEWAY" default:"test" help:"test, whose ledger is compared too, or stripe"`
	DataDir    string        `flag:"data-dir" env:"STOREFRONT_DATA_DIR" default:".storefront" help:"the running shop's data folder"`
	Wait       time.Duration `flag:"wait" default:"10s" help:"how long what is under way may take to agree"`
	Quiet      bool          `flag:"quiet" help:"print differences only"`
}

const verifyUsage = `storefront verify: adds up what orders, inventory, payments and the test gateway's ledger each say, unit by
unit and penny by penny, and prints both sides and their differences. The shop may go on working meanwhile.`

func runVerify(ctx context.Context, std stdio, args []string) error {
	var cfg VerifyConfig
	if err := flags.Parse("verify", verifyUsage, &cfg, args, std.env, std.out); err != nil {
		return err
	}
	if cfg.MongoDB == "" {
		shop, err := running(cfg.DataDir)
		if err != nil {
			return err
		}
		cfg.MongoDB, cfg.MongoPrefix = shop.MongoDB, shop.MongoPrefix
	}
	client, err := mongodb.Connect(ctx, cfg.MongoDB, "verify", 5*time.Second)
	if err != nil {
		return errs.Wrap(errs.Unavailable, err, "no shop's database answers; start one with 'storefront up'")
	}
	defer client.Disconnect(context.WithoutCancel(ctx))
	books, err := openBooks(ctx, cfg, client)
	if err != nil {
		return err
	}
	var found accounts
	for until := time.Now().Add(cfg.Wait); ; { // what is under way differs for a moment
		if found, err = books.read(ctx); err != nil {
			return err
		}
		if found.differences() == 0 || time.Now().After(until) {
			break
		}
		select {
		case <-time.After(500 * time.Millisecond):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	found.print(std.out, cfg.Quiet)
	if n := found.differences(); n > 0 {
		return fmt.Errorf("%d differences", n)
	}
	return nil
}

// books are the stores that are compared.
type books struct {
	orders    *ordersmongo.Store
	inventory *inventorymongo.Store
	payments  paymentsmongo.Store
	ledger    string // folder of the test gateway's, "" when another gateway is used
}

func openBooks(ctx context.Context, cfg VerifyConfig, client *mongo.Client) (b books, err error) {
	var all [3]error
	b.orders, all[0] = ordersmongo.New(ctx, cfg.database(client, "orders"), time.Now)
	b.inventory, all[1] = inventorymongo.New(ctx, cfg.database(client, "inventory"), time.Now)
	b.payments, all[2] = paymentsmongo.New(ctx, cfg.database(client, "payments"), time.Now)
	if cfg.Gateway == "test" {
		b.ledger = ledgerDir(cfg.DataDir)
	}
	return b, errors.Join(all[:]...)
}

func (b books) read(ctx context.Context) (accounts, error) {
	var a accounts
	var err error
	if a.orders, err = b.orders.Sums(ctx); err != nil {
		return a, err
	}
	if a.inventory, err = b.inventory.Sums(ctx); err != nil {
		return a, err
	}
	if a.payments, err = b.payments.Sums(ctx); err != nil {
		return a, err
	}
	if b.ledger != "" {
		if a.gateway, err = testgateway.ReadLedger(b.ledger); err != nil {
			return a, err
		}
	}
	a.compare()
	return a, nil
}

// accounts is what each side says, and how they compare.
type accounts struct {
	orders    ordersmongo.Sums
	inventory inventorymongo.Sums
	payments  map[string]payments.Sums
	gateway   map[string]testgateway.Sums // nil when it keeps no ledger here
	checks    []check
}

// check is one comparison: the sums of both sides, and how far single entries differ.
type check struct {
	what, left, right string
	sums              [2]string
	difference        string // of the sums
	wrong             int    // entries that differ
	examples          []string
}

func (a accounts) differences() int {
	n := 0
	for _, c := range a.checks {
		n += c.wrong
	}
	return n
}

func (a *accounts) compare() {
	left, right := map[string]int{}, map[string]int{}
	for sku, item := range a.inventory.Items {
		left[sku], right[sku] = item.Received-a.orders.Sold[sku], item.OnHand
	}
	for sku, units := range a.orders.Sold {
		if _, ok := a.inventory.Items[sku]; !ok {
			left[sku] = -units
		}
	}
	a.units("stock", "received - sold by orders", "on hand", left, right)
	left, right = map[string]int{}, map[string]int{}
	for sku, item := range a.inventory.Items {
		left[sku], right[sku] = item.Available+item.Held, item.OnHand
	}
	a.units("stock", "available + held", "on hand", left, right)
	left = map[string]int{}
	for sku, item := range a.inventory.Items {
		left[sku] = item.Held
	}
	a.units("stock", "held in stock", "held by reservations", left, a.inventory.Held)
	a.units("sales", "sold by orders", "committed reservations", a.orders.Sold, a.inventory.Sold)
	a.reservations()
	for _, currency := range a.currencies() {
		o, p, g := a.orders.Money[currency], a.payments[currency], a.gateway[currency]
		a.money("captured", "orders", "payments", currency, o.Captured, p.Captured)
		a.money("refunded", "orders", "payments", currency, o.Refunded, p.Refunded)
		if a.gateway != nil {
			a.money("captured", "payments", "gateway", currency, p.Captured, g.Captured)
			a.money("refunded", "payments", "gateway", currency, p.Refunded, g.Refunded)
		}
	}
}

// reservations compares each order with its reservation.
func (a *accounts) reservations() {
	c := check{what: "orders", left: "orders by status", right: "reservations that fit"}
	fit := 0
	for _, id := range slices.Sorted(maps.Keys(a.orders.Statuses)) {
		status, held := a.orders.Statuses[id], a.inventory.Reservations[id]
		if fits(orders.OrderStatus(status), held) {
			fit++
			continue
		}
		c.wrong++
		c.examples = append(c.examples, fmt.Sprintf("%s is %s, its reservation %s", id, status, held))
	}
	c.sums = [2]string{fmt.Sprint(len(a.orders.Statuses)), fmt.Sprint(fit)}
	c.difference = fmt.Sprint(len(a.orders.Statuses) - fit)
	a.checks = append(a.checks, c)
}

// fits reports whether a reservation is where its order says. An order that is under way may be ahead
// of or behind it.
func fits(status orders.OrderStatus, held inventory.ReservationStatus) bool {
	switch status {
	case orders.StatusDelivered:
		return held == inventory.Committed
	case orders.StatusRejected:
		return held == inventory.Rejected
	case orders.StatusCancelled:
		return held == inventory.Released || held == inventory.Rejected
	}
	return true
}

func (a *accounts) currencies() []string {
	all := map[string]bool{}
	for c := range a.orders.Money {
		all[c] = true
	}
	for c := range a.payments {
		all[c] = true
	}
	for c := range a.gateway {
		all[c] = true
	}
	return slices.Sorted(maps.Keys(all))
}

func (a *accounts) units(what, left, right string, l, r map[string]int) {
	c := check{what: what, left: left, right: right}
	keys := map[string]bool{}
	for k := range l {
		keys[k] = true
	}
	for k := range r {
		keys[k] = true
	}
	var sumLeft, sumRight int
	for _, sku := range slices.Sorted(maps.Keys(keys)) {
		sumLeft, sumRight = sumLeft+l[sku], sumRight+r[sku]
		if l[sku] != r[sku] {
			c.wrong++
			c.examples = append(c.examples, fmt.Sprintf("SKU %s: %d and %d", sku, l[sku], r[sku]))
		}
	}
	c.sums = [2]string{fmt.Sprint(sumLeft), fmt.Sprint(sumRight)}
	c.difference = fmt.Sprint(sumLeft - sumRight)
	a.checks = append(a.checks, c)
}

func (a *accounts) money(what, left, right, currency string, l, r int64) {
	c := check{what: what, left: left, right: right, sums: [2]string{money.New(l, currency).String(), money.New(r, currency).String()},
		difference: money.New(l-r, currency).Decimal()}
	if l != r {
		c.wrong = 1
	}
	a.checks = append(a.checks, c)
}

func (a accounts) print(w io.Writer, quiet bool) {
	if !quiet {
		statuses := map[string]int{}
		for _, s := range a.orders.Statuses {
			statuses[s]++
		}
		var words []string
		for _, s := range slices.Sorted(maps.Keys(statuses)) {
			words = append(words, fmt.Sprintf("%d %s", statuses[s], s))
		}
		fmt.Fprintf(w, "%d SKUs, %d orders (%s), %d not final\n\n", len(a.inventory.Items), len(a.orders.Statuses), strings.Join(words, ", "), a.orders.Open)
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	if !quiet {
		fmt.Fprintln(t, "WHAT\tONE SIDE\t\tOTHER SIDE\t\tDIFFERENCE\tENTRIES THAT DIFFER")
	}
	for _, c := range a.checks {
		if !quiet || c.wrong > 0 {
			fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%d\n", c.what, c.left, c.sums[0], c.right, c.sums[1], c.difference, c.wrong)
		}
	}
	t.Flush()
	for _, c := range a.checks {
		for _, e := range c.examples[:min(5, len(c.examples))] {
			fmt.Fprintf(w, "  %s, %s and %s: %s\n", c.what, c.left, c.right, e)
		}
	}
	if !quiet {
		fmt.Fprintf(w, "\ndifferences: %d\n", a.differences())
	}
}
