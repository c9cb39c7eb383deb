package products

import (
	"bytes"
	"context"
	"fmt"
	"image"
	_ "image/gif" // decoders of what may be uploaded
	_ "image/jpeg"
	_ "image/png"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"storefront/internal/errs"
	"storefront/internal/id"
	"storefront/internal/identity"
)

// Limits of an uploaded image.
const (
	MaxImageBytes = 10 << 20
	uploadTTL     = 15 * time.Minute
	headBytes     = 256 << 10 // enough of a file to find its size in
)

// imageTypes maps the content types that may be uploaded to the endings of their keys.
var imageTypes = map[string]string{"image/png": ".png", "image/jpeg": ".jpg", "image/webp": ".webp", "image/gif": ".gif"}

// ImageUpload is where to PUT an image. It belongs to the product once AttachImage names its key.
type ImageUpload struct {
	Key       string
	URL       string
	Headers   []HTTPHeader // to be sent with the PUT, as they are
	ExpiresAt time.Time
}

// HTTPHeader is one header of a request.
type HTTPHeader struct{ Name, Value string }

// HttpHeader is HTTPHeader under its name in the schema.
type HttpHeader = HTTPHeader

// CreateImageUpload signs an address for an image of a product. Staff only.
func (s *Service) CreateImageUpload(ctx context.Context, productID, contentType string, byteSize int) (*ImageUpload, error) {
	if err := identity.From(ctx).RequireStaff(); err != nil {
		return nil, err
	}
	ending, ok := imageTypes[contentType]
	if !ok {
		return nil, errs.Input([]string{"contentType"}, "an image is image/png, image/jpeg, image/webp or image/gif")
	}
	if byteSize < 1 || byteSize > MaxImageBytes {
		return nil, errs.Input([]string{"byteSize"}, "an image has between 1 and %d bytes", MaxImageBytes)
	}
	if err := s.requireProduct(ctx, productID); err != nil {
		return nil, err
	}
	up := &ImageUpload{Key: imageFolder(productID) + strings.ToLower(id.Token()) + ending, ExpiresAt: s.now().Add(uploadTTL)}
	url, headers, err := s.images.SignedPut(ctx, up.Key, contentType, int64(byteSize), uploadTTL)
	if err != nil {
		return nil, err
	}
	up.URL, up.Headers = url, make([]HTTPHeader, 0, len(headers))
	for name, value := range headers {
		up.Headers = append(up.Headers, HTTPHeader{name, value})
	}
	slices.SortFunc(up.Headers, func(a, b HTTPHeader) int { return strings.Compare(a.Name, b.Name) })
	return up, nil
}

// AttachImage adds an uploaded image to its product. Doing it twice changes nothing. Staff only.
func (s *Service) AttachImage(ctx context.Context, productID, key string, alt *string) (*Product, error) {
	if err := identity.From(ctx).RequireStaff(); err != nil {
		return nil, err
	}
	var c check
	if c.optional([]string{"alt"}, alt, MaxName); len(c.list) > 0 {
		return nil, c.errors()
	}
	name, ok := strings.CutPrefix(key, imageFolder(productID))
	contentType := typeOfImage(name)
	if !ok || strings.Contains(name, "/") || contentType == "" {
		return nil, errs.Input([]string{"key"}, "this is not the key of an upload for this product; take it from productImageUploadCreate")
	}
	if err := s.requireProduct(ctx, productID); err != nil {
		return nil, err
	}
	m, err := s.inspect(ctx, key, contentType)
	if err != nil {
		return nil, err
	}
	if alt != nil {
		m.Alt = optional(*alt)
	}
	return s.change(ctx, productID, func(p *Product) error {
		if slices.ContainsFunc(p.Media, func(m Media) bool { return m.Key == key }) {
			return nil
		}
		if len(p.Media) >= MaxMedia {
			return errs.New(errs.Conflict, "the product has %d images already, which is the most it can have", MaxMedia)
		}
		p.Media = append(p.Media, m)
		return nil
	})
}

// inspect looks at what was uploaded under key: that it is there, not too large, and what it says it is.
func (s *Service) inspect(ctx context.Context, key, contentType string) (Media, error) {
	m := Media{ID: mediaID(key), Key: key, ContentType: &contentType}
	r, info, err := s.images.Get(ctx, key)
	if errs.Is(err, errs.NotFound) {
		return m, errs.Input([]string{"key"}, "nothing was uploaded under this key yet; PUT the image first")
	}
	if err != nil {
		return m, err
	}
	defer r.Close()
	if info.Size > MaxImageBytes {
		return m, errs.Input([]string{"key"}, "what was uploaded has %d bytes; at most %d are allowed", info.Size, MaxImageBytes)
	}
	head, err := io.ReadAll(io.LimitReader(r, headBytes))
	if err != nil {
		return m, fmt.Errorf("read image %s: %w", key, err)
	}
	if http.DetectContentType(head) != contentType {
		return m, errs.Input([]string{"key"}, "what was uploaded is not %s", contentType)
	}
	if size, _, err := image.DecodeConfig(bytes.NewReader(head)); err == nil { // not for WebP
		m.Width, m.Height = &size.Width, &size.Height
	}
	return m, nil
}

func (s *Service) requireProduct(ctx context.Context, productID string) error {
	found, err := s.ProductsByID(ctx, []string{productID})
	if err != nil {
		return err
	}
	if _, ok := found[productID]; !ok {
		return errs.New(errs.NotFound, "there is no product %s", productID)
	}
	return nil
}

func imageFolder(productID string) string { return "products/" + productID + "/" }

func typeOfImage(name string) string {
	for contentType, ending := range imageTypes {
		if strings.HasSuffix(name, ending) && len(name) > len(ending) {
			return contentType
		}
	}
	return ""
}
