package products

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"storefront/events"
	"storefront/internal/errs"
	"storefront/internal/id"
	"storefront/internal/identity"
	"storefront/internal/outbox"
)

// maxSuffix is how many products may have handles made of the same title.
const maxSuffix = 100

// CreateProduct makes a product. Without a handle one is made of the title, with -2, -3 and so on
// behind it when the plain one is taken. Staff only.
func (s *Service) CreateProduct(ctx context.Context, in ProductInput) (*Product, error) {
	if err := identity.From(ctx).RequireStaff(); err != nil {
		return nil, err
	}
	if err := in.Validate(); err != nil {
		return nil, err
	}
	if err := s.ensureCollections(ctx, in.Collections); err != nil {
		return nil, err
	}
	base, given := in.handle()
	for n := 1; n <= maxSuffix; n++ {
		handle := base
		if n > 1 {
			handle += "-" + strconv.Itoa(n)
		}
		p, err := s.insert(ctx, in, handle)
		switch {
		case err == nil:
			return &p, nil
		case errors.Is(err, ErrSKUTaken):
			return nil, s.skuTaken(ctx, p)
		case !errors.Is(err, ErrHandleTaken):
			return nil, err
		case given:
			return nil, errs.Input([]string{"handle"}, "another product has the handle %s; choose another", handle)
		}
	}
	return nil, errs.Input([]string{"handle"}, "too many products have handles like %s; give this one a handle of its own", base)
}

// handle is the handle asked for, or the one made of the title; given tells which.
func (in ProductInput) handle() (handle string, given bool) {
	if in.Handle != nil && *in.Handle != "" {
		return Handle(*in.Handle), true
	}
	return Handle(in.Title), false
}

// insert writes a new product with its event.
func (s *Service) insert(ctx context.Context, in ProductInput, handle string) (Product, error) {
	now := s.now()
	p := Product{ID: id.New("prd"), Handle: handle, CreatedAt: now, UpdatedAt: now}
	if err := in.apply(&p, s.text, now); err != nil {
		return p, err
	}
	e, err := s.changed(p, 1, nil)
	if err != nil {
		return p, err
	}
	if err := s.store.InsertProduct(ctx, &p, e); err != nil {
		return p, err
	}
	s.forget(ctx, p.ID, p.refs())
	return p, nil
}

// UpdateProduct changes what in gives. Staff only.
func (s *Service) UpdateProduct(ctx context.Context, productID string, in ProductUpdateInput) (*Product, error) {
	if err := identity.From(ctx).RequireStaff(); err != nil {
		return nil, err
	}
	if err := in.Validate(); err != nil {
		return nil, err
	}
	if err := s.ensureCollections(ctx, in.Collections); err != nil {
		return nil, err
	}
	return s.change(ctx, productID, func(p *Product) error { return in.apply(p, s.text) })
}

// PublishProduct makes a product visible and for sale. Doing it twice changes nothing. Staff only.
func (s *Service) PublishProduct(ctx context.Context, productID string) (*Product, error) {
	if err := identity.From(ctx).RequireStaff(); err != nil {
		return nil, err
	}
	return s.change(ctx, productID, func(p *Product) error { p.Publish(s.now()); return nil })
}

// ArchiveProduct takes a product out of sale. Doing it twice changes nothing. Staff only.
func (s *Service) ArchiveProduct(ctx context.Context, productID string) (*Product, error) {
	if err := identity.From(ctx).RequireStaff(); err != nil {
		return nil, err
	}
	return s.change(ctx, productID, func(p *Product) error { p.Archive(); return nil })
}

// change updates a product; when something differs afterwards, ProductChanged goes out with it.
func (s *Service) change(ctx context.Context, productID string, f func(*Product) error) (*Product, error) {
	p, _, err := s.changeIf(ctx, productID, f)
	if errs.Is(err, errs.NotFound) {
		return nil, errs.New(errs.NotFound, "there is no product %s", productID)
	}
	if err != nil {
		return nil, err
	}
	return &p, nil
}

func (s *Service) changeIf(ctx context.Context, productID string, f func(*Product) error) (p Product, changed bool, err error) {
	var before, wanted Product
	p, err = s.store.UpdateProduct(ctx, productID, func(p *Product) ([]outbox.Event, error) {
		p.normalize()
		before, changed = p.clone(), false
		if err := f(p); err != nil {
			return nil, err
		}
		wanted = *p
		if p.sameAs(before) {
			*p = before
			return nil, nil
		}
		changed = true
		p.UpdatedAt = s.now()
		e, err := s.changed(*p, p.Version+1, without(before.SKUs(), p.SKUs()))
		return []outbox.Event{e}, err
	})
	if errors.Is(err, ErrSKUTaken) {
		return p, false, s.skuTaken(ctx, wanted)
	}
	if err == nil && changed {
		s.forget(ctx, p.ID, append(before.refs(), p.refs()...))
	}
	return p, changed, err
}

// refs are the keys of the cache that lead to the product.
func (p Product) refs() []string {
	refs := []string{"h:" + p.Handle}
	for _, v := range p.Variants {
		refs = append(refs, "s:"+v.SKU, "v:"+v.ID)
	}
	return refs
}

func (s *Service) forget(ctx context.Context, productID string, refs []string) {
	slices.Sort(refs)
	s.byID.Delete(ctx, productID)
	s.refs.Delete(ctx, slices.Compact(refs)...)
}

// skuTaken says which of p's SKUs another product has.
func (s *Service) skuTaken(ctx context.Context, p Product) error {
	holders, err := s.store.ProductsBySKU(ctx, p.SKUs())
	if err != nil {
		return err
	}
	var list []error
	for i, v := range p.Variants {
		if holder, ok := holders[v.SKU]; ok && holder.ID != p.ID {
			list = append(list, errs.Input([]string{"variants", strconv.Itoa(i), "sku"},
				"the product %s has the SKU %s already", holder.Handle, v.SKU))
		}
	}
	if len(list) == 0 {
		return errs.New(errs.Conflict, "another product had one of these SKUs until now; try again")
	}
	return errors.Join(list...)
}

// maxEvent is how many bytes of JSON a product may be: brokers refuse records above a megabyte.
const maxEvent = 900_000

// changed is the product as an event. BadInput when that is too large to be published.
func (s *Service) changed(p Product, version int, removed []string) (events.ProductChanged, error) {
	e := events.ProductChanged{
		Stamp: events.Now(s.now), ID: p.ID, Handle: p.Handle, Title: p.Title, Description: p.Description,
		Tags: p.Tags, Collections: p.Collections, Status: string(p.Status), Popularity: p.Popularity,
		Removed: removed, Version: version,
	}
	if p.Vendor != nil {
		e.Vendor = *p.Vendor
	}
	if p.ProductType != nil {
		e.ProductType = *p.ProductType
	}
	if image := p.FeaturedImage(); image != nil {
		e.ImageURL = s.MediaURL(*image)
	}
	if len(p.Attributes) > 0 {
		e.Attributes = make(map[string][]string, len(p.Attributes))
		for _, a := range p.Attributes {
			e.Attributes[a.Name] = a.Values
		}
	}
	e.Variants = mapped(p.Variants, eventVariant)
	data, err := json.Marshal(e)
	if err != nil {
		return e, fmt.Errorf("encode product %s: %w", p.ID, err)
	}
	if len(data) > maxEvent {
		return e, errs.Input([]string{"variants"}, "the product is too large, %d bytes of at most %d; give it fewer variants, prices or options", len(data), maxEvent)
	}
	return e, nil
}

func eventVariant(v Variant) events.ProductVariant {
	out := events.ProductVariant{ID: v.ID, SKU: v.SKU, Title: v.Title, Grams: v.Grams, Prices: make([]events.Money, len(v.Prices))}
	for i, m := range v.Prices {
		out.Prices[i] = events.Money(m)
	}
	if len(v.Options) > 0 {
		out.Options = make(map[string]string, len(v.Options))
		for _, o := range v.Options {
			out.Options[o.Name] = o.Value
		}
	}
	return out
}

func without(list, drop []string) []string {
	var kept []string
	for _, s := range list {
		if !slices.Contains(drop, s) {
			kept = append(kept, s)
		}
	}
	return kept
}

// Forget drops what is cached of a product that changed. The writer does so itself; ProductChanged does
// it again, for a writer that ended between its write and that. Safe to repeat.
func (s *Service) Forget(ctx context.Context, e events.ProductChanged) error {
	p := Product{ID: e.ID, Handle: e.Handle}
	for _, sku := range e.Removed {
		p.Variants = append(p.Variants, Variant{ID: VariantID(sku), SKU: sku})
	}
	for _, v := range e.Variants {
		p.Variants = append(p.Variants, Variant{ID: v.ID, SKU: v.SKU})
	}
	s.forget(ctx, p.ID, p.refs())
	return nil
}
