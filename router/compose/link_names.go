package compose

import (
	"fmt"
	"strings"
)

// linkNames are the names that the links of a subgraph have taken. A name must lead to one element of one
// specification, whether it is imported or has a namespace in front.
type linkNames struct {
	identity map[string]bool     // of specifications linked so far
	as       map[string]*feature // by namespace
	imported map[string]importOf // by the name it has here, with "@" when a directive
	prefixed map[string]importOf // imports that look as if from another namespace, by that
}

type importOf struct {
	feature *feature
	imported
}

func newLinkNames() *linkNames {
	return &linkNames{map[string]bool{}, map[string]*feature{}, map[string]importOf{}, map[string]importOf{}}
}

// add takes a feature's names, or says what stands in the way.
func (n *linkNames) add(f *feature) (problem string) {
	if n.identity[f.identity] {
		return fmt.Sprintf("Duplicate inclusion of feature %q", f.identity)
	}
	if !validNamespace(f.as) {
		return fmt.Sprintf("Invalid name %q for specification %q: a name is letters, digits, \"_\", \"-\" and \".\", without \"__\" and without \"_\" at its end", f.as, f.identity)
	}
	for _, other := range []importOf{n.prefixed[f.as], n.imported["@"+f.as]} {
		if other.feature != nil {
			return other.confused("a name from " + f.identity)
		}
	}
	if other := n.as[f.as]; other != nil {
		return fmt.Sprintf("Name conflict: %q and %q are both linked as %q", other.identity, f.identity, f.as)
	}
	own := map[string]string{}
	for _, i := range f.imports {
		if problem := n.addImport(importOf{f, i}, own); problem != "" {
			return problem
		}
	}
	n.identity[f.identity], n.as[f.as] = true, f
	return ""
}

func (n *linkNames) addImport(i importOf, own map[string]string) (problem string) {
	f, name, as := i.feature, strings.TrimPrefix(i.name, "@"), strings.TrimPrefix(i.as, "@")
	if prefix, rest, ok := strings.Cut(as, "__"); ok {
		switch other := n.as[prefix]; {
		case prefix == f.as && rest != name:
			return i.confused(fmt.Sprintf("%q of the same specification", rest))
		case prefix != f.as && other != nil:
			return i.confused("a name from " + other.identity)
		case prefix != f.as:
			n.prefixed[prefix] = i
		}
	}
	if as != i.as {
		switch other := n.as[as]; {
		case as == f.as && name != f.name:
			return i.confused(fmt.Sprintf("\"@%s\" of the same specification", f.name))
		case as != f.as && other != nil:
			return i.confused("a name from " + other.identity)
		}
	}
	if before, ok := own[i.name]; ok && before != i.as {
		return fmt.Sprintf("Invalid use of @link: %q is imported twice, as %q and as %q", i.name, before, i.as)
	}
	own[i.name] = i.as
	if other, ok := n.imported[i.as]; ok && (other.feature.identity != f.identity || other.name != i.name) {
		return fmt.Sprintf("Invalid use of @link: %q is imported from %q for %q already", i.as, other.feature.identity, other.name)
	}
	n.imported[i.as] = i
	return ""
}

func (i importOf) confused(with string) string {
	return fmt.Sprintf("Invalid use of @link: %q of %q imported as %q can be confused with %s; import it under another name, or link one of them with another \"as\"", i.name, i.feature.identity, i.as, with)
}

// validNamespace: a namespace need not be a name of GraphQL, but what it is put in front of must stay one.
func validNamespace(n string) bool {
	if n == "" || strings.Contains(n, "__") || strings.HasSuffix(n, "_") || !strings.ContainsFunc(n[:1], isLetter) {
		return false
	}
	return !strings.ContainsFunc(n, func(r rune) bool { return !isLetter(r) && !strings.ContainsRune("0123456789.-", r) })
}
