package graph_test

import (
	"bytes"
	"context"
	"encoding/json"
	"image"
	"image/png"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"storefront/events"
	"storefront/internal/blob"
	"storefront/internal/embedded/mongodb/mongotest"
	"storefront/internal/embedded/redis/redistest"
	"storefront/internal/identity"
	"storefront/subgraphs/products"
	"storefront/subgraphs/products/graph"
	"storefront/subgraphs/products/mongo"
	"storefront/subgraphs/products/search"
)

// shop is the products service with everything real around it but Kafka: what the outbox holds goes
// straight into the index.
type shop struct {
	t       *testing.T
	handler http.Handler
	service *products.Service
	store   *mongo.Store
	index   *search.Index
}

var (
	staff   = identity.Identity{User: "usr_S", Roles: []string{identity.RoleStaff}}
	visitor = identity.Identity{}
)

func open(t *testing.T) *shop {
	t.Helper()
	store, err := mongo.New(t.Context(), mongotest.Database(t), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	client := redistest.Client(t)
	folder, err := blob.FolderURL(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	files := httptest.NewUnstartedServer(nil)
	images, err := blob.Open(t.Context(), folder, blob.Options{
		BaseURL: "http://" + files.Listener.Addr().String(), Secret: []byte("0123456789abcdef"), Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	files.Config.Handler = images.Handler()
	files.Start()
	t.Cleanup(func() { files.Close(); images.Close() })
	index, err := search.New(search.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { index.Close() })
	log := slog.New(slog.NewTextHandler(t.Output(), nil))
	service := products.New(products.Config{Store: store, Search: index, Images: images, Redis: client, Currency: "EUR", Log: log})
	return &shop{t: t, handler: graph.Handler(service, log), service: service, store: store, index: index}
}

// do sends an operation as somebody, and fails the test on GraphQL errors.
func (s *shop) do(who identity.Identity, query string, variables map[string]any) map[string]any {
	s.t.Helper()
	data, failures := s.try(who, query, variables)
	if len(failures) > 0 {
		s.t.Fatalf("errors: %v", failures)
	}
	return data
}

func (s *shop) try(who identity.Identity, query string, variables map[string]any) (map[string]any, []any) {
	s.t.Helper()
	body, _ := json.Marshal(map[string]any{"query": query, "variables": variables})
	r := httptest.NewRequest(http.MethodPost, "/", bytes.NewReader(body)).WithContext(identity.With(s.t.Context(), who))
	r.Header.Set("content-type", "application/json")
	w := httptest.NewRecorder()
	s.handler.ServeHTTP(w, r)
	var answer struct {
		Data   map[string]any
		Errors []any
	}
	if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil {
		s.t.Fatalf("%v: %s", err, w.Body)
	}
	return answer.Data, answer.Errors
}

// published empties the outbox: what the relay would publish, in order per product, is indexed and returned.
func (s *shop) published() []events.ProductChanged {
	s.t.Helper()
	var all []events.ProductChanged
	ctx := s.t.Context()
	for _, box := range s.store.Outboxes() {
		ids, err := box.Pending(ctx, time.Now().Add(time.Hour), 1000)
		if err != nil {
			s.t.Fatal(err)
		}
		for _, id := range ids {
			entries, err := box.Load(ctx, []string{id})
			if err != nil {
				s.t.Fatal(err)
			}
			var done []string
			for _, r := range entries[id] {
				e, err := events.Decode(r.Type, r.Data)
				if err != nil {
					s.t.Fatal(err)
				}
				changed := e.(events.ProductChanged)
				all = append(all, changed)
				s.index.Put(changed)
				done = append(done, r.ID)
			}
			if err := box.Remove(ctx, map[string][]string{id: done}); err != nil {
				s.t.Fatal(err)
			}
		}
	}
	if err := s.index.CaughtUp(); err != nil {
		s.t.Fatal(err)
	}
	return all
}

// at walks into an answer: field names and list indexes, by dots.
func at(v any, path string) any {
	for part := range strings.SplitSeq(path, ".") {
		switch x := v.(type) {
		case map[string]any:
			v = x[part]
		case []any:
			i := int(part[0] - '0')
			if i >= len(x) {
				return nil
			}
			v = x[i]
		default:
			return nil
		}
	}
	return v
}

const create = `mutation($in: ProductInput!) { productCreate(input: $in) {
	product { id handle title description descriptionHtml status variants { id sku title price { amount currency } } options { name values } collections { handle title } }
	userErrors { field code message } } }`

func shirt(sku string) map[string]any {
	return map[string]any{
		"title": "Ocean Blue Shirt", "vendor": "Demo", "collections": []any{"Summer Sale"},
		"descriptionHtml": `<p onclick="x()">Blue &amp; <b>light</b>.</p><script>alert(1)</script><p>Cotton.</p>`,
		"variants": []any{
			map[string]any{"sku": sku + "-S", "options": []any{map[string]any{"name": "Size", "value": "S"}}, "prices": []any{map[string]any{"amount": 1999, "currency": "EUR"}}},
			map[string]any{"sku": sku + "-M", "options": []any{map[string]any{"name": "Size", "value": "M"}}, "prices": []any{map[string]any{"amount": 2199, "currency": "EUR"}, map[string]any{"amount": 2399, "currency": "USD"}}},
		},
	}
}

func TestProductLife(t *testing.T) {
	s := open(t)
	made := at(s.do(staff, create, map[string]any{"in": shirt("A")}), "productCreate")
	if list := at(made, "userErrors").([]any); len(list) > 0 {
		t.Fatal(list)
	}
	for path, want := range map[string]any{
		"product.handle": "ocean-blue-shirt", "product.status": "DRAFT", "product.description": "Blue & light. Cotton.",
		"product.descriptionHtml": "<p>Blue &amp; <b>light</b>.</p><p>Cotton.</p>", "product.options.0.name": "Size",
		"product.variants.1.title": "M", "product.collections.0.handle": "summer-sale", "product.collections.0.title": "Summer Sale",
		"product.variants.0.price.amount": 1999.0,
	} {
		if got := at(made, path); got != want {
			t.Errorf("%s = %v, want %v", path, got, want)
		}
	}
	id := at(made, "product.id").(string)

	// The same title again gets a handle of its own; the same SKU is refused and named.
	if got := at(s.do(staff, create, map[string]any{"in": shirt("B")}), "productCreate.product.handle"); got != "ocean-blue-shirt-2" {
		t.Errorf("second handle = %v", got)
	}
	refused := at(s.do(staff, create, map[string]any{"in": shirt("A")}), "productCreate.userErrors").([]any)
	if len(refused) != 2 || at(refused, "0.field.0") != "variants" || at(refused, "0.field.2") != "sku" {
		t.Errorf("the same SKUs again: %v", refused)
	}

	// A draft is staff's; after publishing it is everybody's, by every way in. Absence is cached too.
	const read = `query($id: ID!, $reps: [_Any!]!) { product(id: $id) { handle priceRange { min { amount } max { amount } } } byHandle: product(handle: "ocean-blue-shirt") { id } variant(sku: "A-M") { product { id } price(currency: "USD") { decimal } compareAtPrice { amount } }
		_entities(representations: $reps) { ... on Product { handle } ... on Variant { sku title } } }`
	variables := map[string]any{"id": id, "reps": []any{
		map[string]any{"__typename": "Variant", "sku": "A-S"}, map[string]any{"__typename": "Variant", "id": products.VariantID("A-M")},
		map[string]any{"__typename": "Product", "id": "prd_none"}, map[string]any{"__typename": "Product", "id": id}, map[string]any{"__typename": "Variant", "sku": "none"},
	}}
	for range 2 {
		hidden := s.do(visitor, read, variables)
		for _, path := range []string{"product", "byHandle", "variant", "_entities.0", "_entities.1", "_entities.3"} {
			if got := at(hidden, path); got != nil {
				t.Errorf("a visitor sees the draft at %s: %v", path, got)
			}
		}
	}
	if got := at(s.do(staff, read, variables), "byHandle.id"); got != id {
		t.Errorf("staff see %v", got)
	}
	s.do(staff, `mutation($id: ID!) { productPublish(id: $id) { product { status publishedAt } } }`, map[string]any{"id": id})
	for range 2 {
		seen := s.do(visitor, read, variables)
		for path, want := range map[string]any{
			"product.handle": "ocean-blue-shirt", "product.priceRange.min.amount": 1999.0, "product.priceRange.max.amount": 2199.0, "byHandle.id": id,
			"variant.product.id": id, "variant.price.decimal": "23.99", "variant.compareAtPrice": nil,
			"_entities.0.title": "S", "_entities.1.sku": "A-M", "_entities.2": nil, "_entities.3.handle": "ocean-blue-shirt", "_entities.4": nil,
		} {
			if got := at(seen, path); got != want {
				t.Errorf("published: %s = %v, want %v", path, got, want)
			}
		}
	}

	// Replacing the variants says which SKUs went.
	s.published()
	update := `mutation($id: ID!, $in: ProductUpdateInput!) { productUpdate(id: $id, input: $in) { product { variants { sku } } userErrors { field message } } }`
	in := map[string]any{"variants": shirt("A")["variants"].([]any)[:1]}
	for range 2 { // the second time changes nothing
		s.do(staff, update, map[string]any{"id": id, "in": in})
	}
	changes := s.published()
	if len(changes) != 1 || !slices.Equal(changes[0].Removed, []string{"A-M"}) || changes[0].Version != 3 {
		t.Errorf("events after the update: %+v", changes)
	}
	if got := at(s.do(visitor, `{ variant(sku: "A-M") { id } }`, nil), "variant"); got != nil {
		t.Errorf("the removed SKU is still found: %v", got)
	}
	s.do(staff, `mutation($id: ID!) { productArchive(id: $id) { product { status } } }`, map[string]any{"id": id})
	if got := at(s.do(visitor, read, variables), "product"); got != nil {
		t.Errorf("a visitor sees the archived product: %v", got)
	}
}

func TestMutationsAreForStaff(t *testing.T) {
	s := open(t)
	_, failures := s.try(identity.Identity{User: "usr_P"}, create, map[string]any{"in": shirt("A")})
	if got := at(failures, "0.extensions.code"); got != "FORBIDDEN" {
		t.Errorf("code = %v, want FORBIDDEN", got)
	}
	_, failures = s.try(visitor, `mutation { productsUpsert(inputs: []) { created } }`, nil)
	if got := at(failures, "0.extensions.code"); got != "UNAUTHENTICATED" {
		t.Errorf("code = %v, want UNAUTHENTICATED", got)
	}
	if got := s.published(); len(got) > 0 {
		t.Errorf("events: %v", got)
	}
}

func TestUpsertTwiceChangesNothing(t *testing.T) {
	s := open(t)
	const upsert = `mutation($in: [ProductInput!]!) { productsUpsert(inputs: $in) { created updated unchanged userErrors { field message } } }`
	socks := shirt("C")
	socks["title"], socks["status"] = "Warm Socks", "ACTIVE"
	wrong := shirt("D")
	wrong["title"] = ""
	batch := []any{shirt("A"), socks, wrong, shirt("E")}
	for round, want := range []map[string]any{{"created": 2.0, "updated": 0.0, "unchanged": 0.0}, {"created": 0.0, "updated": 0.0, "unchanged": 2.0}} {
		got := at(s.do(staff, upsert, map[string]any{"in": batch}), "productsUpsert")
		for k, v := range want {
			if at(got, k) != v {
				t.Errorf("round %d: %s = %v, want %v", round, k, at(got, k), v)
			}
		}
		if at(got, "userErrors.0.field.1") != "2" || at(got, "userErrors.0.field.2") != "title" || at(got, "userErrors.1.field.1") != "3" {
			t.Errorf("round %d: userErrors = %v; want the title of 2, and 3, which has the handle of 0", round, at(got, "userErrors"))
		}
	}
	if n := len(s.published()); n != 2 {
		t.Errorf("%d events, want 2", n)
	}
	socks["tags"] = []any{"winter"}
	if got := at(s.do(staff, upsert, map[string]any{"in": batch}), "productsUpsert.updated"); got != 1.0 {
		t.Errorf("updated = %v, want 1", got)
	}
	list := s.do(visitor, `{ products { nodes { title tags } } collection(handle: "summer-sale") { title products(first: 5) { nodes { handle } pageInfo { hasNextPage } } } }`, nil)
	if at(list, "products.nodes.0.title") != "Warm Socks" || at(list, "products.nodes.0.tags.0") != "winter" || at(list, "products.nodes.1") != nil {
		t.Errorf("visitors' list: %v", list)
	}
	if at(list, "collection.products.nodes.0.handle") != "warm-socks" {
		t.Errorf("collection: %v", list)
	}
}

func TestSearchAndSuggestions(t *testing.T) {
	s := open(t)
	for i, title := range []string{"Ocean Blue Shirt", "Forest Green Shirt", "Warm Wool Socks"} {
		in := shirt(string(rune('A' + i)))
		in["title"], in["status"] = title, "ACTIVE"
		s.do(staff, create, map[string]any{"in": in})
	}
	hidden := shirt("Z")
	hidden["title"] = "Hidden Silk Shirt"
	s.do(staff, create, map[string]any{"in": hidden})
	s.published()
	const query = `query($q: String!, $after: String) { productSearch(query: $q, first: 1, after: $after, filter: {priceMin: 2000, priceMax: 2200}) {
		nodes { title } pageInfo { hasNextPage endCursor } totalCount correctedQuery facets { name values { value count } } } }`
	page := at(s.do(visitor, query, map[string]any{"q": "shrit"}), "productSearch")
	if at(page, "totalCount") != 2.0 || at(page, "correctedQuery") != "shirt" || at(page, "pageInfo.hasNextPage") != true || at(page, "facets.0.name") != "vendor" {
		t.Errorf("first page: %v", page)
	}
	next := at(s.do(visitor, query, map[string]any{"q": "shrit", "after": at(page, "pageInfo.endCursor")}), "productSearch")
	if at(next, "pageInfo.hasNextPage") != false || at(next, "nodes.0.title") == nil || at(next, "nodes.0.title") == at(page, "nodes.0.title") {
		t.Errorf("second page: %v after %v", next, page)
	}
	if _, failures := s.try(visitor, `query($a: String!) { productSearch(sort: TITLE, after: $a) { totalCount } }`, map[string]any{"a": at(page, "pageInfo.endCursor")}); at(failures, "0.extensions.code") != "BAD_INPUT" {
		t.Errorf("a cursor of another order: %v", failures)
	}
	if got := at(s.do(staff, `{ productSearch(query: "silk") { nodes { title } } }`, nil), "productSearch.nodes.0.title"); got != "Hidden Silk Shirt" {
		t.Errorf("staff find %v", got)
	}
	suggested := s.do(visitor, `{ productSuggestions(prefix: "shi") { text product { title } } }`, nil)
	if at(suggested, "productSuggestions.0.text") != "shirt" || at(suggested, "productSuggestions.1.product.title") == nil || at(suggested, "productSuggestions.3") != nil {
		t.Errorf("suggestions: %v", suggested)
	}
}

func TestImageUpload(t *testing.T) {
	s := open(t)
	in := shirt("A")
	in["status"] = "ACTIVE"
	id := at(s.do(staff, create, map[string]any{"in": in}), "productCreate.product.id").(string)
	up := at(s.do(staff, `mutation($id: ID!) { productImageUploadCreate(productId: $id, contentType: "image/png", byteSize: 10000) { upload { key url headers { name value } expiresAt } userErrors { message } } }`,
		map[string]any{"id": id}), "productImageUploadCreate")
	attach := func() any {
		return at(s.do(staff, `mutation($id: ID!, $key: String!) { productImageAttach(productId: $id, key: $key, alt: "Front") { product { media { url alt width height contentType } featuredImage { id } } userErrors { field message } } }`,
			map[string]any{"id": id, "key": at(up, "upload.key")}), "productImageAttach")
	}
	if got := at(attach(), "userErrors.0.field.0"); got != "key" {
		t.Errorf("attached before the upload: %v", got)
	}
	var picture bytes.Buffer
	if err := png.Encode(&picture, image.NewGray(image.Rect(0, 0, 40, 30))); err != nil {
		t.Fatal(err)
	}
	r, _ := http.NewRequestWithContext(context.Background(), http.MethodPut, at(up, "upload.url").(string), bytes.NewReader(picture.Bytes()))
	for _, h := range at(up, "upload.headers").([]any) {
		r.Header.Set(at(h, "name").(string), at(h, "value").(string))
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil || res.StatusCode >= 300 {
		t.Fatalf("upload: %v %v", res, err)
	}
	res.Body.Close()
	for range 2 {
		got := attach()
		if at(got, "product.media.0.width") != 40.0 || at(got, "product.media.0.alt") != "Front" || at(got, "product.media.1") != nil {
			t.Errorf("after attaching: %v", got)
		}
		res, err := http.Get(at(got, "product.media.0.url").(string))
		if err != nil || res.StatusCode != 200 {
			t.Fatalf("the image's address: %v %v", res, err)
		}
		res.Body.Close()
	}
}
