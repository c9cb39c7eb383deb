package transport

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"time"
)

// Config says how each subgraph is reached, by its name.
type Config struct {
	Subgraphs map[string]Subgraph
}

// Subgraph is how one subgraph is reached. Defaults gives all of it but the addresses.
type Subgraph struct {
	URLs []string // http or https; several are the same subgraph

	ConnectTimeout   time.Duration // of making a connection
	Timeout          time.Duration // of a request as a whole
	MaxResponseBytes int64         // of one answer
	MaxIdle          int           // connections to one address that are kept while unused
	IdleTimeout      time.Duration // how long they are
}

// Defaults is how a subgraph is reached when nothing else is said.
func Defaults() Subgraph {
	return Subgraph{
		ConnectTimeout:   5 * time.Second,
		Timeout:          30 * time.Second,
		MaxResponseBytes: 64 << 20,
		MaxIdle:          256,
		IdleTimeout:      90 * time.Second,
	}
}

// To is the configuration by which each subgraph is reached at one address, with Defaults.
func To(urls map[string]string) Config {
	cfg := Config{Subgraphs: make(map[string]Subgraph, len(urls))}
	for name, address := range urls {
		s := Defaults()
		s.URLs = []string{address}
		cfg.Subgraphs[name] = s
	}
	return cfg
}

// Validate returns every mistake of the configuration, each with the subgraph and the setting.
func (c Config) Validate() error {
	names := make([]string, 0, len(c.Subgraphs))
	for name := range c.Subgraphs {
		names = append(names, name)
	}
	slices.Sort(names)
	var all []error
	for _, name := range names {
		for _, err := range c.Subgraphs[name].mistakes() {
			all = append(all, fmt.Errorf("subgraph %q: %w", name, err))
		}
	}
	return errors.Join(all...)
}

func (s Subgraph) mistakes() []error {
	var all []error
	wrong := func(format string, args ...any) { all = append(all, fmt.Errorf(format, args...)) }
	if len(s.URLs) == 0 {
		wrong("urls: no address is known")
	}
	for _, address := range s.URLs {
		u, err := url.Parse(address)
		if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
			wrong("urls: %q is no http or https address", address)
		}
	}
	return all
}
