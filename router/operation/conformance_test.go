package operation

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
	"github.com/vektah/gqlparser/v2/parser"
	"github.com/vektah/gqlparser/v2/validator"
)

// conformanceCases is how many cases gqlparser took over from graphql-js's tests of validation.
const conformanceCases = 432

// deviations are cases whose verdict differs here, each with the reason. A name may end with *.
var deviations = map[string]string{
	"ExecutableDefinitions/with type definition":                                                            "type definitions are refused as syntax",
	"ExecutableDefinitions/with schema definition":                                                          "type definitions are refused as syntax",
	"KnownTypeNames/references to standard scalars that are missing in schema":                              "the standard scalars are in every schema",
	"NoDeprecatedCustom/*":                                                                                  "no rule of the specification: deprecated fields are answered",
	"NoSchemaIntrospectionCustom/*":                                                                         "no rule of the specification: the gateway's setting decides",
	"NoUnusedFragments/contains unknown fragments with ref cycle":                                           "refused for the cycle, before anything else is looked at",
	"OverlappingFieldsCanBeMerged/finds invalid case even with immediately recursive fragment":              "refused for the cycle, before anything else is looked at",
	"OverlappingFieldsCanBeMerged/reports deep conflict after nested fragments":                             "refused for the spread: the parents are different object types, whose fields never meet (5.3.2)",
	"OverlappingFieldsCanBeMerged/finds invalid cases even with field named after fragment":                 "refused for the spread: the parents are different object types, whose fields never meet (5.3.2)",
	"ValuesOfCorrectType/Invalid input object value/reports error for custom scalar that returns undefined": "a custom scalar is the subgraph's to judge",
}

// TestConformance gives each case the verdict that graphql-js gives it: refused by the rule that it is for,
// or not refused by that rule. The cases are read from gqlparser's own module.
func TestConformance(t *testing.T) {
	dir := filepath.Join(gqlparserDir(t), "validator", "imported", "spec")
	var texts []string
	readYAML(t, filepath.Join(dir, "schemas.yml"), &texts)
	var schemas []*ast.Schema
	for _, text := range texts {
		schemas = append(schemas, mustSchema(t, text))
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.spec.yml"))
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(files)
	count, used := 0, map[string]bool{}
	for _, file := range files {
		var cases []struct {
			Name, Rule, Schema, Query string
			Errors                    []struct{ Message string }
		}
		readYAML(t, file, &cases)
		count += len(cases)
		for _, c := range cases {
			name := c.Rule + "/" + c.Name
			t.Run(name, func(t *testing.T) {
				var schema *ast.Schema
				if i, err := strconv.Atoi(c.Schema); err == nil {
					schema = schemas[i]
				} else {
					schema = mustSchema(t, c.Schema)
				}
				errs := verdict(schema, c.Query)
				refused := slices.ContainsFunc(errs, func(e *gqlerror.Error) bool { return e.Rule == c.Rule })
				if want := len(c.Errors) > 0; refused != want {
					if reason := deviation(name, used); reason != "" {
						return
					}
					t.Errorf("refused: %t, want %t\n%s\ngot %v\nwant %v", refused, want, c.Query, errs, c.Errors)
				}
			})
		}
	}
	if count != conformanceCases {
		t.Errorf("%d cases in %s, want %d", count, dir, conformanceCases)
	}
	for name := range deviations {
		if !used[name] {
			t.Errorf("%q does not differ any more", name)
		}
	}
}

// verdict goes the way of Prepare, without choosing an operation and without limits but those on cycles.
func verdict(schema *ast.Schema, query string) gqlerror.List {
	doc, err := parser.ParseQuery(&ast.Source{Input: query})
	if err != nil {
		return gqlerror.List{gqlerror.Wrap(err)}
	}
	if errs := measure(doc, nil, DefaultLimits()); errs != nil {
		if strings.HasPrefix(errs[0].Message, "Cannot spread fragment") {
			errs[0].Rule = "NoFragmentCycles"
		}
		return errs
	}
	return validate(schema, doc)
}

func deviation(name string, used map[string]bool) string {
	for pattern, reason := range deviations {
		if prefix, ok := strings.CutSuffix(pattern, "*"); pattern == name || ok && strings.HasPrefix(name, prefix) {
			used[pattern] = true
			return reason
		}
	}
	return ""
}

func gqlparserDir(t *testing.T) string {
	t.Helper()
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/vektah/gqlparser/v2").Output()
	if err != nil {
		t.Fatal(fmt.Errorf("find gqlparser: %w", err))
	}
	return strings.TrimSpace(string(out))
}

func readYAML(t *testing.T, file string, into any) {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(data, into); err != nil {
		t.Fatalf("read %s: %v", file, err)
	}
}

func mustSchema(t *testing.T, text string) *ast.Schema {
	t.Helper()
	schema, err := validator.LoadSchema(validator.Prelude, &ast.Source{Input: text})
	if err != nil {
		t.Fatal(err)
	}
	return schema
}
