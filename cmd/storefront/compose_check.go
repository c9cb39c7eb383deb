package main

import (
	"fmt"
	"os"
	"strings"

	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"

	"storefront/internal/errs"
	"storefront/internal/flags"
	schemacheck "storefront/router/compose/check"
	"storefront/router/supergraph"
)

// runComposeCheck prints what clients notice between two schemas, and fails when something breaks.
func runComposeCheck(std stdio, args []string) error {
	files, err := flags.ParseArgs("compose check", composeUsage, &struct{}{}, args, std.env, std.out)
	if err != nil {
		return err
	}
	if len(files) != 2 {
		return errs.New(errs.BadInput, "give two files: storefront compose check OLD NEW")
	}
	before, err := publicSchema(files[0])
	if err != nil {
		return err
	}
	after, err := publicSchema(files[1])
	if err != nil {
		return err
	}
	var count [schemacheck.Safe + 1]int
	for _, c := range schemacheck.Compare(before, after) {
		count[c.Severity]++
		fmt.Fprintln(std.out, c)
	}
	summary := fmt.Sprintf("%d breaking, %d dangerous, %d safe", count[schemacheck.Breaking], count[schemacheck.Dangerous], count[schemacheck.Safe])
	if count[schemacheck.Breaking] > 0 {
		return errs.New(errs.BadInput, "clients would break: %s", summary)
	}
	fmt.Fprintln(std.err, summary)
	return nil
}

// publicSchema reads what clients see of a supergraph, or of a plain schema.
func publicSchema(file string) (*ast.Schema, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return nil, errs.Wrap(errs.BadInput, err, "cannot read the schema")
	}
	if !strings.Contains(string(b), "join__Graph") {
		s, err := gqlparser.LoadSchema(&ast.Source{Name: file, Input: string(b)})
		if err != nil {
			return nil, inFile(file, err)
		}
		return s, nil
	}
	sg, err := supergraph.Parse(string(b))
	if err != nil {
		return nil, inFile(file, err)
	}
	return sg.API(), nil
}
