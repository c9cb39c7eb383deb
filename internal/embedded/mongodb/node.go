package mongodb

import (
	"strconv"
	"strings"

	"go.mongodb.org/mongo-driver/bson/bsontype"
	"go.mongodb.org/mongo-driver/x/bsonx/bsoncore"
)

// node is a document or array being changed. Only containers on a changed path are taken apart; all
// other values stay slices of the stored bytes, which are never written to.
type node struct {
	array bool
	kids  []kid
}

// kid is one element: a raw value, or a container taken apart (n set).
type kid struct {
	key string // unused in arrays
	v   value
	n   *node
}

func newNode(v value) *node {
	n := &node{array: v.Type == bsontype.Array}
	it := iterate(v.Data)
	for {
		key, item, ok := it.next()
		if !ok {
			return n
		}
		n.kids = append(n.kids, kid{key: key, v: item})
	}
}

func (n *node) find(key string) int {
	for i := range n.kids {
		if n.kids[i].key == key {
			return i
		}
	}
	return -1
}

// value returns the kid's present value, put together again when it was taken apart.
func (k *kid) value() value {
	if k.n != nil {
		return k.n.value()
	}
	return k.v
}

func (k *kid) set(v value) { k.v, k.n = v, nil }

// open takes the kid apart; false when it is neither a document nor an array.
func (k *kid) open() (*node, bool) {
	if k.n == nil {
		if k.v.Type != bsontype.EmbeddedDocument && k.v.Type != bsontype.Array {
			return nil, false
		}
		k.n = newNode(k.v)
	}
	return k.n, true
}

func (n *node) value() value {
	t := bsontype.EmbeddedDocument
	if n.array {
		t = bsontype.Array
	}
	return value{Type: t, Data: n.append(nil)}
}

func (n *node) append(dst []byte) []byte {
	size := 5
	for i := range n.kids {
		size += len(n.kids[i].v.Data) + len(n.kids[i].key) + 8
	}
	if cap(dst)-len(dst) < size {
		grown := make([]byte, len(dst), len(dst)+size+64)
		copy(grown, dst)
		dst = grown
	}
	start, dst := bsoncore.AppendDocumentStart(dst)
	for i := range n.kids {
		k := &n.kids[i]
		t := k.v.Type
		if k.n != nil {
			t = bsontype.EmbeddedDocument
			if k.n.array {
				t = bsontype.Array
			}
		}
		dst = append(dst, byte(t))
		if n.array {
			dst = strconv.AppendInt(dst, int64(i), 10)
		} else {
			dst = append(dst, k.key...)
		}
		dst = append(dst, 0)
		if k.n != nil {
			dst = k.n.append(dst)
		} else {
			dst = append(dst, k.v.Data...)
		}
	}
	dst, _ = bsoncore.AppendDocumentEnd(dst, start)
	return dst
}

// change maps a field's value (missing when it is not there) to its new one; missing removes it.
type change func(old value) (next value, changed bool, err error)

// applier carries one operator along its path.
type applier struct {
	full    path
	create  bool // make what is missing on the way
	fn      change
	filters map[string]*arrayFilter
	touched *[]string // the places changed, noted when array filters may let two operators meet
}

const maxPadding = 1_500_000

// at applies the operator at full[i:] below n. It reports whether something changed.
func (a *applier) at(n *node, i int, where []string) (bool, error) {
	name := a.full[i]
	if id, ok := filterIdentifier(name); ok {
		return a.each(n, i, id, where)
	}
	var k *kid
	if n.array {
		index, ok := arrayIndex(name)
		if !ok {
			if !a.create {
				return false, nil
			}
			return false, errorf(codePathNotViable, "Cannot create field '%s' in element {%s: %s}", name, strings.Join(where, "."), n.value())
		}
		if index >= len(n.kids) {
			if !a.create {
				return false, nil
			}
			if index-len(n.kids) > maxPadding {
				return false, errorf(codeCannotCreateIndex, "can't backfill more than %d elements", maxPadding)
			}
			for len(n.kids) < index {
				n.kids = append(n.kids, kid{v: nullValue})
			}
			n.kids = append(n.kids, kid{})
		}
		k = &n.kids[index]
	} else {
		index := n.find(name)
		if index < 0 {
			if !a.create {
				return false, nil
			}
			n.kids = append(n.kids, kid{key: name})
			index = len(n.kids) - 1
		}
		k = &n.kids[index]
	}
	if i == len(a.full)-1 {
		changed, err := a.apply(n, k, append(where, name))
		return changed, err
	}
	if k.n == nil && isMissing(k.v) { // created just now
		if id, ok := filterIdentifier(a.full[i+1]); ok {
			return false, errorf(codeBadValue, "The path '%s' must exist in the document in order to apply array updates with $[%s].", a.full[:i+1], id)
		}
		k.n = &node{}
	}
	inner, ok := k.open()
	if !ok {
		if id, filtered := filterIdentifier(a.full[i+1]); filtered {
			return false, errorf(codeBadValue, "Cannot apply array updates with $[%s] to non-array element %s: %s", id, name, k.v)
		}
		if !a.create {
			return false, nil
		}
		return false, errorf(codePathNotViable, "Cannot create field '%s' in element {%s: %s}", a.full[i+1], name, k.v)
	}
	return a.at(inner, i+1, append(where, name))
}

func (a *applier) apply(n *node, k *kid, where []string) (bool, error) {
	old := k.value()
	next, changed, err := a.fn(old)
	if err != nil || !changed {
		return false, err
	}
	if a.touched != nil {
		*a.touched = append(*a.touched, strings.Join(where, "."))
	}
	if !isMissing(next) {
		k.set(next)
		return true, nil
	}
	if n.array { // positions must not shift
		k.set(nullValue)
		return true, nil
	}
	for i := range n.kids {
		if &n.kids[i] == k {
			n.kids = append(n.kids[:i], n.kids[i+1:]...)
			break
		}
	}
	return true, nil
}

// each applies the operator to the elements that $[] or $[id] selects.
func (a *applier) each(n *node, i int, id string, where []string) (bool, error) {
	if !n.array {
		return false, errorf(codeBadValue, "Cannot apply array updates to non-array element %s: %s", strings.Join(where, "."), n.value())
	}
	any := false
	for j := range n.kids {
		k := &n.kids[j]
		if id != "" && !a.filters[id].pass(k.value()) {
			continue
		}
		place := append(where[:len(where):len(where)], strconv.Itoa(j))
		var changed bool
		var err error
		if i == len(a.full)-1 {
			changed, err = a.apply(n, k, place)
		} else if inner, ok := k.open(); ok {
			changed, err = a.at(inner, i+1, place)
		} else if a.create {
			err = errorf(codePathNotViable, "Cannot create field '%s' in element {%d: %s}", a.full[i+1], j, k.v)
		}
		if err != nil {
			return false, err
		}
		any = any || changed
	}
	return any, nil
}

// filterIdentifier reads "$[id]"; the id of "$[]" is empty.
func filterIdentifier(s string) (string, bool) {
	if strings.HasPrefix(s, "$[") && strings.HasSuffix(s, "]") {
		return s[2 : len(s)-1], true
	}
	return "", false
}
