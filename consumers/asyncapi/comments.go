package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"strconv"
	"strings"
)

// comments are what a package's sources say of its types, fields and constants.
type comments struct {
	types     map[string]string            // by name
	fields    map[string]map[string]string // by struct and field
	constants map[string]constant          // of strings, by name
	groups    map[string][]string          // names of the constants of one declaration, by each of them
}

// constant is one of a string.
type constant struct{ value, comment string }

// readComments parses a folder's Go files, without its tests.
func readComments(tree fs.FS, dir string) (*comments, error) {
	c := &comments{types: map[string]string{}, fields: map[string]map[string]string{}, constants: map[string]constant{}, groups: map[string][]string{}}
	names, err := fs.Glob(tree, path.Join(dir, "*.go"))
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		source, err := fs.ReadFile(tree, name)
		if err != nil {
			return nil, err
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, source, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		for _, d := range file.Decls {
			if g, ok := d.(*ast.GenDecl); ok {
				c.add(g)
			}
		}
	}
	if len(names) == 0 {
		return nil, fmt.Errorf("there are no Go files in %s", dir)
	}
	return c, nil
}

func (c *comments) add(g *ast.GenDecl) {
	var names []string
	for _, spec := range g.Specs {
		switch s := spec.(type) {
		case *ast.TypeSpec:
			c.types[s.Name.Name] = oneLine(first(s.Doc, g.Doc))
			if t, ok := s.Type.(*ast.StructType); ok {
				c.fields[s.Name.Name] = fieldsOf(t)
			}
		case *ast.ValueSpec:
			for i, name := range s.Names {
				if i >= len(s.Values) {
					continue
				}
				literal, ok := s.Values[i].(*ast.BasicLit)
				if !ok || literal.Kind != token.STRING {
					continue
				}
				value, err := strconv.Unquote(literal.Value)
				if err != nil {
					continue // the compiler would have said so
				}
				c.constants[name.Name] = constant{value, oneLine(first(s.Comment, s.Doc, alone(g)))}
				names = append(names, name.Name)
			}
		}
	}
	for _, name := range names {
		c.groups[name] = names
	}
}

// alone is the comment of a declaration of one thing.
func alone(g *ast.GenDecl) *ast.CommentGroup {
	if g.Lparen.IsValid() {
		return nil
	}
	return g.Doc
}

func fieldsOf(t *ast.StructType) map[string]string {
	fields := map[string]string{}
	for _, f := range t.Fields.List {
		for _, name := range f.Names {
			fields[name.Name] = oneLine(first(f.Comment, f.Doc))
		}
	}
	return fields
}

// first is the text of the first comment that is there.
func first(list ...*ast.CommentGroup) string {
	for _, c := range list {
		if c != nil {
			return c.Text()
		}
	}
	return ""
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

// siblings are the constants that are declared together with one, in order.
func (c *comments) siblings(name string) ([]constant, error) {
	names := c.groups[name]
	if len(names) == 0 {
		return nil, fmt.Errorf("there is no constant %s", name)
	}
	list := make([]constant, len(names))
	for i, n := range names {
		list[i] = c.constants[n]
	}
	return list, nil
}

// of is the constant with a value.
func (c *comments) of(value string) constant {
	for _, k := range c.constants {
		if k.value == value {
			return k
		}
	}
	return constant{value: value}
}
