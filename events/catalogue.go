package events

const (
	typeProductChanged  = "storefront.product.changed"
	typeRatingChanged   = "storefront.review.rating_changed"
	typeReviewModerated = "storefront.review.moderated"
)

// ProductChanged is a product as it is now, whole: product-events is compacted, so the last one per
// product is enough to rebuild prices, stock items and the search index.
type ProductChanged struct {
	Stamp
	ID          string              `json:"id"` // prd_...
	Handle      string              `json:"handle"`
	Title       string              `json:"title"`
	Description string              `json:"description"` // plain text
	Vendor      string              `json:"vendor,omitempty"`
	ProductType string              `json:"productType,omitempty"`
	Tags        []string            `json:"tags,omitempty"`
	Collections []string            `json:"collections,omitempty"` // handles
	Attributes  map[string][]string `json:"attributes,omitempty"`
	Status      string              `json:"status"` // DRAFT, ACTIVE or ARCHIVED; only ACTIVE is for sale
	ImageURL    string              `json:"imageUrl,omitempty"`
	Popularity  int                 `json:"popularity,omitempty"`
	Variants    []ProductVariant    `json:"variants"`
	Removed     []string            `json:"removed,omitempty"` // SKUs that this product no longer has
	Version     int                 `json:"version"`
}

// ProductVariant is what can be bought.
type ProductVariant struct {
	ID      string            `json:"id"` // var_...
	SKU     string            `json:"sku"`
	Title   string            `json:"title"`
	Options map[string]string `json:"options,omitempty"`
	Prices  []Money           `json:"prices"` // one per currency
	Grams   int               `json:"grams"`
}

// RatingChanged is a product's rating as it is now.
type RatingChanged struct {
	Stamp
	ProductID string  `json:"productId"`
	Average   float64 `json:"average"` // 0 without reviews, else 1 to 5
	Count     int     `json:"count"`
	Histogram []int   `json:"histogram"` // reviews with 1, 2, 3, 4 and 5 stars
	Version   int     `json:"version"`
}

// ReviewModerated says that staff published or rejected a review.
type ReviewModerated struct {
	Stamp
	ID        string `json:"id"` // rev_...
	ProductID string `json:"productId"`
	Author    string `json:"author"` // usr_...
	Status    string `json:"status"`
}

func (e ProductChanged) EventTopic() string { return ProductTopic }
func (e ProductChanged) EventType() string  { return typeProductChanged }
func (e ProductChanged) EventKey() string   { return e.ID }

func (e RatingChanged) EventTopic() string { return ReviewTopic }
func (e RatingChanged) EventType() string  { return typeRatingChanged }
func (e RatingChanged) EventKey() string   { return e.ProductID }

func (e ReviewModerated) EventTopic() string { return ReviewTopic }
func (e ReviewModerated) EventType() string  { return typeReviewModerated }
func (e ReviewModerated) EventKey() string   { return e.ProductID }
