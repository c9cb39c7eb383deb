package products

import (
	"context"
	"slices"

	"storefront/internal/errs"
	"storefront/internal/identity"
	"storefront/loaders/page"
)

// What the schema calls pages of products and collections.
type (
	ProductConnection    = page.Connection[Product]
	ProductEdge          = page.Edge[Product]
	CollectionConnection = page.Connection[Collection]
	CollectionEdge       = page.Edge[Collection]
)

// ProductsByID returns those of ids that exist and that the caller may see.
func (s *Service) ProductsByID(ctx context.Context, ids []string) (map[string]Product, error) {
	found, err := s.byID.GetMany(ctx, plausible(ids), s.store.ProductsByID)
	if err != nil {
		return nil, err
	}
	staff := identity.From(ctx).Staff()
	for id, p := range found {
		if p.Status != Active && !staff {
			delete(found, id)
		}
	}
	return found, nil
}

// ProductsByHandle returns those of handles that exist and that the caller may see.
func (s *Service) ProductsByHandle(ctx context.Context, handles []string) (map[string]Product, error) {
	return s.byRef(ctx, "h:", handles, s.store.ProductsByHandle, func(p Product, handle string) bool { return p.Handle == handle })
}

// VariantsBySKU returns those of skus that exist and whose product the caller may see.
func (s *Service) VariantsBySKU(ctx context.Context, skus []string) (map[string]Variant, error) {
	found, err := s.byRef(ctx, "s:", skus, s.store.ProductsBySKU, func(p Product, sku string) bool { return p.Variant(sku) != nil })
	if err != nil {
		return nil, err
	}
	variants := make(map[string]Variant, len(found))
	for sku, p := range found {
		variants[sku] = *p.Variant(sku)
	}
	return variants, nil
}

// VariantsByID returns those of ids that exist and whose product the caller may see.
func (s *Service) VariantsByID(ctx context.Context, ids []string) (map[string]Variant, error) {
	found, err := s.byRef(ctx, "v:", ids, s.store.ProductsByVariant, func(p Product, id string) bool { return variantByID(p, id) != nil })
	if err != nil {
		return nil, err
	}
	variants := make(map[string]Variant, len(found))
	for id, p := range found {
		variants[id] = *variantByID(p, id)
	}
	return variants, nil
}

func variantByID(p Product, id string) *Variant {
	for i := range p.Variants {
		if p.Variants[i].ID == id {
			return &p.Variants[i]
		}
	}
	return nil
}

// byRef finds products by a key other than their id: the cache knows the id, and the product, read by
// its id, says whether it still has the key.
func (s *Service) byRef(ctx context.Context, kind string, keys []string,
	read func(context.Context, []string) (map[string]Product, error), has func(Product, string) bool,
) (map[string]Product, error) {
	keys = plausible(keys)
	prefixed := mapped(keys, func(k string) string { return kind + k })
	ids, err := s.refs.GetMany(ctx, prefixed, func(ctx context.Context, missing []string) (map[string]string, error) {
		products, err := read(ctx, mapped(missing, func(k string) string { return k[len(kind):] }))
		ids := make(map[string]string, len(products))
		for key, p := range products {
			ids[kind+key] = p.ID
		}
		return ids, err
	})
	if err != nil {
		return nil, err
	}
	list := make([]string, 0, len(ids))
	for _, id := range ids {
		list = append(list, id)
	}
	products, err := s.ProductsByID(ctx, list)
	if err != nil {
		return nil, err
	}
	found := make(map[string]Product, len(keys))
	for _, key := range keys {
		if p, ok := products[ids[kind+key]]; ok && has(p, key) {
			found[key] = p
		}
	}
	return found, nil
}

// plausible leaves out keys that are too long to be one, so that nobody fills the cache with them.
func plausible(keys []string) []string {
	return slices.DeleteFunc(slices.Clone(keys), func(k string) bool { return k == "" || len(k) > maxKey })
}

// maxKey is the longest key in bytes: a handle whose characters take four each.
const maxKey = 4 * MaxName

// Products lists products in the order of their making. Status chooses for staff; all others see what
// is ACTIVE.
func (s *Service) Products(ctx context.Context, args page.Args, status *Status) (ProductConnection, error) {
	filter := ListFilter{Status: Active}
	if identity.From(ctx).Staff() {
		filter.Status = ""
		if status != nil {
			filter.Status = *status
		}
	} else if status != nil && *status != Active {
		return ProductConnection{}, errs.New(errs.Forbidden, "only staff may list products that are not ACTIVE")
	}
	return s.list(ctx, args, filter)
}

// CollectionProducts lists the products of a collection, in the order of their making.
func (s *Service) CollectionProducts(ctx context.Context, handle string, args page.Args) (ProductConnection, error) {
	filter := ListFilter{Collection: handle, Status: Active}
	if identity.From(ctx).Staff() {
		filter.Status = ""
	}
	return s.list(ctx, args, filter)
}

func (s *Service) list(ctx context.Context, args page.Args, filter ListFilter) (ProductConnection, error) {
	w, err := args.Window()
	if err != nil {
		return ProductConnection{}, err
	}
	list, err := s.store.ListProducts(ctx, filter, w)
	if err != nil {
		return ProductConnection{}, err
	}
	return page.Of(w, list, func(p Product) string { return page.Cursor(p.ID) }), nil
}

// CollectionsByID returns those of ids that exist.
func (s *Service) CollectionsByID(ctx context.Context, ids []string) (map[string]Collection, error) {
	return s.store.CollectionsByID(ctx, ids)
}

// Collections lists collections in the order of their handles.
func (s *Service) Collections(ctx context.Context, args page.Args) (CollectionConnection, error) {
	w, err := args.Window()
	if err != nil {
		return CollectionConnection{}, err
	}
	list, err := s.store.ListCollections(ctx, w)
	if err != nil {
		return CollectionConnection{}, err
	}
	return page.Of(w, list, func(c Collection) string { return page.Cursor(c.Handle) }), nil
}
