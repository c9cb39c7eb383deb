package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"

	"storefront/internal/errs"
	"storefront/internal/flags"
	"storefront/internal/operations"
	"storefront/internal/usage"
	schemacheck "storefront/router/compose/check"
	"storefront/router/supergraph"
)

// ComposeCheckConfig is what `storefront compose check` takes.
type ComposeCheckConfig struct {
	Operations bool   `flag:"operations" help:"check the operations that partners have published as well"`
	Usage      string `flag:"usage" help:"say of what breaks who has used it so far back, such as 30d or 12h; what nobody has used breaks nobody then"`
	RouterData `group:"Where --operations and --usage look; the running shop's when absent"`
}

// runComposeCheck prints what clients notice between two schemas, and fails when something breaks.
func runComposeCheck(ctx context.Context, std stdio, args []string) error {
	var cfg ComposeCheckConfig
	files, err := flags.ParseArgs("compose check", composeUsage, &cfg, args, std.env, std.out)
	if err != nil {
		return err
	}
	if len(files) != 2 {
		return errs.New(errs.BadInput, "give two files: storefront compose check OLD NEW")
	}
	before, old, err := publicSchema(files[0])
	if err != nil {
		return err
	}
	after, next, err := publicSchema(files[1])
	if err != nil {
		return err
	}
	uses := &breakage{since: cfg.Usage, before: before, after: after}
	if cfg.Usage != "" {
		closeIt, err := cfg.openUsage(ctx, uses)
		if err != nil {
			return err
		}
		defer closeIt()
	}
	var count [schemacheck.Safe + 1]int
	unused := 0
	for _, c := range schemacheck.Compare(before, after) {
		count[c.Severity]++
		text, used := "", true
		if cfg.Usage != "" && c.Severity == schemacheck.Breaking {
			if text, used, err = uses.usedBy(ctx, c); err != nil {
				return err
			}
		}
		if !used {
			unused++
		}
		fmt.Fprintln(std.out, c.String()+text)
	}
	summary := fmt.Sprintf("%d breaking, %d dangerous, %d safe", count[schemacheck.Breaking], count[schemacheck.Dangerous], count[schemacheck.Safe])
	if unused > 0 {
		summary += fmt.Sprintf("; nobody has used %d of what breaks since %s", unused, cfg.Usage)
	}
	if cfg.Operations {
		if next == nil {
			return errs.New(errs.BadInput, "%s is a plain schema; with --operations, NEW has to be a supergraph, in which operations can be planned", files[1])
		}
		if err := cfg.breaks(ctx, std, old, next); err != nil {
			return err
		}
	}
	if count[schemacheck.Breaking] > unused {
		return errs.New(errs.BadInput, "clients would break: %s", summary)
	}
	fmt.Fprintln(std.err, summary)
	return nil
}

// openUsage opens what routers have written down of who uses what.
func (c *ComposeCheckConfig) openUsage(ctx context.Context, uses *breakage) (closeIt func(), err error) {
	back, err := daysOrDuration("--usage", c.Usage)
	if err != nil {
		return nil, err
	}
	db, closeIt, err := c.connect(ctx)
	if err != nil {
		return nil, err
	}
	uses.from = time.Now().Add(-back)
	if uses.store, err = usage.NewStore(ctx, db, 0); err != nil {
		closeIt()
		return nil, err
	}
	return closeIt, nil
}

// breaks fails when a published operation is not valid in next. One that is not valid in old either is no
// fault of next; old may be nil.
func (c *ComposeCheckConfig) breaks(ctx context.Context, std stdio, old, next *supergraph.Supergraph) error {
	published := OperationsConfig{RouterData: c.RouterData}
	store, closeIt, err := published.open(ctx)
	if err != nil {
		return err
	}
	defer closeIt()
	list, err := store.List(ctx, "")
	if err != nil {
		return err
	}
	var broken []string
	checked := 0
	for _, o := range list {
		if o.RetiredAt != nil {
			continue
		}
		checked++
		_, mistakes := weigh(next, o.Operation)
		if len(mistakes) == 0 {
			continue
		}
		if old != nil {
			if _, before := weigh(old, o.Operation); len(before) > 0 {
				fmt.Fprintf(std.err, "%s: %s is not valid in OLD either\n", o.Client, label(o.Operation))
				continue
			}
		}
		for _, m := range mistakes {
			broken = append(broken, "  "+o.Client+": "+m)
		}
	}
	if len(broken) > 0 {
		return errs.New(errs.BadInput, "published operations would break:\n%s", strings.Join(broken, "\n"))
	}
	fmt.Fprintf(std.err, "%d published operations stay valid\n", checked)
	return nil
}

// label is how an operation is called when something is said of it.
func label(o operations.Operation) string {
	if o.Name == "" {
		return o.ID
	}
	return o.Name + " (" + o.ID + ")"
}

// publicSchema reads what clients see of a supergraph, or of a plain schema, which has no supergraph.
func publicSchema(file string) (*ast.Schema, *supergraph.Supergraph, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return nil, nil, errs.Wrap(errs.BadInput, err, "cannot read the schema")
	}
	if !strings.Contains(string(b), "join__Graph") {
		s, err := gqlparser.LoadSchema(&ast.Source{Name: file, Input: string(b)})
		if err != nil {
			return nil, nil, inFile(file, err)
		}
		return s, nil, nil
	}
	sg, err := supergraph.Parse(string(b))
	if err != nil {
		return nil, nil, inFile(file, err)
	}
	return sg.API(), sg, nil
}
