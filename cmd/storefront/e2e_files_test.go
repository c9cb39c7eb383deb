package main

// Files, as a browser meets them: at the addresses that the graph gives.

import (
	"bytes"
	"encoding/base64"
	"io"
	"net/http"
	"testing"
)

func TestUploadedPictureIsServedAtItsAddress(t *testing.T) {
	h := theShop(t)
	sold := h.sell(t, 1, "FILES-1")
	staff := h.signIn(t, "sam")
	product := staff.ask(t, `{ product(handle: "files-1") { id } }`, nil).text("product.id")
	picture, err := base64.StdEncoding.DecodeString("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==")
	if err != nil {
		t.Fatal(err)
	}
	upload := staff.ask(t, `mutation($id: ID!, $size: Int!) { productImageUploadCreate(productId: $id, contentType: "image/png", byteSize: $size) {
	  upload { key url } userErrors { message } } }`, vars{"id": product, "size": len(picture)})
	address := upload.text("productImageUploadCreate.upload.url")
	put := func(body []byte) int {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPut, address, bytes.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "image/png")
		res, err := browser.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		return res.StatusCode
	}
	if got := put([]byte("<html>a page that calls itself a picture")); got != http.StatusUnsupportedMediaType {
		t.Errorf("a page as a picture: %d", got)
	}
	if got := put(picture); got != http.StatusCreated {
		t.Fatalf("upload to %s: %d", address, got)
	}
	attached := staff.ask(t, `mutation($id: ID!, $key: String!) { productImageAttach(productId: $id, key: $key, alt: "a dot") {
	  product { media { url } } userErrors { message } } }`, vars{"id": product, "key": upload.text("productImageUploadCreate.upload.key")})
	res, err := browser.Get(attached.text("productImageAttach.product.media.0.url"))
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if got, err := io.ReadAll(res.Body); err != nil || res.StatusCode != http.StatusOK || !bytes.Equal(got, picture) {
		t.Errorf("the picture of %s: %s, %d bytes (%v)\n%s", sold[0].sku, res.Status, len(got), err, attached)
	}
}
