package execute

import (
	"crypto/sha256"
	"slices"
	"strings"
	"time"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/parser"

	"storefront/router/plan"
	"storefront/router/supergraph"
)

// Keep is what a fetch's subgraph allows to be kept of its answers. How long follows from the hints of all
// fields of the request, by the rules of Apollo's @cacheControl: a field's own hint comes before that of the
// type it returns; a leaf without one, and whatever has inheritMaxAge, is as old as what is around it; all else
// is not kept. Fields of an entity's keys do not count: they never change.
type Keep struct {
	ID      [sha256.Size]byte // of the request but for its values: subgraph, selection, types and hints
	MaxAge  time.Duration
	Private bool // by some field it depends on who asks
	Rules   []*supergraph.CacheRule
	root    *ruled
}

// Keeps reports whether anything of the plan's answers may be kept.
func (p *Prepared) Keeps() bool { return p.keeps }

// keep compiles what may be kept of a fetch, nil for nothing.
func (c *compiler) keep(f *plan.Fetch) *Keep {
	if f.OperationKind != ast.Query && f.Kind != plan.EntityFetch || len(f.Contexts) > 0 {
		return nil
	}
	doc, err := parser.ParseQuery(&ast.Source{Input: f.Operation})
	if err != nil || len(doc.Operations) != 1 {
		return nil
	}
	graph := slices.IndexFunc(c.sg.Subgraphs(), func(s supergraph.Subgraph) bool { return s.Name == f.Subgraph })
	w := &keeping{sg: c.sg, graph: graph, doc: doc, text: &strings.Builder{}, least: -1, ok: graph >= 0}
	w.text.WriteString(f.Subgraph + "\n" + strings.Replace(f.Operation, f.OperationName, "", 1))
	root := &ruled{}
	for _, sel := range doc.Operations[0].SelectionSet {
		if field, ok := sel.(*ast.Field); ok && f.Kind == plan.EntityFetch {
			w.selections(field.SelectionSet, "", 0, root, nil)
			continue
		}
		w.selections(ast.SelectionSet{sel}, c.sg.RootType(ast.Query), 0, root, nil)
	}
	if !w.ok || w.least <= 0 {
		return nil
	}
	k := &Keep{ID: sha256.Sum256([]byte(w.text.String())), MaxAge: w.least, Private: w.private}
	if root.prune() {
		k.root, k.Rules = root, w.rules
	}
	return k
}

// keeping goes through a request.
type keeping struct {
	sg      *supergraph.Supergraph
	graph   int
	doc     *ast.QueryDocument
	text    *strings.Builder // all that the answer's meaning depends on
	least   time.Duration    // -1 as long as no field has said anything
	private bool
	ok      bool
	rules   []*supergraph.CacheRule
}

// selections goes through the fields of objects of a type that are as old as age. over are the rules of the
// field that leads there: it says already when these objects change, so their type's rules for the same events
// do not count.
func (w *keeping) selections(set ast.SelectionSet, typ string, age time.Duration, into *ruled, over []*supergraph.CacheRule) {
	if typ != "" {
		w.concern(into, w.sg.CacheRules(w.graph, typ, ""), set, over)
		if slices.ContainsFunc(set, isValue) {
			for _, object := range w.objects(typ) {
				w.concern(into, w.sg.CacheRules(w.graph, object, ""), set, over)
			}
		}
	}
	for _, sel := range set {
		switch sel := sel.(type) {
		case *ast.InlineFragment:
			w.fragment(sel.SelectionSet, typ, sel.TypeCondition, age, into, over)
		case *ast.FragmentSpread:
			if def := w.doc.Fragments.ForName(sel.Name); def != nil {
				w.fragment(def.SelectionSet, typ, def.TypeCondition, age, into, over)
			} else {
				w.ok = false
			}
		case *ast.Field:
			w.field(sel, set, typ, age, into)
		}
	}
}

// objects are the object types that an interface's objects may have: what is read of the interface is theirs. None
// for another type.
func (w *keeping) objects(typ string) []string {
	if t := w.sg.Type(typ); t != nil && t.Kind == ast.Interface {
		return t.In[w.graph].Possible
	}
	return nil
}

// isValue reports whether a selection is a field whose value may change.
func isValue(sel ast.Selection) bool {
	f, ok := sel.(*ast.Field)
	return ok && f.Name != "__typename"
}

func (w *keeping) fragment(set ast.SelectionSet, typ, on string, age time.Duration, into *ruled, over []*supergraph.CacheRule) {
	if on == "" {
		on = typ
	}
	if typ == "" { // an entity: what is around it is what its type says
		t := w.sg.Type(on)
		if t == nil {
			w.ok = false
			return
		}
		hint := w.ofType(t)
		age, w.private = hint.MaxAge, w.private || hint.Private
	}
	w.selections(set, on, age, into, over)
}

func (w *keeping) field(f *ast.Field, beside ast.SelectionSet, typ string, around time.Duration, into *ruled) {
	if f.Name == "__typename" {
		return
	}
	t := w.sg.Type(typ)
	if t == nil || t.Field(f.Name) == nil {
		w.ok = false
		return
	}
	def := t.Field(f.Name)
	returns := w.sg.Type(def.Def.Type.Name())
	composite := returns != nil && returns.Composite()
	w.text.WriteString("\n" + typ + "." + f.Name + ":" + def.Def.Type.String())
	age := around
	if composite || !w.isKey(t, f.Name) {
		age = w.age(t, f.Name, returns, composite, around)
		if w.least < 0 || age < w.least {
			w.least = age
		}
		w.text.WriteString(" " + age.String())
	}
	rules := w.sg.CacheRules(w.graph, typ, f.Name)
	w.concern(into, rules, beside, nil)
	for _, object := range w.objects(typ) {
		w.concern(into, w.sg.CacheRules(w.graph, object, f.Name), beside, nil)
	}
	if composite {
		sub := &ruled{}
		into.subs = append(into.subs, ruledSub{f.Alias, sub})
		w.selections(f.SelectionSet, returns.Name, age, sub, rules)
	}
}

// isKey reports whether a field is part of a key of its type here.
func (w *keeping) isKey(t *supergraph.Type, field string) bool {
	return slices.ContainsFunc(t.In[w.graph].Keys, func(k supergraph.Key) bool {
		return slices.ContainsFunc(k.Fields, func(s supergraph.FieldSelection) bool { return s.Name == field })
	})
}

// age is how long a field's value may be kept. Of an interface's field it is the least of what holds for the
// interface and for all that its objects may be.
func (w *keeping) age(t *supergraph.Type, field string, returns *supergraph.Type, composite bool, around time.Duration) time.Duration {
	var onType supergraph.CacheHint
	if composite {
		onType = w.ofType(returns)
	}
	w.private = w.private || onType.Private
	least := time.Duration(-1)
	for i, name := range append([]string{t.Name}, t.In[w.graph].Possible...) {
		if i > 0 && name == t.Name {
			continue
		}
		hint := w.sg.CacheHint(w.graph, name, field)
		w.private = w.private || hint.Private
		age := time.Duration(0)
		switch {
		case hint.Given:
			age = hint.MaxAge
		case hint.Inherits:
			age = around
		case onType.Given:
			age = onType.MaxAge
		case onType.Inherits || !composite:
			age = around
		}
		if least < 0 || age < least {
			least = age
		}
	}
	return least
}

// ofType is what a type says of the fields that return it; a union, that can say nothing, the least of what all
// its members say.
func (w *keeping) ofType(t *supergraph.Type) supergraph.CacheHint {
	hint := w.sg.CacheHint(w.graph, t.Name, "")
	for i, name := range t.In[w.graph].Possible {
		own := w.sg.CacheHint(w.graph, name, "")
		hint.Private = hint.Private || own.Private
		switch {
		case t.Kind != ast.Union:
		case i == 0:
			hint.MaxAge, hint.Given = own.MaxAge, own.Given
		default:
			hint.MaxAge, hint.Given = min(hint.MaxAge, own.MaxAge), hint.Given && own.Given
		}
	}
	return hint
}

// concern notes that rules hold of objects whose fields are selected beside them.
func (w *keeping) concern(into *ruled, rules []*supergraph.CacheRule, beside ast.SelectionSet, over []*supergraph.CacheRule) {
	for _, rule := range rules {
		if slices.ContainsFunc(over, func(o *supergraph.CacheRule) bool {
			return o.Topic == rule.Topic && slices.Equal(o.Types, rule.Types)
		}) || slices.ContainsFunc(into.rules, func(r ruledBy) bool { return r.CacheRule == rule }) {
			continue
		}
		by := ruledBy{CacheRule: rule}
		for _, sel := range beside {
			if f, ok := sel.(*ast.Field); ok && f.Name == rule.Key && len(f.Arguments) == 0 {
				by.alias = f.Alias
			}
		}
		into.rules = append(into.rules, by)
		w.text.WriteString("\n" + rule.ID() + rule.Key)
		if !slices.ContainsFunc(w.rules, func(r *supergraph.CacheRule) bool { return r.ID() == rule.ID() }) {
			w.rules = append(w.rules, rule)
		}
	}
}
