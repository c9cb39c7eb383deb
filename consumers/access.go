package consumers

import (
	"slices"

	"storefront/events"
	"storefront/internal/kafka"
)

// Access is what one part of the storefront does at Kafka, and so all that its credentials have to
// allow. Topics and groups are named as in the code, without a namespace.
type Access struct {
	Name    string   // of the service, or router, operator, admin
	Writes  []string // topics
	Reads   []string // topics
	Groups  []string // consumer groups that it joins, or whose offsets it looks at and moves
	Creates []string // topics that it makes, when they are not there
}

// Topics lists all topics that a part uses, sorted.
func (a Access) Topics() []string {
	return sorted(a.Writes, a.Reads, a.Creates)
}

// Needs picks those of topics that a part uses. With rights to no others it cannot see those that it lacks,
// and must not try to make them.
func (a Access) Needs(topics []kafka.Topic) []kafka.Topic {
	used := a.Topics()
	return slices.DeleteFunc(slices.Clone(topics), func(t kafka.Topic) bool {
		_, found := slices.BinarySearch(used, t.Name)
		return !found
	})
}

// Parts that are no service.
const (
	RouterAccess   = "router"   // feeds subscriptions
	OperatorAccess = "operator" // the commands with which people look at events and bring dead letters back
	AdminAccess    = "admin"    // makes topics, before the others start
)

// service is one that sends or receives events.
type service struct {
	name  string
	group Group    // zero: it reacts to nothing
	reads []string // topics that it reads without a group
}

// services is every service with what it handles. The handlers are looked at, never called.
func services() []service {
	return []service{
		{"products", Products(nil), searchFeedOf(nil).topics()},
		{"orders", Orders(nil), nil},
		{"inventory", Inventory(nil), nil},
		{"users", Group{}, nil},
		{"reviews", Reviews(nil), nil},
		{"payments", Payments(nil), nil},
		{"notifications", Notifications(nil), nil},
		{"shipping", Shipping(nil), nil},
	}
}

// ServiceAccess is what a service does at Kafka. A name that is not a service's has access to nothing.
func ServiceAccess(name string) Access {
	for _, s := range services() {
		if s.name == name {
			return s.access()
		}
	}
	return Access{Name: name}
}

func (s service) access() Access {
	a := Access{Name: s.name}
	for _, topic := range events.Topics() {
		if events.Publisher(topic) == s.name {
			a.Writes = append(a.Writes, topic)
		}
	}
	a.Reads = s.reads
	if s.group.Handlers != nil {
		handled := s.group.Handlers.Topics()
		for _, topic := range handled {
			a.Writes = append(a.Writes, topic+events.DeadLetterSuffix)
		}
		retry := s.group.ID + events.RetrySuffix
		a.Groups = []string{s.group.ID}
		a.Writes = append(a.Writes, retry)
		a.Reads = sorted(a.Reads, handled, []string{retry})
	}
	a.Writes = sorted(a.Writes)
	return a
}

// Accesses is the access of every part: the services, the router, which reads what its live feeds need,
// then people's commands and the one that makes topics.
func Accesses(feeds []LiveFeed) []Access {
	router := Access{Name: RouterAccess}
	for _, f := range feeds {
		router.Reads = sorted(router.Reads, []string{f.Topic})
	}
	var list []Access
	operator := Access{Name: OperatorAccess}
	for _, s := range services() {
		a := s.access()
		list = append(list, a)
		operator.Groups = sorted(operator.Groups, a.Groups)
	}
	for _, topic := range events.Topics() {
		operator.Reads = append(operator.Reads, topic, topic+events.DeadLetterSuffix)
		operator.Writes = append(operator.Writes, topic+events.DeadLetterSuffix) // marks of what is settled
	}
	for _, group := range operator.Groups {
		operator.Reads = append(operator.Reads, group+events.RetrySuffix)
		operator.Writes = append(operator.Writes, group+events.RetrySuffix)
	}
	operator.Reads, operator.Writes = sorted(operator.Reads), sorted(operator.Writes)
	return append(list, router, operator, Access{Name: AdminAccess, Creates: operator.Reads})
}

// Receivers lists the parts that read an event type, in the order of the services.
func Receivers(e events.Event) []string {
	var list []string
	index := searchFeedOf(nil)
	for _, s := range services() {
		handled := s.group.Handlers != nil && len(s.group.Handlers.byType[e.EventType()]) > 0
		if s.name == "products" {
			handled = handled || index[e.EventTopic()][e.EventType()] != nil
		}
		if handled {
			list = append(list, s.name)
		}
	}
	return list
}

// sorted is all of the lists in one, without repetition.
func sorted(lists ...[]string) []string {
	all := slices.Sorted(slices.Values(slices.Concat(lists...)))
	return slices.Compact(all)
}

// GroupAccess is a consumer group and the topics whose offsets it commits.
type GroupAccess struct {
	ID     string
	Topics []string
}

// Groups lists every consumer group, in the order of the services.
func Groups() []GroupAccess {
	var list []GroupAccess
	for _, s := range services() {
		if s.group.Handlers != nil {
			list = append(list, GroupAccess{s.group.ID, append(s.group.Handlers.Topics(), s.group.RetryTopic())})
		}
	}
	return list
}
