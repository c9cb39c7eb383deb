package plan

import (
	"strconv"
	"strings"
)

// String prints the plan in the form that people know from other federation routers.
func (p *Plan) String() string { return p.text(&writer{}) }

// Explain prints the plan with a comment at each fetch that says what it is for.
func (p *Plan) Explain() string { return p.text(&writer{why: true}) }

func (p *Plan) text(w *writer) string {
	w.line("QueryPlan {")
	w.depth++
	switch {
	case p.Live != nil:
		w.line("Live(field: %q) {", p.Live.Field)
		w.depth++
		w.section("Initial", p.Live.Initial)
		w.section("Event", p.Live.Event)
		w.depth--
		w.line("},")
	case p.Subscribe != nil:
		w.line("Subscription {")
		w.depth++
		w.section("Primary", p.Subscribe.Primary)
		w.section("Rest", p.Subscribe.Rest)
		w.depth--
		w.line("},")
	case len(p.Parts) > 0:
		w.line("Defer {")
		w.depth++
		w.section("Primary", p.Root)
		for _, part := range p.Parts {
			w.section("Deferred("+p.usagesText(part.Usages)+")", part.Node)
		}
		w.depth--
		w.line("},")
	default:
		w.print(p.Root)
	}
	w.depth--
	w.line("}")
	return w.b.String()
}

// usagesText names @defers by number and label, and the one around each.
func (p *Plan) usagesText(usages []int) string {
	parts := make([]string, len(usages))
	for i, id := range usages {
		u := p.Usages[id]
		parts[i] = strconv.Itoa(id)
		if u.Label != "" {
			parts[i] += " " + strconv.Quote(u.Label)
		}
		if u.Parent >= 0 {
			parts[i] += " in " + strconv.Itoa(u.Parent)
		}
	}
	return strings.Join(parts, ", ")
}

type writer struct {
	why   bool
	b     strings.Builder
	depth int
}

func (w *writer) line(format string, quoted ...string) {
	w.b.WriteString(strings.Repeat("  ", w.depth))
	for _, q := range quoted {
		format = strings.Replace(format, "%q", strconv.Quote(q), 1)
	}
	w.b.WriteString(format)
	w.b.WriteByte('\n')
}

func (w *writer) section(name string, n Node) {
	if n == nil {
		w.line(name + " {},")
		return
	}
	w.line(name + " {")
	w.depth++
	w.print(n)
	w.depth--
	w.line("},")
}

func (w *writer) print(n Node) {
	switch n := n.(type) {
	case *Sequence:
		w.block("Sequence {", n.Nodes...)
	case *Parallel:
		w.block("Parallel {", n.Nodes...)
	case *Condition:
		w.block("Include(if: "+n.If.String()+") {", n.Node)
	case *Fetch:
		w.fetch(n)
	}
}

func (w *writer) block(head string, nodes ...Node) {
	w.line(head)
	w.depth++
	for _, n := range nodes {
		w.print(n)
	}
	w.depth--
	w.line("},")
}

func (w *writer) fetch(f *Fetch) {
	switch {
	case len(f.With) > 0:
		paths := make([]string, 0, len(f.With)+1)
		for _, place := range f.Places() {
			paths = append(paths, strconv.Quote(PathText(place.Path)))
		}
		w.line("Flatten(paths: [" + strings.Join(paths, ", ") + "]) {")
		w.depth++
	case len(f.Path) > 0:
		w.line("Flatten(path: %q) {", PathText(f.Path))
		w.depth++
	}
	w.line("Fetch(service: %q) {", f.Subgraph)
	w.depth++
	if w.why {
		w.reasons(f)
	}
	if f.Kind == EntityFetch {
		w.line("{")
		w.depth++
		for _, r := range f.Requires {
			text := "... on " + r.WireType
			if r.Cond != nil {
				text += " @include(if: " + r.Cond.String() + ")"
			}
			w.line(text + " {")
			w.depth++
			w.line("__typename")
			w.repFields(r.Fields)
			w.depth--
			w.line("}")
		}
		w.depth--
		w.line("} =>")
	}
	w.operation(f.Operation)
	for _, c := range f.Contexts {
		for i, s := range c.Sources {
			if i == 0 {
				w.line("$" + c.Name + " = " + sourceText(f.Path, s))
			} else {
				w.line("  else " + sourceText(f.Path, s))
			}
		}
	}
	for _, c := range f.Computed {
		w.line("$" + c.Name + " = " + c.If.String())
	}
	w.depth--
	w.line("},")
	if len(f.Path) > 0 {
		w.depth--
		w.line("},")
	}
}

// sourceText says where a context's value stands, such as "t|[A,B] prop".
func sourceText(path []PathElem, s ContextSource) string {
	text := PathText(path[:s.Level])
	if len(s.On) > 0 {
		text += "|[" + strings.Join(s.On, ",") + "]"
	}
	return strings.TrimSpace(text + " " + leafText(s.Fields))
}

func leafText(fields []RepField) string {
	parts := make([]string, len(fields))
	for i, f := range fields {
		parts[i] = f.Key
		if len(f.On) > 0 {
			parts[i] = "|[" + strings.Join(f.On, ",") + "]" + parts[i]
		}
		if len(f.Sub) > 0 {
			parts[i] += "." + leafText(f.Sub)
		}
	}
	return strings.Join(parts, " or ")
}

// reasons says which fetch this is, and for whom it reads what.
func (w *writer) reasons(f *Fetch) {
	w.line("# fetch " + strconv.Itoa(f.ID))
	for _, place := range f.Places() {
		if len(f.With) > 0 {
			w.line("# at " + strconv.Quote(PathText(place.Path)))
		}
		w.reasonsOf(place)
	}
}

func (w *writer) reasonsOf(f *Fetch) {
	for _, r := range f.Why {
		text := "# for the client: "
		if r.For >= 0 {
			text = "# for the key that fetch " + strconv.Itoa(r.For) + " enters with: "
			if r.Need != "" {
				text = "# for " + r.Need + " of fetch " + strconv.Itoa(r.For) + ", which needs: "
			}
		}
		w.line(text + strings.Join(r.Fields, ", "))
	}
}

func (w *writer) repFields(fields []RepField) {
	for _, f := range fields {
		text := f.Name
		if f.Key != f.Name {
			text += " = " + f.Key
		}
		if len(f.On) > 0 {
			text = "|[" + strings.Join(f.On, ",") + "] " + text
		}
		if len(f.Sub) == 0 {
			w.line(text)
			continue
		}
		w.line(text + " {")
		w.depth++
		if f.Typename {
			w.line("__typename")
		}
		w.repFields(f.Sub)
		w.depth--
		w.line("}")
	}
}

// operation lays out compact operation text, one selection per line. Text within parentheses and
// strings stays as it is.
func (w *writer) operation(text string) {
	var cur strings.Builder
	flush := func(suffix string) {
		s := strings.TrimSpace(cur.String())
		cur.Reset()
		if s+suffix != "" {
			w.line(strings.TrimSpace(s + suffix))
		}
	}
	parens, inString := 0, false
	for i := 0; i < len(text); i++ {
		c := text[i]
		switch {
		case inString:
			cur.WriteByte(c)
			if c == '\\' && i+1 < len(text) {
				i++
				cur.WriteByte(text[i])
			} else if c == '"' {
				inString = false
			}
		case c == '"':
			inString = true
			cur.WriteByte(c)
		case c == '(' || c == ')':
			if c == '(' {
				parens++
			} else {
				parens--
			}
			cur.WriteByte(c)
		case parens > 0:
			cur.WriteByte(c)
		case c == '{':
			flush(" {")
			w.depth++
		case c == '}':
			flush("")
			w.depth--
			w.line("}")
		case c == '\n':
			flush("")
		default:
			cur.WriteByte(c)
		}
	}
	flush("")
}

// String prints a condition, such as "$a && !$b || $c"; "true" for nil.
func (c Cond) String() string {
	if c == nil {
		return "true"
	}
	ors := make([]string, len(c))
	for i, all := range c {
		ands := make([]string, len(all))
		for j, t := range all {
			ands[j] = "$" + t.Var
			if !t.Want {
				ands[j] = "!" + ands[j]
			}
		}
		ors[i] = strings.Join(ands, " && ")
	}
	return strings.Join(ors, " || ")
}

// PathText prints a path, such as "topProducts.@.|[Book]author".
func PathText(path []PathElem) string {
	var parts []string
	for _, e := range path {
		key := e.Key
		if len(e.On) > 0 {
			key = "|[" + strings.Join(e.On, ",") + "]" + key
		}
		parts = append(parts, key)
		for range e.List {
			parts = append(parts, "@")
		}
	}
	return strings.Join(parts, ".")
}
