package reviews

import (
	"context"
	"strconv"
	"strings"
	"sync"
	"time"

	"storefront/internal/errs"
	"storefront/internal/identity"
	"storefront/loaders/page"
)

// ReviewConnection is a page of reviews.
type ReviewConnection = page.Connection[Review]

// ReviewEdge is one of them.
type ReviewEdge = page.Edge[Review]

// ReviewSort orders a list.
type ReviewSort string

// Oldest is for staff's list alone.
const (
	Newest     ReviewSort = "NEWEST"
	RatingDesc ReviewSort = "RATING_DESC"
	RatingAsc  ReviewSort = "RATING_ASC"
	Oldest     ReviewSort = "OLDEST"
)

// Position is where a page begins: the sort key of the review before it.
type Position struct {
	Rating    int
	CreatedAt time.Time
	ID        string
}

// List is one page of one list: of a product, or of all when ProductID is "". It is comparable.
type List struct {
	ProductID string
	Status    ReviewStatus
	Sort      ReviewSort
	Size      int
	Backward  bool
	After     Position // the zero value at the start
}

func newList(productID string, status ReviewStatus, sort ReviewSort, args page.Args) (List, error) {
	w, err := args.Window()
	if err != nil {
		return List{}, err
	}
	l := List{ProductID: productID, Status: status, Sort: sort, Size: w.Size, Backward: w.Backward}
	if w.Cursor == nil {
		return l, nil
	}
	name := "after"
	if w.Backward {
		name = "before"
	}
	wrong := errs.Input([]string{name}, "%s is not a cursor of this list; take one from pageInfo", name)
	if len(w.Cursor) != 4 || w.Cursor[0] != string(sort) {
		return l, wrong
	}
	rating, err := strconv.Atoi(w.Cursor[1])
	if err != nil {
		return l, wrong
	}
	millis, err := strconv.ParseInt(w.Cursor[2], 10, 64)
	if err != nil || w.Cursor[3] == "" {
		return l, wrong
	}
	l.After = Position{rating, time.UnixMilli(millis).UTC(), w.Cursor[3]}
	return l, nil
}

func (l List) connection(items []Review) ReviewConnection {
	w := page.Window{Size: l.Size, Backward: l.Backward}
	if l.After.ID != "" {
		w.Cursor = []string{l.After.ID}
	}
	return page.Of(w, items, func(r Review) string {
		return page.Cursor(string(l.Sort), strconv.Itoa(r.Rating), strconv.FormatInt(r.CreatedAt.UnixMilli(), 10), r.ID)
	})
}

// ProductList is a page of a product's published reviews; Pages reads it.
func ProductList(productID string, sort ReviewSort, args page.Args) (List, error) {
	return newList(productID, Published, sort, args)
}

// pagesAtOnce bounds the queries that one request runs side by side.
const pagesAtOnce = 8

// Pages reads several lists at once.
func (s *Service) Pages(ctx context.Context, lists []List) (map[List]ReviewConnection, error) {
	var (
		mu     sync.Mutex
		wg     sync.WaitGroup
		failed error
	)
	found, gate := make(map[List]ReviewConnection, len(lists)), make(chan struct{}, pagesAtOnce)
	for _, l := range lists {
		gate <- struct{}{}
		wg.Go(func() {
			defer func() { <-gate }()
			items, err := s.store.ListReviews(ctx, l)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				failed = err
				return
			}
			found[l] = l.connection(items)
		})
	}
	wg.Wait()
	return found, failed
}

// Waiting are the reviews that wait for staff, the oldest first. Staff only.
func (s *Service) Waiting(ctx context.Context, args page.Args) (*ReviewConnection, error) {
	if err := identity.From(ctx).RequireStaff(); err != nil {
		return nil, err
	}
	l, err := newList("", Pending, Oldest, args)
	if err != nil {
		return nil, err
	}
	items, err := s.store.ListReviews(ctx, l)
	if err != nil {
		return nil, err
	}
	c := l.connection(items)
	return &c, nil
}

// Reviews returns those of ids that the caller may see, by id: what is published, their own; for staff all.
func (s *Service) Reviews(ctx context.Context, ids []string) (map[string]Review, error) {
	who := identity.From(ctx)
	known := make([]string, 0, len(ids))
	for _, id := range ids {
		if strings.HasPrefix(id, "rev_") {
			known = append(known, id)
		}
	}
	found, err := s.store.Reviews(ctx, known)
	if err != nil {
		return nil, err
	}
	for id, r := range found {
		if r.Status == deleted || r.Status != Published && !who.MaySee(r.Owner) {
			delete(found, id)
		}
	}
	return found, nil
}

// ReviewsOfCaller returns the caller's own reviews by product; none for who is not signed in.
func (s *Service) ReviewsOfCaller(ctx context.Context, productIDs []string) (map[string]Review, error) {
	who, mine := identity.From(ctx), map[string]Review{}
	if !who.SignedIn() {
		return mine, nil
	}
	ids := make([]string, len(productIDs))
	for i, product := range productIDs {
		ids[i] = ReviewID(who.User, product)
	}
	found, err := s.Reviews(ctx, ids)
	for _, r := range found {
		mine[r.ProductID] = r
	}
	return mine, err
}
