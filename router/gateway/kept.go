package gateway

// Which operations are kept prepared.

import (
	"crypto/sha256"
	"sync"

	lru "github.com/hashicorp/golang-lru/v2"
	"golang.org/x/sync/singleflight"

	"storefront/router/operation"
)

// cache keeps prepared operations, the most recently used ones: so many, and fewer where they are large, so that what
// they take is bounded whatever clients send. Requests that miss at the same time share the work.
type cache struct {
	entries *lru.Cache[cacheKey, *prepared]
	group   singleflight.Group
	most    int // weight of all that is kept

	mu     sync.Mutex
	weight int
}

// fieldsEach is how many fields kept operations may have on the average. Those of an app have some dozens. So much text
// counts as a field: what a large literal takes is not seen by fields.
const (
	fieldsEach   = 200
	textPerField = 128 // bytes
)

type cacheKey struct {
	query                 [sha256.Size]byte
	operationName, labels string
}

func (k cacheKey) String() string { return string(k.query[:]) + k.operationName + " " + k.labels }

func newCache(size int) (*cache, error) {
	c := &cache{most: size * fieldsEach}
	entries, err := lru.NewWithEvict(size, func(_ cacheKey, p *prepared) { c.dropped(p) })
	if err != nil {
		return nil, err
	}
	c.entries = entries
	return c, nil
}

// add keeps an operation. Others make room for it, the one not used for longest first.
func (c *cache) add(key cacheKey, p *prepared) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if old, ok := c.entries.Peek(key); ok {
		c.dropped(old)
	}
	p.kept = true
	c.weight += p.size
	c.entries.Add(key, p)
	c.shrink()
}

// grew counts what an operation is kept prepared for besides: a variant of it more, or with -n less of them.
func (c *cache) grew(p *prepared, variants int) {
	if p.variantOf != nil {
		p = p.variantOf
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	n := variants * weightOf(p.op.Root)
	p.size += n
	if p.kept {
		c.weight += n
		c.shrink()
	}
}

// shrink keeps what was used last, whatever its size. c.mu is held.
func (c *cache) shrink() {
	for c.weight > c.most && c.entries.Len() > 1 {
		c.entries.RemoveOldest()
	}
}

// dropped takes in that an operation is not kept any more. c.mu is held.
func (c *cache) dropped(p *prepared) {
	p.kept = false
	c.weight -= p.size
}

// weightOf counts the fields of a selection and of all beneath it, and what is long of their text, which plans repeat.
func weightOf(set *operation.SelectionSet) int {
	n := len(set.Fields)
	for _, f := range set.Fields {
		n += (len(f.Key) + len(f.ArgsKey)) / textPerField
		if f.Sel != nil {
			n += weightOf(f.Sel)
		}
	}
	return n
}
