package supergraph

import (
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
)

// links says under which names the schema uses the elements of the specifications it links,
// following the link specification v1.0 (and core v0.1, its predecessor).
type links struct {
	specs   []linkedSpec
	renames map[string]string // local name of an imported directive → "spec/name"
}

type linkedSpec struct {
	name    string // the specification's own name, such as "join"
	prefix  string // what its elements are prefixed with in this schema
	url     string
	purpose string // "SECURITY", "EXECUTION" or ""
}

func readLinks(doc *ast.SchemaDocument) *links {
	l := &links{renames: map[string]string{}}
	var dirs ast.DirectiveList
	for _, def := range append(append(ast.SchemaDefinitionList{}, doc.Schema...), doc.SchemaExtension...) {
		dirs = append(dirs, def.Directives...)
	}
	for _, d := range dirs {
		url := argString(d, "url")
		if url == "" {
			url = argString(d, "feature")
		}
		name := specName(url)
		if name == "" {
			continue
		}
		spec := linkedSpec{name: name, prefix: name, url: url, purpose: argString(d, "for")}
		if as := argString(d, "as"); as != "" {
			spec.prefix = as
		}
		l.specs = append(l.specs, spec)
		if arg := d.Arguments.ForName("import"); arg != nil && arg.Value != nil {
			for _, child := range arg.Value.Children {
				from, to := importNames(child.Value)
				if strings.HasPrefix(to, "@") {
					l.renames[to[1:]] = name + "/" + strings.TrimPrefix(from, "@")
				}
			}
		}
	}
	return l
}

func importNames(v *ast.Value) (from, to string) {
	if v.Kind != ast.ObjectValue {
		return v.Raw, v.Raw
	}
	if n := v.Children.ForName("name"); n != nil {
		from, to = n.Raw, n.Raw
	}
	if as := v.Children.ForName("as"); as != nil {
		to = as.Raw
	}
	return from, to
}

// specName takes "join" out of "https://specs.apollo.dev/join/v0.3".
func specName(url string) string {
	url = strings.TrimRight(url, "/")
	i := strings.LastIndexByte(url, '/')
	if i < 0 {
		return ""
	}
	last := url[i+1:]
	if !strings.HasPrefix(last, "v") || len(last) < 2 || last[1] < '0' || last[1] > '9' {
		return last
	}
	url = url[:i]
	return url[strings.LastIndexByte(url, '/')+1:]
}

// resolve gives the specification and the name there of a directive used in the schema; spec is ""
// for a directive that no linked specification owns.
func (l *links) resolve(local string) (spec, name string) {
	if full, ok := l.renames[local]; ok {
		spec, name, _ = strings.Cut(full, "/")
		return spec, name
	}
	for _, s := range l.specs {
		if local == s.prefix {
			return s.name, s.name
		}
		if rest, ok := strings.CutPrefix(local, s.prefix+"__"); ok {
			return s.name, rest
		}
	}
	if rest, ok := strings.CutPrefix(local, "join__"); ok {
		return "join", rest
	}
	return "", local
}

// owned reports whether a directive belongs to one of the specifications that a supergraph is written
// in. One of a specification of somebody's own, brought here by @composeDirective, does not.
func (l *links) owned(directive string) bool {
	name, _ := l.resolve(directive)
	if name == "" {
		return false
	}
	for _, s := range l.specs {
		if s.name == name {
			return strings.HasPrefix(s.url, "https://specs.apollo.dev/")
		}
	}
	return true
}

// machinery reports whether a type's name belongs to a linked specification, so that it is no part
// of the public schema.
func (l *links) machinery(typeName string) bool {
	for _, s := range l.specs {
		if strings.HasPrefix(typeName, s.prefix+"__") {
			return true
		}
	}
	return strings.HasPrefix(typeName, "join__") || strings.HasPrefix(typeName, "link__") ||
		strings.HasPrefix(typeName, "core__") || strings.HasPrefix(typeName, "federation__")
}

// is reports whether directive d is the element name of spec, under whatever name it goes here.
func (l *links) is(d *ast.Directive, spec, name string) bool {
	s, n := l.resolve(d.Name)
	return n == name && (s == spec || s == "")
}

func argString(d *ast.Directive, name string) string {
	arg := d.Arguments.ForName(name)
	if arg == nil || arg.Value == nil || arg.Value.Kind == ast.NullValue {
		return ""
	}
	return arg.Value.Raw
}

func argBool(d *ast.Directive, name string, absent bool) bool {
	arg := d.Arguments.ForName(name)
	if arg == nil || arg.Value == nil {
		return absent
	}
	return arg.Value.Raw == "true"
}

func argStrings(d *ast.Directive, name string) []string {
	arg := d.Arguments.ForName(name)
	if arg == nil || arg.Value == nil {
		return nil
	}
	if arg.Value.Kind != ast.ListValue {
		return []string{arg.Value.Raw}
	}
	var out []string
	for _, c := range arg.Value.Children {
		out = append(out, c.Value.Raw)
	}
	return out
}
