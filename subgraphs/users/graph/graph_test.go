package graph_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"storefront/events"
	"storefront/internal/embedded/mongodb/mongotest"
	"storefront/internal/identity"
	"storefront/subgraphs/users"
	"storefront/subgraphs/users/graph"
	"storefront/subgraphs/users/mongo"
)

var (
	ann   = identity.Identity{User: identity.UserID("test", "ann"), Name: "Ann", Email: "ann@example.com", Locale: "de-DE"}
	ben   = identity.Identity{User: identity.UserID("test", "ben"), Name: "Ben"}
	staff = identity.Identity{User: identity.UserID("test", "sam"), Roles: []string{identity.RoleStaff}}
)

type people struct {
	t       *testing.T
	store   *mongo.Store
	handler http.Handler
}

func newPeople(t *testing.T) *people {
	store, err := mongo.New(t.Context(), mongotest.Database(t), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.DiscardHandler)
	return &people{t, store, graph.Handler(users.New(users.Config{Store: store, Now: time.Now, Log: log}), log)}
}

// ask returns the answer's data and errors as JSON.
func (p *people) ask(who identity.Identity, query string, variables map[string]any) (map[string]any, string) {
	p.t.Helper()
	body, err := json.Marshal(map[string]any{"query": query, "variables": variables})
	if err != nil {
		p.t.Fatal(err)
	}
	r := httptest.NewRequest("POST", "/graphql", bytes.NewReader(body)).WithContext(identity.With(context.Background(), who))
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	p.handler.ServeHTTP(w, r)
	var a struct {
		Data   map[string]any
		Errors json.RawMessage
	}
	if err := json.Unmarshal(w.Body.Bytes(), &a); err != nil {
		p.t.Fatalf("answer %d %s: %v", w.Code, w.Body, err)
	}
	return a.Data, string(a.Errors)
}

// want compares the JSON of the data, without errors.
func (p *people) want(who identity.Identity, query string, variables map[string]any, want string) map[string]any {
	p.t.Helper()
	data, errors := p.ask(who, query, variables)
	got, err := json.Marshal(data)
	if err != nil {
		p.t.Fatal(err)
	}
	if errors != "" || want != "" && string(got) != want {
		p.t.Errorf("%s\ngave %s %s\nwant %s", query, got, errors, want)
	}
	return data
}

// emitted are the wire names of the events about a person, with the JSON of the last one.
func (p *people) emitted(id string) (types []string, last events.Event) {
	p.t.Helper()
	entries, err := p.store.Outboxes()[0].Load(p.t.Context(), []string{id})
	if err != nil {
		p.t.Fatal(err)
	}
	for _, r := range entries[id] {
		types = append(types, r.Type[strings.LastIndexByte(r.Type, '.')+1:])
		if last, err = events.Decode(r.Type, r.Data); err != nil {
			p.t.Fatal(err)
		}
	}
	return types, last
}

func TestProfile(t *testing.T) {
	t.Parallel()
	p := newPeople(t)
	const me = `{me{name email locale roles addresses{id} wishlists{id} defaultAddress{id}}}`
	p.want(identity.Identity{}, me, nil, `{"me":null}`)
	p.want(identity.Identity{Guest: "gst_x"}, me, nil, `{"me":null}`)

	first := `{"me":{"addresses":[],"defaultAddress":null,"email":"ann@example.com","locale":"de-DE","name":"Ann","roles":[],"wishlists":[]}}`
	for range 2 { // the second time writes nothing
		p.want(ann, me, nil, first)
	}
	if types, last := p.emitted(ann.User); fmt.Sprint(types) != "[registered]" || last.(events.UserRegistered).Email != ann.Email {
		t.Errorf("events of the first sign-in: %v %+v", types, last)
	}

	p.want(ann, `mutation{profileUpdate(input:{name:" Anna ",locale:"fr-ch"}){user{name locale} userErrors{code}}}`, nil,
		`{"profileUpdate":{"user":{"locale":"fr-CH","name":"Anna"},"userErrors":[]}}`)
	later := ann
	later.Name, later.Email, later.Roles = "A. Nonym", "new@example.com", []string{"vip"}
	p.want(later, `{me{name email locale roles}}`, nil, `{"me":{"email":"new@example.com","locale":"fr-CH","name":"Anna","roles":["vip"]}}`)
	if types, last := p.emitted(ann.User); fmt.Sprint(types) != "[registered updated updated]" || last.(events.UserUpdated).Version != 3 {
		t.Errorf("events: %v %+v", types, last)
	}
	p.want(later, `mutation{profileUpdate(input:{name:""}){user{name} userErrors{code}}}`, nil,
		`{"profileUpdate":{"user":{"name":"A. Nonym"},"userErrors":[]}}`)

	for input, field := range map[string]string{`name:"` + strings.Repeat("ä", 201) + `"`: "name", `email:"nobody"`: "email", `email:"A <a@b.c>"`: "email",
		`email:"müller@example.com"`: "email", `email:"\"a b\"@example.com"`: "email", `name:"You win, see https://evil.example"`: "name", `locale:"not a tag"`: "locale"} {
		p.want(ann, `mutation{profileUpdate(input:{`+input+`}){user{name} userErrors{field code}}}`, nil,
			`{"profileUpdate":{"user":null,"userErrors":[{"code":"BAD_INPUT","field":["input","`+field+`"]}]}}`)
	}
	// Nor is an address of the identity provider's taken over that no mail can be sent to.
	zoe := identity.Identity{User: "usr_zoe", Email: "zoë@example.com"}
	p.want(zoe, `{me{email}}`, nil, `{"me":{"email":null}}`)
	p.want(zoe, `mutation{profileUpdate(input:{email:"zoe@zoë.example"}){user{email} userErrors{code}}}`, nil,
		`{"profileUpdate":{"user":{"email":"zoe@zoë.example"},"userErrors":[]}}`)
	if _, errors := p.ask(identity.Identity{}, `mutation{profileUpdate(input:{name:"x"}){user{name}}}`, nil); !strings.Contains(errors, "UNAUTHENTICATED") {
		t.Errorf("a guest's profileUpdate gave %s", errors)
	}
}

func TestOnlyTheirOwn(t *testing.T) {
	t.Parallel()
	p := newPeople(t)
	p.want(ann, `{me{id}}`, nil, `{"me":{"id":"`+ann.User+`"}}`)
	list := p.want(ann, `mutation{wishlistCreate(name:"Tea"){wishlist{id} userErrors{code}}}`, nil, "")["wishlistCreate"].(map[string]any)["wishlist"].(map[string]any)["id"].(string)

	const one = `query($id:ID!){user(id:$id){name wishlists{name}}}`
	id := map[string]any{"id": ann.User}
	p.want(ben, one, id, `{"user":null}`)
	p.want(identity.Identity{}, one, id, `{"user":null}`)
	for _, who := range []identity.Identity{ann, staff} {
		p.want(who, one, id, `{"user":{"name":"Ann","wishlists":[{"name":"Tea"}]}}`)
	}

	const entities = `query($r:[_Any!]!){_entities(representations:$r){... on User{name} ... on Wishlist{list:name}}}`
	reps := map[string]any{"r": []any{
		map[string]any{"__typename": "User", "id": ann.User}, map[string]any{"__typename": "Wishlist", "id": list},
		map[string]any{"__typename": "User", "id": ben.User}, map[string]any{"__typename": "Wishlist", "id": "wsh_none"}}}
	p.want(identity.Identity{}, entities, reps, `{"_entities":[null,null,null,null]}`)
	p.want(staff, entities, reps, `{"_entities":[{"name":"Ann"},{"list":"Tea"},null,null]}`)
	p.want(ben, entities, reps, `{"_entities":[null,null,{"name":"Ben"},null]}`) // made by this first sight
	p.want(ann, entities, reps, `{"_entities":[{"name":"Ann"},{"list":"Tea"},null,null]}`)

	const roles = `mutation($id:ID!){userRolesSet(id:$id,roles:["vip","buyer","vip"]){user{roles} userErrors{code field}}}`
	if _, errors := p.ask(ben, roles, id); !strings.Contains(errors, "FORBIDDEN") {
		t.Errorf("a customer's userRolesSet gave %s", errors)
	}
	p.want(staff, roles, id, `{"userRolesSet":{"user":{"roles":["buyer","vip"]},"userErrors":[]}}`)
	p.want(staff, roles, map[string]any{"id": "usr_none"}, `{"userRolesSet":{"user":null,"userErrors":[{"code":"NOT_FOUND","field":["id"]}]}}`)
	p.want(ann, `{me{roles}}`, nil, `{"me":{"roles":["buyer","vip"]}}`) // the sign-in does not undo it
	for _, m := range []string{`wishlistDelete(id:"` + list + `"){deletedId userErrors{code}}`} {
		p.want(ben, `mutation{`+m+`}`, nil, `{"wishlistDelete":{"deletedId":null,"userErrors":[{"code":"NOT_FOUND"}]}}`)
	}
}

func TestAddresses(t *testing.T) {
	t.Parallel()
	p := newPeople(t)
	add := func(line string, asDefault bool) string {
		t.Helper()
		data := p.want(ann, `mutation($l:String!,$d:Boolean!){addressAdd(address:{line1:$l,country:"DE"},default:$d){address{id} userErrors{message}}}`,
			map[string]any{"l": line, "d": asDefault}, "")
		return data["addressAdd"].(map[string]any)["address"].(map[string]any)["id"].(string)
	}
	book := func(want string) {
		t.Helper()
		p.want(ann, `{me{addresses{address{line1} isDefault} defaultAddress{address{line1 name}}}}`, nil, want)
	}
	a, b := add("A 1", false), add("B 2", true)
	book(`{"me":{"addresses":[{"address":{"line1":"A 1"},"isDefault":false},{"address":{"line1":"B 2"},"isDefault":true}],"defaultAddress":{"address":{"line1":"B 2","name":null}}}}`)
	p.want(ann, `mutation($id:ID!){addressUpdate(id:$id,address:{line1:"B 3",country:"AT"},label:" Home "){address{label isDefault address{line1 country}} userErrors{code}}}`,
		map[string]any{"id": b}, `{"addressUpdate":{"address":{"address":{"country":"AT","line1":"B 3"},"isDefault":true,"label":"Home"},"userErrors":[]}}`)
	p.want(ann, `mutation($id:ID!){addressRemove(id:$id){address{id} user{addresses{isDefault}} userErrors{code}}}`, map[string]any{"id": b},
		`{"addressRemove":{"address":null,"user":{"addresses":[{"isDefault":true}]},"userErrors":[]}}`)
	p.want(ben, `mutation($id:ID!){addressDefaultSet(id:$id){user{id} userErrors{code field}}}`, map[string]any{"id": a},
		`{"addressDefaultSet":{"user":null,"userErrors":[{"code":"NOT_FOUND","field":["id"]}]}}`)
	p.want(ann, `mutation($c:String!){addressAdd(address:{line1:"x",city:$c,country:"DE"}){address{id} userErrors{code field}}}`,
		map[string]any{"c": strings.Repeat("x", 201)}, `{"addressAdd":{"address":null,"userErrors":[{"code":"BAD_INPUT","field":["address","city"]}]}}`)

	// Many at once: never more than 50, and one default.
	var wg sync.WaitGroup
	for range 60 {
		wg.Go(func() {
			p.ask(ann, `mutation{addressAdd(address:{line1:"C",country:"DE"},default:true){userErrors{code}}}`, nil)
		})
	}
	wg.Wait()
	data := p.want(ann, `{me{addresses{isDefault}}}`, nil, "")
	list, defaults := data["me"].(map[string]any)["addresses"].([]any), 0
	for _, a := range list {
		if a.(map[string]any)["isDefault"] == true {
			defaults++
		}
	}
	if len(list) != users.MaxAddresses || defaults != 1 {
		t.Errorf("%d addresses with %d defaults, want %d with 1", len(list), defaults, users.MaxAddresses)
	}
	p.want(ann, `mutation{addressAdd(address:{line1:"C",country:"DE"}){userErrors{code}}}`, nil, `{"addressAdd":{"userErrors":[{"code":"TOO_MANY"}]}}`)
}

func TestWishlists(t *testing.T) {
	t.Parallel()
	p := newPeople(t)
	create := func() string {
		data := p.want(ann, `mutation{wishlistCreate(name:"Tea"){wishlist{id} userErrors{code}}}`, nil, "")
		w, _ := data["wishlistCreate"].(map[string]any)["wishlist"].(map[string]any)
		id, _ := w["id"].(string)
		return id
	}
	list := create()
	for range 2 { // what is on it already stays once
		p.want(ann, `mutation($id:ID!){wishlistItemsAdd(wishlistId:$id,skus:["A","B","A"]){wishlist{items{sku variant{sku}}} userErrors{code}}}`, map[string]any{"id": list},
			`{"wishlistItemsAdd":{"userErrors":[],"wishlist":{"items":[{"sku":"A","variant":{"sku":"A"}},{"sku":"B","variant":{"sku":"B"}}]}}}`)
	}
	p.want(ann, `mutation($id:ID!){wishlistItemsRemove(wishlistId:$id,skus:["A","NONE"]){wishlist{items{sku}} userErrors{code}}}`, map[string]any{"id": list},
		`{"wishlistItemsRemove":{"userErrors":[],"wishlist":{"items":[{"sku":"B"}]}}}`)
	skus := make([]string, users.MaxWishlistItems)
	for i := range skus {
		skus[i] = fmt.Sprint("S", i)
	}
	p.want(ann, `mutation($id:ID!,$s:[String!]!){wishlistItemsAdd(wishlistId:$id,skus:$s){wishlist{id} userErrors{code}}}`, map[string]any{"id": list, "s": skus},
		`{"wishlistItemsAdd":{"userErrors":[{"code":"TOO_MANY"}],"wishlist":null}}`)
	p.want(ann, `{me{wishlists{items{sku}}}}`, nil, `{"me":{"wishlists":[{"items":[{"sku":"B"}]}]}}`)
	for range users.MaxWishlists - 1 {
		create()
	}
	p.want(ann, `mutation{wishlistCreate(name:"x"){wishlist{id} userErrors{code}}}`, nil, `{"wishlistCreate":{"userErrors":[{"code":"TOO_MANY"}],"wishlist":null}}`)
	p.want(ann, `mutation($id:ID!){wishlistDelete(id:$id){deletedId userErrors{code}}}`, map[string]any{"id": list}, `{"wishlistDelete":{"deletedId":"`+list+`","userErrors":[]}}`)
	if create() == "" {
		t.Error("after one is deleted, there is no room for another")
	}
}
