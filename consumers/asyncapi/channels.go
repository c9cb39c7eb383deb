package main

import (
	"reflect"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"

	"storefront/consumers"
	"storefront/events"
	"storefront/internal/kafka"
)

// channels are the topics: those of events, the dead letters and the retry topics.
func (d *document) channels() object {
	var list object
	for _, topic := range events.Topics() {
		messages := object{}
		for _, e := range events.Types() {
			if e.EventTopic() == topic {
				messages = append(messages, messageRef(name(e)))
			}
		}
		list = append(list, d.channel(topic, "Written by "+events.Publisher(topic)+" alone. Key: "+d.keyOf(topic)+".", messages))
	}
	for _, a := range d.accesses {
		if a.Name != consumers.AdminAccess {
			continue
		}
		for _, topic := range a.Creates {
			if origin, ok := strings.CutSuffix(topic, events.DeadLetterSuffix); ok {
				list = append(list, d.channel(topic, "Records of "+origin+" that a group could not handle.", object{messageRef(deadLetter)}))
			}
			if group, ok := strings.CutSuffix(topic, events.RetrySuffix); ok {
				list = append(list, d.channel(topic, "Events that the consumer group "+group+" will try again.", object{messageRef(parked)}))
			}
		}
	}
	return list
}

func name(e events.Event) string { return reflect.TypeOf(e).Name() }

func messageRef(name string) yaml.MapItem { return entry(name, ref("#/components/messages/"+name)) }

func (d *document) channel(topic, text string, messages object) yaml.MapItem {
	binding := object{}
	if t, known := d.topics[topic]; known {
		configuration := object{entry("cleanup.policy", []string{policy(t)})}
		switch {
		case t.Retention < 0:
			configuration = append(configuration, entry("retention.ms", -1))
		case t.Retention > 0:
			configuration = append(configuration, entry("retention.ms", t.Retention.Milliseconds()))
		}
		binding = append(binding, entry("partitions", t.Partitions), entry("topicConfiguration", configuration))
	}
	return entry(topic, object{
		entry("address", topic),
		entry("description", text),
		entry("messages", messages),
		entry("bindings", object{entry("kafka", append(binding, entry("bindingVersion", bindingVersion)))}),
	})
}

func policy(t kafka.Topic) string {
	if t.Compacted {
		return "compact"
	}
	return "delete"
}

// operations say who sends and who receives what.
func (d *document) operations() object {
	var list object
	for _, a := range d.accesses {
		if a.Name == consumers.AdminAccess {
			continue
		}
		for _, topic := range a.Writes {
			list = append(list, operation(a, "send", topic, d.sent(topic)))
		}
		for _, topic := range a.Reads {
			if messages := d.received(a, topic); len(messages) > 0 {
				list = append(list, operation(a, "receive", topic, messages))
			}
		}
	}
	return list
}

func (d *document) sent(topic string) []string {
	switch {
	case strings.HasSuffix(topic, events.DeadLetterSuffix):
		return []string{deadLetter}
	case strings.HasSuffix(topic, events.RetrySuffix):
		return []string{parked}
	}
	var names []string
	for _, e := range events.Types() {
		if e.EventTopic() == topic {
			names = append(names, name(e))
		}
	}
	return names
}

// received are the messages of a topic that a part does something with.
func (d *document) received(a consumers.Access, topic string) []string {
	if events.Publisher(topic) == "" || a.Name == consumers.OperatorAccess {
		return d.sent(topic)
	}
	var names []string
	for _, e := range events.Types() {
		live := a.Name == consumers.RouterAccess && slices.ContainsFunc(d.feeds, func(f consumers.LiveFeed) bool { return f.Takes(topic, e.EventType()) })
		if e.EventTopic() == topic && (live || slices.Contains(consumers.Receivers(e), a.Name)) {
			names = append(names, name(e))
		}
	}
	return names
}

func operation(a consumers.Access, action, topic string, messages []string) yaml.MapItem {
	channel := "#/channels/" + topic
	refs := make([]object, len(messages))
	for i, m := range messages {
		refs[i] = ref(channel + "/messages/" + m)
	}
	o := object{
		entry("action", action),
		entry("channel", ref(channel)),
		entry("tags", []object{{entry("name", a.Name)}}),
		entry("messages", refs),
	}
	retry := strings.TrimSuffix(topic, events.RetrySuffix)
	grouped := action == "receive" && len(a.Groups) == 1 && (retry == a.Groups[0] || slices.Contains(a.Writes, topic+events.DeadLetterSuffix))
	if grouped { // a part buries what it reads in its group
		o = append(o, entry("bindings", object{entry("kafka", object{
			entry("groupId", object{entry("type", "string"), entry("const", a.Groups[0])}), entry("bindingVersion", bindingVersion),
		})}))
	}
	return entry(a.Name+"."+action+"."+topic, o)
}
