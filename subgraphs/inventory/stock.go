package inventory

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"storefront/internal/errs"
	"storefront/internal/id"
	"storefront/internal/identity"
	"storefront/internal/sku"
)

// StockItem is the stock of one SKU. Available is always the sum of Levels less the sum of Holds.
type StockItem struct {
	SKU       string         `bson:"_id"`
	Version   int            `bson:"version"`
	ProductID string         `bson:"productId,omitempty"`
	Available int            `bson:"available"`
	Levels    map[string]int `bson:"levels"` // units on hand by warehouse
	Holds     map[string]int `bson:"holds"`  // units held by order id
	Taken     Taken          `bson:"taken,omitempty"`
}

// Taken is where the units of sales came from, by order id and warehouse, until the reservations have noted it.
type Taken map[string]map[string]int

// Units are numbers of units by SKU and warehouse.
type Units map[string]map[string]int

// Description is what a version of a product says of SKUs. Between versions of one product the version
// counts, between two products that had the same SKU the time.
type Description struct {
	ProductID string
	Version   int
	At        time.Time
	SKUs      []string // that the product has
	Removed   []string // that it no longer has
}

// Identity is the SKU and the version, which grows with every change.
func (s *StockItem) Identity() (string, *int) { return s.SKU, &s.Version }

// OnHand is what lies in all warehouses.
func (s StockItem) OnHand() int { return sum(s.Levels) }

// Reserved is what is held for orders.
func (s StockItem) Reserved() int { return sum(s.Holds) }

// Availability is what anyone may know of a SKU's stock.
type Availability struct {
	SKU       string
	Available int
	Version   int
}

// IsEntity marks Availability as an entity of the graph.
func (Availability) IsEntity() {}

// InStock reports whether one can be bought.
func (a Availability) InStock() bool { return a.Available > 0 }

// Availability is the public part of the item.
func (s StockItem) Availability() *Availability {
	return &Availability{SKU: s.SKU, Available: s.Available, Version: s.Version}
}

// StockLevel is the stock of one SKU in one warehouse. Holds are not tied to a warehouse until they are
// committed; Reserved shows them where they would be taken from.
type StockLevel struct {
	Warehouse                   string
	OnHand, Reserved, Available int
}

// ByWarehouse spreads the holds over the warehouses in the order in which Take would.
func (s StockItem) ByWarehouse() []StockLevel {
	taken := Take(s.Levels, s.Reserved())
	list := make([]StockLevel, 0, len(s.Levels))
	for _, w := range warehouses(s.Levels) {
		list = append(list, StockLevel{w, s.Levels[w], taken[w], s.Levels[w] - taken[w]})
	}
	return list
}

// Take says how many of quantity units come from which warehouse: the default one first, then the one
// with the most. It returns less than quantity when there is not enough.
func Take(levels map[string]int, quantity int) map[string]int {
	taken := map[string]int{}
	for _, w := range warehouses(levels) {
		if n := min(levels[w], quantity); n > 0 {
			taken[w] = n
			quantity -= n
		}
	}
	return taken
}

func warehouses(levels map[string]int) []string {
	names := make([]string, 0, len(levels))
	for w := range levels {
		names = append(names, w)
	}
	slices.SortFunc(names, func(a, b string) int {
		switch {
		case a == DefaultWarehouse:
			return -1
		case b == DefaultWarehouse:
			return 1
		case levels[a] != levels[b]:
			return levels[b] - levels[a]
		}
		return strings.Compare(a, b)
	})
	return names
}

func sum(m map[string]int) int {
	n := 0
	for _, v := range m {
		n += v
	}
	return n
}

// Warehouse is a place where stock lies.
type Warehouse struct {
	ID      string `bson:"_id"`
	Name    string `bson:"name"`
	Country string `bson:"country"`
}

// IsEntity marks Warehouse as an entity of the graph.
func (Warehouse) IsEntity() {}

// StockAdjustment is a change of stock that no order made.
type StockAdjustment struct {
	ID        string    `bson:"_id"` // adj_..., made of the idempotency key and the SKU
	SKU       string    `bson:"sku"`
	Warehouse string    `bson:"warehouse"`
	Delta     int       `bson:"delta"`
	Reason    string    `bson:"reason"`
	Actor     string    `bson:"actor"` // usr_... of staff
	At        time.Time `bson:"at"`
}

// StockAdjustInput is one line of an adjustment.
type StockAdjustInput struct {
	SKU       string
	Warehouse *string
	Delta     int
}

const (
	maxAdjustments = 250
	maxDelta       = 10_000_000
)

// Adjust changes stock for a reason, up to 250 SKUs at once; repeating it with the same key changes
// nothing more. A line that takes away more than there is gets an error that names it; the other lines
// are done, and a repeat tries that one again. One whose delta is another than the key was used for is a Conflict.
func (s *Service) Adjust(ctx context.Context, lines []StockAdjustInput, reason, key string) ([]StockItem, error) {
	who := identity.From(ctx)
	if err := who.RequireStaff(); err != nil {
		return nil, err
	}
	if reason = strings.TrimSpace(reason); reason == "" || len(reason) > 200 {
		return nil, errs.Input([]string{"reason"}, "give a reason of at most 200 characters")
	}
	if len(key) < 8 || len(key) > 255 {
		return nil, errs.Input([]string{"idempotencyKey"}, "an idempotency key has 8 to 255 characters")
	}
	if len(lines) == 0 || len(lines) > maxAdjustments {
		return nil, errs.Input([]string{"adjustments"}, "give 1 to %d adjustments", maxAdjustments)
	}
	known, err := s.warehouseSet(ctx)
	if err != nil {
		return nil, err
	}
	list := make([]StockAdjustment, len(lines))
	line := make(map[string]int, len(lines)) // by adjustment id
	for i, l := range lines {
		at := func(field string) []string { return []string{"adjustments", fmt.Sprint(i), field} }
		w := DefaultWarehouse
		if l.Warehouse != nil {
			w = *l.Warehouse
		}
		if err := sku.Check(at("sku"), l.SKU); err != nil {
			return nil, err
		}
		switch {
		case !known[w]:
			return nil, errs.Input(at("warehouse"), "there is no warehouse %q; make it with warehouseCreate", w)
		case l.Delta == 0 || l.Delta > maxDelta || l.Delta < -maxDelta:
			return nil, errs.Input(at("delta"), "a delta is not 0 and at most %d", maxDelta)
		}
		adjustment := id.Of("adj", key, w, l.SKU)
		if first, twice := line[adjustment]; twice {
			return nil, errs.Input(at("sku"), "%s in warehouse %s is in line %d already; give one delta for both", l.SKU, w, first)
		}
		line[adjustment] = i
		list[i] = StockAdjustment{ID: adjustment, SKU: l.SKU, Warehouse: w, Delta: l.Delta, Reason: reason, Actor: who.User, At: s.now().UTC()}
	}
	short, other, err := s.store.Adjust(ctx, list)
	if err != nil {
		return nil, err
	}
	var wrong []error
	for _, a := range other {
		wrong = append(wrong, &errs.Error{Code: errs.Conflict, Field: []string{"adjustments", fmt.Sprint(line[a.ID]), "delta"},
			Message: fmt.Sprintf("this idempotency key changed %s in warehouse %s by %+d before; use a new key for another adjustment", a.SKU, a.Warehouse, a.Delta)})
	}
	for _, a := range short {
		wrong = append(wrong, errs.Input([]string{"adjustments", fmt.Sprint(line[a.ID]), "delta"},
			"%s has less than %d units free in warehouse %s", a.SKU, -a.Delta, a.Warehouse))
	}
	if len(wrong) > 0 {
		return nil, errors.Join(wrong...)
	}
	skus := make([]string, len(list))
	for i, a := range list {
		skus[i] = a.SKU
	}
	items, err := s.store.Items(ctx, skus)
	if err != nil {
		return nil, err
	}
	result := make([]StockItem, 0, len(skus))
	for _, sku := range skus {
		result = append(result, items[sku])
	}
	return result, nil
}

// Items returns the stock of those SKUs that are known.
func (s *Service) Items(ctx context.Context, skus []string) (map[string]StockItem, error) {
	return s.store.Items(ctx, skus)
}

// Item returns one SKU's stock, for staff.
func (s *Service) Item(ctx context.Context, sku string) (*StockItem, error) {
	if err := identity.From(ctx).RequireStaff(); err != nil {
		return nil, err
	}
	items, err := s.store.Items(ctx, []string{sku})
	if item, ok := items[sku]; ok {
		return &item, err
	}
	return nil, err
}

// OfProducts returns the stock of products, by product id.
func (s *Service) OfProducts(ctx context.Context, ids []string) (map[string][]StockItem, error) {
	return s.store.ItemsOfProducts(ctx, ids)
}

// Adjustments lists the latest of a SKU, newest first.
func (s *Service) Adjustments(ctx context.Context, sku string, limit int) ([]StockAdjustment, error) {
	if limit < 0 || limit > 100 {
		return nil, errs.Input([]string{"first"}, "first must be between 0 and 100")
	}
	return s.store.Adjustments(ctx, sku, limit)
}

// Warehouses lists all, for staff.
func (s *Service) Warehouses(ctx context.Context) ([]Warehouse, error) {
	if err := identity.From(ctx).RequireStaff(); err != nil {
		return nil, err
	}
	return s.store.Warehouses(ctx)
}

// WarehousesByID returns those that exist, to staff; none to others.
func (s *Service) WarehousesByID(ctx context.Context, ids []string) (map[string]Warehouse, error) {
	found := map[string]Warehouse{}
	if !identity.From(ctx).Staff() {
		return found, nil
	}
	all, err := s.store.Warehouses(ctx)
	for _, w := range all {
		if slices.Contains(ids, w.ID) {
			found[w.ID] = w
		}
	}
	return found, err
}

// CreateWarehouse adds a warehouse; the same id and name again changes nothing.
func (s *Service) CreateWarehouse(ctx context.Context, w Warehouse) (*Warehouse, error) {
	if err := identity.From(ctx).RequireStaff(); err != nil {
		return nil, err
	}
	if w.ID == "" || len(w.ID) > 40 || strings.ContainsAny(w.ID, ".$ ") {
		return nil, errs.Input([]string{"id"}, "an id has 1 to 40 characters, without dots, dollars and spaces")
	}
	if w.Name == "" || len(w.Name) > 100 {
		return nil, errs.Input([]string{"name"}, "a name has 1 to 100 characters")
	}
	if len(w.Country) != 2 {
		return nil, errs.Input([]string{"country"}, "a country is an ISO 3166-1 code of two capitals, such as DE")
	}
	return &w, s.store.InsertWarehouse(ctx, w)
}

func (s *Service) warehouseSet(ctx context.Context) (map[string]bool, error) {
	list, err := s.store.Warehouses(ctx)
	set := map[string]bool{DefaultWarehouse: true}
	for _, w := range list {
		set[w.ID] = true
	}
	return set, err
}
