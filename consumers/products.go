package consumers

import "storefront/subgraphs/products"

// productsGroup names products' offsets. Renaming it reads every event again.
const productsGroup = "storefront-products"

// Products drops from the cache what changed, for a writer that ended before it could. The search index
// is fed by FeedSearchIndex, in every process.
func Products(s *products.Service) Group {
	h := &Handlers{}
	On(h, s.Forget)
	return Group{ID: productsGroup, Handlers: h}
}
