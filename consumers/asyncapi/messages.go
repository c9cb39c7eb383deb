package main

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"path"
	"reflect"
	"regexp"
	"strings"

	"github.com/goccy/go-yaml"

	"storefront/events"
	"storefront/internal/jsonshape"
)

// messages are the event types, and what becomes of events that are not handled.
func (d *document) messages() (object, error) {
	var list object
	for _, e := range events.Types() {
		shape, err := jsonshape.Of(reflect.TypeOf(e))
		if err != nil {
			return nil, err
		}
		example, err := d.example(e)
		if err != nil {
			return nil, err
		}
		text := d.events.types[shape.Go]
		summary, _, _ := strings.Cut(text, ". ")
		list = append(list, entry(shape.Go, object{
			entry("name", e.EventType()),
			entry("title", shape.Go),
			entry("summary", strings.TrimSuffix(summary, ".")+"."),
			entry("contentType", "application/json"),
			entry("headers", object{entry("allOf", []object{
				ref("#/components/schemas/CloudEvent"),
				{entry("type", "object"), entry("properties", object{
					entry(events.HeaderType, object{entry("const", e.EventType())}),
					entry(events.HeaderSource, object{entry("const", events.Source+events.Publisher(e.EventTopic()))}),
					entry(events.HeaderDataSchema, object{entry("pattern", "^"+regexp.QuoteMeta(schemaOf(e))+":[1-9][0-9]*$")}),
				})},
			})}),
			entry("payload", d.schemas.of(shape)),
			entry("bindings", keyed("What it happened to: "+d.keyOf(e.EventTopic())+".")),
			entry("examples", []object{{entry("name", shape.Go), entry("headers", exampleHeaders(e, example)), entry("payload", example.payload)}}),
		}))
	}
	for _, m := range []struct{ name, title, text, headers string }{
		{deadLetter, "Dead letter", "A record that could not be handled, as it was, with the reason in headers, or, without a value, the mark that one is settled.", "DeadLetterHeaders"},
		{parked, "Parked event", "An event that waits for another attempt of one group, as it was, or, without a value, the mark that one is done.", "RetryHeaders"},
	} {
		list = append(list, entry(m.name, object{
			entry("title", m.title), entry("summary", m.text), entry("contentType", "application/json"),
			entry("headers", ref("#/components/schemas/"+m.headers)),
			entry("payload", object{entry("description", "The value of the record, whatever it was.")}),
			entry("bindings", keyed("The record's own key.")),
		}))
	}
	return list, nil
}

// keyOf says what a topic's keys are: the comment beside its constant.
func (d *document) keyOf(topic string) string {
	text, _, _ := strings.Cut(d.events.of(topic).comment, ";")
	return text
}

func keyed(text string) object {
	return object{entry("kafka", object{
		entry("key", object{entry("type", "string"), entry("description", text)}),
		entry("bindingVersion", bindingVersion),
	})}
}

// schemaOf is an event type's dataschema without its version.
func schemaOf(e events.Event) string {
	s := events.DataSchema(e.EventType())
	return s[:strings.LastIndexByte(s, ':')]
}

// golden is what the document needs of an event type's golden.
type golden struct {
	key     string
	at      string
	payload any
}

func (d *document) example(e events.Event) (golden, error) {
	var g struct {
		Key     string
		Example json.RawMessage
	}
	name := path.Join("events", "testdata", e.EventType()+".json")
	b, err := fs.ReadFile(d.tree, name)
	if err == nil {
		err = json.Unmarshal(b, &g)
	}
	if err != nil {
		return golden{}, fmt.Errorf("read the example of %s: %w", e.EventType(), err)
	}
	var stamp struct{ At string }
	if err := json.Unmarshal(g.Example, &stamp); err != nil {
		return golden{}, fmt.Errorf("%s: %w", name, err)
	}
	var payload object // JSON is YAML, and keeps its order
	if err := yaml.UnmarshalWithOptions(g.Example, &payload, yaml.UseOrderedMap()); err != nil {
		return golden{}, fmt.Errorf("%s: %w", name, err)
	}
	return golden{g.Key, stamp.At, payload}, nil
}

func exampleHeaders(e events.Event, g golden) object {
	return object{
		entry(events.HeaderSpecVersion, "1.0"),
		entry(events.HeaderID, "evt_01KKP2W5Y0A1B2C3D4E5F6G7HJ"),
		entry(events.HeaderType, e.EventType()),
		entry(events.HeaderSource, events.Source+events.Publisher(e.EventTopic())),
		entry(events.HeaderTime, g.at),
		entry(events.HeaderSubject, g.key),
		entry(events.HeaderDataSchema, events.DataSchema(e.EventType())),
		entry(events.HeaderContentType, "application/json"),
	}
}

// headers are the schemas of the headers that records have.
func (d *document) headers() (object, error) {
	text := func(description string) object {
		return object{entry("type", "string"), entry("description", description)}
	}
	cloudEvent := object{
		entry("type", "object"),
		entry("description", "The attributes of a CloudEvent 1.0 in Kafka's binary mode."),
		entry("required", []string{events.HeaderSpecVersion, events.HeaderID, events.HeaderType, events.HeaderSource, events.HeaderTime,
			events.HeaderSubject, events.HeaderContentType}),
		entry("properties", object{
			entry(events.HeaderSpecVersion, object{entry("type", "string"), entry("const", "1.0")}),
			entry(events.HeaderID, text("Unique, and the same each time the event comes.")),
			entry(events.HeaderType, text("What happened; the name of the message.")),
			entry(events.HeaderSource, text("The service where it happened.")),
			entry(events.HeaderTime, object{entry("type", "string"), entry("format", "date-time"), entry("description", "When it happened, UTC.")}),
			entry(events.HeaderSubject, text("What it happened to; the record's key.")),
			entry(events.HeaderDataSchema, text("The type's schema; the number at its end is the version. Records of before there were versions lack it.")),
			entry(events.HeaderContentType, object{entry("type", "string"), entry("const", "application/json")}),
			entry(events.HeaderCause, text("The ce_id of the event whose handling caused this one; absent when a client's request did.")),
			entry(events.HeaderTraceparent, text("W3C trace context of what caused the event; absent when there was none.")),
		}),
	}
	list := object{entry("CloudEvent", cloudEvent)}
	for _, more := range []struct {
		name, text string
		constants  []string // one of each declaration
	}{
		{"DeadLetterHeaders", "A dead letter's headers, besides those that the record had.", []string{"DeadLetterError", "deadLetterSettled"}},
		{"RetryHeaders", "A parked event's headers, besides those that the record had.", []string{"retryTopic"}},
	} {
		var constants []constant
		for _, name := range more.constants {
			siblings, err := d.runtime.siblings(name)
			if err != nil {
				return nil, err
			}
			constants = append(constants, siblings...)
		}
		var properties object
		for _, c := range constants {
			property := object{entry("type", "string")}
			if text := strings.TrimSuffix(c.comment, " ..."); text != "" {
				property = append(property, entry("description", text))
			}
			properties = append(properties, entry(c.value, property))
		}
		list = append(list, entry(more.name, object{entry("type", "object"), entry("description", more.text), entry("properties", properties)}))
	}
	return list, nil
}
