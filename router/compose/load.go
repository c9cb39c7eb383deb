package compose

import (
	"errors"
	"strconv"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
	"github.com/vektah/gqlparser/v2/parser"
)

// subgraph is one input schema, filled in by the passes.
type subgraph struct {
	index  int
	broken bool // has errors that make further checks of its own pointless
	name   string
	url    string
	file   string
	graph  string // its value of join__Graph
	source *ast.Source
	doc    *ast.SchemaDocument

	fed2       bool
	version    version                             // of the federation specification; 0.0 for Federation 1
	features   []*feature                          // every @link
	applied    map[string]bool                     // local names of directives that are applied somewhere
	roles      map[string]string                   // local directive name → canonical, for specified directives
	supplied   map[string]*ast.DirectiveDefinition // definitions composition supplies, by local name
	directives map[string]*ast.DirectiveDefinition // every directive, by local name
	dirOrder   []string                            // the subgraph's own definitions, in order

	types    map[string]*typ
	order    []string // of types
	roots    map[ast.Operation]string
	contexts map[string][]*typ
}

func newSubgraph(index int, in *Subgraph) *subgraph {
	return &subgraph{
		index: index, name: in.Name, url: in.URL, file: in.File,
		source: &ast.Source{Name: in.File, Input: in.SDL},
		roles:  map[string]string{}, applied: map[string]bool{}, supplied: map[string]*ast.DirectiveDefinition{},
		directives: map[string]*ast.DirectiveDefinition{},
		types:      map[string]*typ{}, roots: map[ast.Operation]string{},
		contexts: map[string][]*typ{},
	}
}

// nameSubgraphs checks names and gives each subgraph its value of join__Graph: its name in capitals,
// with what a GraphQL name may not hold replaced, and numbered when several become the same.
func nameSubgraphs(c *composer) {
	same, number := map[string]int{}, map[string]int{}
	for _, s := range c.subs {
		same[graphValue(s.name)]++
	}
	if len(c.subs) == 0 {
		c.report.errorf(codeNoQueries, nil, "No subgraphs to compose")
	}
	for i, s := range c.subs {
		switch {
		case s.name == "":
			c.report.errorf(codeInvalidSubgraphName, s.at(nil), "A subgraph has no name")
		case !strings.ContainsFunc(s.name[:1], isLetter):
			c.report.errorf(codeInvalidSubgraphName, s.at(nil), "Invalid name %q for a subgraph: it must begin with a letter", s.name)
		case s.name == "_" || s.name == "__proto__":
			c.report.errorf(codeInvalidSubgraphName, s.at(nil), "Invalid name %q for a subgraph: this name is reserved", s.name)
		case i > 0 && c.subs[i-1].name == s.name:
			c.report.errorf(codeInvalidSubgraphName, s.at(nil), "A subgraph named %q already exists", s.name)
		}
		s.graph = graphValue(s.name)
		if same[s.graph] > 1 {
			number[s.graph]++
			s.graph += "_" + strconv.Itoa(number[s.graph])
		}
	}
}

func isLetter(r rune) bool { return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r == '_' }

func graphValue(name string) string {
	var b strings.Builder
	for _, r := range strings.ToUpper(name) {
		if isLetter(r) || r >= '0' && r <= '9' {
			b.WriteRune(r)
		} else {
			b.WriteByte('_')
		}
	}
	v := b.String()
	if v == "" || v[0] >= '0' && v[0] <= '9' {
		v = "_" + v
	}
	// A trailing _1 is kept apart from the numbers that make values unique.
	if i := strings.LastIndexByte(v, '_'); i >= 0 && i+1 < len(v) && strings.Trim(v[i+1:], "0123456789") == "" {
		v += "_"
	}
	return v
}

// loadDocument parses each SDL. A subgraph that does not parse is left with an empty document, so
// that the others are still looked at.
func loadDocument(r *report, s *subgraph) {
	doc, err := parser.ParseSchema(s.source)
	if err != nil {
		s.doc = &ast.SchemaDocument{}
		at := s.at(nil)
		msg := err.Error()
		var ge *gqlerror.Error
		if errors.As(err, &ge) {
			msg = ge.Message
			if len(ge.Locations) > 0 {
				at[0].Line, at[0].Column = ge.Locations[0].Line, ge.Locations[0].Column
			}
		}
		r.errorf(codeInvalidGraphQL, at, "[%s] %s", s.name, msg)
		return
	}
	if len(doc.Definitions)+len(doc.Extensions)+len(doc.Schema)+len(doc.SchemaExtension)+len(doc.Directives) == 0 {
		r.errorf(codeInvalidGraphQL, s.at(nil), "[%s] The schema is empty.", s.name)
	}
	s.doc = doc
}
