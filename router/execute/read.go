package execute

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"storefront/internal/errs"
	"storefront/router/plan"
)

// received is what an answer holds, once it has been read beside the tree.
type received struct {
	kind     kind // of the body
	errors   []byte
	data     kind
	object   uint32 // of a fetch of root fields
	entities kind
	count    int // of entities
}

// read takes an answer into the tree: all of it, or nothing when it is no JSON to its end.
func (r *run) read(a answer) {
	f := a.fetch
	if a.err != nil {
		r.failed(a, describe(f.Subgraph, a.err), string(errs.Unavailable))
		return
	}
	if r.bytes += len(a.body); r.bytes > r.e.opts.MaxAnswerBytes {
		r.failed(a, r.tooMuch(), string(errs.TooMany))
		return
	}
	before, docs := len(r.vals), len(r.docs)
	got, err := r.receive(a)
	if err != nil {
		clear(r.docs[docs:])
		r.vals, r.docs = r.vals[:before], r.docs[:docs]
		if errors.Is(err, errTooLarge) {
			r.bytes = r.e.opts.MaxAnswerBytes + 1
			r.failed(a, r.tooMuch(), string(errs.TooMany))
			return
		}
		r.failed(a, describe(f.Subgraph, err), string(errs.Unavailable))
		return
	}
	if got.kind != object {
		r.failed(a, fmt.Sprintf("the subgraph %q answered with something that is no GraphQL response", f.Subgraph), string(errs.Unavailable))
		return
	}
	known := len(r.errors)
	told := r.subgraphErrors(a, got.errors) && (len(r.errors) > known || !slices.Contains(r.scratch.targetTypes(a.target), foreign))
	if got.data != object {
		if !told {
			r.failed(a, fmt.Sprintf("the subgraph %q answered with neither data nor errors", f.Subgraph), string(errs.Unavailable))
		}
		return
	}
	r.fresh.add(a)
	s := &r.scratch
	if f.Kind != plan.EntityFetch {
		for _, obj := range s.targetObjs(a.target) {
			r.take(obj, got.object, f.sel.shape, f.into)
		}
		return
	}
	if got.entities != list || got.count != a.target.types.hi-a.target.types.lo {
		if !told {
			r.failed(a, fmt.Sprintf("the subgraph %q did not answer with one entity for each representation", f.Subgraph), string(errs.Unavailable))
		}
		return
	}
	reps, places, readings := s.targetReps(a.target), s.targetPlaces(a.target), f.readings()
	for i, obj := range s.targetObjs(a.target) {
		if entity := s.entities[int(reps[i])*readings+f.reading(places[i])]; entity != 0 {
			place := f.places[places[i]]
			r.take(obj, entity, place.sel.shape, place.into)
		}
	}
	if r.unshared && len(r.vals) > r.limit {
		r.bytes = r.e.opts.MaxAnswerBytes + 1
		r.failed(a, r.tooMuch(), string(errs.TooMany))
	}
}

func (r *run) tooMuch() string {
	return fmt.Sprintf("the answers of subgraphs to this operation are larger than %d bytes", r.e.opts.MaxAnswerBytes)
}

// receive reads an answer beside the tree: {"errors": …, "data": …} (GraphQL specification 7.1).
func (r *run) receive(a answer) (got received, err error) {
	p := &r.reader
	if err := p.open(a.body); err != nil {
		return got, err
	}
	if p.Peek() != '{' {
		if err = p.Pass(0); err != nil {
			return got, err
		}
		return got, p.Close()
	}
	got.kind = object
	seenData := false
	err = p.Members(0, func(name []byte) error {
		switch {
		case string(name) == "data" && !seenData:
			seenData = true
			return r.receiveData(a, &got)
		case string(name) == "errors" && got.errors == nil:
			got.errors, err = p.Raw(1)
			return err
		}
		return p.Pass(1)
	})
	if err != nil {
		return got, err
	}
	return got, p.Close()
}

func (r *run) receiveData(a answer, got *received) (err error) {
	p, f := &r.reader, a.fetch
	if p.Peek() != '{' {
		return p.Pass(1)
	}
	got.data = object
	if f.Kind != plan.EntityFetch {
		got.object, err = p.object(f.sel, 0, 1)
		return err
	}
	return p.Members(1, func(name []byte) error {
		if string(name) == "_entities" && got.entities == missing {
			return r.receiveEntities(a, got)
		}
		return p.Pass(2)
	})
}

// receiveEntities reads the list of entities, each with the type of its representation.
func (r *run) receiveEntities(a answer, got *received) (err error) {
	p, s := &r.reader, &r.scratch
	s.entities = s.entities[:0]
	if p.Peek() != '[' {
		got.entities = opaque
		return p.Pass(2)
	}
	got.entities = list
	types := s.targetTypes(a.target)
	if p.Empty(']') {
		return nil
	}
	for {
		if p.Peek() == '{' && got.count < len(types) && types[got.count] != foreign {
			err = r.receiveEntity(a, got.count)
		} else {
			err = p.Pass(3)
			if got.count < len(types) {
				for range a.fetch.readings() {
					s.entities = append(s.entities, 0)
				}
			}
		}
		if err != nil {
			return err
		}
		got.count++
		if more, err := p.More(']'); !more {
			return err
		}
	}
}

// receiveEntity reads an entity, once or for each place that its representation stands at.
func (r *run) receiveEntity(a answer, n int) error {
	p, s, f := &r.reader, &r.scratch, a.fetch
	typ := s.targetTypes(a.target)[n]
	if !f.apart || len(f.places) == 1 {
		entity, err := p.object(f.sel, typ, 3)
		s.entities = append(s.entities, entity)
		return err
	}
	start, used := p.Pos, s.targetUsed(a.target)[n]
	for i, place := range f.places {
		entity := uint32(0)
		if used&(1<<i) != 0 {
			var err error
			p.Pos = start
			if entity, err = p.object(place.sel, typ, 3); err != nil {
				return err
			}
		}
		s.entities = append(s.entities, entity)
	}
	return nil
}

func describe(subgraph string, err error) string {
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Sprintf("the subgraph %q did not answer in time", subgraph)
	case errors.Is(err, context.Canceled):
		return fmt.Sprintf("the request to the subgraph %q was cancelled", subgraph)
	}
	if coded, ok := errors.AsType[*errs.Error](err); ok {
		return coded.Message
	}
	return fmt.Sprintf("the subgraph %q is not available", subgraph)
}

// hold puts what the router holds where a live subscription's field is.
func (r *run) hold(held map[string]any, sel *selection) error {
	data, err := json.Marshal(held)
	if err != nil {
		return fmt.Errorf("encode what is held: %w", err)
	}
	if sel == nil {
		return nil
	}
	if held == nil {
		data = []byte("{}")
	}
	if err := r.reader.open(data); err != nil {
		return err
	}
	obj, err := r.reader.object(sel, r.p.heldType, 0)
	r.vals[r.root+uint32(r.p.held)] = value{kind: object, at: obj}
	return err
}
