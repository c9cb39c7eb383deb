package main

// What the router refuses when there is more to do than can be done.

import (
	"fmt"
	"time"

	"storefront/internal/errs"
	"storefront/internal/telemetry"
	"storefront/router/gateway"
)

// overloadSettings are those of the configuration file.
type overloadSettings struct {
	Critical    []string      `yaml:"critical"`
	HeavyCost   int           `yaml:"heavy_cost"`
	Delay       time.Duration `yaml:"delay"`
	Floor       int           `yaml:"floor"`
	MaxInFlight int           `yaml:"max_in_flight"`
}

// defaultOverload has what leads to an order as critical, where the shop is ours.
func defaultOverload(own bool) overloadSettings {
	s := overloadSettings{HeavyCost: 1000, Delay: 100 * time.Millisecond, Floor: 100, MaxInFlight: 5000}
	if own {
		s.Critical = []string{"Mutation.placeOrder", "Mutation.payment*", "Mutation.cart*"}
	}
	return s
}

// readOverload reads the settings of a configuration file, the defaults when path is "".
func readOverload(file string, own bool) (gateway.Overload, error) {
	s := defaultOverload(own)
	all, check, err := openRouterFile(file)
	if err != nil {
		return gateway.Overload{}, err
	}
	if err := settings(all.Overload, &s); err != nil {
		return gateway.Overload{}, yamlMistake(file, err)
	}
	wrong := func(setting, format string, args ...any) error {
		return errs.New(errs.BadInput, "%s:%d: overload.%s: %s", file, check.lines["overload."+setting], setting, fmt.Sprintf(format, args...))
	}
	for setting, n := range map[string]int{"heavy_cost": s.HeavyCost, "floor": s.Floor, "max_in_flight": s.MaxInFlight, "delay": int(s.Delay)} {
		if n < 1 {
			return gateway.Overload{}, wrong(setting, "%d is less than 1", n)
		}
	}
	if s.Floor > s.MaxInFlight {
		return gateway.Overload{}, wrong("max_in_flight", "%d is less than floor, %d", s.MaxInFlight, s.Floor)
	}
	for _, field := range s.Critical {
		if !gateway.IsRootField(field) {
			return gateway.Overload{}, wrong("critical", "%q is no root field; write it like Mutation.placeOrder or Mutation.cart*", field)
		}
	}
	return gateway.Overload{Critical: s.Critical, Heavy: s.HeavyCost, Delay: s.Delay, Floor: s.Floor, Max: s.MaxInFlight}, nil
}

// Admitted and Shed count what the gateway decides.
func (o observer) Admitted(p gateway.Priority) { o.Metrics.Admitted(string(p)) }

func (o observer) Shed(p gateway.Priority, subgraph string) {
	o.Metrics.Shed(string(p), laneName(subgraph))
}

// lanes are what metrics tell of what is under way.
func (r *router) lanes() (list []telemetry.Lane) {
	for _, l := range r.gateway.Load() {
		list = append(list, telemetry.Lane{Subgraph: laneName(l.Subgraph), Running: l.Running, Limit: l.Limit})
	}
	return list
}

func laneName(subgraph string) string {
	if subgraph == "" {
		return "router"
	}
	return subgraph
}
