package main

import (
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"

	"storefront/internal/errs"
	"storefront/router/supergraph"
)

// proxies pass pages of services on: 3-D Secure, webhooks, unsubscribing, files.
func proxies(pages []string) (map[string]http.Handler, error) {
	handlers := map[string]http.Handler{}
	for _, p := range pages {
		path, raw, ok := strings.Cut(p, "=")
		to, err := url.Parse(raw)
		if !ok || err != nil || to.Host == "" || !strings.HasPrefix(path, "/") {
			return nil, errs.New(errs.BadInput, "--page %s: write PATH=URL, such as /3ds/=http://payments:4006", p)
		}
		handlers[path] = &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(to); r.SetXForwarded() }}
	}
	return handlers, nil
}

func subgraphURLs(sg *supergraph.Supergraph, overrides []string) (map[string]string, error) {
	urls := map[string]string{}
	for _, s := range sg.Subgraphs() {
		urls[s.Name] = s.URL
	}
	for _, o := range overrides {
		name, url, ok := strings.Cut(o, "=")
		if _, known := urls[name]; !ok || !known {
			return nil, errs.New(errs.BadInput, "--subgraph %s: write NAME=URL, with the name of one of the supergraph's subgraphs", o)
		}
		urls[name] = url
	}
	return urls, nil
}
