package main

import (
	"context"
	"fmt"
	"os"
	"strings"

	"storefront/internal/errs"
	"storefront/internal/flags"
	"storefront/router/operation"
	"storefront/router/planner"
	"storefront/router/supergraph"
	"storefront/schema"
)

// PlanConfig is what `storefront plan` takes.
type PlanConfig struct {
	Supergraph string `flag:"supergraph" help:"supergraph file; the built-in one when absent"`
	Operation  string `flag:"operation" help:"file with the operation, or - for standard input"`
	Name       string `flag:"name" help:"which operation of the file"`
	Labels     string `flag:"labels" help:"labels of progressive overrides that are on, separated by commas"`
	Plain      bool   `flag:"plain" help:"leave out what each request is for"`
}

const planUsage = `storefront plan --operation FILE: prints the requests that answer an operation, in their order,
and what each is for: fields of the response, or what a later request sends in its representations.`

func runPlan(_ context.Context, std stdio, args []string) error {
	var cfg PlanConfig
	if err := flags.Parse("plan", planUsage, &cfg, args, std.env, std.out); err != nil {
		return err
	}
	if cfg.Operation == "" {
		return errs.New(errs.BadInput, "give --operation FILE, or - for standard input")
	}
	sdl := schema.Supergraph
	if cfg.Supergraph != "" {
		b, err := os.ReadFile(cfg.Supergraph)
		if err != nil {
			return errs.Wrap(errs.BadInput, err, "cannot read the supergraph")
		}
		sdl = string(b)
	}
	file := cfg.Operation
	if file == "-" {
		file = "/dev/stdin"
	}
	query, err := os.ReadFile(file)
	if err != nil {
		return errs.Wrap(errs.BadInput, err, "cannot read the operation")
	}
	sg, err := supergraph.Parse(sdl)
	if err != nil {
		return inFile(supergraphName(cfg.Supergraph), err)
	}
	op, mistakes := operation.Prepare(sg, string(query), cfg.Name, operation.DefaultLimits())
	if len(mistakes) > 0 {
		return inFile(cfg.Operation, mistakes)
	}
	if op, mistakes = op.Deferred(nil); len(mistakes) > 0 {
		return inFile(cfg.Operation, mistakes)
	}
	p, err := planner.Plan(sg.With(strings.Split(cfg.Labels, ",")), op)
	if err != nil {
		return err
	}
	if cfg.Plain {
		fmt.Fprint(std.out, p)
	} else {
		fmt.Fprint(std.out, p.Explain())
	}
	return nil
}
