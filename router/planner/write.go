package planner

import (
	"slices"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"

	"storefront/router/operation"
	"storefront/router/plan"
)

// written is a group as a fetch, with its round.
type written struct {
	fetch *plan.Fetch
	depth int
}

// writing is the text of one request in the making. A newline separates selections, so that the
// printer can lay the text out.
type writing struct {
	p        *planner
	group    *group
	b        strings.Builder
	used     map[string]bool
	computed []plan.Computed
	contexts []contextArg
	aliases  int
}

func (p *planner) write(g *group, id int, ids map[*group]int) written {
	w := &writing{p: p, group: g, used: map[string]bool{}}
	f := &plan.Fetch{
		ID: id, Subgraph: p.sg.SubgraphName(g.sub), Kind: g.kind, OperationKind: p.op.Kind,
		Cond: planCond(g.cond), Part: g.part(),
	}
	if g.depth > 0 || g.kind != plan.RootFetch {
		if p.op.Kind == ast.Subscription || g.kind != plan.RootFetch {
			f.OperationKind = ast.Query
		}
	}
	for _, a := range g.after {
		f.After = append(f.After, ids[a])
	}
	slices.Sort(f.After)
	f.After = slices.Compact(f.After)
	if p.op.Name != "" {
		f.OperationName = p.op.Name + "__" + identifier(f.Subgraph) + "__" + itoa(id)
	}
	if g.pos != nil {
		f.Path, f.Abstract = g.pos.path, g.pos.abstract && !g.whole
	}
	if g.kind == plan.EntityFetch {
		f.RepVariable = "representations"
		for p.op.Def.VariableDefinitions.ForName(f.RepVariable) != nil {
			f.RepVariable = "_" + f.RepVariable
		}
		for _, r := range g.reps {
			read := slices.IndexFunc(g.root.frags, func(n *gnode) bool { return n.typ == r.typ })
			if read < 0 {
				continue
			}
			rep := plan.Representation{Type: r.typ, WireType: p.sg.Type(r.typ).In[g.sub].WireName, Fields: r.fields}
			if cond := planCond(nodeCond(g.root.frags[read])); cond.String() != f.Cond.String() {
				rep.Cond = cond
			}
			if g.whole {
				rep.Type = ""
			}
			f.Requires = append(f.Requires, rep)
		}
	}
	f.Why = reasons(g, ids)
	f.Selection = w.node(g.root)
	body := w.b.String()
	w.b.Reset()
	w.head(f)
	if g.kind == plan.EntityFetch {
		w.b.WriteString("{\n_entities(representations: $" + f.RepVariable + ")" + body + "\n}")
	} else {
		w.b.WriteString(body)
	}
	f.Operation, f.Computed = w.b.String(), w.computed
	for _, c := range w.contexts {
		f.Contexts = append(f.Contexts, plan.Context{Name: c.name, Sources: c.sources})
	}
	for _, v := range p.op.Def.VariableDefinitions {
		if w.used[v.Variable] {
			f.Variables = append(f.Variables, v.Variable)
		}
	}
	return written{f, g.depth}
}

func (w *writing) head(f *plan.Fetch) {
	var vars []string
	if f.RepVariable != "" {
		vars = append(vars, "$"+f.RepVariable+": [_Any!]!")
	}
	for _, v := range w.p.op.Def.VariableDefinitions {
		if w.used[v.Variable] {
			text := "$" + v.Variable + ": " + v.Type.String()
			if v.DefaultValue != nil {
				text += " = " + v.DefaultValue.String()
			}
			vars = append(vars, text)
		}
	}
	for _, c := range w.contexts {
		vars = append(vars, "$"+c.name+": "+c.typ)
	}
	for _, c := range w.computed {
		vars = append(vars, "$"+c.Name+": Boolean!")
	}
	if f.OperationKind == ast.Query && f.OperationName == "" && len(vars) == 0 {
		return
	}
	w.b.WriteString(string(f.OperationKind))
	if f.OperationName != "" {
		w.b.WriteString(" " + f.OperationName)
	}
	if len(vars) > 0 {
		w.b.WriteString("(" + strings.Join(vars, ", ") + ")")
	}
	w.b.WriteString(" ")
}

// node writes a selection set and says how its answer is read.
func (w *writing) node(n *gnode) *plan.Selection {
	sel := &plan.Selection{Plain: true}
	w.b.WriteByte('{')
	var written []spelled
	w.selections(n, nil, sel, &written)
	w.b.WriteString("\n}")
	for _, f := range sel.Fields {
		sel.Plain = sel.Plain && f.Alias == f.Key && (f.Sub == nil || f.Sub.Plain)
	}
	return sel
}

// spelled is a field of a selection set with the type, in the subgraph, that it is selected on.
type spelled struct {
	field *gfield
	on    string
}

// selections writes what is selected on one type, for objects of the types on, nil for all.
func (w *writing) selections(n *gnode, on []string, sel *plan.Selection, written *[]spelled) {
	t := w.p.sg.Type(n.typ)
	opaque := t != nil && t.In[w.group.sub].InterfaceObject
	if len(n.fields)+len(n.frags) == 0 || t != nil && (t.Abstract() || n.named) && !opaque {
		w.b.WriteString("\n__typename")
		if opaque { // the name that the subgraph gives is not the object's
			sel.Plain = false
		} else if on == nil {
			sel.Fields = append(sel.Fields, plan.SelField{Alias: "__typename", Key: "__typename"})
		}
	}
	wire := ""
	if t != nil {
		wire = w.wireName(n.typ)
	}
	for _, f := range n.fields {
		alias := f.key
		if slices.ContainsFunc(*written, func(o spelled) bool { return o.field.key == f.key && conflict(o.field, f, o.on == wire) }) {
			w.aliases++
			alias = "_" + itoa(w.aliases) + "_" + f.key
		}
		sf := w.field(f, alias)
		sf.On = on
		sel.Fields = append(sel.Fields, sf)
		*written = append(*written, spelled{f, wire})
	}
	for _, frag := range n.frags {
		w.b.WriteString("\n... on " + w.wireName(frag.typ) + " {")
		inner := []string{frag.typ}
		if w.group.whole && n == w.group.root { // all that are sent
			inner = nil
		}
		w.selections(frag, inner, sel, written)
		w.b.WriteString("\n}")
	}
}

func (w *writing) wireName(typ string) string {
	if name := w.p.sg.Type(typ).In[w.group.sub].WireName; name != "" {
		return name
	}
	return typ
}

func (w *writing) field(f *gfield, alias string) plan.SelField {
	w.b.WriteByte('\n')
	if alias != f.name {
		w.b.WriteString(alias + ": ")
	}
	w.b.WriteString(f.name)
	args := []string{}
	if len(f.args) > 0 {
		args = append(args, f.argsKey)
		for _, a := range f.args {
			w.uses(a.Value)
		}
	}
	for i := range f.context {
		args = append(args, f.context[i].name+": $"+w.context(&f.context[i]))
	}
	if len(args) > 0 {
		w.b.WriteString("(" + strings.Join(args, ", ") + ")")
	}
	w.condition(f.printed())
	sf := plan.SelField{Alias: alias, Key: f.key}
	if f.node != nil {
		w.b.WriteByte(' ')
		sf.Sub = w.node(f.node)
	}
	return sf
}

func (w *writing) uses(v *ast.Value) {
	if v.Kind == ast.Variable {
		w.used[v.Raw] = true
	}
	for _, c := range v.Children {
		w.uses(c.Value)
	}
}

// context returns the variable that a value of a context is sent in.
func (w *writing) context(c *contextArg) string {
	for i := range w.contexts {
		if sameContext(&w.contexts[i], c) {
			return w.contexts[i].name
		}
	}
	name := "_context" + itoa(len(w.contexts))
	for w.p.op.Def.VariableDefinitions.ForName(name) != nil {
		name = "_" + name
	}
	w.contexts = append(w.contexts, contextArg{name: name, typ: c.typ, sources: c.sources})
	return name
}

// condition writes @skip and @include; what one of each cannot say becomes a computed variable. What
// holds for the whole request is not repeated.
func (w *writing) condition(c operation.Cond) {
	if c == nil || planCond(c).String() == planCond(w.group.cond).String() {
		return
	}
	if len(c) == 1 && len(c[0]) <= 2 && (len(c[0]) < 2 || c[0][0].Want != c[0][1].Want) {
		for _, t := range c[0] {
			name := "skip"
			if t.Want {
				name = "include"
			}
			w.b.WriteString(" @" + name + "(if: $" + t.Var + ")")
			w.used[t.Var] = true
		}
		return
	}
	text := planCond(c).String()
	for _, have := range w.computed {
		if have.If.String() == text {
			w.b.WriteString(" @include(if: $" + have.Name + ")")
			return
		}
	}
	name := "_if" + itoa(len(w.computed))
	for w.p.op.Def.VariableDefinitions.ForName(name) != nil {
		name = "_" + name
	}
	w.computed = append(w.computed, plan.Computed{Name: name, If: planCond(c)})
	w.b.WriteString(" @include(if: $" + name + ")")
}

// conflict reports whether two fields of one key cannot stand in one operation for the subgraph: even
// on different types (GraphQL specification 5.3.2, SameResponseShape), or on one type.
func conflict(a, b *gfield, sameType bool) bool {
	if sameType && (a.name != b.name || a.argsKey != b.argsKey) {
		return true
	}
	s, t := a.typ, b.typ
	for {
		if s.NonNull != t.NonNull || (s.Elem == nil) != (t.Elem == nil) {
			return true
		}
		if s.Elem == nil {
			break
		}
		s, t = s.Elem, t.Elem
	}
	if a.node == nil || b.node == nil {
		return s.NamedType != t.NamedType
	}
	bs := b.node.all()
	for _, x := range a.node.all() {
		for _, y := range bs {
			if x.key == y.key && conflict(x, y, sameType) {
				return true
			}
		}
	}
	return false
}

func (n *gnode) all() []*gfield {
	out := slices.Clone(n.fields)
	for _, f := range n.frags {
		out = append(out, f.all()...)
	}
	return out
}

func identifier(name string) string {
	return strings.Map(func(r rune) rune {
		if r == '_' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' {
			return r
		}
		return '_'
	}, name)
}

func planCond(c operation.Cond) plan.Cond {
	if c == nil {
		return nil
	}
	out := make(plan.Cond, len(c))
	for i, terms := range c {
		for _, t := range terms {
			out[i] = append(out[i], plan.Term{Var: t.Var, Want: t.Want})
		}
	}
	return out
}
