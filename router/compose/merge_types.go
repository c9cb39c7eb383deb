package compose

import (
	"sort"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
)

// mergeTypes makes one merged type for each name, when its kind is the same everywhere.
func mergeTypes(c *composer) {
	names := map[string]bool{}
	for _, s := range c.subs {
		for _, n := range s.order {
			names[n] = true
		}
	}
	order := sortedKeys(names)
	sort.SliceStable(order, func(i, j int) bool { return foldedLess(order[i], order[j]) })
	for _, name := range order {
		if isBuiltinScalar(name) {
			continue
		}
		t := &mtype{name: name, byName: map[string]*mfield{}}
		for _, s := range c.subs {
			if src := s.types[name]; src != nil {
				t.sources = append(t.sources, src)
				t.add(s, src.def.Directives, src.def.Position)
			}
		}
		if !c.mergeKind(t) {
			continue
		}
		c.checkExtension(t)
		c.hintEntity(t)
		t.desc = c.mergeDescription(name, t.sourceDescriptions())
		c.merged.types[name] = t
		c.merged.order = append(c.merged.order, name)
	}
	c.mergeSchemaElement()
}

func (t *mtype) sourceDescriptions() []described {
	var out []described
	for _, src := range t.sources {
		out = append(out, described{src.def.Description, src.sub})
	}
	return out
}

// mergeKind settles the kind. An interface object counts as the interface it stands for.
func (c *composer) mergeKind(t *mtype) bool {
	kinds := map[ast.DefinitionKind][]string{}
	var order []ast.DefinitionKind
	onlyObjects := true
	for _, src := range t.sources {
		k := src.def.Kind
		if src.interfaceObject {
			k = ast.Interface
		} else {
			onlyObjects = false
		}
		if kinds[k] == nil {
			order = append(order, k)
		}
		kinds[k] = append(kinds[k], src.sub.name)
	}
	if onlyObjects {
		c.report.errorf(codeInterfaceObjectUsage, t.locations(), "Type %q is declared with @interfaceObject in all the subgraphs in which it is defined (it should be defined as an interface in at least one subgraph)", t.name)
		return false
	}
	if len(order) > 1 {
		var parts []string
		for _, k := range order {
			parts = append(parts, kindName(k)+" in "+subgraphList(kinds[k]))
		}
		c.report.errorf(codeTypeKindMismatch, t.locations(), "Type %q has mismatched kind: it is defined as %s", t.name, strings.Join(parts, " but "))
		return false
	}
	t.kind = order[0]
	return true
}

func (c *composer) checkExtension(t *mtype) {
	if isRootName(t.name) {
		return
	}
	for _, src := range t.sources {
		if !src.extends() {
			return
		}
	}
	for _, src := range t.sources {
		c.report.errorf(codeExtensionWithNoBase, src.sub.at(src.def.Position), "[%s] Type %q is an extension type, but there is no type definition for %q in any subgraph.", src.sub.name, t.name, t.name)
	}
}

func isRootName(name string) bool {
	return name == "Query" || name == "Mutation" || name == "Subscription"
}

func (c *composer) hintEntity(t *mtype) {
	if t.kind != ast.Object || isRootName(t.name) {
		return
	}
	var with, without []string
	for _, src := range t.sources {
		if len(src.keys) > 0 {
			with = append(with, src.sub.name)
		} else {
			without = append(without, src.sub.name)
		}
	}
	if len(with) > 0 && len(without) > 0 {
		c.report.hintf(hintInconsistentEntity, t.locations(), "Type %q is declared as an entity (has a @key applied) in some but not all defining subgraphs: it has no @key in %s but has some @key in %s.", t.name, subgraphList(without), subgraphList(with))
	}
}

type described struct {
	text string
	sub  *subgraph
}

// mergeDescription takes the description most subgraphs have; of several, the first by graph.
func (c *composer) mergeDescription(what string, list []described) string {
	count := map[string]int{}
	var order []string
	from := map[string]string{}
	for _, d := range list {
		text := strings.TrimSpace(d.text)
		if text == "" {
			continue
		}
		if count[text] == 0 {
			order = append(order, text)
			from[text] = d.sub.name
		}
		count[text]++
	}
	if len(order) == 0 {
		return ""
	}
	best := order[0]
	for _, t := range order[1:] {
		if count[t] > count[best] {
			best = t
		}
	}
	if len(order) > 1 {
		c.report.hintf(hintInconsistentDescription, nil, "Element %q has inconsistent descriptions across subgraphs. The supergraph will use description (from subgraph %q): %q", what, from[best], best)
	}
	return best
}

// mergeHierarchy merges who implements what, and what unions hold: both are unions over subgraphs.
func mergeHierarchy(c *composer) {
	for _, name := range c.merged.order {
		t := c.merged.types[name]
		for _, src := range t.sources {
			for _, i := range src.def.Interfaces {
				if up := c.merged.types[i]; up == nil || up.kind != ast.Interface {
					continue
				}
				if !has(t.interfaces, i) {
					t.interfaces = append(t.interfaces, i)
				}
				t.implements = append(t.implements, graphName{src.sub.graph, i})
			}
			for _, m := range src.def.Types {
				if !has(t.members, m) {
					t.members = append(t.members, m)
				}
				t.memberOf = append(t.memberOf, graphName{src.sub.graph, m})
			}
		}
		if t.kind == ast.Union && len(t.sources) > 1 {
			for _, m := range t.members {
				var in, notIn []string
				for _, src := range t.sources {
					if has(src.def.Types, m) {
						in = append(in, src.sub.name)
					} else {
						notIn = append(notIn, src.sub.name)
					}
				}
				if len(notIn) > 0 {
					c.report.hintf(hintInconsistentUnionMember, t.locations(), "Union type %q includes member type %q in some but not all defining subgraphs: %q is defined in %s but not in %s.", t.name, m, m, subgraphList(in), subgraphList(notIn))
				}
			}
		}
	}
}
