package products

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"sync"

	"golang.org/x/sync/errgroup"

	"storefront/internal/errs"
	"storefront/internal/identity"
)

// Upserted counts what UpsertProducts did.
type Upserted struct{ Created, Updated, Unchanged int }

// upsertsAtOnce is how many products of one call are written at the same time.
const upsertsAtOnce = 8

// UpsertProducts creates or updates up to 100 products by handle; without one, the handle is the one
// made of the title. Each product stands alone: those that are wrong are named in the error, by their
// index, and the others are written. The same call twice changes nothing the second time. Staff only.
func (s *Service) UpsertProducts(ctx context.Context, inputs []ProductInput) (Upserted, error) {
	if err := identity.From(ctx).RequireStaff(); err != nil {
		return Upserted{}, err
	}
	if len(inputs) > MaxUpsert {
		return Upserted{}, errs.Input([]string{"inputs"}, "%d products in one call; at most %d are allowed", len(inputs), MaxUpsert)
	}
	handles, wrong := checkUpsert(inputs)
	var good, collections []string
	for i, in := range inputs {
		if wrong[i] == nil {
			good = append(good, handles[i])
			collections = append(collections, in.Collections...)
		}
	}
	if err := s.ensureCollections(ctx, collections); err != nil {
		return Upserted{}, err
	}
	there, err := s.store.ProductsByHandle(ctx, good)
	if err != nil {
		return Upserted{}, err
	}
	var mu sync.Mutex
	var count Upserted
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(upsertsAtOnce)
	for i, in := range inputs {
		if wrong[i] != nil {
			continue
		}
		g.Go(func() error {
			var known *Product
			if p, ok := there[handles[i]]; ok {
				known = &p
			}
			did, err := s.upsert(gctx, in, handles[i], known)
			if code := errs.CodeOf(err); err != nil && code != errs.BadInput && code != errs.Conflict {
				return err
			}
			mu.Lock()
			defer mu.Unlock()
			wrong[i] = under(i, err)
			count.Created += did.Created
			count.Updated += did.Updated
			count.Unchanged += did.Unchanged
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return count, err
	}
	return count, errors.Join(wrong...)
}

// checkUpsert returns each input's handle, and what is wrong with it.
func checkUpsert(inputs []ProductInput) (handles []string, wrong []error) {
	handles, wrong = make([]string, len(inputs)), make([]error, len(inputs))
	first := map[string]int{}
	for i, in := range inputs {
		if wrong[i] = under(i, in.Validate()); wrong[i] != nil {
			continue
		}
		handles[i], _ = in.handle()
		if j, ok := first[handles[i]]; ok {
			wrong[i] = errs.Input([]string{"inputs", strconv.Itoa(i), "handle"},
				"product %d of this call has the handle %s already; give this one another", j, handles[i])
			continue
		}
		first[handles[i]] = i
	}
	return handles, wrong
}

// upsert writes one product. known is the product as it was found, nil when there was none.
func (s *Service) upsert(ctx context.Context, in ProductInput, handle string, known *Product) (Upserted, error) {
	if known == nil {
		p, err := s.insert(ctx, in, handle)
		switch {
		case err == nil:
			return Upserted{Created: 1}, nil
		case errors.Is(err, ErrSKUTaken):
			return Upserted{}, s.skuTaken(ctx, p)
		case !errors.Is(err, ErrHandleTaken):
			return Upserted{}, err
		}
		made, err := s.store.ProductsByHandle(ctx, []string{handle}) // somebody else made it meanwhile
		if err != nil {
			return Upserted{}, err
		}
		p, ok := made[handle]
		if !ok {
			return Upserted{}, errs.New(errs.Conflict, "another product had the handle %s until now; try again", handle)
		}
		known = &p
	} else {
		p := known.clone() // what is the same already needs no further look
		p.normalize()
		if err := in.apply(&p, s.text, s.now()); err != nil {
			return Upserted{}, err
		}
		known.normalize()
		if p.sameAs(*known) {
			return Upserted{Unchanged: 1}, nil
		}
	}
	_, changed, err := s.changeIf(ctx, known.ID, func(p *Product) error { return in.apply(p, s.text, s.now()) })
	switch {
	case err != nil:
		return Upserted{}, err
	case changed:
		return Upserted{Updated: 1}, nil
	}
	return Upserted{Unchanged: 1}, nil
}

// under puts the input's index before the fields that err names.
func under(i int, err error) error {
	if err == nil {
		return nil
	}
	if many, ok := err.(interface{ Unwrap() []error }); ok {
		var list []error
		for _, one := range many.Unwrap() {
			list = append(list, under(i, one))
		}
		return errors.Join(list...)
	}
	if e, ok := errors.AsType[*errs.Error](err); ok {
		out := *e
		out.Field = sub([]string{"inputs", strconv.Itoa(i)}, e.Field...)
		return &out
	}
	return err
}

// ensureCollections makes those collections that are not there yet. Names are handles or titles.
func (s *Service) ensureCollections(ctx context.Context, names []string) error {
	byHandle := map[string]string{}
	var ids, handles []string
	for _, name := range names {
		if h := Handle(name); byHandle[h] == "" {
			byHandle[h] = name
			ids, handles = append(ids, CollectionID(h)), append(handles, h)
		}
	}
	if len(ids) == 0 {
		return nil
	}
	there, err := s.store.CollectionsByID(ctx, ids)
	if err != nil {
		return err
	}
	for _, h := range slices.Sorted(slices.Values(handles)) {
		if _, ok := there[CollectionID(h)]; ok {
			continue
		}
		c := newCollection(CollectionInput{Handle: &h, Title: titleOf(byHandle[h])}, s.now())
		if _, err := s.store.InsertCollection(ctx, &c); err != nil {
			return err
		}
	}
	return nil
}

// CreateCollection makes a collection. Staff only.
func (s *Service) CreateCollection(ctx context.Context, in CollectionInput) (*Collection, error) {
	if err := identity.From(ctx).RequireStaff(); err != nil {
		return nil, err
	}
	if err := in.Validate(); err != nil {
		return nil, err
	}
	c := newCollection(in, s.now())
	made, err := s.store.InsertCollection(ctx, &c)
	if err != nil {
		return nil, err
	}
	if !made {
		return nil, errCollectionTaken(c.Handle)
	}
	return &c, nil
}
