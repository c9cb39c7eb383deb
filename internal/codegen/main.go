// Command codegen makes one subgraph's generated code: `go run storefront/internal/codegen orders`,
// called by `go generate ./...`. It fills the root gqlgen.yml in for the service and calls gqlgen's API.
package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/99designs/gqlgen/api"
	"github.com/99designs/gqlgen/codegen/config"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/formatter"
	"github.com/vektah/gqlparser/v2/parser"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: codegen SERVICE, where SERVICE is a file schema/SERVICE.graphqls")
		os.Exit(2)
	}
	if err := generate(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "codegen", os.Args[1]+":", err)
		os.Exit(1)
	}
}

func generate(service string) error {
	root, err := moduleRoot()
	if err != nil {
		return err
	}
	if err := os.Chdir(root); err != nil {
		return err
	}
	template, err := os.ReadFile("gqlgen.yml")
	if err != nil {
		return err
	}
	cfg, err := config.ReadConfig(strings.NewReader(strings.ReplaceAll(string(template), "SERVICE", service)))
	if err != nil {
		return err
	}
	sdl, err := os.ReadFile(filepath.Join("schema", service+".graphqls"))
	if err != nil {
		return err
	}
	source, err := served(service, string(sdl))
	if err != nil {
		return err
	}
	cfg.Sources = []*ast.Source{source}
	if err := config.CompleteConfig(cfg); err != nil {
		return err
	}
	return api.Generate(cfg, api.PrependPlugin(unbind{}))
}

// unbind keeps autobind from taking a package's Service for federation's own _Service type.
type unbind struct{}

func (unbind) Name() string { return "unbind" }

func (unbind) MutateConfig(cfg *config.Config) error {
	delete(cfg.Models, "_Service")
	return nil
}

// served is the part of the SDL that the subgraph itself answers: subscriptions marked @live are fed by
// the router, and what may be kept of answers and how long lists are is the router's matter too, so none of that
// reaches gqlgen.
func served(service, sdl string) (*ast.Source, error) {
	doc, err := parser.ParseSchema(&ast.Source{Name: service + ".graphqls", Input: sdl})
	if err != nil {
		return nil, err
	}
	var definitions ast.DefinitionList
	for _, d := range doc.Definitions {
		if d.Name == "Subscription" {
			d.Fields = without(d.Fields, func(f *ast.FieldDefinition) bool { return f.Directives.ForName("live") != nil })
			if len(d.Fields) == 0 {
				continue
			}
		}
		if d.Name == "CacheControlScope" {
			continue
		}
		d.Directives = without(d.Directives, isRouters)
		for _, f := range d.Fields {
			f.Directives = without(f.Directives, isRouters)
		}
		definitions = append(definitions, d)
	}
	doc.Definitions = definitions
	doc.Directives = without(doc.Directives, func(d *ast.DirectiveDefinition) bool { return routers(d.Name) })
	for _, s := range doc.SchemaExtension {
		s.Directives = without(s.Directives, func(d *ast.Directive) bool {
			url, imports := d.Arguments.ForName("url"), d.Arguments.ForName("import")
			if imports != nil {
				imports.Value.Children = without(imports.Value.Children, func(c *ast.ChildValue) bool { return c.Value.Raw == "@listSize" })
			}
			return d.Name == "composeDirective" || url != nil && strings.HasPrefix(url.Value.Raw, "https://storefront.dev/")
		})
	}
	var b strings.Builder
	formatter.NewFormatter(&b, formatter.WithComments()).FormatSchemaDocument(doc)
	return &ast.Source{Name: "schema/" + service + ".graphqls", Input: b.String()}, nil
}

// routers reports whether a directive means something to the router only.
func routers(directive string) bool {
	return directive == "live" || directive == "cacheControl" || directive == "cacheInvalidate" || directive == "listSize"
}

func isRouters(d *ast.Directive) bool { return routers(d.Name) }

func without[S ~[]E, E any](list S, drop func(E) bool) S {
	var kept S
	for _, e := range list {
		if !drop(e) {
			kept = append(kept, e)
		}
	}
	return kept
}

func moduleRoot() (string, error) {
	dir, err := os.Getwd()
	for err == nil {
		if _, e := os.Stat(filepath.Join(dir, "gqlgen.yml")); e == nil {
			return dir, nil
		}
		if dir == filepath.Dir(dir) {
			return "", fmt.Errorf("no gqlgen.yml above this folder; run it inside the repository")
		}
		dir = filepath.Dir(dir)
	}
	return "", err
}
