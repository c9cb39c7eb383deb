package consumers

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"storefront/events"
	"storefront/schema"
)

func TestAccessOfOrders(t *testing.T) {
	t.Parallel()
	got := ServiceAccess("orders")
	want := Access{
		Name: "orders",
		Writes: []string{"inventory-events.dlq", "order-events", "payment-events.dlq", "product-events.dlq",
			"shipment-events.dlq", "storefront-orders.retry"},
		Reads:  []string{"inventory-events", "payment-events", "product-events", "shipment-events", "storefront-orders.retry"},
		Groups: []string{"storefront-orders"},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	if users := ServiceAccess("users"); !reflect.DeepEqual(users, Access{Name: "users", Writes: []string{"user-events"}}) {
		t.Errorf("users only writes its own events, not %+v", users)
	}
	if nobody := ServiceAccess("nobody"); len(nobody.Topics()) > 0 {
		t.Errorf("a part that is not there has access to %v", nobody.Topics())
	}
}

func TestProductsReadsWhatTheSearchIndexNeeds(t *testing.T) {
	t.Parallel()
	got := ServiceAccess("products")
	for _, topic := range []string{"product-events", "review-events", "inventory-events"} {
		if !slices.Contains(got.Reads, topic) {
			t.Errorf("products does not read %s", topic)
		}
	}
	if slices.Contains(got.Writes, "review-events.dlq") {
		t.Error("what is read without a group is never buried")
	}
}

// Nobody writes another one's events, and no part is given what it does not use.
func TestAccessIsLeast(t *testing.T) {
	t.Parallel()
	ids := map[string]string{}
	for _, a := range Accesses([]LiveFeed{{Topic: events.OrderTopic}}) {
		for _, topic := range a.Writes {
			if owner := events.Publisher(topic); owner != "" && owner != a.Name {
				t.Errorf("%s may write %s, which is %s's", a.Name, topic, owner)
			}
			if group, ok := strings.CutSuffix(topic, events.RetrySuffix); ok && !slices.Contains(a.Groups, group) {
				t.Errorf("%s may write to the retry topic of %s", a.Name, group)
			}
			if origin, ok := strings.CutSuffix(topic, events.DeadLetterSuffix); ok && !slices.Contains(a.Reads, origin) {
				t.Errorf("%s may bury events of %s, which it does not read", a.Name, origin)
			}
		}
		for _, g := range a.Groups {
			if other := ids[g]; other != "" && a.Name != OperatorAccess {
				t.Errorf("%s and %s share the group %s", a.Name, other, g)
			}
			ids[g] = a.Name
		}
		if len(a.Creates) > 0 && a.Name != AdminAccess {
			t.Errorf("%s may create topics", a.Name)
		}
		if a.Name == AdminAccess {
			for _, other := range Accesses([]LiveFeed{{Topic: events.OrderTopic}}) {
				for _, topic := range other.Topics() {
					if !slices.Contains(a.Creates, topic) {
						t.Errorf("nobody creates %s, which %s needs", topic, other.Name)
					}
				}
			}
		}
	}
}

// Kafka allows these in names, and at most 249 of them.
func TestNamesAreValid(t *testing.T) {
	t.Parallel()
	name := regexp.MustCompile(`^[a-zA-Z0-9._-]{1,150}$`) // a namespace has to fit before it
	for _, a := range Accesses(nil) {
		for _, n := range append(a.Topics(), a.Groups...) {
			if !name.MatchString(n) {
				t.Errorf("%s: %q cannot be the name of a topic or a group", a.Name, n)
			}
		}
	}
}

// Each service makes events of its own topics only, and each type is made by the service that owns it: the
// code of subgraphs is looked through for literals of event types.
func TestServicesMakeTheirOwnEventsOnly(t *testing.T) {
	t.Parallel()
	types := map[string]events.Event{}
	for _, e := range events.Types() {
		types[reflect.TypeOf(e).Name()] = e
	}
	made := map[string]bool{}
	root := filepath.Join("..", "subgraphs")
	err := fs.WalkDir(os.DirFS(root), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") || strings.Contains(name, "/graph/gen/") {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(root, filepath.FromSlash(name)), nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		service, _, _ := strings.Cut(name, "/")
		ast.Inspect(file, func(n ast.Node) bool {
			literal, ok := n.(*ast.CompositeLit)
			if !ok {
				return true
			}
			s, ok := literal.Type.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			e, ok := types[s.Sel.Name]
			if pkg, isName := s.X.(*ast.Ident); !ok || !isName || pkg.Name != "events" || len(literal.Elts) == 0 {
				return true
			}
			made[s.Sel.Name] = true
			if owner := events.Publisher(e.EventTopic()); owner != service {
				t.Errorf("subgraphs/%s makes a %s; %s belongs to %s", name, s.Sel.Name, e.EventTopic(), owner)
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for name := range types {
		if !made[name] {
			t.Errorf("nobody makes a %s", name)
		}
	}
}

func TestReceivers(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		event events.Event
		want  []string
	}{
		{events.OrderPlaced{}, []string{"inventory", "reviews", "payments", "notifications", "shipping"}},
		{events.ProductChanged{}, []string{"products", "orders", "inventory"}},
		{events.RatingChanged{}, []string{"products"}},
		{events.ReviewModerated{}, nil},
	} {
		if got := Receivers(c.event); !slices.Equal(got, c.want) {
			t.Errorf("%s is received by %v, want %v", c.event.EventType(), got, c.want)
		}
	}
}

func TestLiveFeeds(t *testing.T) {
	t.Parallel()
	feeds, err := LiveFeeds(schema.Supergraph)
	if err != nil {
		t.Fatal(err)
	}
	var topics []string
	types := map[string]bool{}
	for _, f := range feeds {
		topics = append(topics, f.Topic)
		for _, e := range events.Types() {
			if f.Takes(e.EventTopic(), e.EventType()) {
				types[e.EventType()] = true
			}
		}
	}
	slices.Sort(topics)
	if want := []string{"inventory-events", "order-events", "product-events", "review-events", "shipment-events"}; !slices.Equal(slices.Compact(topics), want) {
		t.Errorf("the router reads %v, want %v", topics, want)
	}
	if !types["storefront.shipment.delivered"] || !types["storefront.order.status_changed"] || types["storefront.order.placed"] {
		t.Errorf("the router passes on %v", types)
	}
	if _, err := LiveFeeds("type Subscription {"); err == nil {
		t.Error("half a schema has feeds")
	}
}

func TestNeeds(t *testing.T) {
	t.Parallel()
	all := Topics(3, 0)
	if got := (Access{Name: "x", Reads: []string{events.UserTopic}, Writes: []string{"no-topic"}}).Needs(all); len(got) != 1 || got[0].Name != events.UserTopic || got[0].Partitions != 3 {
		t.Errorf("needed are %v", got)
	}
	for _, a := range Accesses(nil) {
		if got := a.Needs(all); len(got) != len(a.Topics()) {
			t.Errorf("%s uses %v, of which there are %v", a.Name, a.Topics(), got)
		}
	}
}
