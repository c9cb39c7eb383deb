package search

import (
	"maps"
	"slices"

	"storefront/events"
)

// state is what the events say, and what of it is not written yet.
type state struct {
	products map[string]*entry   // by id
	sellers  map[string][]string // products that have a SKU, by SKU; several while it moves from one to another
	stock    map[string]level    // by SKU
	ratings  map[string]rating   // by product
	dirty    map[string]bool     // products to be written
	words    vocabulary          // of what everybody may see
}

type entry struct {
	product events.ProductChanged
	inStock bool
	words   []string // that it gave to the vocabulary
}

type level struct{ available, version int }

type rating struct {
	average float64
	version int
}

func newState() state {
	return state{
		products: map[string]*entry{}, sellers: map[string][]string{}, stock: map[string]level{},
		ratings: map[string]rating{}, dirty: map[string]bool{}, words: vocabulary{},
	}
}

// Put takes a product as it is now. An older state than the one known changes nothing.
func (x *Index) Put(e events.ProductChanged) {
	x.mu.Lock()
	defer x.mu.Unlock()
	s := &x.state
	known, ok := s.products[e.ID]
	switch {
	case !ok:
		known = &entry{}
		s.products[e.ID] = known
	case e.Version <= known.product.Version:
		return
	}
	for _, v := range known.product.Variants {
		s.sellers[v.SKU] = slices.DeleteFunc(s.sellers[v.SKU], func(id string) bool { return id == e.ID })
	}
	for _, v := range e.Variants {
		s.sellers[v.SKU] = append(s.sellers[v.SKU], e.ID)
	}
	s.words.remove(known.words)
	known.product, known.words = e, nil
	if e.Status == active {
		known.words = wordsOf(e)
		s.words.add(known.words)
	}
	known.inStock = s.inStock(e)
	x.mark(e.ID)
}

// Stock takes what can be sold of a SKU. Only selling out and coming back change what a search finds.
func (x *Index) Stock(e events.StockLevelChanged) {
	x.mu.Lock()
	defer x.mu.Unlock()
	s := &x.state
	if was, ok := s.stock[e.SKU]; ok && e.Version <= was.version {
		return
	}
	s.stock[e.SKU] = level{e.Available, e.Version}
	for _, id := range s.sellers[e.SKU] {
		known := s.products[id]
		if now := s.inStock(known.product); now != known.inStock {
			known.inStock = now
			x.mark(id)
		}
	}
}

// Rate takes a product's rating.
func (x *Index) Rate(e events.RatingChanged) {
	x.mu.Lock()
	defer x.mu.Unlock()
	s := &x.state
	was, ok := s.ratings[e.ProductID]
	if ok && e.Version <= was.version {
		return
	}
	s.ratings[e.ProductID] = rating{e.Average, e.Version}
	if _, known := s.products[e.ProductID]; known && was.average != e.Average {
		x.mark(e.ProductID)
	}
}

// mark notes that a product is to be written; x.mu is held.
func (x *Index) mark(id string) {
	x.state.dirty[id] = true
	x.wakeUp()
}

// inStock reports whether any variant can be sold now.
func (s *state) inStock(p events.ProductChanged) bool {
	return slices.ContainsFunc(p.Variants, func(v events.ProductVariant) bool { return s.stock[v.SKU].available > 0 })
}

// take removes products from those to be written, and returns what to write.
func (x *Index) take(ids []string) map[string]document {
	x.mu.Lock()
	defer x.mu.Unlock()
	docs := make(map[string]document, len(ids))
	for _, id := range ids {
		delete(x.state.dirty, id)
		e := x.state.products[id]
		docs[id] = document{e.product, e.inStock, x.state.ratings[id].average}
	}
	return docs
}

// untake puts back what could not be written.
func (x *Index) untake(docs map[string]document) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for id := range maps.Keys(docs) {
		x.state.dirty[id] = true
	}
}
