package main

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"storefront/internal/errs"
	"storefront/internal/flags"
	"storefront/router/compose"
)

// ComposeConfig says what is composed into what.
type ComposeConfig struct {
	Schema    string   `flag:"schema" default:"schema" help:"folder with NAME.graphqls of each subgraph"`
	Subgraphs []string `flag:"subgraph" help:"NAME=URL=FILE of a subgraph, instead of a folder; repeatable"`
	Output    string   `flag:"output" default:"schema/supergraph.graphqls" help:"where the supergraph goes, - for standard output"`
	Include   []string `flag:"include-tag" help:"compose a contract: of fields, keep those with this @tag, on themselves or their type; repeatable"`
	Exclude   []string `flag:"exclude-tag" help:"compose a contract: leave out what has this @tag; repeatable"`
}

const composeUsage = `storefront compose: composes subgraph schemas into one supergraph schema, the standard form that
this router and others run. Every mistake is reported at once, with its code and place.

storefront compose check OLD NEW: says what clients notice when one schema (a supergraph's, or a plain
one) takes the place of another, field by field. It fails when an operation that was valid would not be.
With --operations it fails as well when one that a partner has published would not be, and names both.
With --usage 30d it says of each change that breaks something who has used that, as far as routers have
counted it, and does not fail for what nobody has used.`

// services lists the subgraphs of the storefront; each listens on the port after the one before it.
var services = []string{"products", "orders", "inventory", "users", "reviews", "payments", "notifications", "shipping"}

// firstPort is where `up` puts the first subgraph.
const firstPort = 4001

func servicePort(name string) int {
	for i, s := range services {
		if s == name {
			return firstPort + i
		}
	}
	return 0
}

func runCompose(ctx context.Context, std stdio, args []string) error {
	var cfg ComposeConfig
	if len(args) > 0 && args[0] == "check" {
		return runComposeCheck(ctx, std, args[1:])
	}
	if err := flags.Parse("compose", composeUsage, &cfg, args, std.env, std.out); err != nil {
		return err
	}
	subgraphs, err := cfg.read()
	if err != nil {
		return err
	}
	result, mistakes := compose.ComposeContract(subgraphs, compose.Contract{Include: cfg.Include, Exclude: cfg.Exclude})
	if len(mistakes) > 0 {
		return errs.New(errs.BadInput, "the subgraphs do not compose:\n%v", mistakes)
	}
	for _, h := range result.Hints {
		fmt.Fprintln(std.err, "hint:", h.Message)
	}
	if cfg.Output == "-" {
		_, err := fmt.Fprint(std.out, result.SupergraphSDL)
		return err
	}
	if err := os.WriteFile(cfg.Output, []byte(result.SupergraphSDL), 0o644); err != nil {
		return errs.Wrap(errs.BadInput, err, "cannot write the supergraph")
	}
	fmt.Fprintf(std.err, "composed %d subgraphs into %s\n", len(subgraphs), cfg.Output)
	return nil
}

func (cfg ComposeConfig) read() ([]compose.Subgraph, error) {
	if len(cfg.Subgraphs) == 0 {
		return ownSubgraphs(os.DirFS(cfg.Schema), cfg.Schema)
	}
	var list []compose.Subgraph
	for _, s := range cfg.Subgraphs {
		name, rest, ok := strings.Cut(s, "=")
		at := strings.LastIndexByte(rest, '=')
		if !ok || at < 0 {
			return nil, errs.New(errs.BadInput, "--subgraph %s: write NAME=URL=FILE", s)
		}
		sdl, err := os.ReadFile(rest[at+1:])
		if err != nil {
			return nil, errs.Wrap(errs.BadInput, err, "cannot read subgraph %s", name)
		}
		list = append(list, compose.Subgraph{Name: name, URL: rest[:at], SDL: string(sdl), File: rest[at+1:]})
	}
	return list, nil
}

// ownSubgraphs reads the storefront's own SDL files from a folder.
func ownSubgraphs(files fs.FS, folder string) ([]compose.Subgraph, error) {
	var list []compose.Subgraph
	for _, name := range services {
		file := name + ".graphqls"
		sdl, err := fs.ReadFile(files, file)
		if err != nil {
			return nil, errs.Wrap(errs.BadInput, err, "cannot read %s; run this in the repository, or give --schema", filepath.Join(folder, file))
		}
		list = append(list, compose.Subgraph{Name: name, URL: fmt.Sprintf("http://127.0.0.1:%d/graphql", servicePort(name)),
			SDL: string(sdl), File: filepath.Join(folder, file)})
	}
	return list, nil
}
