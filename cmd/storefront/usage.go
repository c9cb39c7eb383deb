package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/vektah/gqlparser/v2/ast"

	"storefront/internal/errs"
	"storefront/internal/flags"
	"storefront/internal/usage"
	"storefront/router/supergraph"
)

const usageUsage = `storefront usage Type.field, or --deprecated: who has used a field, or each deprecated one, when for the last time and
how often, by client and operation. Arguments are asked for as Type.field(argument:), fields of input objects as
Input.field, and values of enums as Enum.VALUE: those that clients send, not those that answers hold. A field of an
object is also used through its interfaces. Routers write down once a minute what they were asked; clients are partners, or what
they name themselves by the headers graphql-client-name or apollographql-client-name, and ...-version.`

// UsageConfig is what storefront usage takes.
type UsageConfig struct {
	Since      string `flag:"since" default:"30d" help:"how far back, such as 30d or 12h; days are whole ones"`
	Deprecated bool   `flag:"deprecated" help:"all deprecated fields, arguments, fields of input objects, and values of enums that clients send"`
	JSON       bool   `flag:"json" help:"print JSON, one object for each field"`
	Supergraph string `flag:"supergraph" help:"supergraph file that says what is deprecated; the built-in one when absent"`
	RouterData
}

// fieldUsage is what is printed of one field.
type fieldUsage struct {
	Field      string       `json:"field"`
	Deprecated bool         `json:"deprecated"`
	Reason     string       `json:"reason,omitempty"`
	Users      []usage.User `json:"users"` // the last one first
}

func runUsage(ctx context.Context, std stdio, args []string) error {
	var cfg UsageConfig
	rest, err := flags.ParseArgs("usage", usageUsage, &cfg, args, std.env, std.out)
	if err != nil {
		return err
	}
	if (len(rest) == 1) == cfg.Deprecated || len(rest) > 1 {
		return errs.New(errs.BadInput, "write: storefront usage Type.field [--since 30d] [--json], or storefront usage --deprecated")
	}
	if !cfg.Deprecated && strings.Count(rest[0], ".") != 1 {
		return errs.New(errs.BadInput, "%q is no field; write it like Product.title, an argument like Query.products(first:), a field of an input object like ProductFilter.inStock, and a value of an enum like ProductSort.PRICE", rest[0])
	}
	back, err := daysOrDuration("--since", cfg.Since)
	if err != nil {
		return err
	}
	text, err := supergraphText(cfg.Supergraph)
	if err != nil {
		return err
	}
	sg, err := supergraph.Parse(text)
	if err != nil {
		return inFile(supergraphName(cfg.Supergraph), err)
	}
	wanted := deprecatedFields(sg.API())
	if !cfg.Deprecated {
		if i := slices.IndexFunc(wanted, func(f fieldUsage) bool { return f.Field == rest[0] }); i >= 0 {
			wanted = wanted[i : i+1]
		} else {
			wanted = []fieldUsage{{Field: rest[0]}}
		}
	}
	db, closeIt, err := cfg.connect(ctx)
	if err != nil {
		return err
	}
	defer closeIt()
	store, err := usage.NewStore(ctx, db, 0)
	if err != nil {
		return err
	}
	for i := range wanted {
		f := &wanted[i]
		if f.Users, err = store.Users(ctx, namesOf(sg.API(), f.Field), time.Now().Add(-back)); err != nil {
			return err
		}
		slices.SortStableFunc(f.Users, func(a, b usage.User) int { return b.Last.Compare(a.Last) })
	}
	if !cfg.Deprecated && len(wanted[0].Users) == 0 && !known(sg.API(), rest[0]) {
		return errs.New(errs.BadInput, "there is no field %s in the supergraph, and nobody has used one; write it like Product.title", rest[0])
	}
	return printUsage(std, cfg, wanted)
}

func printUsage(std stdio, cfg UsageConfig, list []fieldUsage) error {
	if cfg.JSON {
		for _, f := range list {
			f.Users = append([]usage.User{}, f.Users...)
			text, err := json.Marshal(f)
			if err != nil {
				return fmt.Errorf("encode usage: %w", err)
			}
			fmt.Fprintln(std.out, string(text))
		}
		return nil
	}
	if len(list) == 0 {
		fmt.Fprintln(std.out, "nothing in the supergraph is deprecated")
		return nil
	}
	t := newTable(std.out, "FIELD", "LAST USED", "TIMES", "CLIENT", "VERSION", "OPERATION", "ID", "DEPRECATED")
	for _, f := range list {
		why := ""
		if f.Deprecated {
			why = cmp.Or(f.Reason, "yes")
		}
		if len(f.Users) == 0 {
			t.row(f.Field, "not since "+cfg.Since, 0, "", "", "", "", why)
		}
		for _, u := range f.Users {
			t.row(u.Field, u.Last.Format(time.RFC3339), u.Count, u.Client, u.Version, u.Operation, u.ID, why)
		}
	}
	t.print()
	return nil
}

// daysOrDuration reads 30d, and what time.ParseDuration reads.
func daysOrDuration(flag, text string) (time.Duration, error) {
	d, err := time.ParseDuration(text)
	if days, ok := strings.CutSuffix(text, "d"); ok {
		var n int
		n, err = strconv.Atoi(days)
		d = time.Duration(n) * 24 * time.Hour
	}
	if err != nil || d <= 0 || d > 3650*24*time.Hour {
		return 0, errs.New(errs.BadInput, "%s %q: write it like 30d or 12h", flag, text)
	}
	return d, nil
}

// deprecatedFields are all that a schema calls deprecated, by their names.
func deprecatedFields(schema *ast.Schema) (list []fieldUsage) {
	add := func(name string, dirs ast.DirectiveList) {
		if d := dirs.ForName("deprecated"); d != nil {
			reason := ""
			if a := d.Arguments.ForName("reason"); a != nil {
				reason = a.Value.Raw
			}
			list = append(list, fieldUsage{Field: name, Deprecated: true, Reason: reason})
		}
	}
	sent := map[string]bool{} // enums that are
	for _, t := range schema.Types {
		for _, f := range t.Fields {
			if t.Kind == ast.InputObject {
				sent[f.Type.Name()] = true
			}
			for _, a := range f.Arguments {
				sent[a.Type.Name()] = true
			}
		}
	}
	for _, t := range schema.Types {
		if strings.HasPrefix(t.Name, "__") {
			continue
		}
		for _, v := range t.EnumValues {
			if sent[t.Name] {
				add(t.Name+"."+v.Name, v.Directives)
			}
		}
		for _, f := range t.Fields {
			add(t.Name+"."+f.Name, f.Directives)
			for _, a := range f.Arguments {
				add(t.Name+"."+f.Name+"("+a.Name+":)", a.Directives)
			}
		}
	}
	slices.SortFunc(list, func(a, b fieldUsage) int { return cmp.Compare(a.Field, b.Field) })
	return list
}

// namesOf are the names by which operations use a field: its own, and those of its type's interfaces.
func namesOf(schema *ast.Schema, field string) []string {
	names := []string{field}
	on, rest, _ := strings.Cut(field, ".")
	if t := schema.Types[on]; t != nil {
		for _, i := range t.Interfaces {
			if known(schema, i+"."+rest) {
				names = append(names, i+"."+rest)
			}
		}
	}
	return names
}

// known reports whether a schema has a field, an argument or an enum's value.
func known(schema *ast.Schema, name string) bool {
	on, rest, _ := strings.Cut(name, ".")
	field, argument, _ := strings.Cut(strings.TrimSuffix(rest, ":)"), "(")
	t := schema.Types[on]
	if t == nil {
		return false
	}
	if t.EnumValues.ForName(rest) != nil {
		return true
	}
	f := t.Fields.ForName(field)
	return f != nil && (argument == "" || f.Arguments.ForName(argument) != nil)
}
