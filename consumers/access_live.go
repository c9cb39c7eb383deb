package consumers

import (
	"fmt"
	"slices"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/parser"
)

// LiveFeed is what a subscription field marked @live, or a rule of @cacheInvalidate, makes the router read.
type LiveFeed struct {
	Topic string
	Types []string // wire names; all when empty
}

// Takes reports whether events of a type are passed on.
func (f LiveFeed) Takes(topic, eventType string) bool {
	return f.Topic == topic && (len(f.Types) == 0 || slices.Contains(f.Types, eventType))
}

// LiveFeeds finds the feeds of a supergraph's SDL: of fields in their order, then of what may be kept.
func LiveFeeds(sdl string) ([]LiveFeed, error) {
	doc, err := parser.ParseSchema(&ast.Source{Name: "supergraph", Input: sdl})
	if err != nil {
		return nil, fmt.Errorf("find @live fields: %w", err)
	}
	var feeds []LiveFeed
	for _, d := range slices.Concat(doc.Definitions, doc.Extensions) {
		if d.Name != "Subscription" {
			continue
		}
		for _, f := range d.Fields {
			live := f.Directives.ForName("live")
			if live == nil {
				continue
			}
			topic := live.Arguments.ForName("topic")
			if topic == nil {
				return nil, fmt.Errorf("find @live fields: %s has no topic", f.Name)
			}
			feed := LiveFeed{Topic: topic.Value.Raw}
			if types := live.Arguments.ForName("types"); types != nil {
				for _, t := range types.Value.Children {
					feed.Types = append(feed.Types, t.Value.Raw)
				}
			}
			feeds = append(feeds, feed)
		}
	}
	for _, d := range slices.Concat(doc.Definitions, doc.Extensions) {
		feeds = append(feeds, cacheFeeds(d.Directives)...)
		for _, f := range d.Fields {
			feeds = append(feeds, cacheFeeds(f.Directives)...)
		}
	}
	return feeds, nil
}

// cacheFeeds are what rules of @cacheInvalidate make the router read, as composition carries them.
func cacheFeeds(list ast.DirectiveList) (feeds []LiveFeed) {
	for _, d := range list.ForNames("join__directive") {
		name, args := d.Arguments.ForName("name"), d.Arguments.ForName("args")
		if name == nil || args == nil || name.Value.Raw != "cache__cacheInvalidate" {
			continue
		}
		var feed LiveFeed
		for _, a := range args.Value.Children {
			switch a.Name {
			case "topic":
				feed.Topic = a.Value.Raw
			case "types":
				for _, t := range a.Value.Children {
					feed.Types = append(feed.Types, t.Value.Raw)
				}
			}
		}
		feeds = append(feeds, feed)
	}
	return feeds
}
