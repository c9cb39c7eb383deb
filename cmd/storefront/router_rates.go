package main

// How much whom may ask: the router's own limits, and what was agreed with partners.

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"storefront/internal/errs"
	"storefront/internal/partners"
	"storefront/internal/ratelimit"
	"storefront/router/gateway"
)

// rateSettings are the rates of the configuration file, as ratelimit.ParseRate reads them.
type rateSettings struct {
	Address     string     `yaml:"address"`
	AddressCost string     `yaml:"address_cost"` // of who has not signed in
	Identity    rateLimits `yaml:"identity"`
	Partner     rateLimits `yaml:"partner"`
	Routers     int        `yaml:"routers"`
}

type rateLimits struct {
	Requests string `yaml:"requests"`
	Cost     string `yaml:"cost"`
}

// defaultRates let a busy screen with all its pictures through, and stop a program that runs away.
func defaultRates() rateSettings {
	return rateSettings{Address: "12000/m", AddressCost: "12000000/m", Identity: rateLimits{"6000/m", "1200000/m"}, Partner: rateLimits{"6000/m", "600000/m"}, Routers: 1}
}

// readRates reads the rates of a configuration file, the defaults when path is "".
func readRates(path string) (rateRules, error) {
	s := defaultRates()
	file, check, err := openRouterFile(path)
	if err != nil {
		return rateRules{}, err
	}
	if err := settings(file.Rates, &s); err != nil {
		return rateRules{}, yamlMistake(path, err)
	}
	rules, wrong := s.rules()
	var all []string
	for _, w := range wrong {
		all = append(all, fmt.Sprintf("%s:%d: %s: %s", path, check.lines[w.setting], w.setting, w.what))
	}
	if len(all) > 0 {
		return rules, errs.New(errs.BadInput, "%s", strings.Join(all, "\n"))
	}
	return rules, nil
}

// rateRules are rateSettings understood.
type rateRules struct {
	address, addressCost          ratelimit.Rate
	requests, cost                ratelimit.Rate // of an identity
	partnerRequests, partnerCosts ratelimit.Rate
	routers                       int
}

// rules says which setting is wrong, by its path.
func (s rateSettings) rules() (r rateRules, wrong []wrongSetting) {
	r.routers = s.Routers
	for _, c := range []struct {
		setting, text string
		rate          *ratelimit.Rate
	}{
		{"address", s.Address, &r.address}, {"address_cost", s.AddressCost, &r.addressCost},
		{"identity.requests", s.Identity.Requests, &r.requests}, {"identity.cost", s.Identity.Cost, &r.cost},
		{"partner.requests", s.Partner.Requests, &r.partnerRequests}, {"partner.cost", s.Partner.Cost, &r.partnerCosts},
	} {
		rate, err := ratelimit.ParseRate(c.text)
		if err != nil {
			wrong = append(wrong, wrongSetting{"rates." + c.setting, err.Error()})
		}
		*c.rate = rate
	}
	if s.Routers < 1 {
		wrong = append(wrong, wrongSetting{"rates.routers", fmt.Sprintf("%d is less than 1", s.Routers)})
	}
	return r, wrong
}

// wrongSetting is a mistake at a place of the configuration file.
type wrongSetting struct{ setting, what string }

// rates is the gateway's Limiter.
type rates struct {
	rateRules
	limiter  *ratelimit.Limiter
	partners *partners.Store // nil: nothing is agreed with anybody
}

// Arrive counts a request against its address. One of this machine's own is that of a developer, or of a
// proxy that nobody has named as trusted, and stands for any number of clients: it is not limited.
func (r rates) Arrive(ctx context.Context, from netip.Addr) gateway.Quota {
	if !from.IsValid() || from.IsLoopback() || r.address.None() {
		return gateway.Quota{}
	}
	return r.take(ctx, "address "+gateway.Network(from), []ratelimit.Charge{{Name: "address", Rate: r.address, Units: 1}})
}

// Ask counts an operation against what its caller may ask: a partner by what was agreed, anyone else who
// signed in or holds a guest token by the router's own limits, and not on the machine itself. What guests and those
// without a token ask counts against their address too: a new token is made as fast as a request.
func (r rates) Ask(ctx context.Context, a gateway.Asked) gateway.Quota {
	var before gateway.Quota
	if !a.Arrived {
		if before = r.Arrive(ctx, a.From); before.Refused != "" {
			return before
		}
	}
	if a.By.Partner == "" && a.By.ID == "" && a.From.IsValid() && !a.From.IsLoopback() && !r.addressCost.None() && a.Cost > 0 {
		q := r.take(ctx, "address "+gateway.Network(a.From), []ratelimit.Charge{{Name: "address-cost", Rate: r.addressCost, Units: a.Cost}})
		q.Limits = append(before.Limits, q.Limits...)
		if before = q; before.Refused != "" {
			return before
		}
	}
	subject, charges := "", []ratelimit.Charge(nil)
	add := func(name string, rate ratelimit.Rate, units int) {
		if !rate.None() && units > 0 {
			charges = append(charges, ratelimit.Charge{Name: name, Rate: rate, Units: units})
		}
	}
	switch {
	case a.By.Partner != "":
		subject = "partner " + a.By.Partner
		agreed := r.agreed(ctx, a.By.Partner)
		add("partner", or(agreed.Limits.Requests, r.partnerRequests), 1)
		add("partner-cost", or(agreed.Limits.Cost, r.partnerCosts), a.Cost)
		if own := agreed.OperationLimits(a.Stored); a.Stored != "" && own != (partners.Limits{}) {
			// The id is part of the key and not of what a client reads.
			add("operation "+a.Stored, or(own.Requests, ratelimit.Rate{}), 1)
			add("operation-cost "+a.Stored, or(own.Cost, ratelimit.Rate{}), a.Cost)
		}
	case a.From.IsLoopback():
		return before
	case a.By.ID != "":
		subject = "identity " + a.By.ID
	case len(a.By.Also) > 0:
		subject = "identity " + a.By.Also[0]
	default:
		return before
	}
	if a.By.Partner == "" {
		add("identity", r.requests, 1)
		add("identity-cost", r.cost, a.Cost)
	}
	q := r.take(ctx, subject, charges)
	q.Limits = append(before.Limits, q.Limits...)
	return q
}

// agreed is what was agreed with a partner; nothing while the database is away, which leaves the defaults.
func (r rates) agreed(ctx context.Context, name string) partners.Partner {
	if r.partners == nil {
		return partners.Partner{}
	}
	p, err := r.partners.Find(ctx, name)
	if err != nil {
		return partners.Partner{}
	}
	return p
}

// or is a rate of a partner's record, else another one. The record was checked when it was written.
func or(text string, otherwise ratelimit.Rate) ratelimit.Rate {
	if text == "" {
		return otherwise
	}
	rate, err := ratelimit.ParseRate(text)
	if err != nil {
		return otherwise
	}
	return rate
}

// take asks the limiter and says what it says in the gateway's words.
func (r rates) take(ctx context.Context, subject string, charges []ratelimit.Charge) gateway.Quota {
	d := r.limiter.Take(ctx, subject, charges)
	var q gateway.Quota
	for i, c := range charges {
		name, _, _ := strings.Cut(c.Name, " ")
		unit := ""
		if strings.HasSuffix(name, "-cost") {
			unit = "cost"
		}
		q.Limits = append(q.Limits, gateway.Limit{Name: name, Unit: unit, Quota: c.Rate.Quota, Window: c.Rate.Window,
			Remaining: d.States[i].Remaining, Reset: d.States[i].Reset})
	}
	if d.Allowed {
		return q
	}
	c := charges[d.Refused]
	what := "requests"
	if q.Limits[d.Refused].Unit != "" {
		what = "units of cost"
	}
	of := map[string]string{"address": "one address", "identity": "one person", "partner": "this client", "operation": "this operation"}[strings.TrimSuffix(q.Limits[d.Refused].Name, "-cost")]
	if d.Never {
		q.Refused = fmt.Sprintf("This operation costs %d, and %s may use %s units of cost in all. Ask for less.", c.Units, of, c.Rate)
		return q
	}
	q.Retry = d.Retry
	q.Refused = fmt.Sprintf("The limit of %s %s for %s is met. Try again in %s.", c.Rate, what, of, max(time.Second, d.Retry.Round(time.Second)))
	return q
}

// trusted reads --trusted-proxy and --proxy-header.
func (c RouterFlags) trusted() (gateway.Proxies, error) {
	p := gateway.Proxies{Forwarded: c.ProxyHeader == "forwarded"}
	for _, text := range c.TrustedProxies {
		network, err := netip.ParsePrefix(text)
		if err != nil {
			return p, errs.New(errs.BadInput, "--trusted-proxy %s: write a network, such as 10.0.0.0/8, or 192.0.2.7/32 for one address", text)
		}
		p.Trusted = append(p.Trusted, network.Masked())
	}
	return p, nil
}

// connectionsOf is whose a connection is when they are counted: a network's. Those of trusted proxies carry the requests
// of any number of clients, and those of this machine's own are not counted, as its requests are not.
func connectionsOf(proxies gateway.Proxies) func(netip.Addr) string {
	return func(from netip.Addr) string {
		if from.IsLoopback() || proxies.Trusts(from) {
			return ""
		}
		return gateway.Network(from)
	}
}
