package execute

import "hash/maphash"

// represent writes the representations of the objects found, for nil of those at all places of the fetch,
// into scratch, equal ones once.
func (r *run) represent(f *fetch, found []uint32) (targets, error) {
	s := &r.scratch
	s.buf, s.spans, s.hashes, s.table = s.buf[:0], s.spans[:0], s.hashes[:0], s.table[:0]
	objs, types := len(s.objs), len(s.types)
	for i, place := range f.places {
		if found == nil || i > 0 {
			found = r.walk(place.path, r.root)
		}
		s.grow(len(found))
		for _, obj := range found {
			rep := place.representation(r.typeOf(obj))
			if rep == nil || !r.holds[rep.cond] {
				continue
			}
			lo := len(s.buf)
			s.buf = append(s.buf, rep.head...)
			if !r.writeRep(rep.fields, obj) {
				s.buf = s.buf[:lo]
				continue
			}
			s.buf = append(s.buf, '}')
			if len(s.buf) > r.e.opts.MaxAnswerBytes {
				return targets{}, errTooLarge
			}
			at, known := s.intern(lo, maphash.Bytes(r.e.seed, s.buf[lo:]))
			if !known {
				s.types, s.used = append(s.types, rep.typ), append(s.used, 0)
			}
			s.used[types+int(at)] |= 1 << i
			s.target(obj, at, int32(i))
		}
	}
	return targets{objs: span{objs, len(s.objs)}, types: span{types, len(s.types)}}, nil
}

// grow makes room for n more representations in the table by which they are found.
func (s *scratch) grow(n int) {
	size := 8
	for size < 2*(n+len(s.spans)) {
		size *= 2
	}
	if size <= len(s.table) {
		return
	}
	if cap(s.table) < size {
		s.table = make([]int32, size)
	}
	s.table = s.table[:size]
	clear(s.table)
	mask := uint64(size - 1)
	for n, hash := range s.hashes {
		i := hash & mask
		for s.table[i] != 0 {
			i = (i + 1) & mask
		}
		s.table[i] = int32(n + 1)
	}
}

// intern returns the number of the representation that ends the buffer and begins at lo. One that is
// known already is cut off.
func (s *scratch) intern(lo int, hash uint64) (at int32, known bool) {
	mask := uint64(len(s.table) - 1)
	for i := hash & mask; ; i = (i + 1) & mask {
		n := s.table[i]
		if n == 0 {
			s.spans, s.hashes = append(s.spans, span{lo, len(s.buf)}), append(s.hashes, hash)
			s.table[i] = int32(len(s.spans))
			return int32(len(s.spans) - 1), false
		}
		if o := s.spans[n-1]; s.hashes[n-1] == hash && string(s.buf[o.lo:o.hi]) == string(s.buf[lo:]) {
			s.buf = s.buf[:lo]
			return n - 1, true
		}
	}
}

// representation says how an object of a type is sent; nil for not at all.
func (f *fetch) representation(typ int32) *representation {
	if !f.Abstract {
		return &f.reps[0]
	}
	for i := range f.reps {
		if f.reps[i].typ == typ {
			return &f.reps[i]
		}
	}
	return nil
}

// writeRep writes fields of an object; false when one is not there, so that it cannot be sent.
func (r *run) writeRep(fields []repField, obj uint32) bool {
	s := &r.scratch
	for i := range fields {
		f := &fields[i]
		if f.on != nil && !f.on.has(r.typeOf(obj)) || f.except != nil && f.except.has(r.typeOf(obj)) {
			continue
		}
		if f.slot == 0 {
			typ := r.typeOf(obj)
			if typ == 0 {
				return false
			}
			s.buf = append(append(comma(s.buf), f.name...), quoted(r.typeName(typ))...)
			continue
		}
		v := r.vals[obj+uint32(f.slot)]
		if v.kind == missing {
			return false
		}
		s.buf = append(comma(s.buf), f.name...)
		if !r.writeRepValue(f, v) {
			return false
		}
	}
	return true
}

func (r *run) writeRepValue(f *repField, v value) bool {
	s := &r.scratch
	switch v.kind {
	case list:
		s.buf = append(s.buf, '[')
		for i := range v.n {
			if i > 0 {
				s.buf = append(s.buf, ',')
			}
			if !r.writeRepValue(f, r.vals[v.at+i]) {
				return false
			}
		}
		s.buf = append(s.buf, ']')
	case object:
		s.buf = append(s.buf, '{')
		if typ := r.typeOf(v.at); f.typename && typ != 0 {
			s.buf = append(append(s.buf, `"__typename":`...), quoted(r.typeName(typ))...)
		}
		if !r.writeRep(f.sub, v.at) {
			return false
		}
		s.buf = append(s.buf, '}')
	case missing:
		return false
	default:
		s.buf = append(s.buf, r.raw(v)...)
	}
	return true
}
