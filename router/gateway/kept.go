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
	most    int // fields of all that is kept

	mu     sync.Mutex
	fields int
}

// fieldsEach is how many fields kept operations may have on the average. Those of an app have some dozens.
const fieldsEach = 200

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
	c.fields += p.size
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
	n := variants * fieldsOfAll(p.op.Root)
	p.size += n
	if p.kept {
		c.fields += n
		c.shrink()
	}
}

// shrink keeps what was used last, whatever its size. c.mu is held.
func (c *cache) shrink() {
	for c.fields > c.most && c.entries.Len() > 1 {
		c.entries.RemoveOldest()
	}
}

// dropped takes in that an operation is not kept any more. c.mu is held.
func (c *cache) dropped(p *prepared) {
	p.kept = false
	c.fields -= p.size
}

// fieldsOfAll counts the fields of a selection and of all beneath it.
func fieldsOfAll(set *operation.SelectionSet) int {
	n := len(set.Fields)
	for _, f := range set.Fields {
		if f.Sel != nil {
			n += fieldsOfAll(f.Sel)
		}
	}
	return n
}
