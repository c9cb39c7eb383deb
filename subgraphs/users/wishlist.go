package users

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"storefront/events"
	"storefront/internal/errs"
	"storefront/internal/id"
	"storefront/internal/identity"
	"storefront/internal/outbox"
	"storefront/internal/sku"
)

// Limits of wishlists.
const (
	MaxWishlists     = 20
	MaxWishlistItems = 200
	MaxWishlistName  = 100     // characters
	MaxSKU           = sku.Max // bytes
)

// Shelf holds one person's wishlists, in one document, so that their number is bounded for sure.
type Shelf struct {
	Owner   string     `bson:"_id"`
	Version int        `bson:"version"`
	Lists   []Wishlist `bson:"lists"`
}

// Identity is the owner and the version.
func (s *Shelf) Identity() (string, *int) { return s.Owner, &s.Version }

// Wishlist is a named list of SKUs.
type Wishlist struct {
	ID        string         `bson:"id"`
	Name      string         `bson:"name"`
	Items     []WishlistItem `bson:"items"` // in the order they were added
	CreatedAt time.Time      `bson:"createdAt"`
}

// IsEntity marks Wishlist as an entity of the graph.
func (Wishlist) IsEntity() {}

// WishlistItem is one SKU of a list.
type WishlistItem struct {
	SKU     string    `bson:"sku"`
	AddedAt time.Time `bson:"addedAt"`
}

// WishlistsOf returns wishlists by their owner, the oldest first; only those the caller may see.
func (s *Service) WishlistsOf(ctx context.Context, owners []string) (map[string][]Wishlist, error) {
	who := identity.From(ctx)
	owners = slices.DeleteFunc(slices.Clone(owners), func(o string) bool { return !who.MaySee(o) })
	shelves, err := s.store.Shelves(ctx, owners)
	if err != nil {
		return nil, err
	}
	lists := make(map[string][]Wishlist, len(shelves))
	for owner, shelf := range shelves {
		lists[owner] = shelf.Lists
	}
	return lists, nil
}

// Wishlists returns those of ids that the caller may see, by id.
func (s *Service) Wishlists(ctx context.Context, ids []string) (map[string]Wishlist, error) {
	who := identity.From(ctx)
	found := map[string]Wishlist{}
	if !who.SignedIn() {
		return found, nil
	}
	shelves, err := s.store.ShelvesHolding(ctx, ids)
	if err != nil {
		return nil, err
	}
	for _, shelf := range shelves {
		for _, w := range shelf.Lists {
			if who.MaySee(shelf.Owner) && slices.Contains(ids, w.ID) {
				found[w.ID] = w
			}
		}
	}
	return found, nil
}

// CreateWishlist makes an empty list of the caller's.
func (s *Service) CreateWishlist(ctx context.Context, name string) (*Wishlist, error) {
	name = strings.TrimSpace(name)
	if n := utf8.RuneCountInString(name); n == 0 || n > MaxWishlistName {
		return nil, errs.Input([]string{"name"}, "a wishlist's name has between 1 and %d characters", MaxWishlistName)
	}
	w := Wishlist{ID: id.New("wsh"), Name: name, Items: []WishlistItem{}, CreatedAt: events.Now(s.now).At}
	err := s.shelf(ctx, func(shelf *Shelf) error {
		if len(shelf.Lists) >= MaxWishlists {
			return errs.New(errs.TooMany, "a person has at most %d wishlists; delete one first", MaxWishlists)
		}
		shelf.Lists = append(shelf.Lists, w)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &w, nil
}

// DeleteWishlist removes one of the caller's lists.
func (s *Service) DeleteWishlist(ctx context.Context, wishlistID string) error {
	return s.shelf(ctx, func(shelf *Shelf) error {
		before := len(shelf.Lists)
		if shelf.Lists = slices.DeleteFunc(shelf.Lists, func(w Wishlist) bool { return w.ID == wishlistID }); len(shelf.Lists) == before {
			return notFound(errs.New(errs.NotFound, "no list"), "id", "wishlist", wishlistID)
		}
		return nil
	})
}

// AddToWishlist puts SKUs on one of the caller's lists; those that are on it already stay.
func (s *Service) AddToWishlist(ctx context.Context, wishlistID string, skus []string) (*Wishlist, error) {
	now := events.Now(s.now).At
	return s.changeWishlist(ctx, wishlistID, skus, func(w *Wishlist, skus []string) error {
		for _, sku := range skus {
			if slices.ContainsFunc(w.Items, func(i WishlistItem) bool { return i.SKU == sku }) {
				continue
			}
			if len(w.Items) >= MaxWishlistItems {
				return errs.New(errs.TooMany, "a wishlist holds at most %d items", MaxWishlistItems)
			}
			w.Items = append(w.Items, WishlistItem{SKU: sku, AddedAt: now})
		}
		return nil
	})
}

// RemoveFromWishlist takes SKUs off one of the caller's lists; what is not on it is passed over.
func (s *Service) RemoveFromWishlist(ctx context.Context, wishlistID string, skus []string) (*Wishlist, error) {
	return s.changeWishlist(ctx, wishlistID, skus, func(w *Wishlist, skus []string) error {
		w.Items = slices.DeleteFunc(w.Items, func(i WishlistItem) bool { return slices.Contains(skus, i.SKU) })
		return nil
	})
}

func (s *Service) changeWishlist(ctx context.Context, wishlistID string, skus []string, change func(*Wishlist, []string) error) (*Wishlist, error) {
	skus, err := checkSKUs(skus)
	if err != nil {
		return nil, err
	}
	var changed Wishlist
	err = s.shelf(ctx, func(shelf *Shelf) error {
		i := slices.IndexFunc(shelf.Lists, func(w Wishlist) bool { return w.ID == wishlistID })
		if i < 0 {
			return notFound(errs.New(errs.NotFound, "no list"), "wishlistId", "wishlist", wishlistID)
		}
		err := change(&shelf.Lists[i], skus)
		changed = shelf.Lists[i]
		return err
	})
	if err != nil {
		return nil, err
	}
	return &changed, nil
}

// shelf changes the caller's own wishlists.
func (s *Service) shelf(ctx context.Context, change func(*Shelf) error) error {
	who := identity.From(ctx)
	if err := who.RequireUser(); err != nil {
		return err
	}
	_, err := s.store.UpsertShelf(ctx, who.User, func(shelf *Shelf, exists bool) ([]outbox.Event, error) {
		if !exists {
			*shelf = Shelf{Owner: who.User, Lists: []Wishlist{}}
		}
		return nil, change(shelf)
	})
	return err
}

func checkSKUs(skus []string) ([]string, error) {
	if len(skus) == 0 || len(skus) > MaxWishlistItems {
		return nil, errs.Input([]string{"skus"}, "give between 1 and %d SKUs", MaxWishlistItems)
	}
	checked := make([]string, len(skus))
	for i, sku := range skus {
		if checked[i] = strings.TrimSpace(sku); checked[i] == "" || len(checked[i]) > MaxSKU {
			return nil, errs.Input([]string{"skus", strconv.Itoa(i)}, "a SKU has between 1 and %d bytes", MaxSKU)
		}
	}
	return checked, nil
}
