package graph_test

import (
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"

	"storefront/events"
	"storefront/internal/identity"
	"storefront/subgraphs/reviews"
)

func TestReview(t *testing.T) {
	t.Parallel()
	sh := newShop(t, true, plain)
	const rating = `rating{average count histogram}`
	sh.product(ann, "prd_1", rating+` myReview{id}`, `{"myReview":null,"rating":{"average":null,"count":0,"histogram":[0,0,0,0,0]}}`)
	in := map[string]any{"in": map[string]any{"productId": "prd_1", "rating": 4, "title": " Good ", "text": ""}}
	id := reviews.ReviewID(ann.User, "prd_1")
	for range 2 { // the same again is the same review
		sh.want(ann, submit, in, `{"reviewSubmit":{"review":{"author":"Ann","id":"`+id+`","product":{"rating":{"average":4,"count":1,"histogram":[0,0,0,1,0]}},"status":"PUBLISHED","verifiedPurchase":false},"userErrors":[]}}`)
	}
	sh.submit(ben, "prd_1", 1)
	sh.submit(ann, "prd_1", 2) // in place of the first one, without its title
	sh.product(ann, "prd_1", rating+` myReview{title rating} reviews{nodes{author rating}}`,
		`{"myReview":{"rating":2,"title":null},"rating":{"average":1.5,"count":2,"histogram":[1,1,0,0,0]},"reviews":{"nodes":[{"author":"Anonymous","rating":1},{"author":"Ann","rating":2}]}}`)
	list := sh.emitted("prd_1")
	if last, ok := list[len(list)-1].(events.RatingChanged); len(list) != 3 || !ok || last.Version != 3 || last.Average != 1.5 || last.Count != 2 {
		t.Errorf("events of the rating: %+v", list)
	}

	sh.want(ben, `mutation($id:ID!){reviewDelete(id:$id){deletedId userErrors{code field}}}`, map[string]any{"id": id}, `{"reviewDelete":{"deletedId":null,"userErrors":[{"code":"NOT_FOUND","field":["id"]}]}}`)
	sh.want(ann, `mutation($id:ID!){reviewDelete(id:$id){deletedId userErrors{code}}}`, map[string]any{"id": id}, `{"reviewDelete":{"deletedId":"`+id+`","userErrors":[]}}`)
	sh.want(ann, `query($id:ID!){review(id:$id){id}}`, map[string]any{"id": id}, `{"review":null}`)
	sh.product(ann, "prd_1", rating+` myReview{id}`, `{"myReview":null,"rating":{"average":1,"count":1,"histogram":[1,0,0,0,0]}}`)
	sh.submit(ann, "prd_1", 5)
	sh.product(ann, "prd_1", rating, `{"rating":{"average":3,"count":2,"histogram":[1,0,0,0,1]}}`)

	for field, in := range map[string]map[string]any{
		"rating":    {"productId": "prd_1", "rating": 6},
		"productId": {"productId": "ord_1", "rating": 5},
		"title":     {"productId": "prd_1", "rating": 5, "title": strings.Repeat("ü", 121)},
		"text":      {"productId": "prd_1", "rating": 5, "text": strings.Repeat("x", 5001)},
	} {
		sh.want(ann, submit, map[string]any{"in": in}, `{"reviewSubmit":{"review":null,"userErrors":[{"code":"BAD_INPUT","field":["input","`+field+`"]}]}}`)
	}
	if _, errors := sh.ask(identity.Identity{Guest: "gst_1"}, submit, in); !strings.Contains(errors, "UNAUTHENTICATED") {
		t.Errorf("a guest's review gave %s", errors)
	}
}

func TestModeration(t *testing.T) {
	t.Parallel()
	sh := newShop(t, false, plain)
	id := sh.submit(ann, "prd_1", 5)
	byID := map[string]any{"id": id}
	const one = `query($id:ID!){review(id:$id){status}}`
	const entity = `query($r:[_Any!]!){_entities(representations:$r){... on Review{status}}}`
	rep := map[string]any{"r": []any{map[string]any{"__typename": "Review", "id": id}, map[string]any{"__typename": "Review", "id": "rev_none"}}}
	sh.want(ann, one, byID, `{"review":{"status":"PENDING"}}`)
	sh.want(ben, one, byID, `{"review":null}`)
	sh.want(ben, entity, rep, `{"_entities":[null,null]}`)
	sh.want(staff, entity, rep, `{"_entities":[{"status":"PENDING"},null]}`)
	sh.product(ben, "prd_1", `rating{count} reviews{nodes{id}}`, `{"rating":{"count":0},"reviews":{"nodes":[]}}`)
	sh.want(staff, `{reviewsPending(first:1){nodes{id} pageInfo{hasNextPage}}}`, nil, `{"reviewsPending":{"nodes":[{"id":"`+id+`"}],"pageInfo":{"hasNextPage":false}}}`)

	const moderate = `mutation($id:ID!,$s:ReviewStatus!){reviewModerate(id:$id,status:$s){review{status} userErrors{code}}}`
	for _, query := range []string{`{reviewsPending{nodes{id}}}`, `mutation{reviewModerate(id:"` + id + `",status:PUBLISHED){review{id}}}`} {
		if _, errors := sh.ask(ben, query, nil); !strings.Contains(errors, "FORBIDDEN") {
			t.Errorf("%s by a customer gave %s", query, errors)
		}
	}
	decide := func(status string, count int) {
		t.Helper()
		for range 2 { // the second time changes nothing
			sh.want(staff, moderate, map[string]any{"id": id, "s": status}, `{"reviewModerate":{"review":{"status":"`+status+`"},"userErrors":[]}}`)
		}
		sh.product(ben, "prd_1", `rating{count}`, fmt.Sprintf(`{"rating":{"count":%d}}`, count))
	}
	decide("PUBLISHED", 1)
	decide("REJECTED", 0)
	if list := sh.emitted(id); len(list) != 2 || list[1].(events.ReviewModerated).Status != "REJECTED" {
		t.Errorf("events of the review: %+v", list)
	}

	// Where reviews are published at once, one that staff rejected comes back through them only.
	auto := newShop(t, true, plain)
	auto.submit(ann, "prd_1", 5)
	auto.want(staff, moderate, map[string]any{"id": id, "s": "REJECTED"}, "")
	auto.want(ann, `mutation($id:ID!){reviewDelete(id:$id){deletedId}}`, byID, "")
	auto.submit(ann, "prd_1", 4)
	auto.want(ann, one, byID, `{"review":{"status":"PENDING"}}`)
}

func TestPages(t *testing.T) {
	t.Parallel()
	sh := newShop(t, true, plain)
	people := map[string]int{}
	for i, rating := range []int{3, 5, 1, 3, 4, 3, 2} {
		who := identity.Identity{User: fmt.Sprint("usr_", i), Name: fmt.Sprint(i)}
		people[who.Name] = rating
		sh.submit(who, "prd_1", rating)
	}
	sh.submit(ann, "prd_2", 5)
	for sort, want := range map[string]string{"NEWEST": "6543210", "RATING_DESC": "1453062", "RATING_ASC": "2653041"} {
		for _, way := range []struct{ size, cursor, more, at string }{{"first", "after", "hasNextPage", "endCursor"}, {"last", "before", "hasPreviousPage", "startCursor"}} {
			got, cursor := "", any(nil)
			for range len(people) {
				data := sh.want(ben, fmt.Sprintf(`query($r:[_Any!]!,$c:String){_entities(representations:$r){... on Product{reviews(sort:%s,%s:2,%s:$c){nodes{author} pageInfo{%s %s}}}}}`, sort, way.size, way.cursor, way.more, way.at),
					map[string]any{"c": cursor, "r": []any{map[string]any{"__typename": "Product", "id": "prd_1"}}}, "")
				list := data["_entities"].([]any)[0].(map[string]any)["reviews"].(map[string]any)
				part := ""
				for _, n := range list["nodes"].([]any) {
					part += n.(map[string]any)["author"].(string)
				}
				if way.size == "first" {
					got += part
				} else {
					got = part + got
				}
				info := list["pageInfo"].(map[string]any)
				if cursor = info[way.at]; info[way.more] == false {
					break
				}
			}
			if got != want {
				t.Errorf("%s by %s gave %s, want %s", sort, way.size, got, want)
			}
		}
	}

	// Several products in one request, with a list of each.
	sh.want(ben, `query($r:[_Any!]!){_entities(representations:$r){... on Product{id rating{count} reviews(first:1){nodes{author}} worst:reviews(first:1,sort:RATING_ASC){nodes{author}}}}}`,
		map[string]any{"r": []any{map[string]any{"__typename": "Product", "id": "prd_2"}, map[string]any{"__typename": "Product", "id": "prd_1"}, map[string]any{"__typename": "Product", "id": "prd_0"}}},
		`{"_entities":[{"id":"prd_2","rating":{"count":1},"reviews":{"nodes":[{"author":"Ann"}]},"worst":{"nodes":[{"author":"Ann"}]}},`+
			`{"id":"prd_1","rating":{"count":7},"reviews":{"nodes":[{"author":"6"}]},"worst":{"nodes":[{"author":"2"}]}},`+
			`{"id":"prd_0","rating":{"count":0},"reviews":{"nodes":[]},"worst":{"nodes":[]}}]}`)
	_, errors := sh.ask(ben, `query($r:[_Any!]!){_entities(representations:$r){... on Product{reviews(after:"nonsense"){nodes{id}}}}}`,
		map[string]any{"r": []any{map[string]any{"__typename": "Product", "id": "prd_1"}}})
	if !strings.Contains(errors, "BAD_INPUT") {
		t.Errorf("a wrong cursor gave %s", errors)
	}
}

func TestAttachments(t *testing.T) {
	t.Parallel()
	sh := newShop(t, true, plain)
	data := sh.want(ann, `mutation{reviewAttachmentUploadCreate(contentType:"image/png",byteSize:5){upload{key url headers{name value}} userErrors{code}}}`, nil, "")
	key := data["reviewAttachmentUploadCreate"].(map[string]any)["upload"].(map[string]any)["key"].(string)
	if !strings.HasPrefix(key, "private/") || strings.Contains(key, strings.TrimPrefix(ann.User, "usr_")) {
		t.Errorf("the key %s is of what anyone may read, or tells whose it is", key)
	}
	try := func(who identity.Identity, want string) {
		t.Helper()
		sh.want(who, `mutation($k:String!){reviewSubmit(input:{productId:"prd_1",rating:5,attachments:[$k]}){review{attachments{url contentType}} userErrors{field code}}}`, map[string]any{"k": key}, want)
	}
	refused := `{"reviewSubmit":{"review":null,"userErrors":[{"code":"BAD_INPUT","field":["input","attachments","0"]}]}}`
	try(ann, refused) // nothing is there yet
	if err := sh.images.Put(t.Context(), key, "image/png", strings.NewReader("bytes")); err != nil {
		t.Fatal(err)
	}
	try(ben, refused)
	data = sh.want(ann, `mutation($k:String!){reviewSubmit(input:{productId:"prd_1",rating:5,attachments:[$k]}){review{id attachments{url contentType}} userErrors{code}}}`, map[string]any{"k": key}, "")
	review := data["reviewSubmit"].(map[string]any)["review"].(map[string]any)
	image := review["attachments"].([]any)[0].(map[string]any)
	read := func(url string) int {
		t.Helper()
		w := httptest.NewRecorder()
		sh.images.Handler().ServeHTTP(w, httptest.NewRequest("GET", url, nil))
		return w.Code
	}
	signed := image["url"].(string)
	if unsigned := "http://files.example/files/" + key; image["contentType"] != "image/png" || read(signed) != 200 || read(unsigned) != 403 {
		t.Errorf("%v: %d as it is told, %d without its signature", image, read(signed), read(unsigned))
	}
	sh.want(ben, `mutation($id:ID!){reviewDelete(id:$id){userErrors{code}}}`, map[string]any{"id": review["id"]}, "")
	if got := read(signed); got != 200 {
		t.Errorf("another person's attempt to delete the review: the image answers %d", got)
	}
	sh.want(ann, `mutation($id:ID!){reviewDelete(id:$id){userErrors{code}}}`, map[string]any{"id": review["id"]}, `{"reviewDelete":{"userErrors":[]}}`)
	if got := read(signed); got != 404 {
		t.Errorf("the image of a deleted review answers %d", got)
	}
	sh.want(ann, `mutation{reviewAttachmentUploadCreate(contentType:"text/html",byteSize:5){upload{key} userErrors{field}}}`, nil,
		`{"reviewAttachmentUploadCreate":{"upload":null,"userErrors":[{"field":["contentType"]}]}}`)
}
