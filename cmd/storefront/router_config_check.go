package main

// What is wrong with a router's configuration file, in the words of whoever wrote it: the setting's path,
// the line, and what would be right. The YAML library's own errors speak of Go's types.

import (
	"fmt"
	"reflect"
	"regexp"
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"

	"storefront/internal/errs"
)

// fileCheck compares a file with the form it is to have.
type fileCheck struct {
	path  string
	lines map[string]int // of each setting, by its path
	wrong []string
}

// checkFile returns every setting of a file that does not fit into form, a pointer to a struct with yaml
// tags, as one error with a line for each; nil when it is all right. Syntax is left to the library.
func checkFile(path string, text []byte, form any) (*fileCheck, error) {
	c := &fileCheck{path: path, lines: map[string]int{}}
	file, err := parser.ParseBytes(text, 0)
	if err != nil {
		return c, nil
	}
	for _, doc := range file.Docs {
		if doc.Body != nil {
			c.value(doc.Body, reflect.TypeOf(form).Elem(), "")
		}
	}
	if len(c.wrong) > 0 {
		return c, errs.New(errs.BadInput, "%s", strings.Join(c.wrong, "\n"))
	}
	return c, nil
}

func (c *fileCheck) mistake(line int, setting, format string, args ...any) {
	if setting != "" {
		setting += ": "
	}
	c.wrong = append(c.wrong, fmt.Sprintf("%s:%d: %s", c.path, line, setting)+fmt.Sprintf(format, args...))
}

func (c *fileCheck) value(n ast.Node, t reflect.Type, setting string) {
	switch v := n.(type) {
	case *ast.AnchorNode:
		c.value(v.Value, t, setting)
		return
	case *ast.NullNode, *ast.AliasNode, *ast.TagNode, *ast.CommentGroupNode:
		return
	}
	line, given := n.GetToken().Position.Line, n.GetToken().Value
	if _, scalar := n.(ast.ScalarNode); !scalar {
		given = map[bool]string{true: "a list", false: "a group of settings"}[n.Type() == ast.SequenceType]
	} else if n.Type() == ast.StringType {
		given = fmt.Sprintf("%q", given)
	}
	number := n.Type() == ast.IntegerType || n.Type() == ast.FloatType
	switch {
	case t == reflect.TypeFor[time.Duration]():
		if _, err := time.ParseDuration(n.GetToken().Value); err != nil || n.Type() != ast.StringType {
			c.mistake(line, setting, "%s is no duration; write it like 250ms, 5s or 1m30s", given)
		}
	case t.Kind() == reflect.Struct, t.Kind() == reflect.Map:
		c.group(n, t, setting, given)
	case t.Kind() == reflect.Slice:
		list, ok := n.(*ast.SequenceNode)
		if !ok {
			c.mistake(line, setting, "%s is no list; write [a, b], or each item on a line after -", given)
			return
		}
		for i, item := range list.Values {
			c.value(item, t.Elem(), fmt.Sprintf("%s[%d]", setting, i))
		}
	case t.Kind() == reflect.Bool && n.Type() != ast.BoolType:
		c.mistake(line, setting, "%s is neither true nor false", given)
	case (t.Kind() == reflect.Int || t.Kind() == reflect.Int64) && n.Type() != ast.IntegerType:
		c.mistake(line, setting, "%s is no whole number", given)
	case t.Kind() == reflect.Float64 && !number:
		c.mistake(line, setting, "%s is no number", given)
	case t.Kind() == reflect.String && given != n.GetToken().Value && n.Type() != ast.StringType:
		c.mistake(line, setting, "%s is no text", given)
	}
}

// group checks settings beneath a name, or the whole file: those of a struct, or named as one likes.
func (c *fileCheck) group(n ast.Node, t reflect.Type, setting, given string) {
	group, ok := n.(ast.MapNode)
	if !ok {
		c.mistake(n.GetToken().Position.Line, setting, "%s is no group of settings; write NAME: VALUE, each on a line", given)
		return
	}
	known := map[string]reflect.Type{}
	var names []string
	if t.Kind() == reflect.Struct {
		for i := range t.NumField() {
			if name := t.Field(i).Tag.Get("yaml"); name != "" && name != "-" {
				known[name] = t.Field(i).Type
				names = append(names, name)
			}
		}
	}
	for pairs := group.MapRange(); pairs.Next(); {
		if pairs.Key().IsMergeKey() {
			continue
		}
		token := pairs.Key().GetToken()
		name := token.Value
		inner := strings.TrimPrefix(setting+"."+name, ".")
		c.lines[inner] = token.Position.Line
		of := known[name]
		if t.Kind() == reflect.Map {
			of = t.Elem()
		}
		if of == nil {
			c.mistake(token.Position.Line, inner, "there is no such setting; there are %s", strings.Join(names, ", "))
			continue
		}
		c.value(pairs.Value(), of, inner)
	}
}

// settingOf is how transport.Config.Validate begins a mistake.
var settingOf = regexp.MustCompile(`^subgraph "([^"]*)": ([a-z_]+(?:\.[a-z_]+)*)`)

// place puts a setting's line before each mistake of a validation, where the file has the setting.
func (c *fileCheck) place(mistakes error) error {
	var all []string
	for line := range strings.SplitSeq(mistakes.Error(), "\n") {
		at := c.path
		if m := settingOf.FindStringSubmatch(line); m != nil {
			for _, name := range []string{"subgraphs." + m[1] + "." + m[2], "every_subgraph." + m[2]} {
				if n := c.lines[name]; n > 0 {
					at = fmt.Sprintf("%s:%d", c.path, n)
					break
				}
			}
		}
		all = append(all, at+": "+line)
	}
	return errs.New(errs.BadInput, "%s", strings.Join(all, "\n"))
}
