package check

import (
	"fmt"
	"regexp"
	"strings"

	"storefront/router/execute"
	"storefront/router/execute/cache"
	"storefront/router/supergraph"
)

// Keep lets the router keep what subgraphs answer, of every type: all operations of the house then run with
// what those before them have left, and queries twice. Answers must not differ for it.
func (h *House) Keep() error {
	var graphs []string
	for _, m := range regexp.MustCompile(`(?m)^  (\w+) @join__graph\(`).FindAllStringSubmatch(h.SDL, -1) {
		graphs = append(graphs, m[1])
	}
	hint := fmt.Sprintf("$1\n  @join__directive(graphs: [%s], name: \"cache__cacheControl\", args: {maxAge: 60})", strings.Join(graphs, ", "))
	sg, err := supergraph.Parse(regexp.MustCompile(`(?m)^((?:type|interface) [A-Z].*)$`).ReplaceAllString(h.SDL, hint))
	if err != nil {
		return err
	}
	h.Supergraph, h.kept = sg, cache.New(cache.Config{})
	h.options.Cache = h.kept
	h.executor = execute.New(sg, &transport{h}, h.options)
	return nil
}

// Kept says how many parts of answers came from what was kept.
func (h *House) Kept() int64 {
	if h.kept == nil {
		return 0
	}
	return h.kept.Stats().Hits
}

// Close ends what Keep began.
func (h *House) Close() {
	if h.kept != nil {
		h.kept.Close()
	}
}
