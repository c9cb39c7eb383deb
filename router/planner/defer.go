package planner

import (
	"slices"

	"storefront/router/operation"
	"storefront/router/plan"
)

// What is deferred is planned after all that is not, in requests of its own. A stage is a set of
// @defers that fields are delivered with; a request belongs to one stage. Requests of a stage read
// from others only what their representations need, and only from stages that are delivered before
// or with it: a slow deferred field never holds up what is sent first. Where no key leads back to an
// object, its fields are read with the object, and are only delivered later.

// stage is a set of @defers. The stage of what is sent first is nil.
type stage struct {
	part   int // its number in the plan, from 1
	usages []*operation.DeferUsage
}

// stages numbers the sets of @defers of an operation in the order of its fields.
type stages struct {
	list  []*stage
	byKey map[string]*stage
}

func stagesOf(op *operation.Operation) *stages {
	s := &stages{}
	if len(op.Usages) > 0 {
		s.byKey = map[string]*stage{}
		s.add(op.Root)
	}
	return s
}

func (s *stages) add(set *operation.SelectionSet) {
	for _, f := range set.Fields {
		if key := operation.DeferSetKey(f.Defer); key != "" && s.byKey[key] == nil {
			s.list = append(s.list, &stage{part: len(s.list) + 1, usages: f.Defer})
			s.byKey[key] = s.list[len(s.list)-1]
		}
		if f.Sel != nil {
			s.add(f.Sel)
		}
	}
}

// of is the stage of a field.
func (s *stages) of(f *operation.Field) *stage {
	if f.Defer == nil {
		return nil
	}
	return s.byKey[operation.DeferSetKey(f.Defer)]
}

// part is the number of a field's stage, 0 for what is sent first.
func (s *stages) part(f *operation.Field) int {
	if st := s.of(f); st != nil {
		return st.part
	}
	return 0
}

// after reports whether everything of s is delivered with or after all of t, so that s may wait for t.
func (s *stage) after(t *stage) bool {
	if s == t || t == nil {
		return true
	}
	if s == nil {
		return false
	}
	for _, u := range s.usages {
		for u != nil && !slices.Contains(t.usages, u) {
			u = u.Parent
		}
		if u == nil {
			return false
		}
	}
	return true
}

// usable reports whether an item may be read through a request: one of the stage being planned, or an
// earlier one for the fields of a key and for what that reads already, which costs nothing more. A leaf of a
// key that the client selects is one: it would have to be read there for a request of the stage's own.
func (p *planner) usable(ps *pos, a *access, it item) bool {
	if a.group.stage == p.stage {
		return true
	}
	return p.readable(ps, a) && (p.lenient || it.key || (it.by != nil || it.field.Sel == nil) && reads(a, it.field) ||
		it.field.Sel == nil && p.inKey(ps.typ, a.group.sub, it.field.Name))
}

// readable reports whether what a request reads at a position is there for the stage being planned
// whenever the objects are. It is not where the stage reads the objects anew, or where the request reads
// them for another one only, which may be left out.
func (p *planner) readable(ps *pos, a *access) bool {
	if a.group.stage == p.stage {
		return true
	}
	return p.stage.after(a.group.stage) && (p.lenient || len(p.leading(ps)) == 0) && (a.lead == nil ||
		slices.ContainsFunc(a.lead.demands, func(d demand) bool { return d.by == nil || d.by.stage == p.stage }))
}

// leading are the requests that read the objects at a position as such for the stage being planned. There
// are none where an earlier stage has read them: then they are known, and their types where those count.
func (p *planner) leading(ps *pos) []*access {
	if p.stage == nil {
		return ps.accs
	}
	var out []*access
	for _, a := range ps.accs {
		if a.group.stage == p.stage && a.group.pos != ps.owner() || p.lenient && p.stage.after(a.group.stage) {
			out = append(out, a)
		}
	}
	return out
}

// sends makes sure that what a deferred request sends is read for it, where another has asked for it
// first.
func (p *planner) sends(ps *pos, pl placement) {
	if p.stage == nil || p.sender == nil || pl.acc.group.stage == p.stage {
		return
	}
	p.demand(pl.field, demand{by: p.sender})
	p.claim(ps, pl.acc, p.sender)
}

// claim makes sure that the objects which something deferred is read of are themselves read whenever the
// client wants them: what is deferred is placed where it stands, on objects that a request may have read
// for another one alone, which may be left out. Objects that the client does not ask for are read for by.
func (p *planner) claim(ps *pos, a *access, by *group) {
	if p.stage == nil {
		return
	}
	if a.lead == nil && a.group.kind == plan.EntityFetch { // it was entered with what others have read of the objects
		for _, at := range []*pos{ps, ps.base} {
			for i := 0; at != nil && i < len(at.accs); i++ {
				if b := at.accs[i]; b != a && slices.Contains(a.group.after, b.group) {
					p.claim(at, b, by)
				}
			}
		}
		return
	}
	for ; a.lead != nil; ps, a = ps.up, a.up {
		before := len(a.lead.demands)
		declared := false
		for _, f := range ps.up.owner().declared {
			if f.Key == a.lead.key && (ps.up.base == nil || ps.up.applies(f)) {
				p.demand(a.lead, demand{cond: f.Cond})
				declared = true
			}
		}
		if !declared {
			p.demand(a.lead, demand{by: by})
		}
		if len(a.lead.demands) == before {
			return
		}
	}
}

// demand adds a reason to read a field, once.
func (p *planner) demand(gf *gfield, d demand) {
	if slices.ContainsFunc(gf.demands, func(have demand) bool {
		return have.by == d.by && (have.cond == nil) == (d.cond == nil) && slices.EqualFunc(have.cond, d.cond, slices.Equal[[]operation.Term])
	}) {
		return
	}
	gf.demands = append(gf.demands, d)
	p.did(func() { gf.demands = gf.demands[:len(gf.demands)-1] })
}

// reads reports whether a request reads a field already.
func reads(a *access, f *operation.Field) bool {
	return slices.ContainsFunc(a.node.fields, func(have *gfield) bool {
		return have.name == f.Name && have.argsKey == f.ArgsKey
	})
}

// staged is the part of fields that belongs to a stage, down to where other stages begin. An object of
// which nothing else is left is still asked for, since what comes later hangs on it; and its type, where
// that says what comes later.
func (p *planner) staged(fields []*operation.Field, st *stage) []*operation.Field {
	if len(p.stages.list) == 0 || p.atOnce {
		return fields
	}
	var out []*operation.Field
	for _, f := range fields {
		if p.stages.of(f) != st {
			continue
		}
		if f.Sel != nil {
			c := *f
			c.Sel = &operation.SelectionSet{Type: f.Sel.Type, Fields: p.staged(f.Sel.Fields, st)}
			if len(c.Sel.Fields) == 0 || slices.ContainsFunc(f.Sel.Fields, func(o *operation.Field) bool { return o.On != nil && p.stages.of(o) != st }) {
				c.Sel.Fields = append(c.Sel.Fields, &operation.Field{Key: "__typename", Name: "__typename"})
			}
			f = &c
		}
		out = append(out, f)
	}
	return out
}

// way is how a position was come to.
type way struct {
	up    *way
	pos   *pos // the position above
	field *operation.Field
}

// later plans what is deferred at a position and beneath it, once what stands around it is planned.
// around is the stage of the field that leads here.
func (p *planner) later(ps *pos, fields []*operation.Field, around *stage, from *way) []item {
	var done []*stage
	for _, f := range fields {
		st := p.stages.of(f)
		if st == around || st == nil || slices.Contains(done, st) {
			continue
		}
		done = append(done, st)
		if failed := p.stageAt(ps, fields, st, from); len(failed) > 0 {
			return failed
		}
	}
	for _, f := range fields {
		if f.Sel == nil {
			continue
		}
		for _, at := range p.holders(ps, f) {
			child := at.slot(f.Key).child
			if failed := p.later(child, f.Sel.Fields, p.stages.of(f), &way{from, at, f}); len(failed) > 0 {
				return failed
			}
		}
	}
	return nil
}

// stageAt plans the fields of one stage at a position: by requests that enter here; else by ones that
// enter at an object above and lead here again; else with what is there, and what else leads here.
func (p *planner) stageAt(ps *pos, fields []*operation.Field, st *stage, from *way) []item {
	p.stage = st
	defer func() { p.stage, p.lenient = nil, false }()
	failed := p.satisfy(ps, clientItems(p.staged(fields, st)))
	if len(failed) > 0 {
		failed = p.fromAbove(from, failed)
	}
	if len(failed) > 0 {
		p.lenient = true
		if failed = p.satisfy(ps, failed); len(failed) > 0 {
			failed = p.fromAbove(from, failed)
		}
	}
	return failed
}

// fromAbove places items through a request that enters at an object above. If it can be helped, lists
// are not read twice, since their items might have moved in between, and neither are root fields: they
// may be other objects the second time.
func (p *planner) fromAbove(from *way, failed []item) []item {
	items := failed
	for ; from != nil; from = from.up {
		if !p.lenient && (from.pos.root || p.sg.IsRoot(from.pos.typ) || listDepth(from.field.Def.Type) > 0) {
			break
		}
		items = []item{cut(item{field: from.field}, items)}
		mark := len(p.trail)
		if len(p.satisfy(from.pos, items)) == 0 {
			return nil
		}
		p.undo(mark)
	}
	return failed
}

// holders are the positions that hold the slot of a client's field: the position itself, or its object
// types.
func (p *planner) holders(ps *pos, f *operation.Field) []*pos {
	var out []*pos
	holds := func(at *pos) bool {
		s := at.slot(f.Key)
		return s != nil && s.child != nil
	}
	if holds(ps) && (!ps.abstract || f.On == nil || p.alike(ps, item{field: f}, p.sg.Type(ps.typ).Field(f.Name))) {
		out = append(out, ps)
	}
	for _, v := range ps.variants {
		if v.applies(f) && holds(v) {
			out = append(out, v)
		}
	}
	return out
}

// planUsages and planParts put the stages into the plan, with their requests laid out.
func planUsages(op *operation.Operation) []plan.DeferUsage {
	var out []plan.DeferUsage
	for _, u := range op.Usages {
		du := plan.DeferUsage{Label: u.Label, Parent: -1, Depth: u.Depth}
		if u.Parent != nil {
			du.Parent = u.Parent.ID
		}
		if len(u.Terms) > 0 {
			du.Cond = planCond(operation.Cond{u.Terms})
		}
		out = append(out, du)
	}
	return out
}

func (s *stages) planParts(fetches []written) []plan.Part {
	var out []plan.Part
	for _, st := range s.list {
		part := plan.Part{Node: layout(ofPart(fetches, st.part))}
		for _, u := range st.usages {
			part.Usages = append(part.Usages, u.ID)
		}
		out = append(out, part)
	}
	return out
}

// ofPart are the requests of one stage; they stand together.
func ofPart(fetches []written, part int) []written {
	first := slices.IndexFunc(fetches, func(w written) bool { return w.fetch.Part == part })
	if first < 0 {
		return nil
	}
	end := first
	for end < len(fetches) && fetches[end].fetch.Part == part {
		end++
	}
	return fetches[first:end]
}
