package products

import (
	"time"

	"storefront/internal/errs"
	"storefront/internal/id"
)

// Collection is a group of products, such as a department or a sale. Its id follows from its handle.
type Collection struct {
	ID          string    `bson:"_id"`
	Version     int       `bson:"version"`
	Handle      string    `bson:"handle"`
	Title       string    `bson:"title"`
	Description *string   `bson:"description,omitempty"`
	Image       *Media    `bson:"image,omitempty"`
	CreatedAt   time.Time `bson:"createdAt"`
}

// CollectionInput describes a collection.
type CollectionInput struct {
	Handle      *string // made of the title when absent
	Title       string
	Description *string
	ImageURL    *string
}

// Identity is what the store keeps the collection under.
func (c *Collection) Identity() (string, *int) { return c.ID, &c.Version }

// IsEntity marks Collection as an entity of the graph.
func (Collection) IsEntity() {}

// CollectionID is the id of the collection with handle.
func CollectionID(handle string) string { return id.Of("col", handle) }

// Validate names every field that is wrong; nil when none is.
func (in CollectionInput) Validate() error {
	var c check
	c.required([]string{"title"}, in.Title, MaxName)
	c.optional([]string{"handle"}, in.Handle, MaxName)
	c.optional([]string{"description"}, in.Description, MaxHTML)
	if in.ImageURL != nil && *in.ImageURL != "" {
		c.link([]string{"imageUrl"}, *in.ImageURL)
	}
	if len(c.list) == 0 && in.handle() == "" {
		c.fail([]string{"handle"}, "a handle needs a letter or a digit")
	}
	return c.errors()
}

func (in CollectionInput) handle() string {
	if in.Handle != nil && *in.Handle != "" {
		return Handle(*in.Handle)
	}
	return Handle(in.Title)
}

// newCollection makes the collection that in, which was validated, describes.
func newCollection(in CollectionInput, now time.Time) Collection {
	c := Collection{ID: CollectionID(in.handle()), Handle: in.handle(), Title: squeeze(in.Title), CreatedAt: now}
	if in.Description != nil {
		c.Description = optional(*in.Description)
	}
	if in.ImageURL != nil && *in.ImageURL != "" {
		c.Image = &Media{ID: mediaID(*in.ImageURL), Address: *in.ImageURL}
	}
	return c
}

// errCollectionTaken says that a collection with this handle is there already.
func errCollectionTaken(handle string) error {
	return errs.Input([]string{"handle"}, "there is a collection %s already; choose another handle", handle)
}
