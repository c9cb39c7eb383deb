package house

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
)

const module = "storefront/"

// source is one Go file that is not a test.
type source struct {
	name    string // internal/kafka/group.go
	dir     string // internal/kafka
	imports []string
	file    *ast.File
}

// own are the imported packages of this module, without its name.
func (s source) own() []string {
	var list []string
	for _, p := range s.imports {
		if rest, ok := strings.CutPrefix(p, module); ok {
			list = append(list, rest)
		}
	}
	return list
}

// sources parses the Go files once for all tests.
func sources(t *testing.T) []source {
	t.Helper()
	list, err := parsed(root(t), files(t))
	if err != nil {
		t.Fatal(err)
	}
	if len(list) < 100 {
		t.Fatalf("found only %d Go files; is this the whole repository?", len(list))
	}
	return list
}

var (
	parsing    sync.Once
	parsedList []source
	parsedErr  error
)

func parsed(dir string, names []string) ([]source, error) {
	parsing.Do(func() {
		for _, name := range names {
			if path.Ext(name) != ".go" || strings.HasSuffix(name, "_test.go") || strings.Contains(name, "/testdata/") {
				continue
			}
			mode := parser.SkipObjectResolution
			if strings.Contains(name, "/graph/gen/") {
				mode = parser.ImportsOnly
			}
			f, err := parser.ParseFile(token.NewFileSet(), filepath.Join(dir, filepath.FromSlash(name)), nil, mode)
			if err != nil {
				parsedErr = err
				return
			}
			s := source{name: name, dir: path.Dir(name), file: f}
			for _, spec := range f.Imports {
				p, err := strconv.Unquote(spec.Path.Value)
				if err != nil {
					parsedErr = err
					return
				}
				s.imports = append(s.imports, p)
			}
			parsedList = append(parsedList, s)
		}
	})
	return parsedList, parsedErr
}

// within reports whether a package is in one of the folders, or is one of them.
func within(dir string, folders ...string) bool {
	return slices.ContainsFunc(folders, func(f string) bool { return dir == f || strings.HasPrefix(dir, f+"/") })
}

// allowed is DESIGN.md's table: what the packages of a folder may import of this module beside
// packages of the same service, or of the same folder where the table says so.
func allowed(dir string) (folders []string, all bool) {
	parts := strings.Split(dir, "/")
	switch parts[0] {
	case "cmd", "bench": // commands; nothing may import them
		return nil, true
	case "events", "schema":
		return nil, false
	case "internal":
		return []string{"internal"}, false
	case "loaders":
		return []string{"loaders", "internal"}, false
	case "subgraphs":
		return []string{"events", "loaders", "internal", path.Join(parts[:2]...)}, false
	case "consumers":
		return []string{"consumers", "events", "subgraphs", "internal"}, false
	case "web":
		return []string{"web", "internal"}, false
	case "router":
		return append([]string{"internal"}, routerAllowed(dir)...), false
	}
	return nil, false
}

// routerAllowed is the table of the router's packages, in the order in which data flows.
func routerAllowed(dir string) []string {
	switch dir {
	case "router/compose", "router/operation":
		return []string{"router/supergraph"}
	case "router/compose/oracle": // a command
		return []string{"router/compose", "router/supergraph", "router/internal/property/world"}
	case "router/planner":
		return []string{"router/supergraph", "router/operation", "router/plan"}
	case "router/execute":
		return []string{"router/plan", "router/supergraph"}
	case "router/execute/cache":
		return []string{"router/execute", "router/supergraph"}
	case "router/execute/transport":
		return []string{"router/execute"}
	case "router/gateway":
		return []string{"router"}
	}
	if within(dir, "router/internal") { // what only the router's tests use
		return []string{"router"}
	}
	return nil // supergraph and plan
}

func TestImports(t *testing.T) {
	t.Parallel()
	for _, s := range sources(t) {
		folders, all := allowed(s.dir)
		if all {
			continue
		}
		for _, p := range s.own() {
			if !within(p, folders...) {
				t.Errorf("%s imports %s; %s may import only %s of this module", s.name, p, s.dir, strings.Join(folders, ", "))
			}
		}
	}
}

// A test helper in the router must not become a way around the table. The oracle compares what such helpers make.
func TestTestPackagesAreForTests(t *testing.T) {
	t.Parallel()
	for _, s := range sources(t) {
		for _, p := range s.own() {
			if isTestPackage(p) && !isTestPackage(s.dir) && s.dir != "router/compose/oracle" {
				t.Errorf("%s is not a test and imports %s", s.name, p)
			}
		}
	}
}

func isTestPackage(dir string) bool {
	return within(dir, "router/internal/testgraph", "router/internal/property") || strings.HasSuffix(path.Base(dir), "test")
}

// Libraries that only one edge may know: others could not be moved to another one without it.
func TestLibrariesStayAtTheirEdge(t *testing.T) {
	t.Parallel()
	rules := []struct {
		library string
		why     string
		may     func(dir string) bool
	}{
		{"github.com/IBM/sarama", "Kafka's client belongs to internal/kafka", func(dir string) bool {
			return dir == "internal/kafka"
		}},
		{"go.mongodb.org/mongo-driver", "stores know the driver, services do not", func(dir string) bool {
			store, err := path.Match("subgraphs/*/mongo", dir)
			return err == nil && store ||
				within(dir, "internal/mongodb", "internal/operations", "internal/partners", "internal/usage", "internal/webhooks") ||
				within(dir, "internal/embedded/mongodb") || // the server on the other side: it reads and writes the driver's BSON
				dir == "cmd/storefront" // opens the one client that the stores of a process share
		}},
		{"github.com/99designs/gqlgen", "a service's root knows no GraphQL server", func(dir string) bool {
			return within(dir, "internal/gql", "internal/codegen") || len(strings.Split(dir, "/")) > 2 && strings.Split(dir, "/")[2] == "graph"
		}},
		{"github.com/twmb/franz-go", "the embedded broker is not a client library", func(dir string) bool {
			return within(dir, "internal/embedded/kafka")
		}},
		{"github.com/alicebob/miniredis", "the embedded Redis is not a client library", func(dir string) bool {
			return within(dir, "internal/embedded/redis")
		}},
	}
	for _, s := range sources(t) {
		for _, p := range s.imports {
			for _, r := range rules {
				if within(p, r.library) && !r.may(s.dir) {
					t.Errorf("%s imports %s; %s", s.name, p, r.why)
				}
			}
		}
	}
}

// The router is a library: no package of it may name a service of the storefront.
func TestRouterKnowsNoStorefront(t *testing.T) {
	t.Parallel()
	for _, s := range sources(t) {
		if !within(s.dir, "router") {
			continue
		}
		ast.Inspect(s.file, func(n ast.Node) bool {
			lit, ok := n.(*ast.BasicLit)
			if !ok || lit.Kind != token.STRING {
				return true
			}
			value, err := strconv.Unquote(lit.Value)
			if err == nil && (slices.Contains(services, value) || strings.Contains(value, "-events")) {
				t.Errorf("%s says %s; nothing in router/ knows the storefront", s.name, lit.Value)
			}
			return true
		})
	}
}

// Configuration enters by cmd/ alone. Two exceptions: OpenTelemetry names its own variables, and
// packages for tests choose the real service to test against.
func TestOnlyCommandsReadTheEnvironment(t *testing.T) {
	t.Parallel()
	for _, s := range sources(t) {
		if within(s.dir, "cmd") || isTestPackage(s.dir) {
			continue
		}
		ast.Inspect(s.file, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			f, ok := call.Fun.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			if pkg, ok := f.X.(*ast.Ident); !ok || pkg.Name != "os" || !slices.Contains([]string{"Getenv", "LookupEnv", "Environ"}, f.Sel.Name) {
				return true
			}
			if s.dir == "internal/telemetry" && len(call.Args) == 1 {
				if lit, ok := call.Args[0].(*ast.BasicLit); ok && strings.HasPrefix(lit.Value, `"OTEL_`) {
					return true
				}
			}
			t.Errorf("%s calls os.%s; only cmd/ reads the environment", s.name, f.Sel.Name)
			return true
		})
	}
}

// Work begins when somebody calls a constructor, never because a package is linked in.
func TestNoInit(t *testing.T) {
	t.Parallel()
	for _, s := range sources(t) {
		if strings.Contains(s.dir, "/graph/gen") {
			continue
		}
		for _, d := range s.file.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && f.Recv == nil && f.Name.Name == "init" {
				t.Errorf("%s has an init function", s.name)
			}
		}
	}
}
