// Package products owns the catalogue: products with their variants, collections, images and prices,
// and the search over them.
//
// A product with its variants is one document; each change of it publishes ProductChanged, the product
// whole. It knows neither stock nor reviews but through their events, and only search keeps those.
// Enter at New; the rules of a product are in product.go and input.go, search is a package of its own.
package products

import (
	"context"
	"io"
	"log/slog"
	"time"

	"github.com/redis/go-redis/v9"

	"storefront/internal/blob"
	"storefront/internal/money"
	"storefront/loaders"
)

// Config is what the service needs.
type Config struct {
	Store    Store
	Search   Search
	Images   Images
	Redis    redis.UniversalClient // nil: nothing is cached
	Currency string                // the shop's own, ISO 4217
	Now      func() time.Time
	Log      *slog.Logger
}

// Images keeps uploaded images; blob.Store does. Keys are "products/<product>/<name>".
type Images interface {
	// SignedPut returns where to PUT an object and with which headers; the address works for ttl.
	SignedPut(ctx context.Context, key, contentType string, maxBytes int64, ttl time.Duration) (url string, headers map[string]string, err error)
	// URL is where everybody can read the object.
	URL(key string) string
	// Get opens the object; the caller closes it. NotFound when it is not there.
	Get(ctx context.Context, key string) (io.ReadCloser, blob.Info, error)
}

// Service is the products service. It is safe for concurrent use.
type Service struct {
	store    Store
	search   Search
	images   Images
	currency string
	now      func() time.Time
	log      *slog.Logger
	text     *sanitizer
	byID     *loaders.Cache[Product] // every product, whoever may see it
	refs     *loaders.Cache[string]  // product ids by handle, SKU and variant id
}

// New returns the service.
func New(cfg Config) *Service {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	return &Service{
		store: cfg.Store, search: cfg.Search, images: cfg.Images, currency: cfg.Currency,
		now:  func() time.Time { return cfg.Now().UTC().Truncate(time.Millisecond) },
		log:  cfg.Log,
		text: newSanitizer(),
		byID: loaders.NewCache[Product](loaders.CacheConfig{Redis: cfg.Redis, Prefix: "products:1:id:", Log: cfg.Log}),
		refs: loaders.NewCache[string](loaders.CacheConfig{Redis: cfg.Redis, Prefix: "products:1:ref:", Log: cfg.Log}),
	}
}

// Run returns when ctx ends: the service has no timers of its own. The search index has (see search).
func (s *Service) Run(ctx context.Context) error {
	<-ctx.Done()
	return nil
}

// MediaURL is where an image can be seen.
func (s *Service) MediaURL(m Media) string {
	if m.Key != "" {
		return s.images.URL(m.Key)
	}
	return m.Address
}

// Currency is the one given, else the shop's own.
func (s *Service) Currency(given *string) string {
	if given != nil {
		return *given
	}
	return s.currency
}

// PriceIn is a variant's price for somebody who named a currency, or did not: then it is the shop's own
// or, for a variant that is not sold in that, the first it is sold in. Nil when there is none.
func (s *Service) PriceIn(prices []money.Money, currency *string) *money.Money {
	price := in(prices, s.Currency(currency))
	if price == nil && currency == nil && len(prices) > 0 {
		return &prices[0]
	}
	return price
}

// PriceRange is PriceIn for all variants of a product.
func (s *Service) PriceRange(p Product, currency *string) *PriceRange {
	r := p.PriceRangeIn(s.Currency(currency))
	if r != nil || currency != nil {
		return r
	}
	for _, v := range p.Variants {
		if len(v.Prices) > 0 {
			return p.PriceRangeIn(v.Prices[0].Currency)
		}
	}
	return nil
}
