package main

import (
	"embed"
	"fmt"

	"storefront/router/compose"
)

//go:embed graph
var graph embed.FS

// subgraphNames are the services, sorted.
var subgraphNames = []string{"accounts", "inventory", "products", "reviews"}

func file(name string) string {
	b, err := graph.ReadFile("graph/" + name)
	if err != nil {
		panic(err) // embedded
	}
	return string(b)
}

// supergraphOf composes the four services at their addresses.
func supergraphOf(urls map[string]string) (string, error) {
	var subs []compose.Subgraph
	for _, name := range subgraphNames {
		subs = append(subs, compose.Subgraph{Name: name, URL: urls[name], SDL: file(name + ".graphqls"), File: name + ".graphqls"})
	}
	result, errs := compose.Compose(subs)
	if len(errs) > 0 {
		return "", fmt.Errorf("compose the four services: %w", errs)
	}
	return result.SupergraphSDL, nil
}
